"""What a SyncedSecret does in the provider's process: look upstream, write, compare, take back.

`check` looks upstream and at the live Secret and puts versions, key names, a keyed fingerprint and drift into the
inputs, so the engine shows a real difference; `create` and `update` write. State holds those, and no value (D3, D4).
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    UpdateResult,
)

from components.dynamic import background
from components.dynamic.boundary import without_leaks
from components.dynamic.connection import Connection, fingerprint_key
from components.dynamic.session import Session, read_stores
from secretsync.api import ExternalSecret, RefreshPolicy, parse
from secretsync.errors import ManifestError, PropertyNotFound, SecretSyncError, StoreNotFound, ValueRuleError
from secretsync.sync import lane
from secretsync.sync.volatile import volatile_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi.dynamic import Config

    from secretsync.sync.lane import Observation

SCHEMA_VERSION = 1
"""Counts changes of what the inputs mean; a new number makes every resource update once."""

_DEADLINE = 60.0
_CERTAIN = (PropertyNotFound, StoreNotFound, ValueRuleError)
"""What no other step of the same update can mend, unlike a right to read that is still to be granted."""


class Synchronization:
    """The operations of a SyncedSecret, each of them idempotent; one per process, shared by its threads."""

    @without_leaks
    def __init__(self, config: Config) -> None:
        """Remember where the cluster is, and the fingerprint's key; nothing is opened yet."""
        self._connection = Connection.from_config(config)
        self._key = fingerprint_key(config)
        self._session: Session | None = None
        self._opening = asyncio.Lock()
        self._read: set[tuple[str, str, str]] = set()

    @without_leaks
    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Look upstream. What is new or declared anew and cannot be looked at yet says so; what is known fails."""
        inputs = {**news, "schemaVersion": SCHEMA_VERSION}
        try:
            external_secret = _declaration(news)
            self._read.discard(_identity(external_secret))
            if _fetched_once(external_secret) and olds.get("declaration") == news["declaration"]:
                return CheckResult(self._kept(external_secret, inputs, olds), [])
            observed = self._run(self._observe(external_secret, news))
        except ManifestError as error:
            return CheckResult(inputs, [CheckFailure("", str(error))])
        except SecretSyncError as error:
            known = olds.get("fingerprint") and all(olds.get(name) == news[name] for name in ("declaration", "stores"))
            if known or isinstance(error, _CERTAIN):
                return CheckResult(inputs, [CheckFailure("", str(error))])
            pending = {"target": "", "keys": [], "versions": {}, "fingerprint": "", "drift": f"not known yet: {error}"}
            return CheckResult({**inputs, **pending}, [])
        props = _props(observed)
        if not olds.get("fingerprint"):
            props["drift"] = ""  # nothing was written yet that could have drifted
        elif _same_sources(olds, {**news, **props}) and volatile_parts(external_secret):
            return CheckResult(self._kept(external_secret, inputs, olds), [])  # new values alone are no change
        return CheckResult({**inputs, **props}, [])

    @without_leaks
    def diff(self, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """A difference is another content, drift, or another target; an upstream version alone is none.

        Where generators or templates make new values each time, the content is what they are made from.

        A refresh asks too: then `olds` is what was just read, and `news` are the inputs of the last update, whose
        drift that update has healed.
        """
        before, after = _declaration(olds), _declaration(news)
        if _identity(before) in self._read:
            return DiffResult(changes=bool(olds.get("drift")))
        replaces = ["declaration"] if _identity(before) != _identity(after) else []
        content = "versions" if volatile_parts(after) else "fingerprint"
        changed = any(olds.get(name) != news.get(name) for name in ("declaration", content, "schemaVersion"))
        return DiffResult(
            changes=bool(replaces or changed or news.get("drift")), replaces=replaces, delete_before_replace=False
        )

    @without_leaks
    def create(self, props: dict[str, Any]) -> CreateResult:
        """Fetch and write."""
        external_secret = _declaration(props)
        return CreateResult("/".join(_identity(external_secret)), self._written(external_secret, props))

    @without_leaks
    def update(self, news: dict[str, Any]) -> UpdateResult:
        """Fetch and write again."""
        return UpdateResult(self._written(_declaration(news), news))

    @without_leaks
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Whether the Secret is still as it was written; no backend is asked."""
        external_secret = _declaration(props)
        drift = self._run(self._live_drift(external_secret))
        if drift is None:
            return ReadResult("", {})
        self._read.add(_identity(external_secret))
        return ReadResult(id_, {**props, "drift": drift})

    @without_leaks
    def delete(self, props: dict[str, Any]) -> None:
        """Take back what was written, as the creationPolicy says."""
        self._run(self._remove(_declaration(props)))

    def _written(self, external_secret: ExternalSecret, props: dict[str, Any]) -> dict[str, Any]:
        observed = self._run(self._write(external_secret, props))
        return {**props, **_props(observed), "schemaVersion": SCHEMA_VERSION}

    def _kept(self, external_secret: ExternalSecret, inputs: dict[str, Any], olds: dict[str, Any]) -> dict[str, Any]:
        drift = self._run(self._live_drift(external_secret))
        kept = {name: olds.get(name) for name in ("target", "keys", "versions", "fingerprint")}
        return {**inputs, **kept, "drift": "missing" if drift is None else drift}

    def _run(self, coroutine: Any) -> Any:  # noqa: ANN401 - one boundary for several results
        return background.run(coroutine, deadline=_DEADLINE)

    async def _shared(self, props: Mapping[str, Any] | None = None) -> Session:
        async with self._opening:
            if self._session is None:
                self._session = await Session.open(self._connection)
                background.at_end(self._session.aclose)
        if props is not None:
            self._session.providers.declare(read_stores(props["stores"]))
        return self._session

    async def _observe(self, external_secret: ExternalSecret, props: Mapping[str, Any]) -> Observation:
        session = await self._shared(props)
        return await lane.observe(
            external_secret, cluster=session.cluster, fetches=session.fetches, key=self._key, not_before=session.began
        )

    async def _write(self, external_secret: ExternalSecret, props: Mapping[str, Any]) -> Observation:
        session = await self._shared(props)
        return await lane.write(
            external_secret, cluster=session.cluster, fetches=session.fetches, key=self._key, not_before=session.began
        )

    async def _live_drift(self, external_secret: ExternalSecret) -> str | None:
        return await lane.live_drift(external_secret, cluster=(await self._shared()).cluster)

    async def _remove(self, external_secret: ExternalSecret) -> bool:
        return await lane.remove(external_secret, cluster=(await self._shared()).cluster)


def _declaration(props: Mapping[str, Any]) -> ExternalSecret:
    parsed = parse(json.loads(props["declaration"]))
    if not isinstance(parsed, ExternalSecret):
        raise TypeError(parsed.kind)
    return parsed


def _identity(external_secret: ExternalSecret) -> tuple[str, str, str]:
    metadata = external_secret.metadata
    return metadata.namespace, metadata.name, external_secret.spec.target.name or metadata.name


def _same_sources(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    return all(olds.get(name) == news.get(name) for name in ("declaration", "versions"))


def _fetched_once(external_secret: ExternalSecret) -> bool:
    """Whether the declaration wants its first values kept: CreatedOnce, OnChange, or an interval of 0."""
    spec = external_secret.spec
    if spec.refresh_policy in (RefreshPolicy.CreatedOnce, RefreshPolicy.OnChange):
        return True
    return spec.refresh_interval.total_seconds() <= 0


def _props(observed: Observation) -> dict[str, Any]:
    return {
        "target": observed.target,
        "keys": list(observed.keys),
        "versions": {f"{version.store} {version.key}": version.version for version in observed.versions},
        "fingerprint": observed.fingerprint,
        "drift": observed.drift,
    }
