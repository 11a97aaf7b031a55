"""One ExternalSecret on a cluster in memory, with made-up values upstream, so that events can be played on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from secretsync.api import Capabilities, CreationPolicy, DeletionPolicy, ExternalSecret, parse
from secretsync.kube.fake import MemoryCluster
from secretsync.kube.resources import EXTERNAL_SECRETS, SECRETS
from secretsync.providers.protocol import Fetched, Missing, RemoteKey, Valid
from secretsync.sync import target
from secretsync.sync.fetching import FetchWindow
from secretsync.sync.names import CONTROLLER_MANAGER
from secretsync.sync.plan import FindEntry, plan
from secretsync.sync.status import status_patch
from secretsync.sync.synchronize import synchronize
from secretsync.sync.types import Action

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsync.api import Find, JsonObject, RemoteRef, StoreRef
    from secretsync.providers.protocol import Provider, Validity
    from secretsync.sync.types import Outcome

_SOMEBODY = "somebody"
_EFFECTS = {
    Action.Created: "is created",
    Action.Updated: "is written anew",
    Action.Unchanged: "is as it should be, nothing is written",
    Action.Deleted: "is deleted",
    Action.Retained: "stays as it is",
    Action.Missing: "is waited for: this policy does not create it",
    Action.NotWritten: "is not written: this policy never writes",
    Action.Failed: "stays as it is, the sync fails",
}


@dataclass(slots=True, eq=False)
class _Upstream:
    """A backend that has whatever it is asked for, until it is told to lose it."""

    generation: int = 1
    lost: set[str] = field(default_factory=set)
    everything_lost: bool = False
    capabilities: Capabilities = Capabilities.ReadOnly

    async def open(self, ref: StoreRef, namespace: str) -> Provider:  # noqa: ARG002 - one backend stands for all
        return self

    def remote_key(self, ref: RemoteRef) -> RemoteKey:
        return RemoteKey(ref.key, ref.version, property=ref.property)

    def value(self, fetched: Fetched, ref: RemoteRef) -> bytes | Missing:  # noqa: ARG002 - any will do
        return fetched.value

    def members(self, fetched: Fetched, ref: RemoteRef) -> dict[str, bytes] | Missing:  # noqa: ARG002 - any will do
        return {"member": fetched.value}

    async def get(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, Fetched | Missing]:
        return {key: self._get(key.key) for key in keys}

    async def find(self, query: Find) -> Mapping[str, Fetched] | Missing:  # noqa: ARG002 - any will do
        return {} if self.everything_lost else {"found": Fetched(b"found")}

    async def versions(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, str | Missing]:
        return dict.fromkeys(keys, str(self.generation))

    async def validate(self) -> Validity:
        return Valid()

    async def aclose(self) -> None:
        return

    def _get(self, key: str) -> Fetched | Missing:
        if self.everything_lost or key in self.lost:
            return Missing(f"there is no secret {key!r}")
        return Fetched(f"value {self.generation} of {key}".encode(), str(self.generation))


class Rehearsal:
    """A stage for one ExternalSecret. Templates are left out: what a policy does does not depend on them."""

    def __init__(self, declared: ExternalSecret) -> None:
        raw = declared.to_json()
        raw["metadata"] = {
            **raw["metadata"],
            "namespace": declared.metadata.namespace or "default",
            "uid": "00000000-0000-4000-8000-000000000000",
            "generation": 1,
        }
        spec = {**raw["spec"], "target": dict(raw["spec"].get("target") or {})}
        spec["target"].pop("template", None)
        spec["dataFrom"] = [{**item, "rewrite": []} for item in spec.get("dataFrom") or ()]
        generated = [
            index for index, item in enumerate(spec["dataFrom"]) if "generatorRef" in (item.get("sourceRef") or {})
        ]
        for index in reversed(generated):  # a generator is never missing; a stored secret in its place shows more
            spec["dataFrom"][index] = {"extract": {"key": f"generator {index}"}}
        spec.setdefault("secretStoreRef", {"name": "store"})
        raw.pop("status", None)
        self._identity = (raw["metadata"]["namespace"], raw["metadata"]["name"])
        self.cluster = MemoryCluster([{**raw, "spec": spec}])
        self._declared = _parsed({**raw, "spec": spec})
        self.upstream = _Upstream()
        self.fetches = FetchWindow(self.upstream)

    def _keys(self) -> list[str]:
        entries = plan(self._declared).store_entries
        return list(dict.fromkeys(entry.ref.key for entry in entries if not isinstance(entry, FindEntry)))

    def _target_name(self) -> str:
        return target.target_name(self._declared)

    async def current(self) -> ExternalSecret:
        """The ExternalSecret with its status."""
        namespace, name = self._identity
        return _parsed(await self.cluster.get(EXTERNAL_SECRETS, name, namespace) or {})

    async def target(self) -> JsonObject | None:
        """The target as it is."""
        return await self.cluster.get(SECRETS, self._target_name(), self._identity[0])

    async def sync(self) -> Outcome:
        """One sync, its status written back."""
        external_secret = await self.current()
        started = datetime.now(UTC)
        outcome = await synchronize(external_secret, cluster=self.cluster, fetches=self.fetches)
        patch = status_patch(external_secret, outcome, started=started, now=started)
        namespace, name = self._identity
        await self.cluster.merge_patch(
            EXTERNAL_SECRETS, name, namespace, {"status": patch}, field_manager=CONTROLLER_MANAGER, subresource="status"
        )
        return outcome

    async def create_foreign_target(self) -> None:
        """Somebody creates a Secret of the target's name."""
        metadata = {"name": self._target_name(), "namespace": self._identity[0]}
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "type": "Opaque",
            "data": {"other": "eA=="},
        }
        await self.cluster.create(SECRETS, secret, field_manager=_SOMEBODY)

    async def edit_target(self) -> bool:
        """Somebody changes a value in the target; False where there is none."""
        live = await self.target()
        if live is None:
            return False
        data = {"other": "eQ==", **dict.fromkeys(live.get("data") or {}, "ZWRpdGVk")}
        await self.cluster.merge_patch(
            SECRETS, self._target_name(), self._identity[0], {"data": data}, field_manager=_SOMEBODY
        )
        return True

    async def delete_target(self) -> bool:
        """Somebody deletes the target; False where there is none."""
        return await self.cluster.delete(SECRETS, self._target_name(), self._identity[0])

    async def delete_external_secret(self) -> None:
        """What the finalizer and the garbage collector then do to the target."""
        external_secret = await self.current()
        live = await self.target()
        if live is None:
            return
        owned = target.is_owned_by(external_secret, live)
        if owned and (
            target.controller_of(live) or external_secret.spec.target.deletion_policy is DeletionPolicy.Delete
        ):
            await self.delete_target()

    def change_values(self) -> None:
        """Every value changes upstream."""
        self.upstream.generation += 1

    def remove_all(self) -> None:
        """Every secret disappears upstream."""
        self.upstream.everything_lost = True

    def remove_one(self) -> bool:
        """The last of several secrets disappears upstream; False where there is only one."""
        keys = self._keys()
        if len(keys) < 2:  # noqa: PLR2004 - one of several
            return False
        self.upstream.lost.add(keys[-1])
        return True

    def creates_target(self) -> bool:
        """Whether the creationPolicy creates the target."""
        policy = self._declared.spec.target.creation_policy
        return policy not in (CreationPolicy.Merge, CreationPolicy.None_)

    @staticmethod
    def describe(outcome: Outcome) -> str:
        """What an outcome means for the target."""
        return _EFFECTS[outcome.action]


def _parsed(raw: JsonObject) -> ExternalSecret:
    parsed = parse(raw)
    if not isinstance(parsed, ExternalSecret):
        raise TypeError(parsed.kind)
    return parsed
