"""Reading every secret of a Region is an exception with an end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pulumi_policy import Severity

from policies import parameters
from policies.iam_documents import IDENTITY, IDENTITY_TYPES, statements
from policies.rule import Resource, resource_rule
from policies.secret_access import READS, is_everything, name_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXCEPTIONS: parameters.Parameter[list[dict[str, Any]]] = parameters.Parameter(
    "exceptions",
    [],
    {
        "type": "array",
        "description": "Policies (logical names) that may read a Region's secrets, each until a date, with the reason.",
        "items": {
            "type": "object",
            "properties": {
                "resource": {"type": "string", "minLength": 1},
                "until": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
                "reason": {"type": "string", "minLength": 1},
            },
            "required": ["resource", "until", "reason"],
            "additionalProperties": False,
        },
        "default": [],
    },
)
_LONGEST = parameters.number("longestDays", 90, "Days that an exception may last from today.")
_TODAY = parameters.text("today", "", "The date to judge by, YYYY-MM-DD; empty means the clock's, in UTC.")


def _check(resource: Resource) -> Iterator[str]:
    for statement in statements(resource, IDENTITY):
        if not statement.granted(READS):
            continue
        for pattern in statement.resources:
            name = name_pattern(pattern)
            problem = _exception_problem(resource) if name is not None and is_everything(name) else ""
            if problem:
                yield f"{statement.place} reads every secret under {pattern}: {problem}"


def _exception_problem(resource: Resource) -> str:
    """Why no exception covers the resource; empty if one does."""
    text = _TODAY.of(resource.config)
    today = _date(text) if text else datetime.now(UTC).date()
    if today is None:
        return "this rule's today is no date; write it as YYYY-MM-DD"
    found = [each for each in _EXCEPTIONS.of(resource.config) if each["resource"] == resource.name]
    if not found:
        return (
            "name the secrets, or add to this rule's exceptions "
            f'{{"resource": "{resource.name}", "until": "{today + timedelta(days=30)}", "reason": "…"}}'
        )
    ends = [_date(each["until"]) for each in found]
    if None in ends:
        return "its exception's until is no date; write it as YYYY-MM-DD"
    end = max(each for each in ends if each is not None)
    if end < today:
        return f"its exception ended on {end}; name the secrets, or decide anew and date it later"
    longest = timedelta(days=_LONGEST.of(resource.config))
    if end - today > longest:
        return f"its exception lasts until {end}; an exception may last {longest.days} days, to {today + longest}"
    return ""


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


POLICY = resource_rule(
    "region-wide-reads-dated",
    "Reading every secret of a Region needs an exception with an end; an expired one is a violation.",
    _check,
    types=IDENTITY_TYPES,
    severity=Severity.HIGH,
    fix="Name the secrets, or write a dated exception into the policy configuration of the environment.",
    parameters=(_EXCEPTIONS, _LONGEST, _TODAY),
)
"""The rule."""
