"""What a stack declares and cannot have, each with its place and what to do about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from components.declarations.declared import identity
from secretsync.access import needs_of
from secretsync.api import CreationPolicy, RefreshPolicy, go_duration
from secretsync.errors import ManifestError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from components.declarations import aws, vault
    from components.settings import Settings
    from secretsync.api import (
        ClusterExternalSecret,
        ExternalSecret,
        ExternalSecretSpec,
        Generator,
        Manifests,
        PushSecret,
        Store,
    )
    from secretsync.api.base import Kind


_STEPS: Final = frozenset(".[]")


@dataclass(frozen=True, slots=True)
class Read:
    """The manifests with namespaces filled in; `place` knows the objects as they were read."""

    manifests: Manifests
    stores: tuple[Store, ...]
    external_secrets: tuple[ExternalSecret, ...]
    generators: tuple[Generator, ...]
    push_secrets: tuple[PushSecret, ...]
    originals: Mapping[int, Kind]

    def place(self, declared: Kind, field: str = "") -> str:
        """``file:line`` of an object or of a field in it."""
        return self.manifests.place(self.originals.get(id(declared), declared), field)

    def places(self, external_secret: ExternalSecret) -> dict[str, str]:
        """Path of a field → ``file:line``, where that is another line than that of what it is in; "" for the object."""
        spec = self.manifests.raw(self.originals.get(id(external_secret), external_secret)).get("spec")
        head = self.place(external_secret)
        return {"": head, **dict(self._places(external_secret, spec, "spec", head))}

    def _places(
        self, external_secret: ExternalSecret, value: object, path: str, above: str
    ) -> Iterator[tuple[str, str]]:
        here = self.place(external_secret, path)
        if here != above:
            yield path, here
        members: Iterable[tuple[str, object]] = ()
        if isinstance(value, dict):  # a name with a dot or bracket in it is no step of a path
            members = ((f"{path}.{name}", each) for name, each in value.items() if not _STEPS.intersection(name))
        elif isinstance(value, list):
            members = ((f"{path}[{index}]", each) for index, each in enumerate(value))
        for name, each in members:
            yield from self._places(external_secret, each, name, here)


def unserved(read: Read, settings: Settings) -> Iterator[ManifestError]:
    """What would be made and then ignored is told instead."""
    if settings.operator.kind not in ("builtin", "none"):
        served = {*(settings.vault.stores if settings.vault else ()), *(settings.aws.stores if settings.aws else ())}
        for push in read.push_secrets:
            names = {
                ref.name if ref.kind == "ClusterSecretStore" else f"{push.metadata.namespace}/{ref.name}"
                for ref in push.spec.secret_store_refs
            }
            for name in sorted(str(name) for name in names & served):
                yield ManifestError(
                    f"pushes to the store {name}, whose compiled access reads only",
                    place=f"{read.place(push)}, PushSecret {identity(push)}",
                    remedy="push through a store that this stack does not serve, with an access of its own",
                )
        return
    others: list[ClusterExternalSecret | PushSecret] = [*read.manifests.cluster_external_secrets, *read.push_secrets]
    for other in others:
        yield ManifestError(
            f"the operator {settings.operator.kind} does not act on this kind",
            place=f"{read.place(other)}, {other.kind} {identity(other)}",
            remedy="set operator.kind to upstream, or keep it in a folder of its own and apply it beside the stack",
        )


def below_floor(read: Read, settings: Settings) -> Iterator[ManifestError]:
    """Periodic ExternalSecrets that refresh more often than the stack lets them."""
    floor = settings.refresh_floor
    specs: list[tuple[ExternalSecret | ClusterExternalSecret, str, ExternalSecretSpec]] = [
        *((es, "spec", es.spec) for es in read.external_secrets),
        *(
            (ces, "spec.externalSecretSpec", ces.spec.external_secret_spec)
            for ces in read.manifests.cluster_external_secrets
        ),
    ]
    for declared, path, spec in specs:
        interval = spec.refresh_interval
        if spec.refresh_policy is RefreshPolicy.Periodic and interval and interval < floor:
            field = f"{path}.refreshInterval"
            yield ManifestError(
                f"{go_duration.format(interval)} is below this stack's refreshFloor {go_duration.format(floor)}",
                place=f"{read.place(declared, field)}, {declared.kind} {identity(declared)}, {field}",
                remedy="make it longer, or lower the floor in the stack file",
            )


def conflicts(read: Read) -> Iterator[ManifestError]:
    """Declarations that would undo each other in one target."""
    targets = Counter(
        (es.metadata.namespace, es.spec.target.name or es.metadata.name)
        for es in read.external_secrets
        if es.spec.target.creation_policy is not CreationPolicy.None_
    )
    if all(count == 1 for count in targets.values()):
        return
    # The checks know how declarations may share a target; the rest of them is half a second of imports.
    from secretsync import checks  # noqa: PLC0415 - see above

    for finding in checks.conflicts(read.external_secrets, read.place):
        if finding.severity is checks.Severity.Error:
            yield ManifestError(finding.problem, place=finding.place, remedy=finding.remedy)


def check_names(settings: Settings, read: Read, served: Mapping[str, tuple[str, ...]]) -> None:
    """The stack file names what the manifests declare.

    Raises:
        SettingsError: every name that no manifest declares, and every store that two backends are to serve.
    """
    known_stores = {identity(store) for store in read.stores}
    known = {identity(es) for es in read.external_secrets}
    problems = [
        f"{key}: no manifest declares the store {name}"
        for key, names in served.items()
        for name in names
        if name not in known_stores
    ]
    twice = set(served["vault.stores"]) & set(served["aws.stores"])
    problems += [f"vault.stores and aws.stores both list {name}" for name in sorted(twice)]
    for lane in ("operator", "pulumi"):
        listed: tuple[str, ...] = getattr(settings.sync, lane)
        unknown = [name for name in listed if name not in known]
        problems += [f"sync.{lane}: no manifest declares the ExternalSecret {name}" for name in unknown]
    if problems:
        raise SettingsError(
            "; ".join(problems),
            place="stack configuration",
            remedy=f"declared are the stores {_listed(known_stores)} and the ExternalSecrets {_listed(known)}",
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "(none)"


def check_accounts(access: Iterable[vault.VaultAccess | aws.AWSStoreAccess]) -> None:
    """Two stores with one ServiceAccount would each have what the other is granted.

    Raises:
        SettingsError: there are such.
    """
    users: dict[str, list[str]] = {}
    for each in access:
        if each.service_account:
            users.setdefault(f"{each.namespace}/{each.service_account}", []).append(identity(each.store))
    problems = [
        f"the stores {_listed(stores)} log in with one ServiceAccount, {account}"
        for account, stores in sorted(users.items())
        if len(stores) > 1
    ]
    if problems:
        raise SettingsError(
            "; ".join(problems),
            place="stack configuration, vault.stores and aws.stores",
            remedy="give each store's serviceAccountRef a name of its own, so that each account has the access of one",
        )


def check_pulumi_lane(
    settings: Settings, access: Iterable[aws.AWSStoreAccess], in_pulumi: list[ExternalSecret]
) -> None:
    """Pod Identity is for pods; the pulumi lane runs where the engine runs.

    Raises:
        SettingsError: an ExternalSecret of that lane reads through a store with Pod Identity.
    """
    if settings.aws is None or settings.aws.identity is None or settings.aws.identity.kind == "irsa":
        return
    asking = [need.reason for each in access for need in needs_of(each.store, in_pulumi)]
    if asking:
        raise SettingsError(
            f"the pulumi lane cannot log in by Pod Identity, which is for pods of the cluster: {', '.join(asking)}",
            place="stack configuration, sync.pulumi",
            remedy="move them to the operator lane, or set aws.identity.kind to irsa",
        )
