"""Who set which field: managed fields and server-side apply, as far as the in-memory cluster needs them.

Maps are owned member by member, ``finalizers`` entry by entry, ``ownerReferences`` by uid, every other list as a whole.
"""

from __future__ import annotations

import copy
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretsync.api import JsonObject

Path = tuple[str, ...]
"""Steps as in ``fieldsV1``: ``f:name``, ``v:"value"`` (set member), ``k:{"uid":"…"}`` (keyed member)."""

_SERVER_FIELDS: Final = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generation",
        "managedFields",
        "name",
        "namespace",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)


def leaves(obj: JsonObject) -> dict[Path, Any]:
    """Every owned field of an object with its value; identity and what the server sets are left out."""
    found: dict[Path, Any] = {}
    for key, value in obj.items():
        if key in {"apiVersion", "kind"}:
            continue
        if key == "metadata" and isinstance(value, dict):
            for name, entry in value.items():
                if name not in _SERVER_FIELDS:
                    _collect(("f:metadata", f"f:{name}"), entry, found)
        else:
            _collect((f"f:{key}",), value, found)
    return found


def _collect(path: Path, value: Any, found: dict[Path, Any]) -> None:  # noqa: ANN401 - a JSON value
    if isinstance(value, dict) and value:
        for key, entry in value.items():
            _collect((*path, f"f:{key}"), entry, found)
    elif path == ("f:metadata", "f:finalizers") and isinstance(value, list):
        for entry in value:
            found[*path, f"v:{json.dumps(entry)}"] = entry
    elif path == ("f:metadata", "f:ownerReferences") and isinstance(value, list):
        for entry in value:
            found[*path, "k:" + json.dumps({"uid": entry.get("uid")}, separators=(",", ":"))] = entry
    else:
        found[path] = value


def merge(live: JsonObject, applied: JsonObject) -> JsonObject:
    """The live object with the applied fields laid over it."""
    result = copy.deepcopy(live)
    for path, value in leaves(applied).items():
        _set(result, path, value)
    return result


def remove(obj: JsonObject, paths: Iterable[Path]) -> None:
    """Take fields out of an object, in place."""
    for path in paths:
        _unset(obj, path)


def _set(obj: JsonObject, path: Path, value: Any) -> None:  # noqa: ANN401 - a JSON value
    node: Any = obj
    for step, following in pairwise(path):
        child = node.get(step[2:])
        if not isinstance(child, dict if following[0] == "f" else list):
            child = node[step[2:]] = {} if following[0] == "f" else []
        node = child
    last = path[-1]
    if last[0] == "f":
        if value == {} and isinstance(node.get(last[2:]), dict):
            return  # an empty map claims the map, not what others keep in it
        node[last[2:]] = copy.deepcopy(value)
    elif last[0] == "v":
        if value not in node:
            node.append(value)
    else:
        uid = json.loads(last[2:])["uid"]
        node[:] = [entry for entry in node if entry.get("uid") != uid] + [copy.deepcopy(value)]


def _unset(obj: JsonObject, path: Path) -> None:
    trail: list[tuple[dict[str, Any], str]] = []
    node: Any = obj
    for step in path[:-1]:
        if not isinstance(node, dict) or step[2:] not in node:
            return
        trail.append((node, step[2:]))
        node = node[step[2:]]
    last = path[-1]
    if last[0] == "f" and isinstance(node, dict):
        if not isinstance(node.get(last[2:]), dict) or not node[last[2:]]:
            node.pop(last[2:], None)
    elif isinstance(node, list):
        key = json.loads(last[2:])
        node[:] = [entry for entry in node if (entry != key if last[0] == "v" else entry.get("uid") != key.get("uid"))]
    for parent, name in reversed(trail):
        if parent[name]:
            break
        del parent[name]


class Managers:
    """The ``managedFields`` of one object: per manager, operation and subresource the fields it owns."""

    def __init__(self, managed_fields: list[JsonObject]) -> None:
        self._owned: dict[tuple[str, str, str], set[Path]] = {}
        self._times: dict[tuple[str, str, str], str] = {}
        for entry in managed_fields:
            key = (entry["manager"], entry["operation"], entry.get("subresource", ""))
            self._owned[key] = set(_paths(entry.get("fieldsV1") or {}))
            self._times[key] = entry.get("time", "")

    def conflicts(self, manager: str, applied: dict[Path, Any], live: dict[Path, Any]) -> dict[str, list[Path]]:
        """Which other managers own applied fields with another value."""
        found: dict[str, list[Path]] = {}
        for (other, operation, _), owned in self._owned.items():
            if (other, operation) == (manager, "Apply"):
                continue
            for path in sorted(owned & applied.keys()):
                if path in live and live[path] != applied[path]:
                    found.setdefault(other, []).append(path)
        return found

    def apply(self, manager: str, subresource: str, applied: dict[Path, Any], live: dict[Path, Any]) -> set[Path]:
        """Record an apply; the fields that nobody owns any more, to be removed."""
        key = (manager, "Apply", subresource)
        before = self._owned.get(key, set())
        self._take({path for path, value in applied.items() if live.get(path, _ABSENT) != value}, key)
        self._owned[key] = set(applied)
        return {path for path in before - applied.keys() if not any(path in owned for owned in self._owned.values())}

    def update(self, manager: str, subresource: str, live: dict[Path, Any], new: dict[Path, Any]) -> None:
        """Record a create, replace or patch: what changed is the manager's now."""
        key = (manager, "Update", subresource)
        changed = {path for path, value in new.items() if live.get(path, _ABSENT) != value}
        self._take(changed | (live.keys() - new.keys()), key)
        if changed:
            self._owned.setdefault(key, set()).update(changed)

    def _take(self, paths: set[Path], key: tuple[str, str, str]) -> None:
        for other, owned in self._owned.items():
            if other != key:
                owned.difference_update(paths)
        if key in self._owned:
            self._owned[key] -= paths

    def to_json(self, api_version: str, now: str) -> list[JsonObject]:
        """The ``managedFields`` list; managers that own nothing are left out."""
        entries = []
        for (manager, operation, subresource), owned in self._owned.items():
            if not owned:
                continue
            entry: JsonObject = {
                "manager": manager,
                "operation": operation,
                "apiVersion": api_version,
                "time": self._times.get((manager, operation, subresource)) or now,
                "fieldsType": "FieldsV1",
                "fieldsV1": _tree(owned),
            }
            if subresource:
                entry["subresource"] = subresource
            entries.append(entry)
        return entries


_ABSENT: Final = object()


def _paths(tree: JsonObject, prefix: Path = ()) -> Iterable[Path]:
    for step, below in tree.items():
        if step == ".":
            continue
        inner = {key: value for key, value in below.items() if key != "."} if isinstance(below, dict) else {}
        if inner and step[0] != "k":
            yield from _paths(inner, (*prefix, step))
        else:
            yield (*prefix, step)


def _tree(paths: Iterable[Path]) -> JsonObject:
    tree: JsonObject = {}
    for path in sorted(paths):
        node = tree
        for step in path:
            node = node.setdefault(step, {})
    return tree


def dotted(path: Path) -> str:
    """A path as conflicts name it: ``.data.foo``."""
    return "".join(f".{step[2:]}" if step[0] == "f" else f"[{step[2:]}]" for step in path)
