"""What the API server does with an object before it is stored, as far as the in-memory cluster needs it."""

from __future__ import annotations

import base64
import binascii
import copy
from typing import TYPE_CHECKING, Any, Final

from secretsync.errors import ClusterRefused
from secretsync.kube.failures import place_of

if TYPE_CHECKING:
    from secretsync.api import JsonObject
    from secretsync.kube.resources import Resource

_LARGEST_SECRET: Final = 1_048_576


def complete(resource: Resource, obj: JsonObject) -> None:
    """What the API server adds to a Secret: its type, and `stringData` moved into `data`."""
    if resource.kind != "Secret":
        return
    texts = obj.pop("stringData", None) or {}
    if texts:
        obj["data"] = {
            **(obj.get("data") or {}),
            **{key: base64.b64encode(text.encode()).decode() for key, text in texts.items()},
        }
    obj.setdefault("type", "Opaque")


def check(resource: Resource, live: JsonObject | None, new: JsonObject) -> None:
    """The API server's rules for Secrets: base64, size, immutable data, unchangeable type.

    Raises:
        ClusterRefused: a rule is broken.
    """
    if resource.kind != "Secret":
        return
    place = place_of(resource, new["metadata"].get("namespace"), str(new["metadata"].get("name") or ""))
    size = 0
    for key, value in (new.get("data") or {}).items():
        try:
            size += len(base64.b64decode(value, validate=True))
        except (binascii.Error, ValueError, TypeError):
            raise _invalid(place, f"data[{key}]", 400) from None
    if size > _LARGEST_SECRET:
        raise _invalid(place, "data", 422)
    if live is None:
        return
    if live.get("type") != new.get("type"):
        raise _invalid(place, "type", 422)
    if live.get("immutable") and (live.get("data") != new.get("data") or not new.get("immutable")):
        raise _invalid(place, "data" if new.get("immutable") else "immutable", 422)


def _invalid(place: str, field: str, status: int) -> ClusterRefused:
    return ClusterRefused(
        f"the API server refuses it: {field} (FieldValueInvalid)",
        place=place,
        remedy="correct the object",
        status=status,
        reason="Invalid",
    )


def merge_patched(target: Any, patch: Any) -> Any:  # noqa: ANN401 - JSON values
    """The target after a JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = copy.deepcopy(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patched(result.get(key), value)
    return result


def without_management(obj: JsonObject) -> JsonObject:
    """The object without what changes at every write."""
    hidden = {"managedFields", "resourceVersion", "generation"}
    return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key not in hidden}}


def intent(obj: JsonObject) -> JsonObject:
    """What a generation counts: everything but metadata and status."""
    return {key: value for key, value in obj.items() if key not in {"metadata", "status"}}
