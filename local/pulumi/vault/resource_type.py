"""What a resource type of the vault package has to know, and the plain ones that are an API path with fields."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc

from local.pulumi.plugin_errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.pulumi.vault.connection import VaultConnection
    from local.pulumi.wire import PropertyMap, PropertyValue


def snake(name: str) -> str:
    """An input's name as the API spells it: `tokenTtl` is `token_ttl`."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


@dataclass(frozen=True, slots=True)
class Written:
    """What a write made: the resource's id, and outputs that can never be read again."""

    id: str
    outputs: PropertyMap = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class ResourceType(ABC):
    """One type. Property maps given to its methods carry no secret marks.

    Attributes:
        secrets: Properties that are secret by what they are.
        replacing: Inputs whose change replaces the resource.
        defaults: Inputs the plugin fills in; templates over the others.
        sets: Inputs that are sets on the server, which returns them in an order of its own.
    """

    secrets: tuple[str, ...] = ()
    replacing: tuple[str, ...] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)
    sets: tuple[str, ...] = ()

    @abstractmethod
    def write(self, api: VaultConnection, inputs: PropertyMap, old_inputs: PropertyMap | None) -> Written:
        """Create, or update where there are old inputs."""

    @abstractmethod
    def fetch(self, api: VaultConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Live values under their property names; None where the object is gone. An import has no inputs."""

    @abstractmethod
    def delete(self, api: VaultConnection, id_: str, outputs: PropertyMap) -> None:
        """Delete; what is gone already is no error."""

    def imported(self) -> tuple[str, ...]:
        """Inputs that an import records."""
        return self.replacing


def fill(template: str, values: PropertyMap) -> str:
    """`auth/{backend}/config` with the values in place, without slashes at their ends."""
    return re.sub(r"\{(\w+)\}", lambda match: str(values.get(match[1]) or "").strip("/"), template)


def _reset(value: PropertyValue) -> PropertyValue:
    """What takes a value away on the server: the empty value of its type."""
    if isinstance(value, list):
        return []
    if isinstance(value, dict):
        return {}
    if isinstance(value, bool):
        return False
    return 0 if isinstance(value, int | float) else ""


@dataclass(frozen=True, kw_only=True)
class ConfiguredPath(ResourceType):
    """A type that is one path with fields: write them there, read them there, delete the path.

    Attributes:
        path: Template of the path.
        id: Template of the resource's id; the path where it is empty.
        fields: Inputs that are fields of the API, which spells them in snake case.
        write_only: Fields the server never returns.
        computed: Outputs read from other paths: the path's template and the key in its data.
        method: HTTP method of the write.
        deletable: Whether the path can be deleted; a configuration can only be overwritten.
    """

    path: str
    id: str = ""
    fields: tuple[str, ...] = ()
    write_only: tuple[str, ...] = ()
    computed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    method: str = "POST"
    deletable: bool = True

    def write(self, api: VaultConnection, inputs: PropertyMap, old_inputs: PropertyMap | None) -> Written:
        """Write the fields; those the program no longer gives are reset."""
        body = {snake(name): inputs[name] for name in self.fields if inputs.get(name) is not None}
        for name in self.fields:
            old = (old_inputs or {}).get(name)
            if old is not None and inputs.get(name) is None and name not in self.write_only:
                body[snake(name)] = _reset(old)
        path = fill(self.path, inputs)
        api.call(self.method, path, body, what=f"write of {path}")
        return Written(fill(self.id or self.path, inputs))

    def fetch(self, api: VaultConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Read the fields; what the program does not give is recorded only where it is not empty."""
        known = inputs or self._from_id(id_)
        answer = api.find("GET", fill(self.path, known))
        data = (answer or {}).get("data")
        if not data:
            return None
        live = {name: data.get(snake(name)) for name in self.fields if name not in self.write_only}
        live = {name: value for name, value in live.items() if name in inputs or value not in (None, "", [], 0, {})}
        for name in re.findall(r"\{(\w+)\}", self.path):
            live[name] = known[name]
        for name, (path, key) in self.computed.items():
            live[name] = api.call("GET", fill(path, known))["data"][key]
        return live

    def _from_id(self, id_: str) -> PropertyMap:
        """An import's inputs: the variables of the id's template."""
        template = self.id or self.path
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+?)", re.escape(template))
        match = re.fullmatch(pattern, id_)
        if match is None:
            raise PluginError(f"the id {id_!r} does not look like {template}", grpc.StatusCode.INVALID_ARGUMENT)
        return match.groupdict()

    def delete(self, api: VaultConnection, id_: str, outputs: PropertyMap) -> None:
        """Delete the path."""
        del id_
        if self.deletable:
            api.find("DELETE", fill(self.path, outputs))

    def imported(self) -> tuple[str, ...]:
        """All that the server returns."""
        return (*self.replacing, *self.fields)
