"""The value part of recorded ExternalSecrets without a cluster: provider data and references in, bytes or an error out.

Which function serves which provider is what ``docs/values.md`` says; the tests over this module prove that page.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secretsync.api.enums import ConversionStrategy, DecodingStrategy, NullBytePolicy
from secretsync.api.rewrite import Rewrite
from secretsync.errors import PropertyNotFound, SecretNotFound, TemplateError
from secretsync.values import (
    conversion,
    decoding,
    go_json,
    go_regexp,
    members,
    null_bytes,
    property_path,
    rewriting,
    secret_keys,
)
from secretsync.values.go_json import NumberStyle
from secretsync.values.property_path import PropertyOrder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_VECTORS = Path(__file__).parents[1] / "conformance" / "vectors"


def cases(*areas: str) -> list[dict[str, Any]]:
    """The recorded cases of some areas."""
    return [case for area in areas for case in json.loads((_VECTORS / f"{area}.json").read_text(encoding="utf-8"))]


def all_cases() -> list[dict[str, Any]]:
    """The recorded cases of every area."""
    return cases(*sorted(path.stem for path in _VECTORS.glob("*.json") if path.stem != "template_functions"))


def is_about_values(case: dict[str, Any]) -> bool:
    """Whether the recorded outcome is decided by provider data, references and rewrites alone."""
    spec = case["externalsecret"]["spec"]
    expected = case["expected"]
    plain = not case.get("steps") and not case.get("optional") and not case.get("flaky") and "target" not in spec
    sources = all("sourceRef" not in entry for entry in [*spec.get("data", ()), *spec.get("dataFrom", ())])
    events = [event["message"] for event in expected.get("events", ())]
    refused_later = expected.get("rejected_by_schema") or any(text.startswith('Secret "') for text in events)
    return plain and sources and len(case["stores"]) == 1 and not refused_later and "conditions" in expected


def expected_data(case: dict[str, Any]) -> dict[str, bytes] | None:
    """The recorded target data; empty where nothing was written without an error, None for an error."""
    if any(condition["reason"] == "SecretSyncedError" for condition in case["expected"]["conditions"]):
        return None
    return {key: base64.b64decode(value) for key, value in (case["expected"].get("data") or {}).items()}


def values_of(case: dict[str, Any]) -> dict[str, bytes]:
    """What our functions make of the case.

    Raises:
        SecretSyncError: they refuse it.
    """
    (name, config), *_ = case["stores"][0]["spec"]["provider"].items()
    backend = _BACKENDS[name](config, case.get("provider_data") or {})
    spec = case["externalsecret"]["spec"]
    data: dict[str, bytes] = {}
    for entry in spec.get("dataFrom", ()):
        data |= _entry(backend, entry)
    for entry in spec.get("data", ()):
        ref = entry["remoteRef"]
        data |= _decoded({entry["secretKey"]: backend.value(ref)}, ref)
    return data


def _entry(backend: _Backend, entry: dict[str, Any]) -> dict[str, bytes]:
    ref = entry.get("extract") or entry["find"]
    fetched = backend.members(ref) if "extract" in entry else backend.find(ref)
    if "rewrite" in entry:
        operations = [Rewrite.model_validate(operation) for operation in entry["rewrite"]]
        fetched = rewriting.rewrite(operations, fetched, render)
    else:
        fetched = conversion.convert_keys(fetched, ConversionStrategy(ref.get("conversionStrategy", "Default")))
    return _decoded(secret_keys.check(fetched), ref)


def _decoded(values: Mapping[str, bytes], ref: dict[str, Any]) -> dict[str, bytes]:
    decoded = {
        key: decoding.decode(value, DecodingStrategy(ref.get("decodingStrategy", "None")))
        for key, value in values.items()
    }
    for key, value in decoded.items():
        null_bytes.check(key, value, NullBytePolicy(ref.get("nullBytePolicy", "Ignore")))
    return decoded


def render(template: str, data: Mapping[str, bytes]) -> bytes:
    """The templates of the recorded transforms, by hand: this room does not know the template engine."""
    value = data["value"].decode()
    try:
        return _TEMPLATES[template](value).encode()
    except KeyError:
        raise TemplateError("the template does not parse or execute") from None


_TEMPLATES: dict[str, Callable[[str], str]] = {
    "{{ .value | upper }}": str.upper,
    '{{ if hasPrefix "db_" .value }}{{ trimPrefix "db_" .value }}{{ else }}keep.{{ .value }}{{ end }}': (
        lambda value: value.removeprefix("db_") if value.startswith("db_") else f"keep.{value}"
    ),
    '{{ .value | replace "_" "-" | title }}': lambda value: value.replace("_", "-").title(),
}


class _Backend:
    """How one provider's values are read."""

    def __init__(self, config: dict[str, Any], data: dict[str, Any]) -> None:
        self.config = config
        self.data = data

    def value(self, ref: dict[str, Any]) -> bytes:
        raise NotImplementedError

    def members(self, ref: dict[str, Any]) -> dict[str, bytes]:
        return members.from_json_object(self.value(ref), numbers=NumberStyle.Raw)

    def find(self, ref: dict[str, Any]) -> dict[str, bytes]:
        raise NotImplementedError


class _Fake(_Backend):
    def value(self, ref: dict[str, Any]) -> bytes:
        for entry in self.config["data"]:
            if (entry["key"], entry.get("version", "")) == (ref["key"], ref.get("version", "")):
                return _selected(entry["value"].encode(), ref, PropertyOrder.PathOnly)
        raise SecretNotFound("no such key")

    def find(self, ref: dict[str, Any]) -> dict[str, bytes]:
        pattern = go_regexp.compile(ref["name"]["regexp"])
        found = {entry["key"]: entry["value"].encode() for entry in self.config["data"]}
        return {key: value for key, value in found.items() if pattern.search(key)}


class _Aws(_Backend):
    def value(self, ref: dict[str, Any]) -> bytes:
        for entry in [*self.data["aws"].get("secretsmanager", ()), *self.data["aws"].get("parameterstore", ())]:
            if entry["name"] == ref["key"]:
                binary = entry.get("binary_b64")
                value = base64.b64decode(binary) if binary else entry["value"].encode()
                return _selected(value, ref, PropertyOrder.ExactFirst)
        raise SecretNotFound("no such secret")


class _Vault(_Backend):
    def value(self, ref: dict[str, Any]) -> bytes:
        kept = self.data.get("vault", {}).get("secrets", {}).get(ref["key"])
        if kept is None:
            raise SecretNotFound("no such secret")
        # The backend keeps doubles and answers in the notation of encoding/json.
        answer = go_json.remarshal(json.dumps(kept).encode(), numbers=NumberStyle.Float64)
        data = go_json.loads_object(answer, numbers=NumberStyle.Raw)
        if not ref.get("property"):
            return go_json.dumps(data)
        return _present(property_path.select_decoded(data, ref["property"]))

    def members(self, ref: dict[str, Any]) -> dict[str, bytes]:
        return members.from_json_object(self.value(ref), numbers=NumberStyle.Float64)


class _Kubernetes(_Backend):
    def _data(self, ref: dict[str, Any]) -> dict[str, bytes]:
        for secret in self.data["kubernetes"]:
            if secret["kind"] == "Secret" and secret["metadata"]["name"] == ref["key"]:
                return {key: base64.b64decode(value) for key, value in secret["data"].items()}
        raise SecretNotFound("no such secret")

    def value(self, ref: dict[str, Any]) -> bytes:
        data = self._data(ref)
        if not ref.get("property"):
            return go_json.dumps(data, escape_html=False)
        return _present(property_path.select_entry(data, ref["property"]))

    def members(self, ref: dict[str, Any]) -> dict[str, bytes]:
        return self._data(ref)


def _selected(value: bytes, ref: dict[str, Any], order: PropertyOrder) -> bytes:
    return _present(property_path.select(value, ref["property"], order=order)) if ref.get("property") else value


def _present(value: bytes | None) -> bytes:
    if value is None:
        raise PropertyNotFound("no such property")
    return value


_BACKENDS: dict[str, Callable[[dict[str, Any], dict[str, Any]], _Backend]] = {
    "fake": _Fake,
    "aws": _Aws,
    "vault": _Vault,
    "kubernetes": _Kubernetes,
}
