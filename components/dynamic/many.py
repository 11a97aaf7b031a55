"""What a SyncedSecretSet does in the provider's process: many declarations, each for itself, recorded together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult

from components.dynamic.boundary import without_leaks
from components.dynamic.records import SCHEMA_VERSION, Item, Record, columns, read_declaration, row_of, store_digests
from components.dynamic.synchronization import Question, Synchronization, problems_text
from secretsync.errors import ManifestError, SecretSyncError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pulumi.dynamic import Config

_GONE = "what it wrote before and no longer declares could not be taken back: "


class SetSynchronization:
    """The operations of a SyncedSecretSet.

    Create and update do not fail for one of many: the engine keeps no outputs of a call that fails, so what the others
    wrote would be forgotten. They record it as a problem, which `ReadySyncedSecrets` makes a failure of the run, and
    the next update tries again.
    """

    def __init__(self, config: Config) -> None:
        self._synchronization = Synchronization(config, "SyncedSecretSet")

    @without_leaks
    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Look upstream for all of them; what is wrong with some is among the inputs."""
        items = _items(news)
        try:
            looked = self._synchronization.look(items, _items(olds), Question.read(olds, news))
        except (ManifestError, SecretSyncError) as error:
            return CheckResult(_inputs(items, news), [CheckFailure("", str(error))])
        return CheckResult(_inputs(looked, news), [])

    @without_leaks
    def diff(self, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Whether any of them differs, comes or goes.

        A refresh asks too: then `olds` is what was just read.
        """
        records, items = _records(olds), _items(news)
        if self._synchronization.was_read(records):
            return DiffResult(changes=any(record.drift for record in records.values()))
        changes = olds.get("schemaVersion") != SCHEMA_VERSION or set(records) != set(items)
        changes = changes or any(self._differs(item, records[name]) for name, item in items.items())
        return DiffResult(changes=changes, replaces=[], delete_before_replace=False)

    @without_leaks
    def create(self, props: dict[str, Any]) -> CreateResult:
        """Fetch and write all of them."""
        return CreateResult("synced", self._written({}, props))

    @without_leaks
    def update(self, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Fetch and write those that differ; then take back what is no longer declared."""
        return UpdateResult(self._written(_records(olds), news))

    @without_leaks
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Which Secrets are no longer as they were written; no backend is asked."""
        records = _records(props)
        found = self._synchronization.read(records)
        read = {name: found[name] or replace(record, drift="missing") for name, record in records.items()}
        return ReadResult(id_, _outputs(read))

    @without_leaks
    def delete(self, props: dict[str, Any]) -> None:
        """Take back all of them; what could not be taken back is told, and tried again by the next run."""
        records = _records(props)
        removed = self._synchronization.remove(records)
        problems = {name: str(error) for name, error in removed.items() if isinstance(error, SecretSyncError)}
        if problems:
            raise SecretSyncError(problems_text(problems, len(records)))

    def _differs(self, item: Item, record: Record) -> bool:
        return _target(item) != record.target or self._synchronization.differs(item, record)

    def _written(self, records: Mapping[str, Record], news: Mapping[str, Any]) -> dict[str, Any]:
        items = _items(news)
        due = {name: item for name, item in items.items() if name not in records or self._differs(item, records[name])}
        # What the check refuses is not tried: a sync would do as it is told, e.g. take over somebody else's Secret.
        refused = {name: SecretSyncError(item.problem) for name, item in due.items() if item.problem}
        fine = {name: item for name, item in due.items() if name not in refused}
        written = self._synchronization.write(fine, news["stores"])
        after = {name: record for name, record in records.items() if name in items}
        for name, result in {**written, **refused}.items():
            if isinstance(result, Record):
                after[name] = result
            else:
                after[name] = replace(_unwritten(items[name], records.get(name)), problem=str(result))
        after |= self._taken_back(records, after)
        return _outputs(after)

    def _taken_back(self, before: Mapping[str, Record], after: Mapping[str, Record]) -> dict[str, Record]:
        """Removes what is no longer declared and what has another target now; gives what could not be removed.

        A Secret that another declaration of the set fills now stays, with the keys that it gives.
        """
        going = {name: record for name, record in before.items() if _is_going(record, after.get(name))}
        heirs = {record.target: record for record in after.values() if not record.problem}
        waiting = {record.target for record in after.values() if record.problem}
        spared = {name: record for name, record in going.items() if record.target in waiting}
        keep = {target: heir.keys for target, heir in heirs.items()}
        removed = self._synchronization.remove(
            {name: record for name, record in going.items() if name not in spared}, keep
        )
        left = {name: str(error) for name, error in removed.items() if isinstance(error, SecretSyncError)}
        left |= dict.fromkeys(spared, "another ExternalSecret is to fill its Secret, and could not yet")
        return {name: replace(after.get(name, going[name]), problem=f"{_GONE}{why}") for name, why in left.items()}


def _is_going(before: Record, after: Record | None) -> bool:
    return after is None or (after.target != before.target and not after.problem)


def _target(item: Item) -> str:
    return read_declaration(item.declaration).target


def _unwritten(item: Item, before: Record | None) -> Record:
    """What may have been written all the same: the old record, or what a later removal needs to know."""
    if before is not None:
        return before
    return replace(Record.of(read_declaration(item.declaration)), digest="")


def _items(inputs: Mapping[str, Any]) -> dict[str, Item]:
    return {name: Item.read(row_of(inputs, name)) for name in inputs.get("declarations") or {}}


def _records(outputs: Mapping[str, Any]) -> dict[str, Record]:
    return {name: Record.read(name, row_of(outputs, name)) for name in outputs.get("targets") or {}}


def _inputs(items: Mapping[str, Item], news: Mapping[str, Any]) -> dict[str, Any]:
    maps = columns({name: item.row() for name, item in items.items()})
    return {"declarations": {}, "fingerprints": {}, "problems": {}, **maps, "stores": store_digests(news["stores"])}


def _outputs(records: Mapping[str, Record]) -> dict[str, Any]:
    maps: Mapping[str, Iterable[str]] = columns({name: record.row() for name, record in records.items()})
    return {"fingerprints": {}, "problems": {}, "targets": {}, **maps, "schemaVersion": SCHEMA_VERSION}
