"""From the parse tree to closures: blocks and actions. Values and calls are in `expressions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from secretsync.template import parsing as tree
from secretsync.template.budget import MAX_TEMPLATE_DEPTH, weigh
from secretsync.template.expressions import NOTHING, Evaluate, Scope, State, compile_pipeline
from secretsync.template.failures import BudgetExceeded, ExecutionFailure
from secretsync.template.gofmt import default_format
from secretsync.template.govalues import IntList, ListOfLists, StringList, StringMap, encode, is_true, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from secretsync.template.functions import Function

_BREAK: Final = 1
_CONTINUE: Final = 2


class Program:
    """A compiled template with the templates it defines; immutable and shared between threads."""

    def __init__(
        self, source: str, functions: Mapping[str, Function], parsed: tree.ParsedTemplate, *, missing_keys: bool = False
    ) -> None:
        self.source = source
        self._missing_keys = missing_keys
        self._functions = functions
        self._bodies: dict[str, tuple[Callable[[State, Any], int | None], int]] = {}
        root_scope = Scope(functions, missing_keys=missing_keys)
        self._root = self._list(parsed.root, root_scope)
        self._root_slots = root_scope.slots
        for definition in parsed.definitions:
            self._define(definition.name, definition.body)
        self._lone_key = _lone_key(parsed)

    def render(self, data: StringMap) -> bytes:
        """Execute the template.

        Raises:
            ExecutionFailure: it fails or exceeds its bounds.
        """
        if self._lone_key is not None and self._lone_key in data:
            return encode(data[self._lone_key])
        state = State(data, self._root_slots)
        try:
            self._root(state, data)
        except RecursionError:
            raise BudgetExceeded("the template nests too deeply") from None
        return encode("".join(state.out))

    def _define(self, name: str, body: tree.ListNode) -> None:
        scope = Scope(self._functions, missing_keys=self._missing_keys)
        self._bodies[name] = (self._list(body, scope), 0)
        self._bodies[name] = (self._bodies[name][0], scope.slots)

    def _list(self, body: tree.ListNode, scope: Scope) -> Callable[[State, Any], int | None]:
        steps = [self._node(node, scope) for node in body.nodes]
        if len(steps) == 1:
            return steps[0]

        def run(state: State, dot: Any) -> int | None:  # noqa: ANN401 - a Go value
            for step in steps:
                flow = step(state, dot)
                if flow is not None:
                    return flow
            return None

        return run

    def _node(self, node: object, scope: Scope) -> Callable[[State, Any], int | None]:
        match node:
            case tree.TextNode():
                return _text(node.text)
            case tree.ActionNode():
                return self._action(node, scope)
            case tree.IfNode() | tree.WithNode():
                return self._branch(node, scope)
            case tree.RangeNode():
                return self._range(node, scope)
            case tree.BreakNode():
                return lambda _state, _dot: _BREAK
            case tree.ContinueNode():
                return lambda _state, _dot: _CONTINUE
            case tree.TemplateCallNode():
                return self._call(node.name, node.pipeline, node.start, scope)
            case tree.BlockNode():
                return self._call(node.name, node.pipeline, node.start, scope)
        raise ExecutionFailure("the template has a part that is not supported")

    def _action(self, node: tree.ActionNode, scope: Scope) -> Callable[[State, Any], int | None]:
        pipeline = node.pipeline
        evaluate = compile_pipeline(pipeline, scope)
        if pipeline.declarations:
            slot = scope.bind(pipeline.declarations[0].name, declare=not pipeline.is_assignment)

            def assign(state: State, dot: Any) -> None:  # noqa: ANN401 - a Go value
                state.meter.spend()
                state.variables[slot] = evaluate(state, dot)

            return assign

        def write(state: State, dot: Any) -> None:  # noqa: ANN401 - a Go value
            value = evaluate(state, dot)
            if isinstance(value, str):
                text = value
            elif value is None:
                text = "<no value>"
            else:
                state.meter.spend(weigh(value))
                text = default_format(value)
            state.meter.output(len(text))
            state.out.append(text)

        return write

    def _branch(self, node: tree.IfNode | tree.WithNode, scope: Scope) -> Callable[[State, Any], int | None]:
        mark = scope.mark()
        condition = compile_pipeline(node.pipeline, scope)
        slot = -1
        if node.pipeline.declarations:
            name = node.pipeline.declarations[0].name
            slot = scope.bind(name, declare=not node.pipeline.is_assignment)
        inner = scope.mark()
        body = self._list(node.body, scope)
        scope.release(inner)
        otherwise = self._list(node.else_body, scope) if node.else_body is not None else None
        scope.release(mark)
        is_with = isinstance(node, tree.WithNode)

        def run(state: State, dot: Any) -> int | None:  # noqa: ANN401 - a Go value
            state.meter.spend()
            value = condition(state, dot)
            if slot >= 0:
                state.variables[slot] = value
            if is_true(value):
                return body(state, value if is_with else dot)
            return otherwise(state, dot) if otherwise is not None else None

        return run

    def _range(self, node: tree.RangeNode, scope: Scope) -> Callable[[State, Any], int | None]:
        mark = scope.mark()
        pipeline = node.pipeline
        evaluate = compile_pipeline(pipeline, scope)
        slots = [scope.bind(variable.name, declare=not pipeline.is_assignment) for variable in pipeline.declarations]
        inner = scope.mark()
        body = self._list(node.body, scope)
        scope.release(inner)
        otherwise = self._list(node.else_body, scope) if node.else_body is not None else None
        scope.release(mark)
        position = pipeline.start

        def run(state: State, dot: Any) -> int | None:  # noqa: ANN401 - a Go value
            empty = True
            for key, item in _entries(evaluate(state, dot), len(slots), position):
                empty = False
                state.meter.spend()
                if len(slots) == 1:
                    state.variables[slots[0]] = item
                elif slots:
                    state.variables[slots[0]] = key
                    state.variables[slots[1]] = item
                if body(state, item) == _BREAK:
                    break
            if empty and otherwise is not None:
                return otherwise(state, dot)
            return None

        return run

    def _call(
        self, name: str, pipeline: tree.PipeNode | None, position: int, scope: Scope
    ) -> Callable[[State, Any], int | None]:
        argument: Evaluate | None = compile_pipeline(pipeline, scope) if pipeline is not None else None
        bodies = self._bodies

        def run(state: State, dot: Any) -> None:  # noqa: ANN401 - a Go value
            state.meter.spend()
            found = bodies.get(name)
            if found is None:
                raise ExecutionFailure("a template that is called is not defined", position)
            body, slots = found
            value = argument(state, dot) if argument is not None else None
            if state.depth >= MAX_TEMPLATE_DEPTH:
                raise BudgetExceeded(f"templates call each other more than {MAX_TEMPLATE_DEPTH} deep", position)
            saved = state.variables
            state.variables = [NOTHING] * slots
            state.variables[0] = value
            state.depth += 1
            body(state, value)
            state.depth -= 1
            state.variables = saved

        return run


def _text(text: str) -> Callable[[State, Any], int | None]:
    length = len(text)

    def run(state: State, _dot: Any) -> None:  # noqa: ANN401 - a Go value
        state.meter.output(length)
        state.out.append(text)

    return run


def _lone_key(parsed: tree.ParsedTemplate) -> str | None:
    """The key of a template that is nothing but ``{{ .key }}``."""
    nodes = parsed.root.nodes
    if len(nodes) != 1 or not isinstance(nodes[0], tree.ActionNode):
        return None
    pipeline = nodes[0].pipeline
    if pipeline.declarations or len(pipeline.commands) != 1 or len(pipeline.commands[0].arguments) != 1:
        return None
    term = pipeline.commands[0].arguments[0]
    if isinstance(term, tree.FieldNode) and len(term.fields) == 1:
        return str(term.fields[0])
    return None


def _entries(value: object, variables: int, position: int) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, dict):
        return [(key, value[key]) for key in sorted(value, key=encode)]
    if isinstance(value, (list, StringList, IntList, ListOfLists)):
        return enumerate(list(value))
    if value is None:
        return ()
    if isinstance(value, int) and not isinstance(value, bool):
        if variables > 1:
            raise ExecutionFailure("range over a number takes one variable only", position)
        kind = type(value)
        return ((None, kind(index)) for index in range(max(int(value), 0)))
    if isinstance(value, bytes):
        return enumerate(value)
    raise ExecutionFailure(f"range cannot iterate over a value of type {type_name(value)}", position)
