"""The environment, command and paths a container's process gets."""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.errors import NodeError
from local.node.api import JsonObject
from local.node.pod import field_value

Read = Callable[[str, str], Awaitable[JsonObject | None]]
"""Reads a ``Secret`` or ``ConfigMap`` of the pod's namespace by kind and name; None if there is none."""

_REFERENCE = re.compile(r"\$(?:\$|\(([-._a-zA-Z][-._a-zA-Z0-9]*)\))")


class ContainerConfigError(NodeError):
    """A container cannot be started as its pod describes it; the kubelet's reason ``CreateContainerConfigError``."""


@dataclass(frozen=True, slots=True, repr=False)
class Variables:
    """A container's environment; its representation shows names only."""

    values: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Variables({sorted(self.values)})"


def expand(text: str, values: Mapping[str, str]) -> str:
    """Kubernetes' references: ``$(NAME)`` is replaced if the name is known, ``$$`` is a dollar sign."""

    def replace(match: re.Match[str]) -> str:
        if match[1] is None:
            return "$"
        return values.get(match[1], match[0])

    return _REFERENCE.sub(replace, text)


async def resolve(container: JsonObject, pod: JsonObject, *, read: Read, ip: str) -> Variables:
    """The variables a container declares: ``envFrom``, then ``env``, whose values may refer to earlier ones.

    Raises:
        ContainerConfigError: Something they refer to does not exist and is not optional.
    """
    values: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        values |= await _all_keys(source, read)
    for variable in container.get("env") or []:
        name = variable["name"]
        if origin := variable.get("valueFrom"):
            value = await _value_from(origin, pod, read=read, ip=ip)
            if value is None:
                continue
            values[name] = value
        else:
            values[name] = expand(variable.get("value", ""), values)
    return Variables(values)


def content(obj: JsonObject) -> dict[str, bytes]:
    """The keys of a Secret or ConfigMap as bytes."""
    if obj["kind"] == "Secret":
        return {key: base64.b64decode(value or "") for key, value in (obj.get("data") or {}).items()}
    binary = {key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()}
    return binary | {key: value.encode() for key, value in (obj.get("data") or {}).items()}


def on_volumes(text: str, folders: Mapping[str, str]) -> str:
    """A text with paths below mounts rewritten to the folders that stand for them.

    Args:
        text: An argument or a variable's value.
        folders: Mount path → folder. A longer mount path is preferred.
    """
    if not folders:
        return text
    mounts = sorted((mount.rstrip("/") for mount in folders), key=len, reverse=True)
    known = {mount.rstrip("/"): folder for mount, folder in folders.items()}
    pattern = re.compile(rf"(?<![\w./-])({'|'.join(re.escape(mount) for mount in mounts)})(?=$|[/:,;\s])")
    return pattern.sub(lambda match: known[match[1]], text)


def command_line(container: JsonObject, module: str, python: str, values: Mapping[str, str]) -> list[str]:
    """The program and arguments: the image's ``python -m <module>`` unless the container has a command of its own."""
    entry: Sequence[str] = container.get("command") or ()
    start = [python, *(expand(part, values) for part in entry[1:])] if entry else [python, "-m", module]
    return start + [expand(part, values) for part in container.get("args") or ()]


async def _all_keys(source: JsonObject, read: Read) -> dict[str, str]:
    kind, reference = _reference(source, {"secretRef": "Secret", "configMapRef": "ConfigMap"})
    obj = await read(kind, reference["name"])
    if obj is None:
        if reference.get("optional"):
            return {}
        raise ContainerConfigError(f'{kind.lower()} "{reference["name"]}" not found')
    prefix = source.get("prefix", "")
    return {
        f"{prefix}{key}": _text(value, f'{kind.lower()} "{reference["name"]}"') for key, value in content(obj).items()
    }


async def _value_from(origin: JsonObject, pod: JsonObject, *, read: Read, ip: str) -> str | None:
    if field := origin.get("fieldRef"):
        return field_value(pod, field["fieldPath"], ip=ip)
    kind, reference = _reference(origin, {"secretKeyRef": "Secret", "configMapKeyRef": "ConfigMap"})
    obj = await read(kind, reference["name"])
    place = f'{kind.lower()} "{reference["name"]}"'
    if obj is None:
        if reference.get("optional"):
            return None
        raise ContainerConfigError(f"{place} not found")
    value = content(obj).get(reference["key"])
    if value is None:
        if reference.get("optional"):
            return None
        raise ContainerConfigError(f'couldn\'t find key "{reference["key"]}" in {place}')
    return _text(value, place)


def _reference(source: JsonObject, kinds: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    for key, kind in kinds.items():
        if key in source:
            return kind, source[key]
    raise ContainerConfigError(f"none of {', '.join(kinds)} is given")


def _text(value: bytes, place: str) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise ContainerConfigError(f"a value of {place} is not text and cannot be a variable") from None
    if "\0" in text:
        raise ContainerConfigError(f"a value of {place} holds a NUL byte and cannot be a variable")
    return text
