"""Declarations that write one target, told from the manifests alone; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretsync.api import CreationPolicy, TemplateMergePolicy
from secretsync.checks.findings import Check, Finding
from secretsync.checks.options import Options
from secretsync.checks.subject import Subject, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from secretsync.api import ExternalSecret, ExternalSecretTemplate
    from secretsync.checks.options import Place

_SHARES = (CreationPolicy.Merge, CreationPolicy.CreateOrMerge)


@dataclass(frozen=True, slots=True)
class _Writer:
    """A declaration that writes a target.

    Attributes:
        subject: the declaration.
        keys: what it gives the target; None where that depends on what is upstream.
    """

    subject: Subject
    keys: frozenset[str] | None

    @property
    def policy(self) -> CreationPolicy:
        """Its creationPolicy."""
        return self.subject.external_secret.spec.target.creation_policy

    @property
    def where(self) -> str:
        """How the other one's finding names it."""
        place = self.subject.options.place
        name = f"ExternalSecret {self.subject.name}"
        return f"{name} ({place(self.subject.external_secret, '')})" if place is not None else name


def conflicts(external_secrets: Iterable[ExternalSecret], place: Place | None = None) -> tuple[Finding, ...]:
    """Two declarations for one target, where they would undo each other.

    Several that merge into one Secret are fine as long as their keys differ.

    Args:
        external_secrets: all declarations of a program.
        place: tells files and lines; without it findings name the object.
    """
    by_target: dict[str, list[_Writer]] = {}
    for each in external_secrets:
        target = each.spec.target
        if target.creation_policy is not CreationPolicy.None_ and target.manifest is None:
            subject = Subject(each, options=Options(place=place))
            by_target.setdefault(subject.target, []).append(_Writer(subject, declared_keys(each)))
    return tuple(finding for writers in by_target.values() for finding in _among(writers))


def declared_keys(external_secret: ExternalSecret) -> frozenset[str] | None:
    """The keys a declaration gives its target; None where that depends on what is upstream or in the cluster."""
    spec = external_secret.spec
    template = spec.target.template
    provided = None if spec.data_from else frozenset(datum.secret_key for datum in spec.data)
    if template is None:
        return provided
    made = _template_keys(template)
    if made is None:
        return None
    replaces = template.merge_policy is TemplateMergePolicy.Replace and bool(template.data or template.template_from)
    if replaces:
        return made
    return None if provided is None else provided | made


def _template_keys(template: ExternalSecretTemplate) -> frozenset[str] | None:
    if any(str(item.target or "Data") == "Data" for item in template.template_from):
        return None
    return frozenset(template.data)


def _among(writers: Sequence[_Writer]) -> Iterable[Finding]:
    for index, later in enumerate(writers):
        for earlier in writers[:index]:
            finding = _between(earlier, later)
            if finding is not None:
                yield finding


def _between(earlier: _Writer, later: _Writer) -> Finding | None:
    subject = later.subject
    head = f"{earlier.where} writes Secret {subject.target} too"
    policies = {earlier.policy, later.policy}
    remedy = "give one of the two another spec.target.name, or creationPolicy Merge to all of them"
    if CreationPolicy.Owner in policies:
        problem = f"{head}, and creationPolicy Owner shares it with nobody"
        return subject.error(Check.Conflict, "spec.target", problem, remedy)
    if not policies.issubset(_SHARES):
        problem = f"{head}, and with creationPolicy Orphan each write replaces all keys"
        return subject.error(Check.Conflict, "spec.target", problem, remedy)
    if earlier.keys is None or later.keys is None:
        problem = f"{head}; whether their keys differ depends on what is upstream"
        return subject.unknown(Check.Conflict, "spec.target", problem, "see that each gives keys of its own")
    common = earlier.keys & later.keys
    if not common:
        return None
    problem = f"{head}, and both give it the keys {listed(common)}, so each undoes the other"
    return subject.error(Check.Conflict, "spec.target", problem, "let each give keys of its own")
