"""Kubernetes objects as YAML text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretsync.api.base import JsonObject

_LONGEST_LINE: Final = 1_000
_INLINE_SCALARS: Final = 14
_INLINE_CHARACTERS: Final = 400
_INLINE_HEIGHT: Final = 3


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc] # libyaml's class where it is built in
    """Writes everything out, small objects and lists in one line: indentation is half of a schema otherwise."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 - PyYAML's signature
        """Shared objects become no aliases."""
        return True

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:  # noqa: ANN401, ARG002, FBT001 - PyYAML's signature
        """An object, in one line if it is small."""
        return super().represent_mapping(tag, mapping, flow_style=_small(mapping))  # type: ignore[no-any-return] # untyped base

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:  # noqa: ANN401, ARG002, FBT001 - PyYAML's signature
        """A list, in one line if it is small."""
        return super().represent_sequence(tag, sequence, flow_style=_small(sequence))  # type: ignore[no-any-return] # untyped base


def _small(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    scalars, characters, height = _measure(value)
    return scalars <= _INLINE_SCALARS and characters <= _INLINE_CHARACTERS and height <= _INLINE_HEIGHT


def _measure(value: Any) -> tuple[int, int, int]:  # noqa: ANN401 - any JSON value
    below = list(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
    if not below:
        return 1, len(str(value)), 0
    measured = [_measure(item) for item in below]
    return (
        sum(scalars for scalars, _, _ in measured),
        sum(characters for _, characters, _ in measured),
        1 + max(height for _, _, height in measured),
    )


def render_yaml(objects: Iterable[JsonObject]) -> str:
    """The objects as a YAML stream, one document each, in their own key order; the same text every time."""
    return "".join(
        "---\n" + yaml.dump(item, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_LONGEST_LINE)
        for item in objects
    )
