"""What the next write takes away: keys, the Secret itself, and Secrets under a former name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsync.api import CreationPolicy, DeletionPolicy
from secretsync.checks import ownership
from secretsync.checks.findings import Check
from secretsync.checks.subject import listed, told
from secretsync.errors import SecretSyncError
from secretsync.sync import target
from secretsync.sync.names import created_by, field_manager

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsync.api import JsonObject
    from secretsync.checks.findings import Finding
    from secretsync.checks.shared import Shared
    from secretsync.checks.subject import Subject
    from secretsync.sync.types import Assembled

_FIELD = "spec.target.deletionPolicy"


def without_data(subject: Subject, live: JsonObject | None) -> Iterator[Finding]:
    """What follows where nothing is found upstream, and so nothing is written."""
    spec = subject.external_secret.spec.target
    if spec.deletion_policy is not DeletionPolicy.Delete:
        effect = "stays as it is" if live is not None else "is not made"
        problem = f"nothing is found upstream, so Secret {subject.target} {effect}"
        yield subject.warning(Check.Deletion, _FIELD, problem, "correct the search or the key, if that is not meant")
    elif spec.creation_policy is not CreationPolicy.Owner:
        problem = "all its data is gone upstream, but only a target with creationPolicy Owner may be deleted"
        remedy = "use creationPolicy Owner, or deletionPolicy Retain or Merge"
        yield subject.error(Check.Deletion, _FIELD, problem, remedy)
    elif live is None:
        problem = f"nothing is found upstream, so Secret {subject.target} is not made"
        yield subject.warning(Check.Deletion, _FIELD, problem, "create the secrets upstream")
    elif not target.is_owned_by(subject.external_secret, live):
        problem = f"all its data is gone upstream, but Secret {subject.target} is not its own to delete"
        yield subject.error(Check.Deletion, _FIELD, problem, "delete the Secret by hand if it is no longer needed")
    else:
        problem = f"this update deletes Secret {subject.target}, because all its data is gone upstream"
        yield subject.warning(Check.Deletion, _FIELD, problem, "use deletionPolicy Retain to keep it")


def keys(subject: Subject, assembled: Assembled, wanted: JsonObject, live: JsonObject) -> Iterator[Finding]:
    """Keys that the live Secret has and the next one has not."""
    manager = field_manager(subject.external_secret.metadata.name)
    own = target.managed_keys(live, manager, "data")
    gone = (live.get("data") or {}).keys() - (wanted.get("data") or {}).keys()
    lost, foreign = sorted(gone & own), sorted(gone - own)
    if lost and assembled.missing:
        problem = f"this update takes the keys {listed(lost)} out of Secret {subject.target}: they are gone upstream"
        yield subject.warning(Check.Deletion, _FIELD, problem, "use deletionPolicy Retain to stop in place of that")
    elif lost:
        problem = f"this update takes the keys {listed(lost)} out of Secret {subject.target}"
        yield subject.note(Check.Deletion, "spec", problem, "see that no workload reads them any more")
    if foreign and ownership.is_own(subject, live):  # otherwise it is a takeover, which names them
        problem = f"this update takes the keys {listed(foreign)} out of Secret {subject.target}: others wrote them"
        yield subject.warning(Check.Deletion, "spec.target", problem, "use creationPolicy Merge to keep them")


async def former_names(subject: Subject, shared: Shared) -> list[Finding]:
    """Secrets that this declaration made under another target name: they are deleted with the next write."""
    meta = subject.external_secret.metadata
    created = await shared.created_secrets(meta.namespace)
    if isinstance(created, SecretSyncError):
        problem = f"whether it made a Secret under another name is not known: {told(created)}"
        return [subject.unknown(Check.Deletion, "spec.target.name", problem, "allow to list Secrets in the namespace")]
    current = target.target_name(subject.external_secret)
    names = [name for name in created.get(created_by(meta.namespace, meta.name), ()) if name != current]
    if not names:
        return []
    problem = f"this update deletes Secret {listed(names)}, which the declaration made under its former target name"
    return [subject.warning(Check.Deletion, "spec.target.name", problem, "move its users to the new name first")]
