"""What a template function is: a name, a Go signature, and the Python function behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from secretsync.template.govalues import GoObject, Int64, StringMap, Uint8, Uint64, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ANY: Final = "any"
"""The parameter type interface {}: every value is accepted."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function a template can call.

    Attributes:
        name: as templates write it.
        signature: parameters and result in Go's notation, e.g. ``(int, ...string) string``.
        family: the heading it stands under in the reference.
        call: the implementation; it takes Go values as `govalues` maps them.
        parameters: Go types of the parameters, without the variadic one.
        variadic: Go type of the variadic parameter, empty where there is none.
        volatile: whether two calls with the same arguments may give different results.
        key_work: what it charges of `budget.MAX_KEY_WORK`; 4096-bit RSA counts more than its declaration.
        text_weight: how many times the usual price its text costs; above 1 where each character is visited.
    """

    name: str
    signature: str
    family: str
    call: Callable[..., Any]
    parameters: tuple[str, ...]
    variadic: str
    volatile: bool
    key_work: int
    text_weight: int


def define(
    family: str,
    signature: str,
    names: str,
    call: Callable[..., Any],
    *,
    volatile: bool = False,
    key_work: int = 0,
    text_weight: int = 1,
) -> Iterable[Function]:
    """One function under one or more names (separated by spaces)."""
    inside = signature[1 : signature.rindex(")")]
    types = [part.strip() for part in inside.split(",")] if inside else []
    variadic = types.pop()[3:] if types and types[-1].startswith("...") else ""
    for name in names.split():
        yield Function(name, signature, family, call, tuple(types), variadic, volatile, key_work, text_weight)


_CLASSES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "int": (int,),
    "int64": (Int64,),
    "uint8": (Uint8,),
    "uint64": (Uint64,),
    "float64": (float,),
    "bool": (bool,),
    "map[string]any": (dict,),
    "map[string]string": (StringMap,),
}
NILABLE: Final[dict[str, type]] = {"map[string]any": dict, "[]any": list}
"""Parameter types that accept nil, with what a nil of them is."""


def accepts(parameter: str, value: object) -> bool:
    """Whether Go would assign a value to a parameter of this type; for types other than `ANY`."""
    classes = _CLASSES.get(parameter)
    if classes is not None:
        return type(value) in classes
    if parameter == "[]any":
        return isinstance(value, list) and type_name(value) == "[]interface {}"
    return isinstance(value, GoObject) and value.go_type == parameter
