"""Pipelines, commands and operands as closures over the state of one rendering."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from secretsync.template import parsing as tree
from secretsync.template.budget import TEXT_PER_STEP, Meter, weigh
from secretsync.template.failures import BudgetExceeded, ExecutionFailure, FunctionFailure
from secretsync.template.functions import ANY, NILABLE, Function, accepts
from secretsync.template.govalues import INT64_MAX, INT64_MIN, GoObject, StringMap, Uint64, is_true, type_name

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Nothing:
    """No value was piped in; nil is a value, this is not."""

    __slots__ = ()


SHALLOW: Final = frozenset(
    {
        "call",
        "default",
        "dict",
        "empty",
        "first",
        "mustFirst",
        "get",
        "hasKey",
        "index",
        "kindIs",
        "kindOf",
        "last",
        "mustLast",
        "len",
        "list",
        "not",
        "set",
        "tuple",
        "typeIs",
        "typeIsLike",
        "typeOf",
        "unset",
        "ternary",
        "coalesce",
        "all",
        "any",
    }
)
"""Functions that look at their arguments from outside, so that a large value costs nothing."""

NOTHING: Final = _Nothing()
Evaluate = Callable[["State", Any], Any]


class State:
    """What one rendering changes while it runs."""

    __slots__ = ("depth", "meter", "out", "variables")

    def __init__(self, root: object, slots: int) -> None:
        self.out: list[str] = []
        self.meter = Meter()
        self.depth = 0
        self.variables: list[Any] = [NOTHING] * slots
        self.variables[0] = root


class Scope:
    """Variables while a template is compiled: every declaration gets a slot of its own.

    Attributes:
        functions: what the template may call.
        missing_keys: whether a key that is not there is nothing (Go's default) instead of a failure (missingkey=error).
        slots: how many slots a frame needs.
    """

    def __init__(self, functions: Mapping[str, Function], *, missing_keys: bool = False) -> None:
        self.functions = functions
        self.missing_keys = missing_keys
        self.slots = 1
        self._names: list[tuple[str, int]] = [("$", 0)]

    def bind(self, name: str, *, declare: bool) -> int:
        """The slot of a variable that is declared or assigned here."""
        if not declare:
            return self.slot(name)
        slot = self.slots
        self.slots += 1
        self._names.append((name, slot))
        return slot

    def slot(self, name: str) -> int:
        """The slot of a variable that is read here."""
        for known, slot in reversed(self._names):
            if known == name:
                return slot
        raise ExecutionFailure("a variable is not defined")

    def mark(self) -> int:
        """Where the visible variables end, for `release`."""
        return len(self._names)

    def release(self, mark: int) -> None:
        """Forget the variables declared since the mark."""
        del self._names[mark:]


def compile_pipeline(node: tree.PipeNode, scope: Scope) -> Evaluate:
    """The value of a pipeline."""
    commands = [_command(command, scope) for command in node.commands]
    first = commands[0]
    if len(commands) == 1:
        return lambda state, dot: first(state, dot, NOTHING)
    rest = commands[1:]

    def run(state: State, dot: Any) -> Any:  # noqa: ANN401 - Go values
        value = first(state, dot, NOTHING)
        for command in rest:
            value = command(state, dot, value)
        return value

    return run


_Command = Callable[[State, Any, Any], Any]


def _command(node: tree.CommandNode, scope: Scope) -> _Command:
    head = node.arguments[0]
    arguments = node.arguments[1:]
    if isinstance(head, tree.IdentifierNode):
        return _function(head, arguments, scope)
    if isinstance(head, (tree.FieldNode, tree.VariableNode, tree.ParenthesizedNode)):
        return _members(head, arguments, scope)
    position = head.start
    if isinstance(head, tree.NilNode):
        return _raising("nil is not a command", position)
    if arguments:
        return _raising("an argument is given to something that is not a function", position)
    operand = _operand(head, scope)

    def run(state: State, dot: Any, piped: Any) -> Any:  # noqa: ANN401 - Go values
        if piped is not NOTHING:
            raise ExecutionFailure("an argument is given to something that is not a function", position)
        return operand(state, dot)

    return run


def _raising(problem: str, position: int) -> _Command:
    def run(_state: State, _dot: Any, _piped: Any) -> Any:  # noqa: ANN401 - Go values
        raise ExecutionFailure(problem, position)

    return run


def _members(
    head: tree.FieldNode | tree.VariableNode | tree.ParenthesizedNode,
    arguments: tuple[tree.TermNode, ...],
    scope: Scope,
) -> _Command:
    fields = head.fields
    position = head.start
    base = _base(head, scope)
    given = [_operand(argument, scope) for argument in arguments]
    lenient = scope.missing_keys
    if len(fields) == 1 and not given and isinstance(head, tree.FieldNode):
        name = fields[0]

        def lookup(_state: State, dot: Any, piped: Any) -> Any:  # noqa: ANN401 - Go values
            if piped is NOTHING and type(dot) is StringMap:
                value = dot.get(name)
                if value is not None:
                    return value
            return _member(dot, name, [] if piped is NOTHING else [piped], position, lenient=lenient)

        return lookup

    def run(state: State, dot: Any, piped: Any) -> Any:  # noqa: ANN401 - Go values
        value = base(state, dot)
        extra = [argument(state, dot) for argument in given]
        if piped is not NOTHING:
            extra.append(piped)
        if not fields:
            if extra:
                raise ExecutionFailure("an argument is given to something that is not a function", position)
            return value
        *parents, last = fields
        for name in parents:
            value = _member(value, name, [], position, lenient=lenient)
        return _member(value, last, extra, position, lenient=lenient)

    return run


def _base(head: tree.FieldNode | tree.VariableNode | tree.ParenthesizedNode, scope: Scope) -> Evaluate:
    if isinstance(head, tree.FieldNode):
        return lambda _state, dot: dot
    if isinstance(head, tree.VariableNode):
        slot = scope.slot(head.name)
        return lambda state, _dot: state.variables[slot]
    return compile_pipeline(head.pipeline, scope)


def _member(value: object, name: str, arguments: list[Any], position: int, *, lenient: bool) -> Any:  # noqa: ANN401 - a Go value
    if isinstance(value, dict):
        if arguments:
            raise ExecutionFailure(f"{name} is not a method but has arguments", position)
        if name not in value:
            if lenient:
                return None
            raise ExecutionFailure(f'the data has no key "{name}"', position)
        return value[name]
    if isinstance(value, GoObject) and name in value.members:
        try:
            return value.members[name](value, *arguments)
        except BudgetExceeded:
            raise
        except Exception:  # noqa: BLE001 - whatever the method makes of bad arguments; its text may hold a value
            raise ExecutionFailure(f"{value.go_type}.{name} fails on its arguments", position) from None
    if value is None:
        if lenient:
            return None
        raise ExecutionFailure(f'nil has no key "{name}"', position)
    raise ExecutionFailure(f"a value of type {type_name(value)} has no field {name}", position)


def _operand(node: tree.TermNode, scope: Scope) -> Evaluate:
    """An operand where any type is welcome."""
    match node:
        case tree.DotNode():
            return lambda _state, dot: dot
        case tree.NilNode():
            return lambda _state, _dot: None
        case tree.FieldNode() | tree.VariableNode() | tree.ParenthesizedNode():
            command = _members(node, (), scope)
            return lambda state, dot: command(state, dot, NOTHING)
        case tree.IdentifierNode():
            call = _function(node, (), scope)
            return lambda state, dot: call(state, dot, NOTHING)
    constant = _constant(node)
    if isinstance(constant, int) and not isinstance(constant, bool) and not INT64_MIN <= constant <= INT64_MAX:
        position = node.start

        def overflow(_state: State, _dot: Any) -> Any:  # noqa: ANN401 - Go values
            raise ExecutionFailure("a number overflows int", position)

        return overflow
    return lambda _state, _dot: constant


def _constant(node: tree.TermNode) -> bool | float | complex | str:
    match node:
        case tree.BoolNode():
            return bool(node.value)
        case tree.NumberNode():
            return tree.number_of(node)
        case tree.StringNode():
            return tree.text_of(node)
        case tree.CharacterNode():
            return ord(node.value)
    raise ExecutionFailure("complex numbers are not supported", node.start)


def _function(head: tree.IdentifierNode, arguments: tuple[tree.TermNode, ...], scope: Scope) -> _Command:
    if head.name in ("and", "or"):
        return _logical(head, arguments, scope)
    function = scope.functions[head.name]
    fixed = len(function.parameters)
    position = head.start
    given = [_argument(node, _parameter(function, index), scope, function.name) for index, node in enumerate(arguments)]
    count = len(given)
    deep = function.name not in SHALLOW
    failing_text = _literal_message(function, arguments)

    wanted = f"at least {fixed}" if function.variadic else str(fixed)

    def run(state: State, dot: Any, piped: Any) -> Any:  # noqa: ANN401 - Go values
        total = count if piped is NOTHING else count + 1
        if total != fixed and (total < fixed or not function.variadic):
            raise ExecutionFailure(f"{function.name} takes {wanted} arguments, {total} are given", position)
        values = [argument(state, dot) for argument in given]
        if piped is not NOTHING:
            values.append(_checked(piped, _parameter(function, total - 1), function.name, position))
        try:
            length = _charge(state.meter, function, values, deep=deep)
            result = function.call(*values)
        except Exception as error:  # noqa: BLE001 - the text of an unexpected one may hold a value
            raise _failure(error, function.name, failing_text, position) from None
        if type(result) is str:
            state.meter.text(len(result))
            if function.text_weight > 1 and not length:
                state.meter.spend(len(result) * function.text_weight // TEXT_PER_STEP)
        elif isinstance(result, (list, dict)):
            state.meter.spend(len(result) >> 3)
        return result

    return run


def _charge(meter: Meter, function: Function, values: list[Any], *, deep: bool) -> int:
    """Charge a call before it is made; gives the length of the text among the arguments."""
    length = 0
    for value in values:
        if type(value) is str:
            length += len(value)
        elif deep and isinstance(value, (list, dict)):
            meter.spend(weigh(value) >> 3)
    weight = function.text_weight
    meter.spend(1 + (weight >> 2) + length * weight // TEXT_PER_STEP)
    if function.key_work:
        meter.keys(function.key_work)
    return length


def _failure(error: Exception, name: str, message: str, position: int) -> ExecutionFailure:
    if isinstance(error, BudgetExceeded):
        return BudgetExceeded(f"{name}: {error.problem}", position)
    if isinstance(error, ExecutionFailure):
        return ExecutionFailure(f"{name}: {error.problem}", position)
    if isinstance(error, FunctionFailure):
        return ExecutionFailure(f"{name}: {message or error}", position)
    if isinstance(error, RecursionError):
        return BudgetExceeded(f"{name}: a value nests too deeply", position)
    return ExecutionFailure(f"{name} cannot use the arguments it is given", position)


def _literal_message(function: Function, arguments: tuple[tree.TermNode, ...]) -> str:
    """The text of ``fail "text"``: it stands in the template, so it is not a value."""
    if function.name == "fail" and len(arguments) == 1 and isinstance(arguments[0], tree.StringNode):
        return str(arguments[0].value)
    return ""


def _parameter(function: Function, index: int) -> str:
    if index < len(function.parameters):
        return function.parameters[index]
    return function.variadic or ANY


def _argument(node: tree.TermNode, parameter: str, scope: Scope, name: str) -> Evaluate:
    if parameter == ANY:
        return _operand(node, scope)
    position = node.start
    if isinstance(node, tree.NilNode):
        if parameter in NILABLE:
            return lambda _state, _dot: NILABLE[parameter]()
        return _failing(f"{name}: nil is given where {parameter} is expected", position)
    if isinstance(node, (tree.BoolNode, tree.NumberNode, tree.ComplexNode, tree.StringNode, tree.CharacterNode)):
        try:
            literal = _literal(node, parameter)
        except ValueError:
            return _failing(f"{name}: an argument is not of type {parameter}", position)
        return lambda _state, _dot: literal
    operand = _operand(node, scope)
    return lambda state, dot: _checked(operand(state, dot), parameter, name, position)


def _failing(problem: str, position: int) -> Evaluate:
    def run(_state: State, _dot: Any) -> Any:  # noqa: ANN401 - Go values
        raise ExecutionFailure(problem, position)

    return run


def _literal(node: tree.TermNode, parameter: str) -> object:
    """A constant as the parameter's type.

    Raises:
        ValueError: Go does not convert the constant to that type.
    """
    constant = _constant(node)
    if parameter in ("string", "HashAlgorithm") and isinstance(constant, str):
        return constant
    if parameter == "bool" and isinstance(constant, bool):
        return constant
    if isinstance(constant, (bool, str, complex)):
        raise ValueError(parameter)  # noqa: TRY004 - the one exception the caller knows
    if parameter == "float64":
        return float(constant)
    if parameter in ("int", "uint32") and constant == int(constant):
        number = int(constant)
        low, high = (INT64_MIN, INT64_MAX) if parameter == "int" else (0, (1 << 32) - 1)
        if low <= number <= high:
            return number if parameter == "int" else Uint64(number)
    raise ValueError(parameter)


def _checked(value: Any, parameter: str, name: str, position: int) -> Any:  # noqa: ANN401 - Go values
    if parameter == ANY or accepts(parameter, value):
        return value
    if value is None and parameter in NILABLE:
        return NILABLE[parameter]()
    raise ExecutionFailure(f"{name}: an argument is of type {type_name(value)} where {parameter} is expected", position)


def _logical(head: tree.IdentifierNode, arguments: tuple[tree.TermNode, ...], scope: Scope) -> _Command:
    stop_at = head.name == "or"
    given = [_operand(node, scope) for node in arguments]
    name, position = head.name, head.start

    def run(state: State, dot: Any, piped: Any) -> Any:  # noqa: ANN401 - Go values
        if not given and piped is NOTHING:
            raise ExecutionFailure(f"{name} takes at least 1 arguments, 0 are given", position)
        state.meter.spend()
        value: Any = None
        for argument in given:
            value = argument(state, dot)
            if is_true(value) == stop_at:
                return value
        return value if piped is NOTHING else piped

    return run
