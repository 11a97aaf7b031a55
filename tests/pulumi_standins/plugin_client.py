"""A plugin process spoken to over gRPC, as the engine speaks to it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import grpc

from local.pulumi import protocol
from local.pulumi.wire import PropertyMap, decode_map, encode_map

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from pulumi.runtime.proto import provider_pb2

PROJECT = Path(__file__).resolve().parents[2]
STARTS_WITHIN = 30
VERSION = "4.34.2"


class ServerProcess:
    """A stand-in's process and a channel to it; it is stopped at the end of the `with` block, whatever happens."""

    def __init__(self, module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        code = f"import sys; sys.path.insert(0, {str(PROJECT)!r}); from {module} import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-u", "-c", code, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            process_group=0,
        )
        self.channel: grpc.Channel | None = None

    def __enter__(self) -> Self:
        try:
            assert self.process.stdout is not None
            ready, _, _ = select.select([self.process.stdout], [], [], STARTS_WITHIN)
            line = self.process.stdout.readline().decode().strip() if ready else ""
            assert line.isdigit(), f"no port on the first line: {line!r}"
            self.channel = grpc.insecure_channel(f"127.0.0.1:{line}")
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.channel is not None:
            self.channel.close()
        self.kill()

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def interrupt(self) -> tuple[int, float, bytes]:
        """SIGINT as the engine sends it: exit code, seconds it took, and what was printed on stderr."""
        began = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        _, printed = self.process.communicate(timeout=STARTS_WITHIN)
        return self.process.returncode, time.monotonic() - began, printed


@dataclass
class Resource:
    """A resource as the engine's state holds it."""

    type: str
    name: str
    id: str = ""
    inputs: PropertyMap = field(default_factory=dict)
    outputs: PropertyMap = field(default_factory=dict)

    @property
    def urn(self) -> str:
        return f"urn:pulumi:dev::tests::{self.type}::{self.name}"


class PluginClient(ServerProcess):
    """A provider plugin; each method is one call of the engine."""

    def __init__(self, module: str, version: str, **keywords: Any) -> None:
        super().__init__(module, version, "127.0.0.1:1", **keywords)

    def __enter__(self) -> Self:
        super().__enter__()
        assert self.channel is not None
        self.stub = protocol.provider_pb2_grpc.ResourceProviderStub(self.channel)
        return self

    def configure(self, **arguments: object) -> PropertyMap:
        """CheckConfig and Configure; the checked arguments."""
        pp = protocol.provider_pb2
        self.stub.Handshake(pp.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))
        checked = self.stub.CheckConfig(pp.CheckRequest(news=encode_map(arguments)))
        self.stub.Configure(pp.ConfigureRequest(args=checked.inputs, acceptSecrets=True))
        return decode_map(checked.inputs)

    def check(self, resource: Resource, news: PropertyMap, **fields: Any) -> tuple[PropertyMap, list[str]]:
        answer = self.stub.Check(
            protocol.provider_pb2.CheckRequest(
                urn=resource.urn,
                type=resource.type,
                name=resource.name,
                olds=encode_map(resource.inputs),
                news=encode_map(news),
                randomSeed=b"seed",
                **fields,
            )
        )
        return decode_map(answer.inputs), [f"{item.property}|{item.reason}" for item in answer.failures]

    def create(self, resource: Resource, news: PropertyMap, *, timeout: float = 0, preview: bool = False) -> Resource:
        """Check, then Create; raises AssertionError for check failures."""
        inputs, failures = self.check(resource, news)
        assert not failures, failures
        answer = self.stub.Create(
            protocol.provider_pb2.CreateRequest(
                urn=resource.urn,
                type=resource.type,
                name=resource.name,
                properties=encode_map(inputs),
                timeout=timeout,
                preview=preview,
            )
        )
        return Resource(resource.type, resource.name, answer.id, inputs, decode_map(answer.properties))

    def diff(self, resource: Resource, news: PropertyMap, ignore: tuple[str, ...] = ()) -> provider_pb2.DiffResponse:
        """Check, then Diff."""
        inputs, failures = self.check(resource, news)
        assert not failures, failures
        answer: provider_pb2.DiffResponse = self.stub.Diff(
            protocol.provider_pb2.DiffRequest(
                id=resource.id,
                urn=resource.urn,
                type=resource.type,
                name=resource.name,
                olds=encode_map(resource.outputs),
                old_inputs=encode_map(resource.inputs),
                news=encode_map(inputs),
                ignoreChanges=ignore,
            )
        )
        return answer

    def update(self, resource: Resource, news: PropertyMap, *, preview: bool = False) -> Resource:
        """Check, then Update."""
        inputs, failures = self.check(resource, news)
        assert not failures, failures
        answer = self.stub.Update(
            protocol.provider_pb2.UpdateRequest(
                id=resource.id,
                urn=resource.urn,
                type=resource.type,
                name=resource.name,
                olds=encode_map(resource.outputs),
                old_inputs=encode_map(resource.inputs),
                news=encode_map(inputs),
                preview=preview,
            )
        )
        return Resource(resource.type, resource.name, resource.id, inputs, decode_map(answer.properties))

    def read(self, resource: Resource) -> Resource | None:
        """Read, as a refresh does; None where it is gone."""
        answer = self.stub.Read(
            protocol.provider_pb2.ReadRequest(
                id=resource.id,
                urn=resource.urn,
                type=resource.type,
                name=resource.name,
                properties=encode_map(resource.outputs),
                inputs=encode_map(resource.inputs),
            )
        )
        if not answer.id:
            return None
        return Resource(
            resource.type, resource.name, answer.id, decode_map(answer.inputs), decode_map(answer.properties)
        )

    def delete(self, resource: Resource) -> None:
        self.stub.Delete(
            protocol.provider_pb2.DeleteRequest(
                id=resource.id,
                urn=resource.urn,
                type=resource.type,
                name=resource.name,
                properties=encode_map(resource.outputs),
                old_inputs=encode_map(resource.inputs),
            )
        )

    def invoke(self, token: str, **arguments: object) -> PropertyMap:
        answer = self.stub.Invoke(protocol.provider_pb2.InvokeRequest(tok=token, args=encode_map(arguments)))
        return decode_map(getattr(answer, "return"))


def changed(answer: provider_pb2.DiffResponse) -> dict[str, bool]:
    """Changed property paths, and whether each replaces."""
    return {path: path in answer.replaces for path in answer.detailedDiff}


def init_failure(error: grpc.RpcError) -> provider_pb2.ErrorResourceInitFailed:
    """The detail of a partial failure."""
    details = next(item.value for item in error.trailing_metadata() or () if item.key == "grpc-status-details-bin")
    assert isinstance(details, bytes)
    status = protocol.status_pb2.Status.FromString(details)
    found = protocol.provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(found)
    return found
