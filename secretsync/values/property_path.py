"""``remoteRef.property``: one part of a fetched value, by the rules of each kind of provider (ESO v2.9.0).

Where a member's name has a dot in it, ``a.b`` may mean that member or a path; providers differ in what they try first.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from secretsync.values import gjson, go_json, members

if TYPE_CHECKING:
    from collections.abc import Mapping


class PropertyOrder(StrEnum):
    """What a property means first.

    ``PathOnly``: a path (fake). ``ExactFirst``: with every dot taken as part of a name, then a path (aws).
    ``PathFirst``: the other way round (azure).
    """

    PathOnly = "PathOnly"
    ExactFirst = "ExactFirst"
    PathFirst = "PathFirst"


def select(document: bytes, property_: str, *, order: PropertyOrder) -> bytes | None:
    """The property of a value kept as text by its backend: arrays, objects and integers as they are written there.

    Args:
        document: the value; not necessarily JSON.
        property_: a gjson path.
        order: what the property means first.

    Returns:
        The property's value, None if there is none. A ``null`` is empty.

    Raises:
        RemoteRefError: the path takes more work than is allowed.
    """
    candidates = [property_]
    if order is not PropertyOrder.PathOnly and "." in property_:
        candidates.insert(0 if order is PropertyOrder.ExactFirst else 1, property_.replace(".", "\\."))
    for candidate in candidates:
        result = gjson.get(document, candidate)
        if result.exists:
            return result.string
    return None


def select_decoded(data: Mapping[str, Any], property_: str) -> bytes | None:
    """The property of a secret that its backend holds as an object (vault).

    A member of exactly this name counts first. Otherwise the property is a path over the object as ``json.Marshal``
    writes it, so that arrays and objects come out sorted and with ``<``, ``>`` and ``&`` escaped.

    Args:
        data: the object, with its numbers as `go_json.Number` (`go_json.loads` with ``Raw``).
        property_: a member's name or a gjson path.

    Returns:
        The property's value, None if there is none. A ``null`` is empty.

    Raises:
        RemoteRefError: the path takes more work than is allowed.
    """
    if property_ in data:
        return members.value_bytes(data[property_])
    result = gjson.get(go_json.dumps(data), property_)
    return result.string if result.exists else None


def select_entry(values: Mapping[str, bytes], property_: str) -> bytes | None:
    """The property of a secret that its backend holds as names and bytes (kubernetes).

    An entry of exactly this name counts first. Otherwise the text up to the first dot names an entry, and the rest is a
    gjson path into it.

    Returns:
        The property's value, None if there is none.

    Raises:
        RemoteRefError: the path takes more work than is allowed.
    """
    if property_ in values:
        return values[property_]
    name, _, path = property_.partition(".")
    if not path or name not in values:
        return None
    result = gjson.get(values[name], path)
    return result.string if result.exists else None
