"""Waiting for objects to be ready, to be gone, and for kinds to come up."""

from __future__ import annotations

import http
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from local.pulumi import protocol
from local.pulumi.wire import PropertyMap, decode_map
from tests.pulumi_standins.plugin_client import VERSION, PluginClient, Resource, init_failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from pulumi.runtime.proto import engine_pb2

    from tests.fixtures.local_parts import ControlPlane

pytestmark = pytest.mark.contract

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
POD = "kubernetes:core/v1:Pod"
SOON = 30.0


def deployment(namespace: str, **spec: Any) -> PropertyMap:
    labels = {"app": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": "web"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": "example.com/web:1"}]},
            },
            **spec,
        },
    }


def pod(namespace: str, name: str = "one", **annotations: str) -> PropertyMap:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "annotations": annotations},
        "spec": {"containers": [{"name": "main", "image": "example.com/web:1"}], "terminationGracePeriodSeconds": 0},
    }


def eventually(find: Callable[[], Any]) -> Any:
    limit = time.monotonic() + SOON
    while time.monotonic() < limit:
        if found := find():
            return found
        time.sleep(0.05)
    pytest.fail("it did not happen in time")


def set_status(control_plane: ControlPlane, path: str, status: dict[str, Any]) -> None:
    live = control_plane.request("GET", path).document()
    live["status"] = status
    answer = control_plane.request("PUT", f"{path}/status", live)
    assert answer.status == http.HTTPStatus.OK, answer.body


def run_pods(control_plane: ControlPlane, namespace: str, container: dict[str, Any], *, ready: bool) -> None:
    """Be the node: give every pod of the namespace a status."""
    path = f"/api/v1/namespaces/{namespace}/pods"
    pods = eventually(lambda: control_plane.request("GET", path).document()["items"])
    for item in pods:
        status = {
            "phase": "Running" if ready else "Pending",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [
                {"name": "web", "ready": ready, "restartCount": 0, "image": "x", "imageID": "", **container}
            ],
        }
        set_status(control_plane, f"{path}/{item['metadata']['name']}", status)


def in_background(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_a_deployment_is_ready_when_its_pods_are(
    kubernetes: PluginClient, control_plane: ControlPlane, namespace: str
) -> None:
    running = {"state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
    node = in_background(lambda: run_pods(control_plane, namespace, running, ready=True))
    made = kubernetes.create(Resource(DEPLOYMENT, "web"), deployment(namespace), timeout=SOON)
    node.join()
    assert made.outputs["status"]["availableReplicas"] == 1
    assert made.outputs["status"]["observedGeneration"] == made.outputs["metadata"]["generation"]
    kubernetes.delete(made)
    pods = control_plane.request("GET", f"/api/v1/namespaces/{namespace}/pods").document()["items"]
    assert pods == [], "foreground deletion ends with the pods"


def test_a_deployment_without_replicas_is_ready_at_once(kubernetes: PluginClient, namespace: str) -> None:
    made = kubernetes.create(Resource(DEPLOYMENT, "web"), deployment(namespace, replicas=0), timeout=SOON)
    assert made.id == f"{namespace}/web"


def test_a_deployment_past_its_deadline_fails_with_the_reasons_of_its_pods(
    kubernetes: PluginClient, control_plane: ControlPlane, namespace: str
) -> None:
    waiting = {"state": {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}}
    node = in_background(lambda: run_pods(control_plane, namespace, waiting, ready=False))
    with pytest.raises(grpc.RpcError) as caught:
        kubernetes.create(Resource(DEPLOYMENT, "web"), deployment(namespace, progressDeadlineSeconds=1), timeout=SOON)
    node.join()
    failure = init_failure(caught.value)
    assert caught.value.code() == grpc.StatusCode.UNKNOWN
    assert failure.id == f"{namespace}/web"
    told = "\n".join(failure.reasons)
    assert "ProgressDeadlineExceeded" in told
    assert "container web waits: ErrImagePull: no such image" in told
    assert decode_map(failure.properties)["metadata"]["name"] == "web"
    assert decode_map(failure.inputs)["spec"]["progressDeadlineSeconds"] == 1


def test_a_timeout_tells_what_is_missing(kubernetes: PluginClient, namespace: str) -> None:
    began = time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        kubernetes.create(Resource(DEPLOYMENT, "web"), deployment(namespace), timeout=1)
    assert time.monotonic() - began < 10
    assert "timed out" in init_failure(caught.value).reasons[0]


class Listener(protocol.engine_pb2_grpc.EngineServicer):
    """The engine's side of a plugin's messages."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, bool]] = []

    def Log(self, request: engine_pb2.LogRequest, context: grpc.ServicerContext) -> Empty:  # noqa: N802 - the service's name
        self.lines.append((request.urn, request.message, request.ephemeral))
        return Empty()


def test_a_long_wait_tells_what_it_waits_for(control_plane: ControlPlane, namespace: str) -> None:
    listener = Listener()
    engine = grpc.server(ThreadPoolExecutor(1))
    protocol.engine_pb2_grpc.add_EngineServicer_to_server(listener, engine)
    port = engine.add_insecure_port("127.0.0.1:0")
    engine.start()
    resource = Resource(DEPLOYMENT, "web")
    try:
        with PluginClient("local.pulumi.kubernetes.plugin", VERSION) as plugin:
            plugin.configure(kubeconfig=str(control_plane.kubeconfig))
            greeting = protocol.provider_pb2.ProviderHandshakeRequest(engine_address=f"127.0.0.1:{port}")
            plugin.stub.Handshake(greeting)
            with pytest.raises(grpc.RpcError):
                plugin.create(resource, deployment(namespace), timeout=4)
    finally:
        engine.stop(None).wait()
    assert listener.lines == [(resource.urn, "waiting: 0 of 1 replicas are available", True)]


def test_a_cancelled_wait_ends_at_once_and_the_object_is_recorded(control_plane: ControlPlane, namespace: str) -> None:
    with PluginClient("local.pulumi.kubernetes.plugin", VERSION) as plugin:
        plugin.configure(kubeconfig=str(control_plane.kubeconfig))
        timer = threading.Timer(1.0, lambda: plugin.stub.Cancel(Empty()))
        timer.start()
        began = time.monotonic()
        with pytest.raises(grpc.RpcError) as caught:
            plugin.create(Resource(DEPLOYMENT, "web"), deployment(namespace))
        timer.join()
    assert time.monotonic() - began < 10
    failure = init_failure(caught.value)
    assert failure.id == f"{namespace}/web"
    assert "cancelled" in failure.reasons[0]


def test_waiting_can_be_turned_off(kubernetes: PluginClient, namespace: str) -> None:
    news = deployment(namespace)
    news["metadata"]["annotations"] = {"pulumi.com/skipAwait": "true"}
    assert kubernetes.create(Resource(DEPLOYMENT, "web"), news).id == f"{namespace}/web"


def test_a_pod_that_ended_badly_fails_with_its_exit_code(
    kubernetes: PluginClient, control_plane: ControlPlane, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods/one"

    def fail() -> None:
        eventually(lambda: control_plane.request("GET", path).status == http.HTTPStatus.OK)
        ended = {"terminated": {"exitCode": 3, "reason": "Error"}}
        container = {"name": "main", "state": ended, "ready": False, "restartCount": 0, "image": "x", "imageID": ""}
        set_status(control_plane, path, {"phase": "Failed", "containerStatuses": [container]})

    node = in_background(fail)
    with pytest.raises(grpc.RpcError) as caught:
        kubernetes.create(Resource(POD, "one"), pod(namespace), timeout=SOON)
    node.join()
    assert "container main ended with exit code 3: Error" in init_failure(caught.value).reasons[0]


def test_an_annotation_names_what_to_wait_for(
    kubernetes: PluginClient, control_plane: ControlPlane, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods/one"
    wait = {"pulumi.com/waitFor": '["jsonpath={.status.phase}=Running", "condition=Custom"]'}
    conditions = [{"type": "Custom", "status": "True"}]

    def run() -> None:
        eventually(lambda: control_plane.request("GET", path).status == http.HTTPStatus.OK)
        set_status(control_plane, path, {"phase": "Running", "conditions": conditions})

    node = in_background(run)
    made = kubernetes.create(Resource(POD, "one"), pod(namespace, **wait), timeout=SOON)
    node.join()
    assert made.outputs["status"]["phase"] == "Running"
    with pytest.raises(grpc.RpcError) as caught:
        kubernetes.create(
            Resource(POD, "two"), pod(namespace, "two", **{"pulumi.com/waitFor": "condition=Never"}), timeout=1
        )
    assert "condition=Never" in init_failure(caught.value).reasons[0]
    with pytest.raises(grpc.RpcError, match="is not understood; write condition="):
        kubernetes.create(Resource(POD, "three"), pod(namespace, "three", **{"pulumi.com/waitFor": "soon"}))


def test_a_job_is_waited_for(kubernetes: PluginClient, control_plane: ControlPlane, namespace: str) -> None:
    news = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"namespace": namespace, "name": "job"},
        "spec": {
            "backoffLimit": 0,
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "x"}]}},
        },
    }
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs/job"

    def fail() -> None:
        eventually(lambda: control_plane.request("GET", path).status == http.HTTPStatus.OK)
        why = {"reason": "BackoffLimitExceeded", "message": "it failed", "status": "True"}
        began = "2026-01-01T00:00:00Z"
        conditions = [{"type": kind, **why} for kind in ("FailureTarget", "Failed")]
        set_status(control_plane, path, {"startTime": began, "failed": 1, "conditions": conditions})

    node = in_background(fail)
    with pytest.raises(grpc.RpcError) as caught:
        kubernetes.create(Resource("kubernetes:batch/v1:Job", "job"), news, timeout=SOON)
    node.join()
    assert "BackoffLimitExceeded: it failed" in init_failure(caught.value).reasons[0]


def definition(group: str) -> PropertyMap:
    schema = {"type": "object", "x_kubernetes_preserve_unknown_fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Thing", "plural": "things"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def thing(group: str, namespace: str) -> PropertyMap:
    metadata = {"namespace": namespace, "name": "thing"}
    return {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": metadata, "spec": {"a": 1}}


def test_a_young_kind_and_its_objects_come_and_go_without_waiting_for_the_collector(
    kubernetes: PluginClient, control_plane: ControlPlane, namespace: str, unique: str
) -> None:
    group = f"{unique}.example.com"
    crd = Resource("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition", "things")
    made_definition = kubernetes.create(crd, definition(group), timeout=SOON)
    schema = made_definition.outputs["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert schema["x_kubernetes_preserve_unknown_fields"] is True, "spelled as the SDK does"
    made = kubernetes.create(Resource(f"kubernetes:{group}/v1:Thing", "thing"), thing(group, namespace))
    began = time.monotonic()
    kubernetes.delete(made)
    path = f"/apis/{group}/v1/namespaces/{namespace}/things/thing"
    assert control_plane.request("GET", path).status == http.HTTPStatus.NOT_FOUND
    kubernetes.delete(made_definition)
    assert time.monotonic() - began < 8, "the garbage collector's round is 30 seconds"
    assert control_plane.request("GET", f"/apis/{group}/v1").status == http.HTTPStatus.NOT_FOUND


def test_an_object_waits_for_its_kind_and_its_namespace(
    kubernetes: PluginClient, control_plane: ControlPlane, unique: str
) -> None:
    group = f"{unique}.example.com"
    crd = Resource("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition", "things")
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": unique}}
    threading.Timer(0.5, lambda: kubernetes.create(crd, definition(group))).start()
    threading.Timer(1.0, lambda: control_plane.request("POST", "/api/v1/namespaces", body)).start()
    made = kubernetes.create(Resource(f"kubernetes:{group}/v1:Thing", "thing"), thing(group, unique))
    assert made.id == f"{unique}/thing"


def test_a_namespace_is_gone_when_its_deletion_returns(
    kubernetes: PluginClient, control_plane: ControlPlane, unique: str
) -> None:
    namespace = Resource("kubernetes:core/v1:Namespace", "n")
    made = kubernetes.create(namespace, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": unique}})
    kubernetes.delete(made)
    assert control_plane.request("GET", f"/api/v1/namespaces/{unique}").status == http.HTTPStatus.NOT_FOUND


def test_a_deletion_that_is_held_tells_by_which_finalizers(
    control_plane: ControlPlane, namespace: str, kubernetes: PluginClient
) -> None:
    news = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "namespace": namespace,
            "name": "held",
            "finalizers": ["example.com/hold"],
            "annotations": {"pulumi.com/timeoutSeconds": "1"},
        },
    }
    made = kubernetes.create(Resource("kubernetes:core/v1:ConfigMap", "held"), news)
    with pytest.raises(grpc.RpcError, match=r"did not finish in time.*example\.com/hold") as caught:
        kubernetes.delete(made)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    path = f"/api/v1/namespaces/{namespace}/configmaps/held"
    live = control_plane.request("GET", path).document()
    live["metadata"]["finalizers"] = []
    control_plane.request("PUT", path, live)


def test_a_service_account_is_ready_at_once_and_a_wrong_policy_is_refused(
    kubernetes: PluginClient, namespace: str
) -> None:
    news = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {
            "namespace": namespace,
            "name": "reader",
            "annotations": {"pulumi.com/deletionPropagationPolicy": "sideways"},
        },
    }
    made = kubernetes.create(Resource("kubernetes:core/v1:ServiceAccount", "reader"), news)
    with pytest.raises(grpc.RpcError, match="write foreground, background or orphan"):
        kubernetes.delete(made)
    made.outputs["metadata"]["annotations"]["pulumi.com/deletionPropagationPolicy"] = "orphan"
    kubernetes.delete(made)
    assert kubernetes.read(made) is None
