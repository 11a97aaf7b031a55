"""Kubernetes objects as Pulumi's typed resources write them."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

import grpc

from local.pulumi.kubernetes.api import JsonObject, Reference
from local.pulumi.plugin_errors import PluginError
from local.pulumi.wire import UNKNOWN, PropertyMap, PropertyValue, Secret, mark_like, plain, secret

ANNOTATIONS: Final = "pulumi.com/"
FIELD_MANAGER: Final = "__fieldManager"
INITIAL_API_VERSION: Final = "__initialApiVersion"
SECRET_FIELDS: Final = ("data", "stringData")
_LIVE_METADATA: Final = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_SDK_TO_API: Final = {"_ref": "$ref", "_schema": "$schema"}
_API_TO_SDK: Final = {api: sdk for sdk, api in _SDK_TO_API.items()}


def annotation(obj: PropertyMap, name: str) -> str | None:
    """A `pulumi.com/` annotation of an object."""
    metadata = plain(obj.get("metadata"))
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    value = annotations.get(ANNOTATIONS + name) if isinstance(annotations, dict) else None
    return value if isinstance(value, str) else None


def api_kind(obj: PropertyMap) -> tuple[str, str]:
    """An object's apiVersion and kind."""
    api_version, kind = plain(obj.get("apiVersion")), plain(obj.get("kind"))
    if not isinstance(api_version, str) or not isinstance(kind, str):
        raise PluginError(
            "the resource has no apiVersion and kind that are known before it is made", grpc.StatusCode.INVALID_ARGUMENT
        )
    return api_version, kind


def reference(obj: PropertyMap, name: str = "") -> Reference:
    """What names an object, or its collection without a name."""
    api_version, kind = api_kind(obj)
    metadata = plain(obj.get("metadata")) or {}
    return Reference(api_version, kind, metadata.get("namespace") or "", name)


def is_secret(obj: PropertyMap) -> bool:
    """Whether the object is a core Secret, whose data are secret whatever the program said."""
    return (plain(obj.get("apiVersion")), plain(obj.get("kind"))) == ("v1", "Secret")


def mark_secret_data(obj: PropertyMap) -> PropertyMap:
    """The object with a Secret's data marked."""
    if not is_secret(obj):
        return obj
    return {key: secret(value) if key in SECRET_FIELDS else value for key, value in obj.items()}


def comparable(obj: PropertyMap) -> PropertyMap:
    """The object as the API server would store its data: a Secret's stringData inside data."""
    if not is_secret(obj) or obj.get("stringData") is None:
        return obj
    text, data = plain(obj["stringData"]), plain(obj.get("data"))
    if text is UNKNOWN or data is UNKNOWN:
        return obj
    merged = dict(data or {})
    for key, value in text.items():
        merged[key] = value if value is UNKNOWN else base64.b64encode(str(value).encode()).decode()
    return {**{key: value for key, value in obj.items() if key != "stringData"}, "data": Secret(merged)}


def _rename_key(key: str, *, to_api: bool) -> str:
    if to_api:
        return key.replace("_", "-") if key.startswith("x_kubernetes_") else _SDK_TO_API.get(key, key)
    return key.replace("-", "_") if key.startswith("x-kubernetes-") else _API_TO_SDK.get(key, key)


def _spell(value: PropertyValue, *, to_api: bool) -> PropertyValue:
    if isinstance(value, Secret):
        return Secret(_spell(value.value, to_api=to_api))
    if isinstance(value, list):
        return [_spell(item, to_api=to_api) for item in value]
    if isinstance(value, dict):
        return {_rename_key(key, to_api=to_api): _spell(item, to_api=to_api) for key, item in value.items()}
    return value


def to_api(obj: PropertyMap) -> JsonObject:
    """An object for the API server: without marks, and with the keys of JSON schemas as the API spells them."""
    spelled: JsonObject = _spell(plain(obj), to_api=True)
    return spelled


def from_api(obj: JsonObject) -> PropertyMap:
    """An object of the API server as the SDK spells its keys."""
    spelled: PropertyMap = _spell(obj, to_api=False)
    return spelled


def field_manager(urn: str, news: PropertyMap, old_outputs: PropertyMap | None = None) -> str:
    """Who owns the fields: the annotation, the manager of the last operation, or a new one."""
    stored = plain((old_outputs or {}).get(FIELD_MANAGER))
    if named := annotation(news, "patchFieldManager"):
        return named
    return stored if isinstance(stored, str) else "pulumi-kubernetes-" + hashlib.sha256(urn.encode()).hexdigest()[:8]


def outputs(live: JsonObject, inputs: PropertyMap, manager: str) -> PropertyMap:
    """What to record of a live object: its fields, the program's secret marks, and what later operations need."""
    spelled, marks = from_api(live), from_api(inputs)
    if "stringData" in marks and "data" not in marks:
        marks = {**marks, "data": marks["stringData"]}
    metadata = dict(spelled.get("metadata") or {})
    metadata.pop("managedFields", None)
    if metadata.get("annotations"):
        # kubectl's copy of the object would hold a Secret's data in clear text.
        metadata["annotations"] = {key: text for key, text in metadata["annotations"].items() if key != _LAST_APPLIED}
    spelled["metadata"] = metadata
    marked = mark_secret_data(mark_like(spelled, marks))
    return {**marked, FIELD_MANAGER: manager, INITIAL_API_VERSION: plain(inputs.get("apiVersion"))}


def foretold(answer: JsonObject, inputs: PropertyMap) -> PropertyMap:
    """Outputs for a preview, from a dry run: without what only a real object has."""
    spelled = from_api(answer)
    spelled.pop("status", None)
    spelled["metadata"] = {
        key: value for key, value in (spelled.get("metadata") or {}).items() if key not in _LIVE_METADATA
    }
    marked: PropertyMap = mark_secret_data(mark_like(spelled, from_api(inputs)))
    return marked


def imported_inputs(live: JsonObject) -> PropertyMap:
    """Inputs of an object that no program has described yet."""
    spelled = {key: value for key, value in from_api(live).items() if key != "status"}
    metadata = spelled.get("metadata") or {}
    spelled["metadata"] = {key: value for key, value in metadata.items() if key not in _LIVE_METADATA}
    return mark_secret_data(spelled)


def qualified_name(obj: PropertyMap) -> str:
    """`namespace/name`, or the name alone; the resource's id."""
    metadata = plain(obj["metadata"])
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])
