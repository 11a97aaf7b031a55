"""What can be told about a template without rendering it: the preview asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsync.template import parsing as tree
from secretsync.template.failures import ExecutionFailure
from secretsync.template.registry import FUNCTIONS
from secretsync.template.render import parsed, template_error

if TYPE_CHECKING:
    from collections.abc import Iterator


def _parsed(template: str) -> tree.ParsedTemplate:
    try:
        return parsed(template)
    except ExecutionFailure as failure:
        raise template_error(failure, template, "template") from None


def volatile_functions(template: str) -> frozenset[str]:
    """The functions a template calls that give something new at every rendering, e.g. ``now`` or ``randAlphaNum``.

    A target made by such a template changes at every refresh.

    Raises:
        TemplateError: the template does not parse.
    """
    document = _parsed(template)
    bodies = [document.root, *(definition.body for definition in document.definitions)]
    called = {name for body in bodies for name in _called(body)}
    return frozenset(name for name in called if name in FUNCTIONS and FUNCTIONS[name].volatile)


def _called(body: tree.ListNode) -> Iterator[str]:
    for pipeline in _pipelines(body):
        for term in _terms(pipeline):
            if isinstance(term, tree.IdentifierNode):
                yield term.name


def _pipelines(body: tree.ListNode | None) -> Iterator[tree.PipeNode]:
    for node in body.nodes if body is not None else ():
        pipeline = getattr(node, "pipeline", None)
        if pipeline is not None:
            yield pipeline
        yield from _pipelines(getattr(node, "body", None))
        yield from _pipelines(getattr(node, "else_body", None))


def _terms(pipeline: tree.PipeNode) -> Iterator[tree.TermNode]:
    for command in pipeline.commands:
        for term in command.arguments:
            yield term
            if isinstance(term, tree.ParenthesizedNode):
                yield from _terms(term.pipeline)


class _Unknown(Exception):
    """The template uses its data as a whole, so any key may count."""


def referenced_keys(template: str) -> frozenset[str] | None:
    """The keys of the data a template may read.

    Returns:
        The keys; None where the data is used as a whole (``range .``, ``toJson .``, a computed index), so that every
        key may count.

    Raises:
        TemplateError: the template does not parse.
    """
    document = _parsed(template)
    keys = _Keys()
    try:
        keys.walk(document.root, at_root=True)
        if any(not _is_rootless(definition.body) for definition in document.definitions):
            return None
    except _Unknown:
        return None
    return frozenset(keys.found)


def _is_rootless(body: tree.ListNode) -> bool:
    """Whether a defined template is told everything through literals: it reads neither its dot nor its ``$``."""
    return not any(
        isinstance(term, (tree.DotNode, tree.FieldNode, tree.VariableNode))
        for pipeline in _pipelines(body)
        for term in _terms(pipeline)
    )


class _Keys:
    """Collects keys while it follows what dot and ``$`` are."""

    def __init__(self) -> None:
        self.found: set[str] = set()

    def walk(self, body: tree.ListNode | None, *, at_root: bool) -> None:
        for node in body.nodes if body is not None else ():
            pipeline = getattr(node, "pipeline", None)
            if pipeline is not None:
                self._pipeline(pipeline, at_root=at_root)
            inner = at_root and isinstance(node, tree.IfNode)
            self.walk(getattr(node, "body", None), at_root=inner)
            self.walk(getattr(node, "else_body", None), at_root=at_root)

    def _pipeline(self, pipeline: tree.PipeNode, *, at_root: bool) -> None:
        for index, command in enumerate(pipeline.commands):
            self._command(command, at_root=at_root, first=index == 0)

    def _command(self, command: tree.CommandNode, *, at_root: bool, first: bool) -> None:
        terms = list(command.arguments)
        head = terms[0]
        indexes = first and isinstance(head, tree.IdentifierNode) and head.name == "index" and len(terms) > 1
        if indexes and _is_root(terms[1], at_root=at_root):
            key = terms[2] if len(terms) > 2 else None  # noqa: PLR2004 - index, root and key
            if not isinstance(key, tree.StringNode):
                raise _Unknown
            self.found.add(tree.text_of(key))
            terms = terms[3:]
        for term in terms:
            self._term(term, at_root=at_root)

    def _term(self, term: tree.TermNode, *, at_root: bool) -> None:
        if _is_root(term, at_root=at_root):
            raise _Unknown
        if isinstance(term, tree.ParenthesizedNode):
            if term.fields and any(_is_root(inner, at_root=at_root) for inner in _terms(term.pipeline)):
                raise _Unknown
            self._pipeline(term.pipeline, at_root=at_root)
        elif isinstance(term, tree.FieldNode):
            if at_root:
                self.found.add(term.fields[0])
        elif isinstance(term, tree.VariableNode) and term.name == "$":
            self.found.add(term.fields[0])


def _is_root(term: tree.TermNode, *, at_root: bool) -> bool:
    if isinstance(term, tree.DotNode):
        return at_root
    return isinstance(term, tree.VariableNode) and term.name == "$" and not term.fields
