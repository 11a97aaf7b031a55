"""What everybody may read holds no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pulumi_policy import Severity

from policies import parameters
from policies.charts import CHARTS
from policies.declared import OBJECTS, SYNCED, wires
from policies.inputs import at, text_at, texts
from policies.pods import containers
from policies.rule import Resource, resource_rule
from policies.secret_shapes import shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from secretsync.api import JsonObject

_IGNORED = parameters.names(
    "ignored", [], "Places that only look so, as <logical name>:<path>, each as a message names it."
)
_FIELDS: Final[Mapping[str, str]] = {
    "kubernetes:core/v1:ConfigMap": "data",
    OBJECTS: "spec",
    "kubernetes:generators.external-secrets.io/": "spec",
    **dict.fromkeys(CHARTS, "values"),
}
"""Beginnings of type tokens, and the input that is open to all who may read the object."""
_CLUSTER: Final = "kubernetes:"
_ANYWHERE: Final = ("description", "tags", "insecureValue", "policy", "assumeRolePolicy")


def _check(resource: Resource) -> Iterator[str]:
    ignored = set(_IGNORED.of(resource.config))
    for path, text in _open_texts(resource):
        found = shape(text)
        if found and f"{resource.name}:{path}" not in ignored:
            yield (
                f"{path} looks like {found}, and everybody who may read this resource reads it; "
                f'keep it in the backend and sync it, or add "{resource.name}:{path}" to this rule\'s ignored'
            )


def _open_texts(resource: Resource) -> Iterator[tuple[str, str]]:
    """Texts at places that others may read too, whether or not the program marks them as secret."""
    if resource.type.startswith(SYNCED):
        for wire in wires(resource):
            yield from texts(wire.get("spec"), f"{_name(wire)}.spec")
        return
    if not resource.type.startswith(_CLUSTER):
        for name in _ANYWHERE:
            yield from _texts(resource, name)
        return
    for field in ("annotations", "labels"):
        yield from _texts(resource, "metadata", field)
    for beginning, field in _FIELDS.items():
        if resource.type.startswith(beginning):
            yield from _texts(resource, field)
    for container in containers(resource):
        for field in ("args", "command", "env"):
            yield from texts(container.fields.get(field), f"{container.place}.{field}")


def _name(wire: JsonObject) -> str:
    """``namespace/name`` of a declaration."""
    return "/".join(text_at(wire, "metadata", key) for key in ("namespace", "name"))


def _texts(resource: Resource, *path: str) -> Iterator[tuple[str, str]]:
    value: Any = at(resource.inputs, *path)
    yield from texts(value, ".".join(path))


POLICY = resource_rule(
    "no-plain-secrets",
    "ConfigMaps, pod environments, chart values, declarations, tags and documents hold nothing like a secret.",
    _check,
    types=(_CLUSTER, SYNCED, "aws:", "vault:index/policy:"),
    severity=Severity.CRITICAL,
    fix="Put the value into the backend and let an ExternalSecret bring it; change a value that was public once.",
    parameters=(_IGNORED,),
)
"""The rule."""
