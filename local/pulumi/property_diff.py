"""What changed between two property maps, in the engine's terms."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING

from local.pulumi import protocol
from local.pulumi.wire import UNKNOWN, PropertyMap, PropertyValue, Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pulumi.runtime.proto import provider_pb2

_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


class Change(IntEnum):
    """The kinds of `PropertyDiff` that do not replace; each is followed by its replacing twin."""

    ADD = 0
    DELETE = 2
    UPDATE = 4


def _step(path: str, key: str | int) -> str:
    if isinstance(key, int):
        return f"{path}[{key}]"
    if _PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}" if path else key
    quoted = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'{path}["{quoted}"]'


def changes(old: PropertyValue, new: PropertyValue, path: str = "") -> dict[str, Change]:
    """Changed leaves by property path.

    Secrets are compared by value, an absent value equals null, and an unknown value is always a change.
    """
    old = old.value if isinstance(old, Secret) else old
    new = new.value if isinstance(new, Secret) else new
    found: dict[str, Change] = {}
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            _compare(old.get(key), new.get(key), _step(path, key), found)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            _compare(before, after, _step(path, index), found)
    elif new is UNKNOWN or type(old) is not type(new) or old != new:
        found[path] = Change.UPDATE
    return found


def _compare(old: PropertyValue, new: PropertyValue, path: str, found: dict[str, Change]) -> None:
    if old is None and new is None:
        return
    if old is None:
        found[path] = Change.ADD
    elif new is None:
        found[path] = Change.DELETE
    else:
        found.update(changes(old, new, path))


def under(path: str, prefixes: Iterable[str]) -> bool:
    """Whether a property path is one of the given ones or lies below one; list indexes count as `[*]`."""
    flat = re.sub(r"\[\d+\]", "[*]", path)
    return any(
        candidate == prefix or candidate.startswith((prefix + ".", prefix + "["))
        for prefix in prefixes
        for candidate in (path, flat)
    )


def top_level(path: str) -> str:
    """The input a property path starts with."""
    quoted = re.match(r'\["((?:[^"\\]|\\.)*)"\]', path)
    return quoted[1] if quoted else re.split(r"[.\[]", path, maxsplit=1)[0]


def response(
    found: Mapping[str, Change],
    *,
    replace: Sequence[str] = (),
    delete_before_replace: bool = False,
    ignore: Sequence[str] = (),
) -> provider_pb2.DiffResponse:
    """Answer a Diff call.

    Args:
        found: The changed property paths.
        replace: Dotted prefixes whose change cannot be made in place.
        delete_before_replace: Whether the old object must go first, where anything is replaced.
        ignore: The resource's `ignoreChanges`; what lies below them is no change.
    """
    pp = protocol.provider_pb2
    kept = {path: change for path, change in found.items() if not under(path, ignore)}
    replaces = [path for path in kept if under(path, replace)]
    return pp.DiffResponse(
        changes=pp.DiffResponse.DIFF_SOME if kept else pp.DiffResponse.DIFF_NONE,
        replaces=replaces,
        diffs=sorted({top_level(path) for path in kept}),
        deleteBeforeReplace=bool(replaces) and delete_before_replace,
        detailedDiff={
            path: pp.PropertyDiff(kind=pp.PropertyDiff.Kind.ValueType(change + (path in replaces)), inputDiff=True)
            for path, change in kept.items()
        },
        hasDetailedDiff=True,
    )


def inputs_or_outputs(old_inputs: PropertyMap, old_outputs: PropertyMap) -> PropertyMap:
    """What new inputs are compared with: the old inputs, or the outputs of a state too old to have them."""
    return old_inputs or old_outputs
