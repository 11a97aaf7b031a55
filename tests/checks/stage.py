"""A program's declarations, a cluster in memory and a backend that counts what it is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from secretsync.checks import Check, Examined, Finding, Options, Severity, examine, identity
from secretsync.errors import PropertyNotFound, ProviderDenied, SecretSyncError
from secretsync.kube.fake import MemoryCluster
from secretsync.kube.resources import SECRETS
from secretsync.providers.protocol import Fetched, Missing, RemoteKey, Valid
from secretsync.sync import lane
from secretsync.sync.fetching import FetchWindow
from secretsync.workloads.kinds import WORKLOAD_KINDS
from tests.sync.builders import NAMESPACE, Backend, external_secret, secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsync.api import ExternalSecret, RemoteRef, StoreRef
    from secretsync.checks import Previous
    from secretsync.providers.protocol import Provider, Validity
    from secretsync.sync.lane import Observation

KEY = b"a key of this stack"
PLACE = re.compile(
    r"(ExternalSecret team/[a-z0-9-]+|m\.yaml:\d+)(, (spec|metadata)(\.[^,]+)?(, ConfigMap key [a-z]+)?)?"
)
NAMESPACE_OBJECT = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}


def declared(name: str = "app", **spec: Any) -> ExternalSecret:
    """An ExternalSecret that is no object of the cluster."""
    return external_secret(name, **{**spec, "metadata": {"uid": "", **spec.get("metadata", {})}})


@dataclass(eq=False)
class CountingBackend(Backend):
    """Holds secrets by key, or by key and version (``key@version``); counts every call of a kind."""

    validity: Validity | Exception = field(default_factory=Valid)
    validated: int = 0
    versioned: int = 0
    current: str = "7"
    fail_versions: bool = False
    missing_properties: bool = False
    """Whether a missing property is a missing secret."""
    refused: dict[str, SecretSyncError] = field(default_factory=dict)
    """Store → why it cannot be opened."""

    @property
    def upstream_calls(self) -> int:
        return len(self.calls) + self.finds + self.validated + self.versioned

    async def open(self, ref: StoreRef, namespace: str) -> Provider:
        if ref.name in self.refused:
            raise self.refused[ref.name]
        return await super().open(ref, namespace)

    def value(self, fetched: Fetched, ref: RemoteRef) -> bytes | Missing:
        if not ref.property:
            return fetched.value
        if self.missing_properties:
            return super().value(fetched, ref)
        selected = self.members(fetched, ref.model_copy(update={"property": ""}))
        if isinstance(selected, Missing) or ref.property not in selected:
            raise PropertyNotFound(f"the secret {ref.key!r} has no property {ref.property!r}", remedy="correct it")
        return selected[ref.property]

    async def get(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, Fetched | Missing]:
        found = await super().get([key for key in keys if not key.version])
        for key in keys:
            if key.key in self.errors:
                raise self.errors[key.key]
            if key.version:
                held = self.values.get(f"{key.key}@{key.version}")
                found = {**found, key: Fetched(held, key.version) if held is not None else Missing(f"no {key.key}")}
        return found

    async def versions(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, str | Missing]:
        self.versioned += 1
        if self.fail_versions:
            raise ProviderDenied("the metadata must not be read", remedy="mend it")
        return {key: self.current if key.key in self.values else Missing(f"no {key.key}") for key in keys}

    async def validate(self) -> Validity:
        self.validated += 1
        if isinstance(self.validity, Exception):
            raise self.validity
        return self.validity


class Stage:
    """Declarations, what is upstream, and what is in the cluster; the namespace is there."""

    def __init__(self, *external_secrets: ExternalSecret, objects: Sequence[dict[str, Any]] = ()) -> None:
        self.declared = external_secrets or (declared(),)
        self.cluster = MemoryCluster([NAMESPACE_OBJECT, *objects])
        for kind in WORKLOAD_KINDS.values():
            self.cluster.register(kind.resource)
        self.backend = CountingBackend({"k": b"hunter2"})
        self.fetches = FetchWindow(self.backend)
        self.options = Options()

    async def examine(self, previous: Mapping[str, Previous] | None = None) -> Mapping[str, Examined]:
        """All of them; every finding is fit for people."""
        examined = await examine(
            self.declared,
            cluster=self.cluster,
            fetches=self.fetches,
            key=KEY,
            not_before=self.fetches.now(),
            previous=previous,
            options=self.options,
        )
        for name, each in examined.items():
            for finding in each.findings:
                check_form(finding, name)
        return examined

    async def first(self, previous: Previous | None = None) -> Examined:
        """The first of them."""
        name = identity(self.declared[0])
        return (await self.examine({name: previous} if previous is not None else None))[name]

    async def write(self, which: int = 0) -> Observation:
        """Sync one of them."""
        now = self.fetches.now()
        return await lane.write(
            self.declared[which], cluster=self.cluster, fetches=self.fetches, key=KEY, not_before=now
        )

    async def live(self, name: str = "app") -> dict[str, Any]:
        """A Secret as it is."""
        found = await self.cluster.get(SECRETS, name, NAMESPACE)
        assert found is not None
        return found


def check_form(finding: Finding, name: str) -> None:
    """A finding names its declaration and a field, and says what is wrong and what to do."""
    assert (finding.check, finding.severity, finding.external_secret) == (
        Check(finding.check),
        Severity(finding.severity),
        name,
    )
    assert PLACE.fullmatch(finding.place), finding.place
    assert finding.problem, finding
    assert finding.remedy or finding.severity is Severity.Note, finding
    assert "None" not in f"{finding}".replace("to None", "").replace("policy None", ""), finding
    assert not {finding.problem[-1], *finding.remedy[-1:]} & {";", " "}, finding


def of(examined: Examined, check: Check) -> list[Finding]:
    """The findings of one check."""
    return [finding for finding in examined.findings if finding.check is check]


def only(examined: Examined, check: Check, severity: Severity) -> Finding:
    """The one finding of a check, and how it weighs."""
    found = of(examined, check)
    assert len(found) == 1, [str(finding) for finding in examined.findings]
    assert found[0].severity is severity, str(found[0])
    return found[0]


__all__ = ["KEY", "NAMESPACE", "CountingBackend", "Stage", "declared", "of", "only", "secret"]
