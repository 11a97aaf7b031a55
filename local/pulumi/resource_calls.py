"""The resource calls of the engine, decoded; values are kept out of every text form."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc

from local.pulumi import protocol
from local.pulumi.plugin_errors import PluginError
from local.pulumi.wire import PropertyMap, decode_map

if TYPE_CHECKING:
    from pulumi.runtime.proto import provider_pb2

_SUFFIX_HEX = 8


@dataclass(frozen=True, slots=True)
class ResourceCall:
    """What every call names: the resource's URN, type token and logical name."""

    urn: str
    type: str
    name: str


@dataclass(frozen=True, slots=True)
class CheckCall(ResourceCall):
    """Check the program's inputs and complete them."""

    old_inputs: PropertyMap = field(repr=False)
    news: PropertyMap = field(repr=False)
    random_seed: bytes = field(repr=False)
    proposed_name: str
    naming_disabled: bool

    def automatic_name(self) -> str:
        """A physical name: the engine's proposal, or the logical name with eight hexadecimal digits.

        Raises:
            PluginError: Where the stack's configuration disables automatic naming.
        """
        if self.naming_disabled:
            raise PluginError(
                f"automatic naming is disabled and {self.name!r} gives no name", grpc.StatusCode.INVALID_ARGUMENT
            )
        if self.proposed_name:
            return self.proposed_name
        seed = self.random_seed or secrets.token_bytes(16)
        return f"{self.name}-{hashlib.sha256(seed + self.urn.encode()).hexdigest()[:_SUFFIX_HEX]}"


@dataclass(frozen=True, slots=True)
class DiffCall(ResourceCall):
    """Compare the last operation's inputs with the program's."""

    id: str
    old_inputs: PropertyMap = field(repr=False)
    old_outputs: PropertyMap = field(repr=False)
    news: PropertyMap = field(repr=False)
    ignore_changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CreateCall(ResourceCall):
    """Create an object, or foretell its outputs in a preview. `timeout` is in seconds; 0 means the kind's default."""

    inputs: PropertyMap = field(repr=False)
    timeout: float
    preview: bool


@dataclass(frozen=True, slots=True)
class ReadCall(ResourceCall):
    """Read a live object: a refresh, or an import or `get` where there are no inputs yet."""

    id: str
    inputs: PropertyMap = field(repr=False)
    outputs: PropertyMap = field(repr=False)


@dataclass(frozen=True, slots=True)
class UpdateCall(ResourceCall):
    """Change an object in place, or foretell the outcome in a preview."""

    id: str
    old_inputs: PropertyMap = field(repr=False)
    old_outputs: PropertyMap = field(repr=False)
    news: PropertyMap = field(repr=False)
    timeout: float
    preview: bool


@dataclass(frozen=True, slots=True)
class DeleteCall(ResourceCall):
    """Delete an object and wait until it is gone."""

    id: str
    old_inputs: PropertyMap = field(repr=False)
    outputs: PropertyMap = field(repr=False)
    timeout: float


@dataclass(frozen=True, slots=True)
class Read:
    """A live object: its id, its outputs and the inputs to record."""

    id: str
    outputs: PropertyMap = field(repr=False)
    inputs: PropertyMap = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """An input that cannot be right. With `property` set the engine prints that property's value (unless secret)."""

    property: str
    reason: str


@dataclass(frozen=True, slots=True)
class Checked:
    """Completed inputs, and what is wrong with them."""

    inputs: PropertyMap = field(repr=False)
    failures: tuple[Failure, ...] = ()


def _type_and_name(urn: str, type_: str, name: str) -> tuple[str, str]:
    """Engines before 3.136 send the URN only: `urn:pulumi:stack::project::parent$type::name`."""
    if type_:
        return type_, name
    parts = urn.split("::", 3)
    return parts[2].rsplit("$", 1)[-1], parts[3]


def check_call(request: provider_pb2.CheckRequest) -> CheckCall:
    """Decode a Check request."""
    type_, name = _type_and_name(request.urn, request.type, request.name)
    naming = request.autonaming if request.HasField("autonaming") else None
    modes = protocol.provider_pb2.CheckRequest.AutonamingOptions
    return CheckCall(
        urn=request.urn,
        type=type_,
        name=name,
        old_inputs=decode_map(request.olds),
        news=decode_map(request.news),
        random_seed=request.randomSeed,
        proposed_name=naming.proposed_name if naming is not None else "",
        naming_disabled=naming is not None and naming.mode == modes.DISABLE,
    )


def diff_call(request: provider_pb2.DiffRequest) -> DiffCall:
    """Decode a Diff request."""
    type_, name = _type_and_name(request.urn, request.type, request.name)
    return DiffCall(
        urn=request.urn,
        type=type_,
        name=name,
        id=request.id,
        old_inputs=decode_map(request.old_inputs),
        old_outputs=decode_map(request.olds),
        news=decode_map(request.news),
        ignore_changes=tuple(request.ignoreChanges),
    )


def create_call(request: provider_pb2.CreateRequest) -> CreateCall:
    """Decode a Create request."""
    type_, name = _type_and_name(request.urn, request.type, request.name)
    return CreateCall(
        urn=request.urn,
        type=type_,
        name=name,
        inputs=decode_map(request.properties),
        timeout=request.timeout,
        preview=request.preview,
    )


def read_call(request: provider_pb2.ReadRequest) -> ReadCall:
    """Decode a Read request."""
    type_, name = _type_and_name(request.urn, request.type, request.name)
    return ReadCall(
        urn=request.urn,
        type=type_,
        name=name,
        id=request.id,
        inputs=decode_map(request.inputs),
        outputs=decode_map(request.properties),
    )


def update_call(request: provider_pb2.UpdateRequest) -> UpdateCall:
    """Decode an Update request."""
    type_, name = _type_and_name(request.urn, request.type, request.name)
    return UpdateCall(
        urn=request.urn,
        type=type_,
        name=name,
        id=request.id,
        old_inputs=decode_map(request.old_inputs),
        old_outputs=decode_map(request.olds),
        news=decode_map(request.news),
        timeout=request.timeout,
        preview=request.preview,
    )


def delete_call(request: provider_pb2.DeleteRequest) -> DeleteCall:
    """Decode a Delete request."""
    type_, name = _type_and_name(request.urn, request.type, request.name)
    return DeleteCall(
        urn=request.urn,
        type=type_,
        name=name,
        id=request.id,
        old_inputs=decode_map(request.old_inputs),
        outputs=decode_map(request.properties),
        timeout=request.timeout,
    )
