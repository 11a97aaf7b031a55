"""Whose a Secret is that is there already: its owners, its managers, and the tools that label what they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from secretsync.api import CreationPolicy
from secretsync.checks.findings import Check
from secretsync.checks.options import ADOPT_ANNOTATION
from secretsync.checks.subject import listed
from secretsync.errors import TargetOwned
from secretsync.sync import target
from secretsync.sync.names import CREATED_BY_LABEL, created_by, field_manager, is_ours

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsync.api import JsonObject
    from secretsync.checks.findings import Finding
    from secretsync.checks.key_names import KeyNames
    from secretsync.checks.subject import Subject
    from secretsync.sync.types import TargetContent

_MANAGER_PREFIX: Final = field_manager("")
_REPLACES: Final = (CreationPolicy.Owner, CreationPolicy.Orphan)
_TOOLS: Final = {
    ("annotations", "meta.helm.sh/release-name"): "Helm release",
    ("labels", "argocd.argoproj.io/instance"): "Argo CD application",
    ("annotations", "argocd.argoproj.io/tracking-id"): "Argo CD application",
    ("labels", "kustomize.toolkit.fluxcd.io/name"): "Flux Kustomization",
    ("labels", "helm.toolkit.fluxcd.io/name"): "Flux HelmRelease",
    ("annotations", "cert-manager.io/certificate-name"): "cert-manager Certificate",
    ("labels", "app.kubernetes.io/managed-by"): "the tool",
}
"""Where a tool notes what it manages (part and name), and what the value names; the first that is there counts."""


def is_own(subject: Subject, live: JsonObject) -> bool:
    """Whether this declaration wrote the Secret before, in whichever lane; the managed label alone says nothing."""
    if subject.wrote_before or target.is_owned_by(subject.external_secret, live):
        return True
    meta = subject.external_secret.metadata
    label = (live["metadata"].get("labels") or {}).get(CREATED_BY_LABEL)
    return label == created_by(meta.namespace, meta.name) or bool(
        target.managed_keys(live, field_manager(meta.name), "data")
    )


def check(subject: Subject, live: JsonObject, content: TargetContent | None, names: KeyNames) -> Iterator[Finding]:
    """What stands against writing this Secret.

    Args:
        subject: the declaration.
        live: the Secret that is there.
        content: what the declaration gives it; None where that is not known.
        names: which of its keys may be named.
    """
    refused = _controlled(subject, live)
    if refused is not None:
        yield refused
        return
    other = _other_external_secret(subject, live)
    if other:
        yield _of_another(subject, other)
        return
    claims = _claims(subject, live, content)
    policy = subject.external_secret.spec.target.creation_policy
    if not is_own(subject, live) and policy in _REPLACES:
        yield _takeover(subject, live, claims, content)
    elif claims and not subject.adopts:
        problem = f"Secret {subject.target} also belongs to {claims[0]}, which may undo what is written here"
        yield subject.warning(Check.Owner, "spec.target", problem, "let one of the two make the whole Secret")
    if policy not in _REPLACES and content is not None:
        yield from _overwritten(subject, live, content, names)


def _controlled(subject: Subject, live: JsonObject) -> Finding | None:
    """What the sync itself refuses."""
    try:
        target.check_owner(subject.external_secret, live)
    except TargetOwned as error:
        problem = f"{error.place}: {error.problem}"
        return subject.error(Check.Owner, "spec.target", problem, error.remedy)
    return None


def _other_external_secret(subject: Subject, live: JsonObject) -> str:
    """The ExternalSecret that made the Secret, if it is not this one; empty where none did."""
    meta = subject.external_secret.metadata
    label = (live["metadata"].get("labels") or {}).get(CREATED_BY_LABEL)
    if not label or label == created_by(meta.namespace, meta.name):
        return ""
    own = field_manager(meta.name)
    names = sorted(name.removeprefix(_MANAGER_PREFIX) for name in writers(live) if is_ours(name) and name != own)
    return f"ExternalSecret {names[0]}" if names else f"an ExternalSecret ({CREATED_BY_LABEL} {label[:12]}…)"


def _of_another(subject: Subject, other: str) -> Finding:
    problem = f"Secret {subject.target} was made by {other}, which still writes it or would delete it"
    if subject.adopts:
        return subject.warning(Check.Owner, "spec.target", problem, "remove that one, or its target, first")
    remedy = "give one of the two another spec.target.name, or, if that one is gone, " + _adopt()
    return subject.error(Check.Owner, "spec.target", problem, remedy)


def _takeover(subject: Subject, live: JsonObject, claims: tuple[str, ...], content: TargetContent | None) -> Finding:
    policy = subject.external_secret.spec.target.creation_policy
    makers = claims or tuple(sorted(writers(live)))
    by = f", made by {listed(makers)}," if makers else ""
    lost = sorted((live.get("data") or {}).keys() - (content.data.keys() if content is not None else set()))
    effect = f"creationPolicy {policy} takes it over"
    if content is not None:
        effect += f" and removes its keys {listed(lost)}" if lost else " with all its keys"
    problem = f"Secret {subject.target}{by} is there already; {effect}"
    if subject.adopts:
        return subject.warning(Check.Takeover, "spec.target", problem, "it is adopted, as the annotation says")
    remedy = f"choose another spec.target.name, creationPolicy Merge to add keys to it, or {_adopt()}"
    return subject.error(Check.Takeover, "spec.target", problem, remedy)


def _adopt() -> str:
    return f'annotate the ExternalSecret with {ADOPT_ANNOTATION}: "true"'


def _claims(subject: Subject, live: JsonObject, content: TargetContent | None) -> tuple[str, ...]:
    """Who else says that the Secret is theirs; what this declaration puts on it itself is no claim."""
    metadata = live["metadata"]
    found = [
        f"{owner.get('kind', '')} {owner.get('name', '')}"
        for owner in metadata.get("ownerReferences") or ()
        if not target.is_owned_by(subject.external_secret, {"metadata": {"ownerReferences": [owner]}})
    ]
    own = field_manager(subject.external_secret.metadata.name)
    for (part, name), tool in _TOOLS.items():
        value = (metadata.get(part) or {}).get(name)
        if not value or name in target.managed_keys(live, own, "metadata", part):
            continue
        if content is not None and getattr(content, part).get(name) == value:
            continue
        found.append(f"{tool} {str(value).partition(':')[0]}")
        break
    return tuple(found)


def _overwritten(subject: Subject, live: JsonObject, content: TargetContent, names: KeyNames) -> Iterator[Finding]:
    """Keys of a shared Secret that somebody else wrote, and that this declaration gives another value."""
    own = field_manager(subject.external_secret.metadata.name)
    before = target.decoded_data(live)
    mine = target.managed_keys(live, own, "data") | set(subject.previous.keys if subject.previous is not None else ())
    for manager in sorted(writers(live)):
        if manager == own:
            continue
        taken = [
            key
            for key in sorted(target.managed_keys(live, manager, "data"))
            if key in content.data and key not in mine and before.get(key) != content.data[key]
        ]
        if not taken:
            continue
        if is_ours(manager):
            who = f"ExternalSecret {manager.removeprefix(_MANAGER_PREFIX)}"
            problem = (
                f"{who} writes the keys {names.listed(taken)} of Secret {subject.target} too; each undoes the other"
            )
            yield subject.error(Check.Owner, "spec.target", problem, "let each write keys of its own")
        else:
            problem = f"overwrites the keys {names.listed(taken)} of Secret {subject.target}, which {manager} wrote"
            yield subject.warning(Check.Owner, "spec.target", problem, "rename the keys, if that is not meant")


def writers(live: JsonObject) -> frozenset[str]:
    """The field managers that own something of a Secret's data."""
    managers = {str(entry.get("manager", "")) for entry in live["metadata"].get("managedFields") or ()}
    return frozenset(manager for manager in managers if manager and target.managed_keys(live, manager, "data"))
