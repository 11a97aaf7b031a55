"""Single permissions with their reasons, and the statements that they come to: none twice, none inside a wider one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from secretsync.access.patterns import ANY, covers
from secretsync.access.statements import Statement

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

Tags = tuple[tuple[str, str], ...]
"""Condition keys and the values they must have, sorted."""
Grant = tuple[str, Tags]
"""What one action is allowed on: resource and conditions."""
_SUFFIX: Final = "??????"
"""What stands for the six characters that Secrets Manager adds to a name in an ARN."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One action on one resource that somebody needs.

    Attributes:
        action: IAM action.
        resource: ARN, a pattern of ARNs, or ``*``.
        reason: who needs it.
        equals: conditions on tags that narrow it.
    """

    action: str
    resource: str
    reason: str
    equals: Tags = ()


@dataclass(frozen=True, slots=True)
class Encrypted:
    """Something that is read, and that a customer key may have encrypted.

    Attributes:
        name: its name, or a pattern of names; of a parameter without the slash it begins with.
        arn: its ARN, or a pattern.
        reason: who reads it.
    """

    name: str
    arn: str
    reason: str


@dataclass(slots=True)
class Needed:
    """What compiling the entries of a store comes to.

    Attributes:
        requirements: permissions of the service itself.
        encrypted: what is read with them.
        notes: where they admit more than the declarations ask for.
    """

    requirements: list[Requirement] = field(default_factory=list)
    encrypted: list[Encrypted] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def as_statements(
    requirements: Iterable[Requirement], words: Mapping[str, str], *, alone: Collection[str] = ()
) -> tuple[Statement, ...]:
    """The statements: one for all resources that need the same actions under the same conditions.

    Args:
        requirements: in any order.
        words: for each action, in the order of the statements, what it is called in the name of its statement; empty
            where it only comes with others.
        alone: actions that have a statement of their own, whatever else their resource needs.
    """
    by_action: dict[str, dict[Grant, set[str]]] = defaultdict(lambda: defaultdict(set))
    for requirement in requirements:
        by_action[requirement.action][requirement.resource, requirement.equals].add(requirement.reason)
    actions: dict[Grant, set[str]] = defaultdict(set)
    why: dict[Grant, set[str]] = defaultdict(set)
    for action, grants in by_action.items():
        for grant, reasons in widest_only(grants).items():
            actions[grant].add(action)
            why[grant] |= reasons
    groups: dict[tuple[tuple[str, ...], Tags], list[str]] = defaultdict(list)
    for (resource, equals), needed in actions.items():
        together = tuple(action for action in words if action in needed and action not in alone)
        for each in [together, *((action,) for action in words if action in needed and action in alone)]:
            groups[each, equals].append(resource)
    rank = {action: index for index, action in enumerate(words)}
    found = []
    for together, equals in sorted(groups, key=lambda group: ([rank[each] for each in group[0]], group[1])):
        if not together:
            continue
        sid = "And".join(words[action] for action in together if words[action])
        tags = sorted(tags for actions_, tags in groups if actions_ == together)
        reasons_of = {each: tuple(sorted(why[each, equals])) for each in sorted(groups[together, equals])}
        found.append(_statement(sid + _tagged(equals, tags), equals, tuple(sorted(together)), reasons_of))
    return tuple(found)


def _tagged(equals: Tags, siblings: Sequence[Tags]) -> str:
    """The end of a statement's name, where tags narrow it: with a number where several do."""
    if not equals:
        return ""
    tagged = [each for each in siblings if each]
    return "Tagged" if len(tagged) == 1 else f"Tagged{tagged.index(equals) + 1}"


def _statement(sid: str, equals: Tags, actions: tuple[str, ...], why: Mapping[str, tuple[str, ...]]) -> Statement:
    conditions = {"StringEquals": {key: (value,) for key, value in equals}} if equals else {}
    reasons = tuple(sorted({reason for each in why.values() for reason in each}))
    return Statement(sid, actions, tuple(why), conditions, reasons, why=why)


def widest_only(grants: Mapping[Grant, set[str]]) -> dict[Grant, set[str]]:
    """Only the widest grants of one action; they take over the reasons of those inside them."""
    open_ended = [grant for grant in grants if ANY in grant[0]]
    tags: dict[str, list[Tags]] = defaultdict(list)
    for resource, equals in grants:
        tags[resource].append(equals)
    kept: dict[Grant, set[str]] = defaultdict(set)
    for grant, reasons in grants.items():
        resource = grant[0]
        # beside patterns of any length, only the same name can hold a name: written alike, or by its ARN
        alike = {resource, resource[: -len(_SUFFIX)] + _SUFFIX}
        candidates = [*open_ended, *((each, equals) for each in sorted(alike) for equals in tags.get(each, ()))]
        over = [other for other in candidates if _is_wider(other, grant)]
        widest = [other for other in over if not any(_is_wider(another, other) for another in over)]
        kept[widest[0] if widest else grant] |= reasons
    return kept


def _is_wider(one: Grant, other: Grant) -> bool:
    """Whether all that `other` grants is granted by `one`, and they are not the same."""
    return one != other and set(one[1]) <= set(other[1]) and covers(one[0], other[0])
