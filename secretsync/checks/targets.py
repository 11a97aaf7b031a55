"""All questions about the Secret that a declaration writes, as it is and as it would be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from secretsync.api import CreationPolicy
from secretsync.checks import content as contents
from secretsync.checks import deletions, ownership, workloads
from secretsync.checks.findings import Check
from secretsync.checks.subject import told
from secretsync.errors import SecretSyncError, TargetOwned, TargetTooLarge
from secretsync.kube.resources import SECRETS
from secretsync.sync import lane, target
from secretsync.sync.volatile import volatile_parts

if TYPE_CHECKING:
    from secretsync.api import JsonObject
    from secretsync.checks.findings import Finding
    from secretsync.checks.shared import Shared
    from secretsync.checks.subject import Subject
    from secretsync.checks.templates import Rendered
    from secretsync.sync.types import Assembled


@dataclass(frozen=True, slots=True)
class Live:
    """The target as it is.

    Attributes:
        secret: the Secret; None where there is none. Masked in the repr.
        error: why it cannot be looked at.
    """

    secret: JsonObject | None = field(default=None, repr=False)
    error: SecretSyncError | None = None


async def look(subject: Subject, shared: Shared) -> Live:
    """Read the target."""
    name = target.target_name(subject.external_secret)
    try:
        return Live(await shared.cluster.get(SECRETS, name, subject.namespace))
    except SecretSyncError as error:
        return Live(error=error)


async def check(
    subject: Subject,
    live: Live,
    assembled: Assembled | None,
    rendered: Rendered,
    shared: Shared,
) -> list[Finding]:
    """Everything about the target.

    Args:
        subject: the declaration.
        live: its target.
        assembled: its data; None where some of it is not known.
        rendered: what its templates made.
        shared: what all examinations ask only once.
    """
    policy = subject.external_secret.spec.target.creation_policy
    if subject.external_secret.spec.target.manifest is not None:
        kind = subject.external_secret.spec.target.manifest.kind
        problem = f"targets of kind {kind} are not offered"
        return [subject.error(Check.Target, "spec.target.manifest", problem, "use a Secret as the target")]
    if live.error is not None:
        problem = f"Secret {subject.target} cannot be looked at: {told(live.error)}"
        return [subject.unknown(Check.Target, "spec.target", problem, live.error.remedy)]
    if policy is CreationPolicy.None_:
        return []
    findings: list[Finding] = []
    if live.secret is None:
        findings += await _absent(subject, shared)
    if assembled is not None and lane.is_without_data(subject.external_secret, assembled):
        return [*findings, *deletions.without_data(subject, live.secret)]
    if live.secret is not None:
        findings += ownership.check(subject, live.secret, rendered.content, rendered.names)
    if policy is CreationPolicy.Owner and (live.secret is None or not ownership.is_own(subject, live.secret)):
        findings += await deletions.former_names(subject, shared)
    if assembled is not None:
        findings += await _written(subject, live.secret, assembled, rendered, shared)
    return findings


async def _absent(subject: Subject, shared: Shared) -> list[Finding]:
    """What it means that there is no Secret yet."""
    exists = await shared.namespace_exists(subject.namespace)
    if isinstance(exists, SecretSyncError):
        problem = f"whether the namespace {subject.namespace} exists is not known: {told(exists)}"
        return [subject.unknown(Check.Namespace, "metadata.namespace", problem, exists.remedy)]
    if not exists:
        problem = f"the namespace {subject.namespace} does not exist"
        return [subject.absent(Check.Namespace, "metadata.namespace", problem, "create it")]
    if subject.external_secret.spec.target.creation_policy is CreationPolicy.Merge:
        problem = f"Secret {subject.target} does not exist, and creationPolicy Merge writes nothing until it does"
        remedy = "create it, or use creationPolicy CreateOrMerge"
        return [subject.warning(Check.Target, "spec.target.creationPolicy", problem, remedy)]
    return []


async def _written(
    subject: Subject, live: JsonObject | None, assembled: Assembled, rendered: Rendered, shared: Shared
) -> list[Finding]:
    """What comes of writing the content."""
    external_secret, content, names = subject.external_secret, rendered.content, rendered.names
    if content is None:
        return []
    findings = list(contents.keys(subject, content.data, names))
    if live is not None and target.is_frozen(external_secret, live):
        return [*findings, *contents.frozen(subject, content.data, live)]
    try:
        wanted = target.desired(external_secret, content, live)
    except TargetTooLarge as error:
        return [*findings, subject.error(Check.Size, "", told(error), error.remedy)]
    except TargetOwned:
        return findings  # ownership has said it
    findings += contents.size(subject, target.decoded_data(wanted))
    findings += contents.secret_type(subject, wanted, live)
    if live is not None and not _is_kept(subject, assembled):
        findings += contents.immutable(subject, wanted, live, names)
        findings += deletions.keys(subject, assembled, wanted, live)
        findings += await workloads.check(subject, wanted, live, names, shared)
    return findings


def _is_kept(subject: Subject, assembled: Assembled) -> bool:
    """Whether the target differs only because something makes new values each time: then it is not written."""
    if not subject.settled or subject.previous is None or not volatile_parts(subject.external_secret):
        return False
    versions = {f"{version.store} {version.key}": version.version for version in assembled.versions}
    return versions == subject.previous.versions
