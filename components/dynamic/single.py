"""What a SyncedSecret does in the provider's process: one declaration, one Secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult

from components.dynamic.boundary import without_leaks
from components.dynamic.records import SCHEMA_VERSION, Item, Record, read_declaration, store_digests
from components.dynamic.synchronization import Question, Synchronization
from secretsync.errors import ManifestError, SecretSyncError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi.dynamic import Config


class SingleSynchronization:
    """The operations of a SyncedSecret."""

    def __init__(self, config: Config) -> None:
        self._synchronization = Synchronization(config, "SyncedSecret")

    @without_leaks
    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Look upstream; everything that is wrong, at once."""
        new = Item(news["declaration"])
        try:
            identity = read_declaration(new.declaration).identity
            previous = _previous(olds, identity)
            item = self._synchronization.look({identity: new}, previous, Question.read(olds, news))[identity]
        except (ManifestError, SecretSyncError) as error:
            return CheckResult(_inputs(new, news), [CheckFailure("", str(error))])
        if news.get("gathered") and news.get("preview"):
            return CheckResult(_inputs(item, news), [])
        failures = [CheckFailure("", problem) for problem in item.problem.splitlines() if problem]
        return CheckResult(_inputs(item, news), failures)

    @without_leaks
    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Another target replaces; otherwise see `Synchronization.differs`.

        A refresh asks too: then `olds` is what was just read.
        """
        record = _record(id_, olds)
        if self._synchronization.was_read([record.identity]):
            return DiffResult(changes=bool(record.drift))
        new = Item.read(news)
        declared = read_declaration(new.declaration)
        replaces = [] if (declared.identity, declared.target) == (record.identity, record.target) else ["declaration"]
        outdated = olds.get("schemaVersion") != SCHEMA_VERSION
        changes = bool(replaces) or outdated or self._synchronization.differs(new, record)
        return DiffResult(changes=changes, replaces=replaces, delete_before_replace=False)

    @without_leaks
    def create(self, props: dict[str, Any]) -> CreateResult:
        """Fetch and write."""
        record = self._written(props)
        return CreateResult(f"{record.identity}/{record.target.partition('/')[2]}", _outputs(record))

    @without_leaks
    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Fetch and write again; where only the schema is another one, state is written anew, and no Secret."""
        record, new = _record(id_, olds), Item.read(news)
        if self._synchronization.differs(new, record):
            record = self._written(news)
        return UpdateResult(_outputs(record))

    @without_leaks
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Whether the Secret is still as it was written; no backend is asked."""
        record = _record(id_, props)
        found = self._synchronization.read({record.identity: record})[record.identity]
        if found is None:
            return ReadResult("", {})
        return ReadResult(id_, {**props, "drift": found.drift} if found.drift else _without_drift(props))

    @without_leaks
    def delete(self, id_: str, props: dict[str, Any]) -> None:
        """Take back what was written, as the creationPolicy says."""
        record = _record(id_, props)
        removed = self._synchronization.remove({record.identity: record})[record.identity]
        if isinstance(removed, SecretSyncError):
            raise removed

    def _written(self, props: dict[str, Any]) -> Record:
        new = Item.read(props)
        identity = read_declaration(new.declaration).identity
        written = self._synchronization.write({identity: new}, props["stores"])[identity]
        if isinstance(written, SecretSyncError):
            raise written
        return written


def _previous(olds: Mapping[str, Any], identity: str) -> dict[str, Item]:
    """Inputs of the last update; none for a new resource, or for one that takes the place of another."""
    if not olds.get("declaration") or read_declaration(olds["declaration"]).identity != identity:
        return {}
    return {identity: Item.read(olds)}


def _record(id_: str, outputs: Mapping[str, Any]) -> Record:
    """Outputs of any schema; the id is ``namespace/name/target``."""
    return Record.read(id_.rpartition("/")[0], outputs)


def _inputs(item: Item, news: Mapping[str, Any]) -> dict[str, Any]:
    """What is only for messages, and what only a preview shows, is not among the inputs of the next update."""
    return {"fingerprint": "", **item.row(), "stores": store_digests(news["stores"])}


def _outputs(record: Record) -> dict[str, Any]:
    return {**record.row(), "schemaVersion": SCHEMA_VERSION}


def _without_drift(props: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in props.items() if name != "drift"}
