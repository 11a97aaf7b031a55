"""What AWS bills and audits can be told apart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pulumi_policy import Severity

from policies import parameters
from policies.inputs import UNKNOWN, at
from policies.rule import Resource, resource_rule
from policies.taggable import TAGGABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAGS = parameters.names("tags", [], "Tag keys that every taggable AWS resource carries.")


def _check(resource: Resource) -> Iterator[str]:
    if resource.type not in TAGGABLE and at(resource.inputs, "tags") is None:
        return
    given = [at(resource.inputs, "tags"), at(resource.inputs, "tagsAll")]
    if resource.provider is not None:
        given.append(at(_read(resource.provider.inputs.get("defaultTags")), "tags"))
    if UNKNOWN in given:
        return
    present = {key for tags in given if isinstance(tags, dict) for key, value in tags.items() if value != ""}
    missing = [key for key in _TAGS.of(resource.config) if key not in present]
    if missing:
        example = ", ".join(f'"{key}": "…"' for key in missing)
        yield f"it has no tag {', '.join(missing)}; write tags={{{example}}}, or default_tags on the aws provider"


def _read(value: Any) -> Any:  # noqa: ANN401 - JSON
    """An argument of a provider: the SDK writes objects as JSON text."""
    if not isinstance(value, str) or value == UNKNOWN:
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


POLICY = resource_rule(
    "mandatory-tags",
    "Every AWS resource that can be tagged carries the tags that are asked.",
    _check,
    types=("aws:",),
    severity=Severity.LOW,
    fix="Put the tags into default_tags of the provider, once for all resources.",
    parameters=(_TAGS,),
)
"""The rule."""
