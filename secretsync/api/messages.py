"""What pydantic's findings mean, in words about JSON, and without the value."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final

from secretsync.api.base import DATA_KEY, DNS_LABEL, DNS_SUBDOMAIN
from secretsync.api.external_secret import SCHEDULE
from secretsync.api.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_DURATION: Final = ("{message}", "write it like 1h, 90s or 1h30m")
_TIME: Final = ("is not a time", "write it like 2024-01-31T12:00:00Z")
_SIMPLE: Final[dict[str, tuple[str, str]]] = {
    "missing": ("is missing", "add it"),
    "string_too_short": ("is empty", "give a value or leave the field out"),
    "string_too_long": ("is longer than {max_length} characters", "use a shorter one"),
    "greater_than_equal": ("must be at least {ge}", "use a number in range"),
    "less_than_equal": ("must be at most {le}", "use a number in range"),
    "datetime_parsing": _TIME,
    "datetime_from_date_parsing": _TIME,
    "time": _TIME,
    "duration": _DURATION,
    "duration_type": _DURATION,
    "interval_type": _DURATION,
    "base64": ("{message}", "encode the bytes with base64 (for example: base64 -w0 FILE)"),
    "exactly_one": ("{message}", "set one of them and leave the others out"),
}
"""Kind of finding → message and remedy, with fields of its context."""

MOST_PROBLEMS: Final = 100
"""Problems of one object that are told one by one."""

_LONGEST_NAME: Final = 120
_TYPES: Final = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
_EXPECTED: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "bytes_type": "base64 text",
    "string_sub_type": "text",
}
_PATTERNS: Final = {
    DNS_SUBDOMAIN: (
        "is not a name Kubernetes accepts",
        "use lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit",
    ),
    DNS_LABEL: (
        "is not a namespace name Kubernetes accepts",
        "use lower-case letters, digits and '-', beginning and ending with a letter or digit",
    ),
    DATA_KEY: ("is not a key a Secret accepts", "use letters, digits, '-', '_' and '.'"),
    SCHEDULE: ("is not a schedule", "use five cron fields, a shorthand such as @daily, or @every with a duration"),
}


def dotted(location: Iterable[int | str]) -> str:
    """The path of a field as people write it: ``spec.data[0].secretKey``."""
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{shortened(step)}" if path else shortened(step)
    return path


def shortened(name: str) -> str:
    """A name as messages show it: printable, and not longer than a line."""
    printable = "".join(character if character.isprintable() else "?" for character in name[: _LONGEST_NAME + 1])
    return printable if len(printable) <= _LONGEST_NAME else f"{printable[:_LONGEST_NAME]}…"


def type_name(value: object) -> str:
    """What kind of JSON value this is, in words; never the value."""
    return "null" if value is None else _TYPES.get(type(value), "something else")


def closest(word: str, candidates: Sequence[str]) -> str:
    """The candidate that looks most like the word; empty if none does."""
    if not word or len(word) > 2 * max(map(len, candidates), default=0):
        return ""
    lower = {candidate.lower(): candidate for candidate in candidates}
    matches = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.6)
    return lower[matches[0]] if matches else ""


def did_you_mean(word: str, candidates: Sequence[str]) -> str:
    """A remedy that names the closest candidate; empty if there is none."""
    match = closest(word, candidates)
    return f"did you mean {match}?" if match else ""


def problems(error: ValidationError) -> list[Problem]:
    """The findings of a validation, at most `MOST_PROBLEMS` of them one by one."""
    details = error.errors(include_url=False, include_context=True, include_input=True)
    found = [_problem(item) for item in details[:MOST_PROBLEMS]]
    if len(details) > MOST_PROBLEMS:
        found.append(Problem("", f"has {len(details) - MOST_PROBLEMS} further problems", "mend these first"))
    return found


def _problem(item: ErrorDetails) -> Problem:
    message, remedy = _words(item["type"], item.get("ctx") or {}, item["input"], item["msg"])
    return Problem(dotted(item["loc"]), message, remedy)


def _words(kind: str, context: dict[str, Any], value: object, message: str) -> tuple[str, str]:
    if kind in {"enum", "literal_error"}:
        return _one_of(str(context["expected"]), value)
    if kind in _EXPECTED:
        return f"must be {_EXPECTED[kind]}, not {type_name(value)}", _type_remedy(kind, value)
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], ("has not the required form", f"it must match {context['pattern']}"))
    if kind in _SIMPLE:
        problem, remedy = _SIMPLE[kind]
        return problem.format(message=message, **context), remedy
    return "is not valid", "see the reference of the field"


def _one_of(expected: str, value: object) -> tuple[str, str]:
    allowed = [word.strip().strip("'") for word in expected.replace(" or ", ", ").split(",")]
    hint = did_you_mean(value, allowed) if isinstance(value, str) else ""
    return f"must be one of {', '.join(allowed)}", hint or "use one of these words"


def _type_remedy(kind: str, value: object) -> str:
    if kind in {"string_type", "string_sub_type"} and isinstance(value, bool | int | float):
        return "put it in quotes"
    if kind == "bool_type" and isinstance(value, str):
        return "write true or false, without quotes (yes, no, on and off are text in YAML 1.2)"
    if kind.startswith("int") and isinstance(value, str):
        return "write the number without quotes"
    if kind in {"tuple_type", "list_type"}:
        return "write a list: each element on its own line after '- '"
    if kind in {"model_type", "dict_type"}:
        return "write an object: key: value, indented below the field"
    return "give a value of that type"
