"""Structural schemas (OpenAPI v3 as CRDs want it) out of the models' JSON schemas.

Structural means: every field has one type, references are written out, and nothing but validation stands in logical
combinations (Kubernetes, "Specifying a structural schema").
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from pydantic.json_schema import models_json_schema

from secretsync.api import shape
from secretsync.api.crd import descriptions
from secretsync.api.crd.extras import DEFAULTS, EXACTLY_ONE, RULES
from secretsync.api.kinds import KINDS
from secretsync.api.metadata import LabelSelector
from secretsync.api.references import CAProvider, SecretKeySelector, ServiceAccountSelector
from secretsync.api.stores.provider import SecretStoreProvider

if TYPE_CHECKING:
    from secretsync.api.base import JsonObject, Model

_KEPT: Final = (
    "type",
    "format",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "x-kubernetes-int-or-string",
)
_ANYTHING: Final = {"x-kubernetes-preserve-unknown-fields": True}
_RAW: Final = {"type": "object", **_ANYTHING}


_SELECTORS: Final = frozenset({SecretKeySelector, ServiceAccountSelector, CAProvider, LabelSelector})
"""Models that come up dozens of times; only the field that refers to them is described."""


@cache
def of(model: type[Model], *, described: bool = True) -> JsonObject:
    """The structural schema of a model, with defaults and rules, and with descriptions where they are wanted.

    The parts of the result are shared between calls: read only.
    """
    described = described and model not in _SELECTORS
    schema = _definitions()[model.__name__]
    known = shape.fields(model)
    words = descriptions.of_fields(model) if described else {}
    names = {field.alias or name: name for name, field in model.model_fields.items()}
    properties = {}
    for field, raw in schema.get("properties", {}).items():
        converted = _convert(raw, known[field], described=described)
        if text := words.get(names[field]):
            converted = {"description": text, **converted}
        if field in DEFAULTS.get(model, {}):
            converted["default"] = DEFAULTS[model][field]
        properties[field] = converted
    result: JsonObject = {"type": "object", "properties": properties}
    if required := [field for field in schema.get("required", ()) if field not in DEFAULTS.get(model, {})]:
        result["required"] = required
    if model in EXACTLY_ONE:
        result |= {"minProperties": 1, "maxProperties": 1}
    if model in RULES:
        result["x-kubernetes-validations"] = RULES[model]
    return result


@cache
def _definitions() -> dict[str, JsonObject]:
    roots = dict.fromkeys(KINDS.values())
    _, schema = models_json_schema([(root, "validation") for root in roots], by_alias=True)
    definitions: dict[str, JsonObject] = schema["$defs"]
    return definitions


def _convert(raw: JsonObject, at: shape.Shape, *, described: bool) -> JsonObject:
    raw = _resolve(raw)
    if at.model is not None:
        return of(at.model, described=described)
    if at.items is not None:
        return {"type": "array", "items": _convert(raw["items"], at.items, described=described)}
    if at.values is not None:
        values = _convert(raw["additionalProperties"], at.values, described=described)
        return {"type": "object", "additionalProperties": values}
    if raw.get("type") == "object":
        return dict(_RAW)
    kept: JsonObject = {key: raw[key] for key in _KEPT if key in raw}
    if "const" in raw:
        kept["enum"] = [raw["const"]]
    return kept or dict(_ANYTHING)


def _resolve(raw: JsonObject) -> JsonObject:
    while True:
        if "$ref" in raw:
            raw = _definitions()[raw["$ref"].rpartition("/")[2]]
        elif "anyOf" in raw:
            (raw,) = [option for option in raw["anyOf"] if option.get("type") != "null"]
        else:
            return raw


def raw_providers() -> tuple[str, ...]:
    """The JSON names of the providers whose configuration is kept as it is."""
    return tuple(name for name, below in shape.fields(SecretStoreProvider).items() if below.model is None)
