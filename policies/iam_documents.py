"""IAM policy documents, read into typed statements.

Sources: the grammar of the IAM JSON policy language (AWS IAM User Guide): names of elements and actions ignore case,
``*`` and ``?`` are wildcards, every list of one may be written as its member.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from policies.inputs import UNKNOWN, at, items_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from policies.rule import Resource

IDENTITY: Final[Mapping[str, str]] = {
    "aws:iam/policy:Policy": "policy",
    "aws:iam/rolePolicy:RolePolicy": "policy",
    "aws:iam/userPolicy:UserPolicy": "policy",
    "aws:iam/groupPolicy:GroupPolicy": "policy",
}
"""Types whose document says what a principal may do, and the input that holds it; a Role has inline ones too."""
TRUST: Final[Mapping[str, str]] = {"aws:iam/role:Role": "assumeRolePolicy"}
"""Types whose document says who may take on a role."""
RESOURCE: Final[Mapping[str, str]] = {
    "aws:secretsmanager/secretPolicy:SecretPolicy": "policy",
    "aws:secretsmanager/secret:Secret": "policy",
    "aws:kms/key:Key": "policy",
    "aws:kms/keyPolicy:KeyPolicy": "policy",
}
"""Types whose document says who may use the resource that it is attached to."""
IDENTITY_TYPES: Final = (*IDENTITY, "aws:iam/role:Role")


class DocumentUnreadable(Exception):
    """A text is no IAM policy document; the message says why, without repeating it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: `operator` ``StringEquals``, `key` ``aws:SourceAccount``, and the values one of which must fit."""

    operator: str
    key: str
    values: tuple[str, ...]

    @property
    def pins(self) -> bool:
        """Whether it holds only where the key is there and equal to a value without a wildcard."""
        exact = self.operator.rpartition(":")[2].lower() in {"stringequals", "arnequals", "arnlike", "stringlike"}
        return exact and bool(self.values) and not any(wildcard(value) for value in self.values)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a statement of a trust or resource policy is about: `kind` ``AWS``, ``Service``, ``Federated`` or ``*``."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    Attributes:
        place: how messages call it, ``statement 2 (ReadSecrets)``.
        allows: whether its effect is Allow.
        actions: patterns of actions; empty with `not_actions`.
        not_actions: patterns of the actions it is not about.
        resources: patterns of resources; empty with `not_resources`.
        not_resources: patterns of the resources it is not about.
        principals: who it is about, in trust and resource policies.
        not_principals: whether it is about everybody but somebody.
        conditions: all of which must hold.
    """

    place: str
    allows: bool
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    principals: tuple[Principal, ...] = ()
    not_principals: bool = False
    conditions: tuple[Condition, ...] = ()

    def granted(self, actions: Iterable[str]) -> list[str]:
        """Those of `actions` that it is about."""
        if self.not_actions:
            return [action for action in actions if not any(matches(each, action) for each in self.not_actions)]
        return [action for action in actions if any(matches(each, action) for each in self.actions)]

    def conditions_on(self, key: str) -> list[Condition]:
        """The conditions on a key; keys ignore case. Conditions that are not known yet may be on it, and pin it."""
        return self._conditions(lambda found: found == key.lower(), key)

    def conditions_ending(self, end: str) -> list[Condition]:
        """The conditions on keys with an end, such as ``:sub``; see `conditions_on`."""
        return self._conditions(lambda found: found.endswith(end.lower()), end)

    def _conditions(self, fits: Callable[[str], bool], key: str) -> list[Condition]:
        return [
            Condition("StringEquals", key, (UNKNOWN,)) if condition.key == UNKNOWN else condition
            for condition in self.conditions
            if condition.key == UNKNOWN or fits(condition.key.lower())
        ]


def wildcard(text: str) -> bool:
    """Whether a text has a wildcard."""
    return "*" in text or "?" in text


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern with ``*`` and ``?`` fits a text, whatever their case."""
    return _compiled(pattern.lower()).fullmatch(text.lower()) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    escaped = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(escaped, re.DOTALL)


def parse(document: object) -> tuple[Statement, ...]:
    """The statements of a document.

    Args:
        document: JSON text or the object itself. What is not known yet in it is left out.

    Raises:
        DocumentUnreadable: it is neither, or has no statements.
    """
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except (ValueError, RecursionError):
            raise DocumentUnreadable("is not JSON") from None
    if not isinstance(document, dict):
        raise DocumentUnreadable("is not a JSON object")
    found = _element(document, "Statement")
    if found is None:
        raise DocumentUnreadable("has no Statement")
    statements = found if isinstance(found, list) else [found]
    if not all(isinstance(each, dict) or each == UNKNOWN for each in statements):
        raise DocumentUnreadable("has a Statement that is not an object")
    return tuple(
        _statement(each, number)
        for number, each in enumerate(statements, 1)
        if each != UNKNOWN and isinstance(each, dict)
    )


def _element(element: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - JSON
    return next((value for key, value in element.items() if str(key).lower() == name.lower()), None)


def _list(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [] if value is None else [value]
    return tuple(_text(each) for each in values if each != UNKNOWN)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _statement(element: Mapping[str, Any], number: int) -> Statement:
    effect, sid = _element(element, "Effect"), _element(element, "Sid")
    if not isinstance(effect, str) or (effect not in {"Allow", "Deny"} and effect != UNKNOWN):
        raise DocumentUnreadable(f"has no Effect Allow or Deny in statement {number}")
    not_principal = _element(element, "NotPrincipal")
    return Statement(
        place=f"statement {number} ({sid})"
        if isinstance(sid, str) and sid and sid != UNKNOWN
        else f"statement {number}",
        allows=effect == "Allow",
        actions=_list(_element(element, "Action")),
        not_actions=_list(_element(element, "NotAction")),
        resources=_list(_element(element, "Resource")),
        not_resources=_list(_element(element, "NotResource")),
        principals=tuple(_principals(_element(element, "Principal"))),
        not_principals=not_principal is not None,
        conditions=tuple(_conditions(_element(element, "Condition"))),
    )


def _principals(element: object) -> Iterator[Principal]:
    if isinstance(element, str) and element != UNKNOWN:
        yield Principal("*" if element == "*" else "AWS", element)
    elif isinstance(element, dict):
        for kind, names in element.items():
            for name in _list(names):
                yield Principal("*" if name == "*" and kind == "AWS" else str(kind), name)


def _conditions(element: object) -> Iterator[Condition]:
    if element == UNKNOWN:
        yield Condition(UNKNOWN, UNKNOWN, ())
    if not isinstance(element, dict):
        return
    for operator, keys in element.items():
        if keys == UNKNOWN:
            yield Condition(UNKNOWN, UNKNOWN, ())
        elif isinstance(keys, dict):
            for key, values in keys.items():
                # A value that is not known yet is some value: the condition is there.
                given = values if isinstance(values, list) else [values]
                yield Condition(str(operator), str(key), tuple(_text(each) for each in given))


def statements(resource: Resource, inputs: Mapping[str, str]) -> Iterator[Statement]:
    """The statements that allow something in a resource's documents.

    Documents that are unknown or cannot be read give none; `iam-documents-readable` reports the latter.

    Args:
        resource: any resource.
        inputs: `IDENTITY`, `TRUST` or `RESOURCE`.
    """
    for _, document in documents(resource, inputs):
        try:
            yield from (statement for statement in parse(document) if statement.allows)
        except DocumentUnreadable:
            continue


def documents(resource: Resource, inputs: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    """A resource's known documents, each with the input that holds it."""
    name = inputs.get(resource.type)
    if name is not None:
        document = at(resource.inputs, name)
        if document not in (None, "", UNKNOWN):
            yield name, document
    if inputs is IDENTITY and resource.type == "aws:iam/role:Role":
        for index, inline in enumerate(items_at(resource.inputs, "inlinePolicies")):
            document = at(inline, "policy")
            if document not in (None, "", UNKNOWN):
                yield f"inlinePolicies[{index}].policy", document
