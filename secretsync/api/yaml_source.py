"""YAML as Kubernetes means it, read with lines: YAML 1.2 scalars, no duplicate keys, bounded aliases and nesting.

PyYAML's parser gives the events; what a plain scalar means is decided here by YAML 1.2's core schema, because YAML 1.1
turns ``no``, ``on`` and ``n`` into booleans, ``12:30`` into a number and dates into dates.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

import yaml

from secretsync.api.source_tree import DEEPEST, MOST_NODES, Node, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"true", "True", "TRUE"})
_FALSE: Final = frozenset({"false", "False", "FALSE"})
_INTEGER: Final = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL: Final = re.compile(r"0o[0-7]+", re.ASCII)
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]+", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_LEADING_ZERO: Final = re.compile(r"[-+]?0[0-9]+", re.ASCII)
_NUMBER_START: Final = frozenset("0123456789+-.")
_LONGEST_NUMBER: Final = 400
_MERGE: Final = "<<"
_LINK: Final = re.compile(r"^(\s*(?:- +)?[A-Za-z0-9_.-]+:\s+)\[([^\]\s]+)\]\([^)\s]*\)\s*$")
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")


class Link(SourceError):
    """A value is a Markdown link, as web pages leave it around addresses."""


def read(text: str) -> tuple[list[Node], list[SourceError]]:
    """The documents of a YAML text, empty ones left out, and what is wrong with it.

    A Markdown link in place of a value is reported and then read as its text, so that what follows is looked at too.
    Anything else that is not YAML ends the reading.
    """
    found = _UNPRINTABLE.search(text)
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1
        code = f"U+{ord(found[0]):04X}"
        return [], [SourceError(line, f"has the control character {code}", "remove it; is this a text file?")]
    lines = text.split("\n")
    links: list[SourceError] = []
    while True:
        try:
            return list(_documents("\n".join(lines))), links
        except SourceError as error:
            link = _link_near(lines, error.line)
            if link is None:
                return [], [*links, error]
            number, before, content = link
            field = before.strip().removeprefix("- ").strip()
            links.append(
                Link(
                    number,
                    f"{field} is followed by a Markdown link, as copied from a web page",
                    f"write {field} {content}",
                )
            )
            lines[number - 1] = f"{before}{content}"


def _link_near(lines: list[str], line: int) -> tuple[int, str, str] | None:
    for number in (line, line - 1, line + 1):
        if 1 <= number <= len(lines) and (match := _LINK.match(lines[number - 1].rstrip("\r"))):
            return number, match[1], match[2]
    return None


def _documents(text: str) -> Iterator[Node]:
    events = _events(text)
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            node = _Builder().build(events)
            if node.scalar is not None or node.members is not None or node.elements is not None:
                yield node


def _events(text: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 0
        raise SourceError(line, *_syntax(text, line, error)) from None
    except yaml.YAMLError:
        raise SourceError(0, "is not YAML", "check the file's encoding and syntax") from None
    except RecursionError:
        raise SourceError(0, f"is nested deeper than {DEEPEST} levels", "flatten it") from None


def _syntax(text: str, line: int, error: yaml.MarkedYAMLError) -> tuple[str, str]:
    lines = text.split("\n")
    content = lines[line - 1] if 1 <= line <= len(lines) else ""
    if "\t" in content[: len(content) - len(content.lstrip())]:
        return "is indented with a tab, which YAML does not allow", "use spaces"
    problem = error.problem or "cannot be read"
    if "alias" in problem:
        return "uses an alias whose anchor is not defined before", "define it with & in the same document"
    if "mapping values are not allowed" in problem:
        return "has a colon where none may be", "put the value in quotes, or mend the indentation"
    return f"is not YAML: {_plain(problem)}", "mend the syntax; check indentation, quotes and brackets"


def _plain(problem: str) -> str:
    return re.sub(r"'[^']*'|\"[^\"]*\"", "a character", problem)


class _Builder:
    """Builds the tree of one document out of events, without recursion."""

    def __init__(self) -> None:
        self._anchors: dict[str, Node] = {}
        self._open: set[int] = set()
        self._nodes = 0

    def build(self, events: Iterator[yaml.Event]) -> Node:
        """Reads up to the end of the document."""
        stack: list[tuple[Node, Node | None]] = []
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentEndEvent):
                break
            if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                node, _ = stack.pop()
                self._open.discard(id(node))
                if node.members is not None:
                    _merge(node)
                node.close()
                if len(stack) + node.height > DEEPEST:
                    raise _too_deep(node.line)
                continue
            line = event.start_mark.line + 1 if event.start_mark is not None else 0
            node = self._node(event, line)
            self._nodes += node.size
            if self._nodes > MOST_NODES:
                raise SourceError(
                    line, f"has more than {MOST_NODES} values once aliases are followed", "split the file"
                )
            if not stack:
                root = node
            else:
                parent, key = stack[-1]
                stack[-1] = (parent, _attach(parent, key, node))
            if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                if len(stack) >= DEEPEST:
                    raise _too_deep(node.line)
                self._open.add(id(node))
                stack.append((node, None))
        return root if root is not None else Node(0)

    def _node(self, event: yaml.Event, line: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            node = self._anchors.get(event.anchor or "")
            if node is None:
                raise SourceError(line, "uses an alias whose anchor is not defined before", "define it with & first")
            if id(node) in self._open:
                raise SourceError(line, "uses an alias inside the value it stands for", "write the value out")
            return node
        if isinstance(event, yaml.ScalarEvent):
            node = Node(line, _scalar(event, line))
        elif isinstance(event, yaml.MappingStartEvent):
            node = Node(line, members={})
        else:
            node = Node(line, elements=[])
        anchor: str | None = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = node
        return node


def _attach(parent: Node, key: Node | None, node: Node) -> Node | None:
    """Puts a node into its parent; gives the key that waits for its value, if the node was a key."""
    if parent.elements is not None:
        parent.elements.append(node)
        return None
    if key is None:
        return node
    assert parent.members is not None  # noqa: S101 - a node with children is an object or an array
    name = _key(key)
    if name in parent.members:
        first = parent.key_lines[name]
        raise SourceError(key.line, f"{_shown(name)} is already set in line {first}", "keep one of the two")
    parent.members[name] = node
    parent.key_lines[name] = key.line
    return None


def _key(key: Node) -> str:
    if key.members is not None or key.elements is not None:
        raise SourceError(key.line, "has an object or a list as a key", "use text as the key")
    if isinstance(key.scalar, str):
        return key.scalar
    if key.scalar is None:
        return "null"
    if isinstance(key.scalar, bool):
        return "true" if key.scalar else "false"
    return str(key.scalar)


def _shown(name: str) -> str:
    text = name[:60]
    return text if text.isprintable() else "a key"


def _merge(node: Node) -> None:
    """Follows YAML's merge key: what ``<<`` names comes in where the object has no member of its own."""
    members = node.members
    if members is None or _MERGE not in members:
        return
    merged = members.pop(_MERGE)
    line = node.key_lines.pop(_MERGE)
    for source in merged.elements if merged.elements is not None else [merged]:
        if source.members is None:
            raise SourceError(line, "merges something that is not an object", "write << with an alias of an object")
        for key, value in source.members.items():
            if key not in members:
                members[key] = value
                node.key_lines[key] = source.key_lines[key]


def _scalar(event: yaml.ScalarEvent, line: int) -> Any:  # noqa: ANN401 - any JSON scalar
    text: str = event.value
    tag = event.tag
    if tag is not None and tag != "!":
        return _tagged(tag, text, line)
    if not event.implicit[0]:
        return text
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    return _number(text, line) if text[0] in _NUMBER_START else text


def _tagged(tag: str, text: str, line: int) -> Any:  # noqa: ANN401 - any JSON scalar
    if tag in {"!!str", "tag:yaml.org,2002:str"}:
        return text
    raise SourceError(line, "has a YAML tag that Kubernetes does not know", "leave the tag out")


def _number(text: str, line: int) -> Any:  # noqa: ANN401 - any JSON scalar
    if len(text) > _LONGEST_NUMBER:
        return text
    if _LEADING_ZERO.fullmatch(text):
        raise SourceError(
            line,
            "has a number with a leading zero, which YAML versions read differently",
            "put it in quotes, or drop the zero",
        )
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text, 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 16)
    if _FLOAT.fullmatch(text):
        return _finite(float(text), line)
    return text


def _finite(number: float, line: int) -> float:
    if math.isfinite(number):
        return number
    raise SourceError(line, "has a number that is too large", "put it in quotes, if it is text")


def _too_deep(line: int) -> SourceError:
    return SourceError(line, f"is nested deeper than {DEEPEST} levels", "flatten it")
