"""What an installed Pulumi SDK says about a resource type's inputs, read from its source; nothing is imported.

A stand-in accepts what it has code for, and would let pass a misspelled or missing input that the official plugin
refuses. The SDK beside it knows every type's inputs, so they are checked against its `...Args` classes. Only the class
in question is parsed: whole packages would cost a second.
"""

from __future__ import annotations

import ast
import functools
import json
import re
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final

from local.pulumi.resource_calls import Failure
from local.pulumi.wire import UNKNOWN, PropertyMap, PropertyValue, Secret

_WRAPPER: Final = re.compile(r"(?:pulumi\.Input|Optional)\[(.*)\]", re.DOTALL)
_NESTED: Final = re.compile(r"'(?:[\w.]*_inputs\.)?(\w+Args)'")
_UNION: Final = re.compile(r"Union\[(_builtins\.\w+), (.*)\]")
_SCALARS: Final[dict[str, tuple[type, ...]]] = {
    "_builtins.str": (str, int, float, bool),
    "_builtins.int": (int, str),
    "_builtins.bool": (bool, str),
    "_builtins.float": (int, float, str),
}
"""What the engine converts to a scalar type, besides the type itself."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a type: whether it must be given, and its annotation's source."""

    required: bool
    annotation: str


@dataclass(frozen=True, slots=True)
class Schema:
    """The inputs of a type, and the folder whose `_inputs.py` holds its nested types."""

    folder: Path
    inputs: dict[str, Input]


@functools.cache
def _package(name: str) -> Path | None:
    spec = PathFinder.find_spec(name)
    return Path(spec.origin).parent if spec is not None and spec.origin else None


@functools.cache
def _modules(package: str) -> dict[str, tuple[Path, str]]:
    """Folder and class of each resource type token, from the package's registration of its modules."""
    root = _package(package)
    if root is None:
        return {}
    listed = re.search(r'resource_modules="""(.*?)"""', (root / "__init__.py").read_text(encoding="utf-8"), re.DOTALL)
    found: dict[str, tuple[Path, str]] = {}
    for module in json.loads(listed[1]) if listed else []:
        folder = root.parent.joinpath(*module["fqn"].split("."))
        for token, class_name in module["classes"].items():
            found[token] = (folder, class_name)
    return found


@functools.cache
def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


@functools.cache
def _class_inputs(path: Path, name: str) -> dict[str, Input] | None:
    """Inputs of one `...Args` class by their names on the wire; None where the file has no such class."""
    source = re.search(rf"^class {re.escape(name)}\b.*?(?=^\S|\Z)", _source(path), re.DOTALL | re.MULTILINE)
    if source is None:
        return None
    definition = ast.parse(source[0]).body[0]
    assert isinstance(definition, ast.ClassDef)  # noqa: S101 - it is what the expression above matched
    methods = [node for node in definition.body if isinstance(node, ast.FunctionDef)]
    init = next((method for method in methods if method.name == "__init__"), None)
    if init is None:
        return {}
    names = {method.name: wire for method in methods if (wire := _wire_name(method))}
    arguments = init.args
    positional = arguments.args[1:]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    parameters = zip(
        [*positional, *arguments.kwonlyargs], [*defaults, *arguments.defaults, *arguments.kw_defaults], strict=True
    )
    return {
        names.get(parameter.arg, parameter.arg): Input(
            default is None, ast.unparse(parameter.annotation) if parameter.annotation else ""
        )
        for parameter, default in parameters
    }


def _wire_name(method: ast.FunctionDef) -> str:
    for decorator in method.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pulumi.getter":
            for keyword in decorator.keywords:
                if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                    return str(keyword.value.value)
    return ""


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])|(?<=[A-Z])([A-Z](?=[a-z]))", r"_\g<0>", name).lower()


@functools.cache
def schema(package: str, token: str) -> Schema | None:
    """The inputs of a resource type; None where the installed package has no such type.

    Args:
        package: Python package of the SDK, such as `pulumi_vault`.
        token: Type token, such as `vault:index/mount:Mount`.
    """
    known = _modules(package).get(token)
    if known is None:
        return None
    folder, class_name = known
    # pulumi_kubernetes names its modules like their classes, the other packages by snake case.
    modules = (folder / f"{name}.py" for name in (_snake(class_name), class_name))
    module = next((path for path in modules if path.exists()), folder)
    inputs = _class_inputs(module, f"{class_name}Args")
    return Schema(folder, inputs or {})


def check(package: str, token: str, inputs: PropertyMap) -> list[Failure]:
    """What the SDK's types say against some inputs: unknown, missing, or of a wrong basic type.

    A failure names the place in its text and no property, because the engine prints the value of a named one.
    """
    known = schema(package, token)
    if known is None:
        return [Failure("", f"{token} is not a type of the installed {package}")]
    return [Failure("", f"{place} {reason}") for place, reason in _check_object(known, inputs, "")]


def _check_object(known: Schema, values: PropertyMap, where: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        if name.startswith("__"):
            continue
        if name not in known.inputs:
            found.append((where + name, "is not an input of this type in the installed SDK"))
        else:
            found += _check_value(known.folder, value, known.inputs[name].annotation, where + name)
    found += [
        (where + name, "is required")
        for name, wanted in known.inputs.items()
        if wanted.required and values.get(name) is None
    ]
    return found


def _check_value(folder: Path, value: PropertyValue, annotation: str, where: str) -> list[tuple[str, str]]:
    value = value.value if isinstance(value, Secret) else value
    if value is UNKNOWN or value is None:
        return []
    while wrapped := _WRAPPER.fullmatch(annotation):
        annotation = wrapped[1]
    if union := _UNION.fullmatch(annotation):
        if isinstance(value, _SCALARS[union[1]]):
            return []
        annotation = union[2]
    if annotation in _SCALARS:
        if isinstance(value, _SCALARS[annotation]):
            return []
        return [(where, f"must be {annotation.removeprefix('_builtins.')}, not {type(value).__name__}")]
    return _check_collection(folder, value, annotation, where)


def _check_collection(folder: Path, value: PropertyValue, annotation: str, where: str) -> list[tuple[str, str]]:
    if annotation.startswith("Sequence["):
        if not isinstance(value, list):
            return [(where, f"must be a list, not {type(value).__name__}")]
        inner = annotation[len("Sequence[") : -1]
        return [
            problem
            for index, item in enumerate(value)
            for problem in _check_value(folder, item, inner, f"{where}[{index}]")
        ]
    if annotation.startswith("Mapping["):
        if not isinstance(value, dict):
            return [(where, f"must be a map, not {type(value).__name__}")]
        inner = annotation[len("Mapping[") : -1].split(",", 1)[1].strip()
        return [
            problem for key, item in value.items() for problem in _check_value(folder, item, inner, f"{where}.{key}")
        ]
    return _check_nested(folder, value, annotation, where)


def _check_nested(folder: Path, value: PropertyValue, annotation: str, where: str) -> list[tuple[str, str]]:
    nested = _NESTED.search(annotation)
    if nested is None:
        return []
    if not isinstance(value, dict):
        return [(where, f"must be an object, not {type(value).__name__}")]
    inputs = _class_inputs(folder / "_inputs.py", nested[1])
    return [] if inputs is None else _check_object(Schema(folder, inputs), value, where + ".")
