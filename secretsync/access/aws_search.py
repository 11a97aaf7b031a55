"""Searches in AWS: the names and tags of what a ``find`` may read, as far as a policy can say them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from secretsync.access.aws_account import AccessLevel
from secretsync.access.patterns import ANY, ONE, beginning_with, fixed_beginning, is_unbounded
from secretsync.access.regexps import NamePatterns, name_patterns
from secretsync.api.validation.regular_expressions import is_valid

if TYPE_CHECKING:
    import re

    from secretsync.access.refusals import Refusals
    from secretsync.api import Find

_TAG = "aws:ResourceTag/"
"""The condition key of a tag, for secrets and for parameters (service authorization reference)."""
_LONGEST_TAG_KEY = 128
_LONGEST_TAG_VALUE = 256
_IN_TAGS = frozenset(" _.:/=+-@")


def tags_of(find: Find, reason: str, refusals: Refusals) -> tuple[tuple[str, str], ...]:
    """The tags that a search asks for, as conditions.

    Args:
        find: the search.
        reason: who searches.
        refusals: gets tags that AWS does not have; in a policy they might be read as a variable or a pattern.
    """
    for key, value in find.tags.items():
        right = 0 < len(key) <= _LONGEST_TAG_KEY and len(value) <= _LONGEST_TAG_VALUE
        if not right or not all(character.isalnum() or character in _IN_TAGS for character in key + value):
            problem = f"the tag {json.dumps(key)} with the value {json.dumps(value)} is none that AWS can have"
            refusals.add(reason, problem, "use letters, digits, spaces and _.:/=+-@")
    return tuple(sorted((_TAG + key, value) for key, value in find.tags.items()))


def found_names(
    find: Find,
    valid: re.Pattern[str],
    reason: str,
    *,
    level: AccessLevel,
    refusals: Refusals,
    notes: list[str],
) -> tuple[str, ...]:
    """Patterns of the names that a search finds.

    Args:
        find: the search.
        valid: names that the service accepts.
        reason: who searches.
        level: how far to widen: wider than single secrets, every search is granted.
        refusals: gets searches that no pattern narrows.
        notes: gets searches that find less than the patterns admit.
    """
    if find.name is None and not find.tags:
        refusals.add(reason, "the search has neither name nor tags", "add name.regexp or tags")
        return ()
    regexp = find.name.regexp if find.name is not None else ""
    if not is_valid(regexp):
        refusals.add(reason, f"{json.dumps(regexp)} is not a regular expression", "use RE2 syntax")
        return ()
    path = find.path or ""
    if path and not valid.fullmatch(path):
        refusals.add(reason, f"no name begins with the path {json.dumps(path)}", "correct find.path")
        return ()
    if level is not AccessLevel.Secrets:
        return (ANY,)
    found = name_patterns(regexp)
    possible = tuple(pattern for pattern in found.patterns if _is_possible(pattern, valid))
    names = beginning_with(path, possible)
    if not names:
        problem = f"no name can match {json.dumps(regexp)}" + (f" and begin with {json.dumps(path)}" if path else "")
        refusals.add(reason, problem, "correct find.name.regexp or find.path")
    elif not find.tags:
        _judge(find, NamePatterns(names, found.exact), reason, refusals, notes)
    return names


def _judge(find: Find, names: NamePatterns, reason: str, refusals: Refusals, notes: list[str]) -> None:
    regexp = json.dumps(find.name.regexp if find.name is not None else "")
    remedy = 'begin name.regexp with "^" and a fixed text, set find.path, search by tags, or ask for the level "region"'
    if any(map(is_unbounded, names.patterns)):
        refusals.add(reason, f"the search for {regexp} may read every secret", remedy)
    elif not names.exact and not all(map(fixed_beginning, names.patterns)):
        refusals.add(reason, f"a policy cannot say which names {regexp} finds", remedy)
    elif not names.exact:
        shown = ", ".join(names.patterns)
        notes.append(f"{reason}: a policy cannot say all of {regexp}: every name like {shown} may be read")


def _is_possible(pattern: str, valid: re.Pattern[str]) -> bool:
    """Whether a name that the service accepts can match; all fixed characters must be such as names have."""
    fixed = pattern.replace(ANY, "").replace(ONE, "")
    return not fixed or valid.fullmatch(fixed) is not None
