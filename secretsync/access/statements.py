"""IAM statements, the documents made of them, and how many documents the size limit of managed policies makes of those.

Sources: the grammar of IAM policies; "IAM and AWS STS quotas": a managed policy holds 6,144 characters, white space not
counted, and a role has 10 managed policies, 20 on request.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from secretsync.access.refusals import AccessRefused, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MANAGED_POLICY_LIMIT: Final = 6144
"""Characters of a managed policy, white space not counted."""
POLICIES_PER_ROLE: Final = 10
"""Managed policies that a role has without a raised quota."""
MOST_POLICIES_PER_ROLE: Final = 20
"""Managed policies that a role can have at all."""

VERSION: Final = "2012-10-17"
_SPLITTABLE: Final = frozenset({"StringEquals", "StringLike", "StringEqualsIgnoreCase", "ArnEquals", "ArnLike"})
"""Operators that any one of their values fulfils: values may be given in several statements instead of in one."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of an identity-based policy.

    Attributes:
        sid: its name: letters and digits, unique in its document.
        actions: IAM actions, sorted.
        resources: ARNs or patterns of them, sorted.
        conditions: operator → condition key → values.
        reasons: who needs it, sorted.
        effect: ``Allow`` or ``Deny``.
        why: for each resource, or value of a condition where that is what narrows, who needs it; may be empty.
    """

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    effect: str = "Allow"
    why: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The statement as IAM writes it."""
        written: dict[str, Any] = {
            "Sid": self.sid,
            "Effect": self.effect,
            "Action": _one_or_list(self.actions),
            "Resource": _one_or_list(self.resources),
        }
        if self.conditions:
            written["Condition"] = {
                operator: {key: _one_or_list(values) for key, values in sorted(keys.items())}
                for operator, keys in sorted(self.conditions.items())
            }
        return written


def _one_or_list(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def document(statements: Iterable[Statement]) -> str:
    """The policy document: JSON, indented, in the order of the statements."""
    return json.dumps({"Version": VERSION, "Statement": [each.to_json() for each in statements]}, indent=2)


def size(statements: Iterable[Statement]) -> int:
    """What the document counts towards the limit; spaces inside texts are counted too."""
    return len(_compact({"Version": VERSION, "Statement": [each.to_json() for each in statements]}))


def split(statements: Sequence[Statement], limit: int = MANAGED_POLICY_LIMIT) -> tuple[tuple[Statement, ...], ...]:
    """The statements in as many documents as the limit asks for; together they grant what one would.

    A statement that does not fit is continued in the next document with the rest of its resources, or with the rest of
    the values of its longest condition: both are alternatives of each other.

    Args:
        statements: of one identity, in order.
        limit: most characters of one document, as `size` counts.

    Raises:
        AccessRefused: a statement cannot be made small enough.
    """
    documents: list[tuple[Statement, ...]] = []
    current: list[Statement] = []
    rest = list(reversed(statements))
    while rest:
        statement = rest.pop()
        if size([*current, statement]) <= limit:
            current.append(statement)
            continue
        pieces = _divided(statement, limit, current)
        if pieces is not None:
            current.append(pieces[0])
            rest.append(pieces[1])
        elif current:
            rest.append(statement)
        else:
            raise AccessRefused(
                [
                    Refusal(
                        f"statement {statement.sid}",
                        f"alone exceeds the {limit} characters of a managed policy",
                        "shorten its conditions, or grant it by hand",
                    )
                ]
            )
        if rest:
            documents.append(tuple(current))
            current = []
    if current:
        documents.append(tuple(current))
    return tuple(documents)


def _divided(statement: Statement, limit: int, before: Sequence[Statement]) -> tuple[Statement, Statement] | None:
    """The statement with as many of its items as fit behind `before`, and with the rest; None where none fit."""
    longest = _longest_condition(statement)

    def with_items(items: tuple[str, ...]) -> Statement:
        why = {item: statement.why[item] for item in items if item in statement.why}
        reasons = tuple(sorted({reason for each in why.values() for reason in each})) or statement.reasons
        if longest is None:
            return replace(statement, resources=items, why=why, reasons=reasons)
        operator, key = longest
        conditions = {**statement.conditions, operator: {**statement.conditions[operator], key: items}}
        return replace(statement, conditions=conditions, why=why, reasons=reasons)

    items = statement.resources if longest is None else statement.conditions[longest[0]][longest[1]]
    room = limit - size([*before, with_items(())])
    taken = _fitting(items, room)
    if not 0 < taken < len(items):
        return None
    return with_items(items[:taken]), with_items(items[taken:])


def _longest_condition(statement: Statement) -> tuple[str, str] | None:
    """Operator and key of the condition with the most text in it; None where the resources are what can be divided."""
    if len(statement.resources) > 1:
        return None
    lists = [
        (len(_compact(values)), operator, key)
        for operator, keys in statement.conditions.items()
        if operator in _SPLITTABLE
        for key, values in keys.items()
        if len(values) > 1
    ]
    return max(lists)[1:] if lists else None


def _fitting(items: Sequence[str], room: int) -> int:
    """How many of the items, from the first on, `room` more characters in a JSON list can hold."""
    used = -len(",")
    for index, item in enumerate(items):
        used += len(_compact(item)) + len(",")
        if used > room:
            return index
    return len(items)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
