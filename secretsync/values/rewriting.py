"""``rewrite``: operations on the keys of one ``dataFrom`` entry, applied in order (ESO v2.9.0).

Two keys that become one name: ESO keeps whichever its random map order writes last. Here that is refused, unless both
values are the same, or the name is empty at the end and so dropped anyway (decision 0002, rewrite collisions).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretsync.api.enums import RewriteMergeConflictPolicy, RewriteMergePriorityPolicy, RewriteMergeStrategy
from secretsync.errors import SecretKeyError, SecretSyncError, ValueRuleError
from secretsync.values import go_json, go_regexp, members

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from secretsync.api.rewrite import Rewrite, RewriteMerge

    Render = Callable[[str, Mapping[str, bytes]], bytes]


def rewrite(operations: Sequence[Rewrite], values: Mapping[str, bytes], render: Render) -> dict[str, bytes]:
    """The values after all operations.

    Args:
        operations: what to do, in this order.
        values: the entry's keys and values.
        render: renders a Go template with ``.value`` as its only key, for ``transform``.

    Raises:
        SecretKeyError: an operation cannot be applied, or makes keys collide; `place` names the operation.
        TemplateError: the template of a transform fails, as `render` raises it.
    """
    current = dict(values)
    last = len(operations) - 1
    for index, operation in enumerate(operations):
        try:
            current = _apply(operation, current, render, last=index == last)
        except SecretSyncError as error:
            error.at(f"rewrite[{index}]")
            raise
    return current


def _apply(operation: Rewrite, values: dict[str, bytes], render: Render, *, last: bool) -> dict[str, bytes]:
    if operation.merge is not None:
        return _merge(operation.merge, values)
    if operation.regexp is not None:
        pattern = go_regexp.compile(operation.regexp.source)
        target = operation.regexp.target
        return _renamed(values, lambda key: pattern.replace_all(key, target), last=last)
    if operation.transform is not None:
        template = operation.transform.template
        return _renamed(values, lambda key: go_json.decode_text(render(template, {"value": key.encode()})), last=last)
    raise SecretKeyError("the operation is empty", remedy="set one of regexp, transform and merge")


def _renamed(values: Mapping[str, bytes], rename: Callable[[str], str], *, last: bool) -> dict[str, bytes]:
    renamed: dict[str, bytes] = {}
    origin: dict[str, str] = {}
    collisions: list[str] = []
    for key, value in values.items():
        name = rename(key)
        if name in renamed and renamed[name] != value and (name or not last):
            collisions.append(f"{origin[name]!r} and {key!r} both become {name!r}")
            continue
        renamed[name] = value
        origin.setdefault(name, key)
    if collisions:
        raise SecretKeyError(
            f"different values would share a key: {', '.join(collisions)}",
            remedy="rewrite so that every key keeps a name of its own",
        )
    return renamed


def _merge(operation: RewriteMerge, values: Mapping[str, bytes]) -> dict[str, bytes]:
    """The members of all values in one map: values in the order of their keys, those in ``priority`` after them."""
    if operation.strategy is RewriteMergeStrategy.JSON and not operation.into:
        raise SecretKeyError("merge with strategy JSON has no key to go into", remedy="set merge.into")
    merged: dict[str, Any] = {}
    conflicts: list[str] = []
    problems: list[str] = []
    for key in _merge_order(operation, values, problems):
        try:
            loaded = go_json.loads_object(values[key])
        except ValueRuleError as error:
            problems.append(f"the value of key {key!r} cannot be merged: {error.problem}")
            continue
        conflicts.extend(name for name in loaded if name in merged)
        merged.update(loaded)
    if conflicts and operation.conflict_policy is not RewriteMergeConflictPolicy.Ignore:
        problems.append(f"merged values share the keys {', '.join(sorted(set(conflicts)))}")
    if problems:
        raise SecretKeyError(
            "; ".join(problems), remedy="merge JSON objects; set conflictPolicy Ignore where a later value may win"
        )
    if operation.strategy is RewriteMergeStrategy.JSON:
        return {**values, operation.into: go_json.dumps(merged, escape_html=False)}
    return {key: members.value_bytes(value) for key, value in merged.items()}


def _merge_order(operation: RewriteMerge, values: Mapping[str, bytes], problems: list[str]) -> list[str]:
    order = sorted(key for key in values if key not in operation.priority)
    for key in operation.priority:
        if key in values:
            order.append(key)
        elif operation.priority_policy is RewriteMergePriorityPolicy.Strict:
            problems.append(f"merge.priority names {key!r}, which is not there")
    return order
