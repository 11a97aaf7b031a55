"""What everybody may read holds no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pulumi_policy import Severity

from policies import parameters
from policies.charts import CHARTS
from policies.declared import OBJECTS
from policies.inputs import at, texts
from policies.pods import WORKLOADS, containers
from policies.rule import Resource, resource_rule
from policies.secret_shapes import shape

if TYPE_CHECKING:
    from collections.abc import Iterator

_IGNORED = parameters.names(
    "ignored", [], "Places that only look so, as <logical name>:<path>, each as a message names it."
)
_CONFIG_MAP: Final = "kubernetes:core/v1:ConfigMap"
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
    """Texts at places that are never secret: those of Secrets and of what is marked secret are not looked at."""
    if not resource.type.startswith(_CLUSTER):
        for name in _ANYWHERE:
            yield from _texts(resource, name)
        return
    for field in ("annotations", "labels"):
        yield from _texts(resource, "metadata", field)
    if resource.type == _CONFIG_MAP:
        yield from _texts(resource, "data")
    elif resource.type.startswith(OBJECTS):
        yield from _texts(resource, "spec")
    elif resource.type in CHARTS:
        yield from _texts(resource, "values")
    elif resource.type in WORKLOADS:
        for container in containers(resource):
            for field in ("args", "command", "env"):
                yield from texts(container.fields.get(field), f"{container.place}.{field}")


def _texts(resource: Resource, *path: str) -> Iterator[tuple[str, str]]:
    value: Any = at(resource.inputs, *path)
    yield from texts(value, ".".join(path))


POLICY = resource_rule(
    "no-plain-secrets",
    "ConfigMaps, pod environments, chart values, declarations, tags and documents hold nothing like a secret.",
    _check,
    types=(_CLUSTER, "aws:", "vault:index/policy:"),
    severity=Severity.CRITICAL,
    fix="Put the value into the backend and let an ExternalSecret bring it; change a value that was public once.",
    parameters=(_IGNORED,),
)
"""The rule."""
