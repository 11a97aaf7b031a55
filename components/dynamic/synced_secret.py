"""SyncedSecret: one ExternalSecret, fetched and written by the program, with rotation and drift in the preview.

`check` looks upstream and at the live Secret and puts versions, key names, a keyed fingerprint and drift into the
inputs, so the engine shows a real difference; `create` and `update` write. State holds those, and no value (D3, D4).
"""

from __future__ import annotations

import asyncio
import functools
import json
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from components.dynamic import background
from components.dynamic.connection import Connection, fingerprint_key
from components.dynamic.session import Session, read_stores
from secretsync.api import ExternalSecret, RefreshPolicy, parse
from secretsync.errors import ManifestError, SecretSyncError
from secretsync.sync import lane

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from secretsync.api import Store
    from secretsync.sync.lane import Observation

SCHEMA_VERSION = 1
"""Counts changes of what the inputs mean; a new number makes every resource update once."""

_DEADLINE = 60.0
_P = ParamSpec("_P")
_R = TypeVar("_R")


def _without_leaks(method: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let errors of the tree through, and of any other exception only its type and place: the engine prints both."""

    @functools.wraps(method)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return method(*args, **kwargs)
        except SecretSyncError as error:
            raise RuntimeError(str(error)) from None
        except Exception as error:  # noqa: BLE001 - the point of the guard
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(frame.filename).name}:{frame.lineno}"
            raise RuntimeError(f"internal error: {type(error).__name__} at {where}") from None

    return guarded


class SyncedSecretProvider(ResourceProvider):
    """Create, read, update and delete of a synced Secret; all of it idempotent."""

    _connection: Connection
    _key: bytes
    _session: Session | None
    _opening: asyncio.Lock

    @_without_leaks
    def configure(self, req: ConfigureRequest) -> None:
        """Remember where the cluster is, and the fingerprint's key."""
        self._connection = Connection.from_config(req.config)
        self._key = fingerprint_key(req.config)
        self._session = None
        self._opening = asyncio.Lock()

    @_without_leaks
    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Look upstream. A new resource that cannot be looked at yet says so; a known one fails."""
        inputs = {**news, "schemaVersion": SCHEMA_VERSION}
        try:
            external_secret = _declaration(news)
            if _fetched_once(external_secret) and olds.get("declaration") == news["declaration"]:
                return CheckResult(self._kept(external_secret, inputs, olds), [])
            observed = self._run(self._observe(external_secret, news))
        except ManifestError as error:
            return CheckResult(inputs, [CheckFailure("", str(error))])
        except SecretSyncError as error:
            if olds.get("fingerprint"):
                return CheckResult(inputs, [CheckFailure("", str(error))])
            pending = {"target": "", "keys": [], "versions": {}, "fingerprint": "", "drift": f"not known yet: {error}"}
            return CheckResult({**inputs, **pending}, [])
        return CheckResult({**inputs, **_props(observed)}, [])

    @_without_leaks
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """A difference is another content, drift, or another target; an upstream version alone is none."""
        before, after = _declaration(olds), _declaration(news)
        replaces = ["declaration"] if _identity(before) != _identity(after) else []
        changed = any(olds.get(name) != news.get(name) for name in ("declaration", "fingerprint", "schemaVersion"))
        return DiffResult(
            changes=bool(replaces or changed or news.get("drift")), replaces=replaces, delete_before_replace=False
        )

    @_without_leaks
    def create(self, props: dict[str, Any]) -> CreateResult:
        """Fetch and write."""
        external_secret = _declaration(props)
        return CreateResult("/".join(_identity(external_secret)), self._written(external_secret, props))

    @_without_leaks
    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Fetch and write again."""
        return UpdateResult(self._written(_declaration(news), news))

    @_without_leaks
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Whether the Secret is still as it was written; no backend is asked."""
        external_secret = _declaration(props)
        drift = self._run(self._live_drift(external_secret))
        if drift is None:
            return ReadResult("", {})
        return ReadResult(id_, {**props, "drift": drift})

    @_without_leaks
    def delete(self, _id: str, props: dict[str, Any]) -> None:
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


class SyncedSecret(Resource, module="external-secrets", name="SyncedSecret"):
    """A Secret that the program keeps equal to what an ExternalSecret declares, read through one of `stores`."""

    target: pulumi.Output[str]
    """``namespace/name`` of the Secret."""
    keys: pulumi.Output[list[str]]
    """Keys that the declaration gives it."""
    versions: pulumi.Output[dict[str, str]]
    """Store and remote key → the upstream version its value came from."""

    _synced: ClassVar[ResourceProvider] = SyncedSecretProvider()

    def __init__(
        self,
        name: str,
        external_secret: ExternalSecret,
        stores: Sequence[Store],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "declaration": json.dumps(external_secret.to_json(), sort_keys=True),
            "stores": json.dumps([store.to_json() for store in stores], sort_keys=True),
            "target": None,
            "keys": None,
            "versions": None,
            "fingerprint": pulumi.Output.secret(""),
            "drift": None,
            "schemaVersion": None,
        }
        secret = pulumi.ResourceOptions(additional_secret_outputs=["fingerprint"])
        super().__init__(self._synced, name, inputs, pulumi.ResourceOptions.merge(opts, secret))
