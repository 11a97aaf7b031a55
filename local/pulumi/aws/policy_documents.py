"""IAM policy documents: which are wrong, and which mean the same.

Sources: the IAM user guide's grammar of the policy language and its quotas ("IAM and AWS STS quotas"), and for secrets
and keys the limits of their services.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from local.pulumi.json_text import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

_VERSIONS: Final = ("2012-10-17", "2008-10-17")
_ACTION: Final = re.compile(r"\*|[a-zA-Z0-9-]+:[a-zA-Z0-9*?]+")
_SID: Final = re.compile(r"[A-Za-z0-9]*")
_STATEMENT_KEYS: Final = frozenset(
    {
        "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition",
    }
)  # fmt: skip
_LISTS: Final = ("Action", "NotAction", "Resource", "NotResource")
_PRINCIPALS: Final = ("Principal", "NotPrincipal")


class DocumentKind(Enum):
    """Where a document stands; with the number of characters it may have there, white space not counted."""

    Managed = 6_144
    Inline = 10_240
    Trust = 2_048
    Secret = 20_480
    Key = 32_768
    Session = 6_143

    @property
    def names_principals(self) -> bool:
        """Whether its statements say who (on a resource) or leave that to where the document is attached."""
        return self in (DocumentKind.Trust, DocumentKind.Secret, DocumentKind.Key)

    @property
    def names_resources(self) -> bool:
        """Whether its statements say on what."""
        return self is not DocumentKind.Trust


def problems(kind: DocumentKind, text: str) -> list[str]:
    """What is wrong with a document, as ends of the sentence "it …"; none of them quotes it."""
    try:
        document = json.loads(text)
    except ValueError:
        return ["contains an invalid JSON policy"]
    if not isinstance(document, dict):
        return ["is not a JSON object"]
    found = []
    size = len(re.sub(r"\s", "", text))
    if size > kind.value:
        found.append(f"has {size} characters, {kind.value} are allowed")
    found += [f"has the unknown key {key}" for key in sorted(set(document) - {"Version", "Id", "Statement"})]
    if document.get("Version", _VERSIONS[0]) not in _VERSIONS:
        found.append(f"has a Version other than {' and '.join(_VERSIONS)}")
    statements = _statements(document)
    if not statements:
        found.append("has no Statement")
    sids = [each.get("Sid") for each in statements if isinstance(each, dict) and each.get("Sid")]
    if len(sids) != len({str(sid) for sid in sids}):
        found.append("has two statements with one Sid")
    for index, statement in enumerate(statements):
        found += [f"Statement[{index}] {problem}" for problem in _statement_problems(kind, statement)]
    return found


def _statements(document: dict[str, Any]) -> list[Any]:
    found = document.get("Statement")
    return found if isinstance(found, list) else [found] if found else []


def _statement_problems(kind: DocumentKind, statement: object) -> Iterator[str]:
    if not isinstance(statement, dict):
        yield "is not an object"
        return
    for key in sorted(set(statement) - _STATEMENT_KEYS):
        yield f"has the unknown key {key}"
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield "has no Effect of Allow or Deny"
    if not kind.names_principals and not _SID.fullmatch(str(statement.get("Sid", ""))):
        yield "has a Sid with characters other than letters and digits"
    for wanted, one, other in (
        (True, "Action", "NotAction"),
        (kind.names_resources, "Resource", "NotResource"),
        (kind.names_principals, "Principal", "NotPrincipal"),
    ):
        given = [key for key in (one, other) if key in statement]
        if wanted and len(given) != 1:
            yield f"needs one of {one} and {other}"
        if not wanted and given:
            yield f"must not have {given[0]} here"
    yield from _list_problems(statement)
    if not isinstance(statement.get("Condition", {}), dict):
        yield "has a Condition that is no object"


def _list_problems(statement: dict[str, Any]) -> Iterator[str]:
    for key in _LISTS:
        values = statement.get(key, [])
        values = values if isinstance(values, list) else [values]
        if key in statement and (not values or not all(isinstance(value, str) and value for value in values)):
            yield f"has a {key} that is no text or list of texts"
        elif key.endswith("Action") and not all(_ACTION.fullmatch(value) for value in values):
            yield f"has a {key} that is not like service:Operation"


def comparable(text: str) -> str:
    """A form that is the same for documents that mean the same: lists of one, their order, spelling of JSON.

    Text that is no JSON object is its own form.
    """
    try:
        document = json.loads(text)
    except ValueError:
        return text
    if not isinstance(document, dict):
        return text
    return canonical({**document, "Statement": [_comparable_statement(each) for each in _statements(document)]})


def _comparable_statement(statement: Any) -> Any:  # noqa: ANN401  whatever JSON holds
    if not isinstance(statement, dict):
        return statement
    found = {**statement}
    for key in _LISTS:
        if key in found:
            found[key] = _set(found[key])
    for key in _PRINCIPALS:
        if isinstance(found.get(key), dict):
            found[key] = {kind: _set(values) for kind, values in found[key].items()}
    if isinstance(found.get("Condition"), dict):
        found["Condition"] = {
            test: {name: _set(values) for name, values in variables.items()}
            if isinstance(variables, dict)
            else variables
            for test, variables in found["Condition"].items()
        }
    return found


def _set(values: Any) -> list[str]:  # noqa: ANN401  one value or a list of them
    items = values if isinstance(values, list) else [values]
    return sorted({item if isinstance(item, str) else json.dumps(item) for item in items})
