"""What a file says, as a tree that remembers lines; made by the readers of YAML and JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEPEST: Final = 64
"""Levels of nesting that a manifest may have; the deepest field of any kind lies above 20."""
MOST_NODES: Final = 250_000
"""Nodes that one file may have once its aliases are followed."""
LARGEST_FILE: Final = 16 * 1024 * 1024
"""Bytes that one file may have; the API server takes 3 MiB in one request."""


@dataclass(slots=True)
class Node:
    """One value in a file.

    Attributes:
        line: line in the file, counted from 1.
        scalar: the value, where it is neither object nor array.
        members: the members of an object, by key.
        key_lines: the lines of their keys.
        elements: the elements of an array.
        size: how many nodes it is, itself included, aliases followed.
        height: how many levels lie below it.
    """

    line: int
    scalar: Any = None
    members: dict[str, Node] | None = None
    key_lines: dict[str, int] = field(default_factory=dict)
    elements: list[Node] | None = None
    size: int = 1
    height: int = 0

    def close(self) -> None:
        """Sums up what lies below, once that is complete."""
        below = [*(self.members or {}).values(), *(self.elements or ())]
        self.size = 1 + sum(node.size for node in below)
        self.height = 1 + max((node.height for node in below), default=0)

    def to_json(self) -> Any:  # noqa: ANN401 - any JSON value
        """The plain JSON value; depth is bounded by `DEEPEST`."""
        if self.members is not None:
            return {key: node.to_json() for key, node in self.members.items()}
        if self.elements is not None:
            return [node.to_json() for node in self.elements]
        return self.scalar

    def line_of(self, path: str) -> int:
        """The line of the field that the dotted path names, or of the nearest field above it."""
        node, line = self, self.line
        for step in _steps(path):
            if isinstance(step, str) and node.members is not None:
                below, line_of_key = _member(node, step)
                if below is None:
                    return line
                node, line = below, line_of_key
            elif isinstance(step, int) and node.elements is not None and step < len(node.elements):
                node = node.elements[step]
                line = node.line
            else:
                return line
        return line


def _member(node: Node, key: str) -> tuple[Node | None, int]:
    below = (node.members or {}).get(key)
    return below, node.key_lines.get(key, below.line if below is not None else node.line)


def _steps(path: str) -> Iterator[str | int]:
    for part in path.replace("[", ".[").split("."):
        if part.startswith("[") and part.endswith("]") and part[1:-1].isdecimal():
            yield int(part[1:-1])
        elif part:
            yield part


class SourceError(Exception):
    """A file cannot be read as what it is.

    Attributes:
        line: where, counted from 1; 0 for the file as a whole.
        problem: what is wrong; never a value of the file.
        remedy: what to do about it.
    """

    def __init__(self, line: int, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem
        self.remedy = remedy
