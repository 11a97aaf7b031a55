"""The part that all provider plugins share: the resource provider service over plain Python values."""

# ruff: noqa: N802, ARG002 - the methods of the service have its names and its arguments

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import grpc
from google.protobuf.empty_pb2 import Empty

from local.pulumi import property_diff, protocol
from local.pulumi.plugin_errors import NotServed
from local.pulumi.resource_calls import (
    CheckCall,
    Checked,
    CreateCall,
    DeleteCall,
    DiffCall,
    Read,
    ReadCall,
    UpdateCall,
    check_call,
    create_call,
    delete_call,
    diff_call,
    read_call,
    update_call,
)
from local.pulumi.serving import serve
from local.pulumi.wire import PropertyMap, decode_map, encode_map, has_unknown, plain, secret

if TYPE_CHECKING:
    from pulumi.runtime.proto import engine_pb2_grpc, plugin_pb2, provider_pb2

_WORKERS = 32
_TELL_TIMEOUT = 2.0
pp = protocol.provider_pb2


class ProviderPlugin(protocol.provider_pb2_grpc.ResourceProviderServicer, ABC):
    """A provider: override the lower-case methods, which take and return plain Python values.

    Attributes:
        name: The package's name.
        version: The official plugin's version that this one stands in for.
        secret_configuration: Provider arguments that are secret by what they are.
        replacing_configuration: Provider arguments whose change replaces the provider and all its resources.
        cancelled: Set when the engine asks to stop; long waits watch it. (It is also set at every normal end.)
    """

    name: ClassVar[str]
    secret_configuration: ClassVar[tuple[str, ...]] = ()
    replacing_configuration: ClassVar[tuple[str, ...]] = ()

    def __init__(self, version: str) -> None:
        self.version = version
        self.cancelled = threading.Event()
        self._engine: engine_pb2_grpc.EngineStub | None = None
        self._telling: set[object] = set()

    def tell(self, urn: str, text: str) -> None:
        """Show a line beside a resource while it is worked on; it is not kept, and a failure to show it is nothing.

        Args:
            urn: The resource.
            text: What is waited for; never a value.
        """
        if self._engine is not None:
            messages = protocol.engine_pb2
            line = messages.LogRequest(severity=messages.INFO, message=text, urn=urn, ephemeral=True)
            call = self._engine.Log.future(line, timeout=_TELL_TIMEOUT)
            # A call that nobody holds is cancelled when it is collected.
            self._telling.add(call)
            call.add_done_callback(self._telling.discard)

    # What a plugin implements

    @abstractmethod
    def configure(self, arguments: PropertyMap) -> None:
        """Take the provider's arguments, without secret marks; every value is a string, objects as JSON."""

    @abstractmethod
    def check(self, call: CheckCall) -> Checked:
        """Complete and check inputs; mark what is secret by its type."""

    @abstractmethod
    def diff(self, call: DiffCall) -> provider_pb2.DiffResponse:
        """Tell what changes, and what cannot change in place."""

    @abstractmethod
    def create(self, call: CreateCall) -> tuple[str, PropertyMap]:
        """Create; the id and the outputs."""

    @abstractmethod
    def read(self, call: ReadCall) -> Read | None:
        """Read the live object; None where it is gone."""

    @abstractmethod
    def update(self, call: UpdateCall) -> PropertyMap:
        """Change in place; the outputs."""

    @abstractmethod
    def delete(self, call: DeleteCall) -> None:
        """Delete; an object that is gone already is no error."""

    def invoke(self, token: str, arguments: PropertyMap) -> PropertyMap:
        """Call a function; `arguments` carry no secret marks."""
        del arguments
        raise self.not_served(token)

    def construct(self, request: provider_pb2.ConstructRequest) -> provider_pb2.ConstructResponse:
        """Make a component's children."""
        raise self.not_served(request.type)

    def not_served(self, what: str) -> NotServed:
        """The refusal of something that only the official plugin does."""
        return NotServed(what, f"{self.name} {self.version}")

    # The service

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Keep the engine's address, and say which kinds of wire values are understood."""
        if request.engine_address:
            channel = grpc.insecure_channel(request.engine_address)
            self._engine = protocol.engine_pb2_grpc.EngineStub(channel)
        return pp.ProviderHandshakeResponse(
            accept_secrets=True,
            accept_resources=False,
            accept_outputs=False,
            supports_autonaming_configuration=True,
        )

    def Attach(self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext) -> Empty:
        """Accept an engine that attaches to a running plugin."""
        return Empty()

    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """Tell the version."""
        return protocol.plugin_pb2.PluginInfo(version=self.version)

    def GetSchema(
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        """A schema without types: the installed SDK has the real one."""
        return pp.GetSchemaResponse(schema=json.dumps({"name": self.name, "version": self.version}))

    def GetMapping(
        self, request: provider_pb2.GetMappingRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetMappingResponse:
        """No mapping from another tool."""
        return pp.GetMappingResponse()

    def GetMappings(
        self, request: provider_pb2.GetMappingsRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetMappingsResponse:
        """No mapping from another tool."""
        return pp.GetMappingsResponse()

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        """Let waiting operations end."""
        self.cancelled.set()
        return Empty()

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Mark the secret arguments, so that they are encrypted in the state even when the program gave plain text."""
        news = decode_map(request.news)
        marked = {key: secret(value) if key in self.secret_configuration else value for key, value in news.items()}
        return _check_response(Checked(marked))

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """Compare provider arguments."""
        old = property_diff.inputs_or_outputs(decode_map(request.old_inputs), decode_map(request.olds))
        found = property_diff.changes(old, decode_map(request.news))
        return property_diff.response(found, replace=self.replacing_configuration)

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Take the provider's arguments."""
        self.configure(plain(decode_map(request.args)))
        return pp.ConfigureResponse(
            acceptSecrets=True,
            supportsPreview=True,
            acceptResources=False,
            acceptOutputs=False,
            supports_autonaming_configuration=True,
        )

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        """Check inputs."""
        return _check_response(self.check(check_call(request)))

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """Compare inputs."""
        return self.diff(diff_call(request))

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        """Create an object."""
        id_, outputs = self.create(create_call(request))
        return pp.CreateResponse(id=id_, properties=encode_map(outputs))

    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        """Read an object; an empty id says that it is gone."""
        found = self.read(read_call(request))
        if found is None:
            return pp.ReadResponse(id="")
        return pp.ReadResponse(id=found.id, properties=encode_map(found.outputs), inputs=encode_map(found.inputs))

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        """Change an object."""
        return pp.UpdateResponse(properties=encode_map(self.update(update_call(request))))

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> Empty:
        """Delete an object."""
        self.delete(delete_call(request))
        return Empty()

    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> provider_pb2.InvokeResponse:
        """Call a function; with unknown arguments the answer is unknown."""
        arguments = decode_map(request.args)
        answer = pp.InvokeResponse()
        if not has_unknown(arguments):
            getattr(answer, "return").CopyFrom(encode_map(self.invoke(request.tok, plain(arguments))))
        return answer

    def Construct(
        self, request: provider_pb2.ConstructRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConstructResponse:
        """Make a component."""
        return self.construct(request)

    def Call(self, request: provider_pb2.CallRequest, context: grpc.ServicerContext) -> provider_pb2.CallResponse:
        """Call a method of a component."""
        raise self.not_served(request.tok)


def _check_response(checked: Checked) -> provider_pb2.CheckResponse:
    failures = [pp.CheckFailure(property=failure.property, reason=failure.reason) for failure in checked.failures]
    return pp.CheckResponse(inputs=encode_map(checked.inputs), failures=failures)


def serve_plugin(plugin: ProviderPlugin) -> None:
    """Serve one provider until the engine stops it; does not return."""

    def register(server: grpc.Server) -> None:
        protocol.provider_pb2_grpc.add_ResourceProviderServicer_to_server(plugin, server)

    serve(register, workers=_WORKERS)
