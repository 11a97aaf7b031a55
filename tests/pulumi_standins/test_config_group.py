"""The yaml.v2 components, with a resource monitor of the test's own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from local.pulumi import protocol
from local.pulumi.wire import UNKNOWN, PropertyMap, Secret, decode_map, encode_map
from tests.pulumi_standins.plugin_client import VERSION, PluginClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pulumi.runtime.proto import provider_pb2, resource_pb2

pytestmark = pytest.mark.contract

CANARY = "canary-8c01-value"
GROUP = "kubernetes:yaml/v2:ConfigGroup"
TEXT = f"""
apiVersion: v1
kind: Secret
metadata: {{name: s, namespace: n}}
stringData: {{k: {CANARY}}}
---
apiVersion: v1
kind: List
items:
- {{apiVersion: v1, kind: Namespace, metadata: {{name: n}}}}
- {{apiVersion: apps/v1, kind: Deployment, metadata: {{name: d}}}}
"""


class Monitor(protocol.resource_pb2_grpc.ResourceMonitorServicer):
    """The engine's side: it notes what is registered."""

    def __init__(self) -> None:
        self.registered: list[resource_pb2.RegisterResourceRequest] = []
        self.outputs: list[PropertyMap] = []

    def RegisterResource(  # noqa: N802 - the service's name
        self, request: resource_pb2.RegisterResourceRequest, context: grpc.ServicerContext
    ) -> resource_pb2.RegisterResourceResponse:
        self.registered.append(request)
        return protocol.resource_pb2.RegisterResourceResponse(urn=f"urn:{request.name}")

    def RegisterResourceOutputs(  # noqa: N802 - the service's name
        self, request: resource_pb2.RegisterResourceOutputsRequest, context: grpc.ServicerContext
    ) -> Empty:
        self.outputs.append(decode_map(request.outputs))
        return Empty()


@pytest.fixture(scope="module")
def plugin() -> Iterator[PluginClient]:
    with PluginClient("local.pulumi.kubernetes.plugin", VERSION) as running:
        yield running


def construct(plugin: PluginClient, **inputs: Any) -> tuple[Monitor, provider_pb2.ConstructResponse]:
    monitor = Monitor()
    server = grpc.server(ThreadPoolExecutor(2))
    protocol.resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        answer = plugin.stub.Construct(
            protocol.provider_pb2.ConstructRequest(
                type=GROUP,
                name="group",
                parent="urn:stack",
                inputs=encode_map(inputs),
                monitorEndpoint=f"127.0.0.1:{port}",
                providers={"kubernetes": "urn:provider::id"},
            )
        )
    finally:
        server.stop(None).wait()
    return monitor, answer


def test_each_object_becomes_a_child_and_namespaces_come_first(plugin: PluginClient) -> None:
    monitor, answer = construct(plugin, yaml=TEXT, resourcePrefix="p", skipAwait=True)
    component, *children = monitor.registered
    assert (component.type, component.name, component.parent) == (GROUP, "group", "urn:stack")
    assert [(child.type, child.name) for child in children] == [
        ("kubernetes:core/v1:Namespace", "p:n"),
        ("kubernetes:core/v1:Secret", "p:n/s"),
        ("kubernetes:apps/v1:Deployment", "p:d"),
    ]
    assert {child.parent for child in children} == {"urn:group"}
    assert {child.provider for child in children} == {"urn:provider::id"}
    assert list(children[1].dependencies) == ["urn:p:n"]
    annotations = decode_map(children[2].object)["metadata"]["annotations"]
    assert annotations == {"pulumi.com/skipAwait": "true"}
    assert answer.urn == "urn:group"
    assert [item["urn"] for item in monitor.outputs[0]["resources"]] == ["urn:p:n", "urn:p:n/s", "urn:p:d"]


def test_a_secret_s_data_and_a_secret_document_are_marked(plugin: PluginClient) -> None:
    monitor, _ = construct(plugin, yaml=TEXT)
    assert decode_map(monitor.registered[2].object)["stringData"] == Secret({"k": CANARY})
    hidden = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{k: {CANARY}}}\n"
    monitor, _ = construct(plugin, yaml=Secret(hidden))
    assert decode_map(monitor.registered[1].object)["data"] == Secret({"k": CANARY})


def test_files_are_read_by_pattern(plugin: PluginClient, tmp_path: Path) -> None:
    for name in ("b", "a"):
        text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n"
        tmp_path.joinpath(f"{name}.yaml").write_text(text)
    monitor, _ = construct(plugin, files=[f"{tmp_path}/*.yaml"])
    assert [child.name for child in monitor.registered[1:]] == ["group:a", "group:b"]


def test_unknown_text_makes_no_children_yet(plugin: PluginClient) -> None:
    monitor, _ = construct(plugin, yaml=UNKNOWN)
    assert len(monitor.registered) == 1


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"yaml": f"a: b\nc: [{CANARY}\n"}, "the component's yaml, line 3: this is not YAML"),
        ({"yaml": f"just: {CANARY}\n"}, "no apiVersion or no kind"),
        ({"files": ["/nowhere/*.yaml"]}, "no file matches"),
    ],
)
def test_what_cannot_be_read_is_told_without_its_text(plugin: PluginClient, inputs: dict[str, Any], told: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        construct(plugin, **inputs)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert told in str(caught.value.details())
    assert CANARY not in str(caught.value)
