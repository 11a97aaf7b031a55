"""How a live Secret differs from what a declaration gives it: what upstream changed, and what somebody else did; pure.

Who changed what is read from the managed fields that the API server keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretsync.api import CreationPolicy
from secretsync.sync import target, writing
from secretsync.sync.names import CREATED_BY_LABEL, DATA_HASH_ANNOTATION, MANAGED_LABEL, field_manager

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from secretsync.api import ExternalSecret, JsonObject
    from secretsync.sync.types import TargetContent

MISSING = "missing"
"""The drift of a target that is not there."""

_NOT_CREATING = (CreationPolicy.None_, CreationPolicy.Merge)


@dataclass(frozen=True, slots=True)
class Difference:
    """What a write would change, by cause.

    Attributes:
        drift: what somebody else did to the Secret, e.g. `MISSING` or ``key a edited by kubectl-edit``, joined
            by ``; ``; empty where nobody did anything.
        rotated: keys whose values upstream or the declaration changed, sorted.
    """

    drift: str = ""
    rotated: tuple[str, ...] = ()


def compare(external_secret: ExternalSecret, content: TargetContent, live: JsonObject | None) -> Difference:
    """What writing `content` over `live` would change.

    Raises:
        TargetError: something else controls the target, or it would be too large.
    """
    policy = external_secret.spec.target.creation_policy
    if live is None:
        return Difference() if policy in _NOT_CREATING else Difference(MISSING)
    if policy is CreationPolicy.None_ or target.is_frozen(external_secret, live):
        return Difference()
    wanted = target.desired(external_secret, content, live)
    if writing.is_same(live, wanted):
        return Difference()
    before, after = target.decoded_data(live), target.decoded_data(wanted)
    changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    parts: list[str] = []
    if changed and not target.is_valid(external_secret, live):
        owners = _owners(live, "data")
        own = field_manager(external_secret.metadata.name)
        drifted = [name for name in changed if owners.get(name) != own] or changed
        parts = [_key(name, name in before, name in after, owners) for name in drifted]
        changed = [name for name in changed if name not in drifted]
    parts += _metadata(external_secret, live, wanted, rehashed=before != after)
    return Difference("; ".join(parts), tuple(changed))


def of_live(external_secret: ExternalSecret, live: JsonObject | None, keys: Collection[str] = ()) -> str | None:
    """How a Secret differs from what was last written, told without knowing any value.

    Args:
        external_secret: the declaration; its name and target suffice.
        live: the Secret.
        keys: the keys that were written; without them, edits are told by their authors only.

    Returns:
        None where the Secret does not exist; empty where it is as written.
    """
    if live is None:
        return None
    if external_secret.spec.target.creation_policy is CreationPolicy.Orphan:
        return ""
    own = field_manager(external_secret.metadata.name)
    parts = [] if target.hash_matches(live) else list(_live_keys(external_secret, live, keys, own))
    if not target.is_managed(live):
        parts.append(f"label {MANAGED_LABEL} missing")
    if parts or target.is_valid(external_secret, live):
        return "; ".join(parts)
    others = sorted(_managers(live) - {own})
    return f"edited by {', '.join(others)}" if others else "edited"


def _live_keys(external_secret: ExternalSecret, live: JsonObject, keys: Collection[str], own: str) -> Iterator[str]:
    if not keys:
        return
    data, owners = live.get("data") or {}, _owners(live, "data")
    for name in sorted(keys):
        if name not in data or owners.get(name, own) != own:
            yield _key(name, name in data, True, owners)  # noqa: FBT003 - it is wanted
    if external_secret.spec.target.creation_policy is CreationPolicy.Owner:
        for name in sorted(set(data) - set(keys)):
            yield _key(name, True, False, owners)  # noqa: FBT003 - it is there, and not wanted


def _key(name: str, present: bool, wanted: bool, owners: Mapping[str, str]) -> str:  # noqa: FBT001 - two facts
    if not present:
        return f"key {name} missing"
    verb = "edited" if wanted else "added"
    return f"key {name} {verb} by {owners[name]}" if name in owners else f"key {name} {verb}"


def _metadata(
    external_secret: ExternalSecret, live: JsonObject, wanted: JsonObject, *, rehashed: bool
) -> Iterator[str]:
    """What differs beside the data and was not changed by upstream or the declaration itself."""
    own = field_manager(external_secret.metadata.name)
    for field, word in (("labels", "label"), ("annotations", "annotation")):
        before, after = live["metadata"].get(field) or {}, wanted["metadata"].get(field) or {}
        owners = _owners(live, "metadata", field)
        for name in sorted(after):
            if name not in before:
                yield f"{word} {name} {MISSING}"
            elif before[name] != after[name] and owners.get(name) != own and name != CREATED_BY_LABEL:
                yield f"{word} {name} edited by {owners[name]}" if name in owners else f"{word} {name} edited"
            elif before[name] != after[name] and name == DATA_HASH_ANNOTATION and not rehashed:
                yield f"annotation {name} does not fit the data"
    for part in ("ownerReferences", "finalizers"):
        if (live["metadata"].get(part) or None) != (wanted["metadata"].get(part) or None):
            yield f"{part} edited"
    if bool(live.get("immutable")) != bool(wanted.get("immutable")):
        yield "immutable edited"


def _owners(live: JsonObject, *path: str) -> dict[str, str]:
    """Name below a field → the field manager that owns it."""
    return {name: manager for manager in sorted(_managers(live)) for name in target.managed_keys(live, manager, *path)}


def _managers(live: JsonObject) -> set[str]:
    return {str(entry.get("manager", "")) for entry in live["metadata"].get("managedFields") or ()}
