"""Pods on a real API server, run by a real node process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import sys
import urllib.request
from typing import Any

import pytest

from local.node.addresses import pod_address
from local.node.api import Api, ApiError
from tests.node.conftest import (
    IMAGE,
    RunningNode,
    condition,
    container,
    create_pod,
    eventually,
    free_port,
    is_ready,
    main_status,
    pod,
    pod_when,
)

pytestmark = pytest.mark.contract


Place = tuple[str, int]


def _place(created: dict[str, Any], port: int) -> Place:
    return pod_address(created["metadata"]["uid"]), port


def _read(place: Place, path: str) -> dict[str, Any]:
    address, port = place
    with urllib.request.urlopen(f"http://{address}:{port}{path}", timeout=10) as answer:
        content: dict[str, Any] = json.load(answer)
        return content


async def _get(place: Place, path: str) -> dict[str, Any]:
    return await asyncio.to_thread(_read, place, path)


def _probe(path: str, port: int | str = "http", **fields: Any) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": port}, "periodSeconds": 1, **fields}


async def _events(api: Api, namespace: str, name: str) -> list[dict[str, Any]]:
    items, _ = await api.list(f"/api/v1/namespaces/{namespace}/events")
    return [event for event in items if event["involvedObject"]["name"] == name]


async def test_a_deployment_becomes_available_and_goes_away(node: RunningNode, api: Api, namespace: str) -> None:
    port = free_port()
    template = container(
        "--port", str(port), ports=[{"name": "http", "containerPort": port}], readinessProbe=_probe("/readyz")
    )
    deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    await api.create(
        deployments,
        {
            "metadata": {"name": "web"},
            "spec": {
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod("", template)["spec"]},
            },
        },
    )

    def available(deployment: dict[str, Any]) -> bool:
        return bool(condition(deployment, "Available").get("status") == "True")

    deployment = await eventually(lambda: api.get(f"{deployments}/web"), available)
    assert deployment["status"]["readyReplicas"] == 1
    (running,), _ = await api.list(f"/api/v1/namespaces/{namespace}/pods")
    place = (running["status"]["podIP"], port)
    assert await _get(place, "/readyz") == {}
    uid = deployment["metadata"]["uid"]
    await api.delete(f"{deployments}/web", uid=uid, grace_seconds=0)
    await eventually(lambda: api.list(f"/api/v1/namespaces/{namespace}/pods"), lambda answer: not answer[0])
    with pytest.raises(OSError, match="refused"):
        await _get(place, "/readyz")


async def test_the_process_is_the_pods_service_account_and_gets_its_environment(
    node: RunningNode, api: Api, namespace: str
) -> None:
    port = free_port()
    await api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "worker"}})
    await api.create(f"/api/v1/namespaces/{namespace}/secrets", {"metadata": {"name": "s"}, "stringData": {"k": "v1"}})
    await api.create(
        f"/api/v1/namespaces/{namespace}/configmaps", {"metadata": {"name": "c"}, "data": {"k": "v2", "file": "text"}}
    )
    variables = [
        {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "ADDRESS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "FROM_SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        {"name": "FROM_CONFIG", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
        {"name": "ABSENT", "valueFrom": {"secretKeyRef": {"name": "none", "key": "k", "optional": True}}},
        {"name": "JOINED", "value": "$(NAME)/$(FROM_CONFIG)/$$(NAME)"},
        {"name": "FILE", "value": "/etc/config/file"},
    ]
    spec = container(
        "--port",
        str(port),
        "--config=/etc/config/file",
        env=variables,
        envFrom=[{"configMapRef": {"name": "c"}, "prefix": "ALL_"}],
        volumeMounts=[{"name": "config", "mountPath": "/etc/config"}],
        ports=[{"containerPort": port}],
    )
    volumes = [{"name": "config", "configMap": {"name": "c"}}]
    created = await create_pod(api, namespace, pod("p", spec, serviceAccountName="worker", volumes=volumes))
    place = _place(created, port)
    found = await pod_when(api, namespace, "p", is_ready)

    who = await eventually(lambda: _get_or_none(place, "/whoami"))
    assert who["user"]["username"] == f"system:serviceaccount:{namespace}:worker"
    assert who["user"]["extra"]["authentication.kubernetes.io/pod-uid"] == [found["metadata"]["uid"]]
    assert who["namespace"] == namespace
    environment = await _get(place, "/environment")
    assert environment["NAME"] == "p"
    assert environment["ADDRESS"] == found["status"]["podIP"] == place[0]
    assert (environment["FROM_SECRET"], environment["FROM_CONFIG"], environment["ALL_k"]) == ("v1", "v2", "v2")
    assert "ABSENT" not in environment
    assert environment["JOINED"] == "p/v2/$(NAME)"
    folder = node.data / "pods" / found["metadata"]["uid"]
    assert environment["FILE"] == str(folder / "volumes/config/file")
    assert f"--config={environment['FILE']}" in environment["arguments"]
    assert (folder / "volumes/config/file").read_text() == "text"
    token = folder / "volumes" / found["spec"]["volumes"][1]["name"] / "token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert stat.S_IMODE(token.parent.stat().st_mode) == 0o700
    assert environment["KUBERNETES_SERVICE_ACCOUNT_DIRECTORY"] == str(token.parent)
    log = node.data / "logs" / f"{namespace}_p_main.log"
    assert log.read_text() == "started\n"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


async def _get_or_none(place: Place, path: str) -> dict[str, Any] | None:
    try:
        return await _get(place, path)
    except OSError:
        return None


async def test_no_token_reaches_a_pod_that_declines_one(node: RunningNode, api: Api, namespace: str) -> None:
    port = free_port()
    created = await create_pod(
        api, namespace, pod("p", container("--port", str(port)), automountServiceAccountToken=False)
    )
    place = _place(created, port)
    environment = await eventually(lambda: _get_or_none(place, "/environment"))
    assert "KUBERNETES_SERVICE_ACCOUNT_DIRECTORY" not in environment


async def test_nothing_of_the_nodes_own_environment_reaches_a_pod(node: RunningNode, api: Api, namespace: str) -> None:
    port = free_port()
    created = await create_pod(api, namespace, pod("p", container("--port", str(port))))
    place = _place(created, port)
    environment = await eventually(lambda: _get_or_none(place, "/environment"))
    assert "PYTEST_CURRENT_TEST" in os.environ
    assert not [name for name in environment if name.startswith(("PYTEST", "PULUMI", "VAULT", "AWS", "KUBECONFIG"))]


async def test_a_pod_that_ends_well_succeeds_with_its_exit_code(node: RunningNode, api: Api, namespace: str) -> None:
    await create_pod(api, namespace, pod("p", container("--exit", "0"), restartPolicy="Never"))
    found = await pod_when(api, namespace, "p", lambda obj: obj["status"]["phase"] == "Succeeded")
    assert main_status(found)["state"]["terminated"]["reason"] == "Completed"
    assert condition(found, "Ready")["reason"] == "PodCompleted"


async def test_a_pod_that_must_not_restart_fails_with_its_exit_code(
    node: RunningNode, api: Api, namespace: str
) -> None:
    await create_pod(api, namespace, pod("p", container("--exit", "7"), restartPolicy="Never"))
    found = await pod_when(api, namespace, "p", lambda obj: obj["status"]["phase"] == "Failed")
    ended = main_status(found)["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (7, "Error")
    assert main_status(found)["restartCount"] == 0


async def test_a_crashing_container_restarts_with_growing_pauses(node: RunningNode, api: Api, namespace: str) -> None:
    await create_pod(api, namespace, pod("p", container("--exit", "3")))
    found = await pod_when(
        api,
        namespace,
        "p",
        lambda obj: (
            main_status(obj).get("restartCount", 0) >= 2
            and main_status(obj)["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff"
        ),
    )
    status = main_status(found)
    assert status["lastState"]["terminated"]["exitCode"] == 3
    assert "back-off 1s" in status["state"]["waiting"]["message"]
    assert found["status"]["phase"] == "Running"
    assert not is_ready(found)
    assert any(event["reason"] == "BackOff" for event in await _events(api, namespace, "p"))


async def test_readiness_follows_the_probe(node: RunningNode, api: Api, namespace: str) -> None:
    port = free_port()
    spec = container(
        "--port",
        str(port),
        ports=[{"name": "http", "containerPort": port}],
        readinessProbe=_probe("/readyz", failureThreshold=1),
    )
    created = await create_pod(api, namespace, pod("p", spec))
    place = _place(created, port)
    await pod_when(api, namespace, "p", is_ready)
    await _get(place, "/unready")
    found = await pod_when(api, namespace, "p", lambda obj: not is_ready(obj))
    assert condition(found, "Ready")["reason"] == "ContainersNotReady"
    assert main_status(found)["restartCount"] == 0


async def test_a_failed_liveness_probe_restarts_the_container(node: RunningNode, api: Api, namespace: str) -> None:
    port = free_port()
    spec = container(
        "--port",
        str(port),
        ports=[{"name": "http", "containerPort": port}],
        startupProbe=_probe("/healthz", failureThreshold=20),
        livenessProbe=_probe("/healthz", failureThreshold=1),
    )
    created = await create_pod(api, namespace, pod("p", spec))
    place = _place(created, port)
    await pod_when(api, namespace, "p", is_ready)
    await _get(place, "/break")
    found = await pod_when(api, namespace, "p", lambda obj: main_status(obj)["restartCount"] == 1 and is_ready(obj))
    assert main_status(found)["lastState"]["terminated"]["exitCode"] == 0
    reasons = {event["reason"] for event in await _events(api, namespace, "p")}
    assert {"Scheduled", "Started", "Unhealthy", "Killing"} <= reasons


async def test_a_container_that_ignores_sigterm_is_killed_after_its_grace(
    node: RunningNode, api: Api, namespace: str
) -> None:
    port = free_port()
    spec = pod("p", container("--port", str(port), "--ignore-sigterm"), terminationGracePeriodSeconds=1)
    created = await create_pod(api, namespace, spec)
    place = _place(created, port)
    await eventually(lambda: _get_or_none(place, "/healthz"))
    path = f"/api/v1/namespaces/{namespace}/pods/p"
    await api._call("DELETE", path)
    await eventually(lambda: api.get(path), lambda obj: obj is None)
    assert await _get_or_none(place, "/healthz") is None
    assert not (node.data / "pods" / created["metadata"]["uid"]).exists()


async def test_what_cannot_run_stays_pending_and_says_why(node: RunningNode, api: Api, namespace: str) -> None:
    unknown = {"name": "other", "image": "nginx:1.27"}
    init = {"initContainers": [container("--exit", "0") | {"name": "init"}]}
    await create_pod(api, namespace, pod("p", container("--exit", "0"), unknown, **init))
    found = await pod_when(api, namespace, "p", lambda obj: condition(obj, "PodScheduled") != {})
    scheduled = condition(found, "PodScheduled")
    assert (scheduled["status"], scheduled["reason"]) == ("False", "Unschedulable")
    assert "image nginx:1.27 is not known" in scheduled["message"]
    assert "initContainers" in scheduled["message"]
    assert found["status"]["phase"] == "Pending"
    assert "nodeName" not in found["spec"]
    event = await eventually(lambda: _events(api, namespace, "p"), bool)
    assert event[0]["reason"] == "FailedScheduling"


async def test_a_missing_secret_is_named_and_the_pod_starts_once_it_exists(
    node: RunningNode, api: Api, namespace: str
) -> None:
    variable = {"name": "V", "valueFrom": {"secretKeyRef": {"name": "late", "key": "k"}}}
    await create_pod(api, namespace, pod("p", container(env=[variable])))
    found = await pod_when(api, namespace, "p", lambda obj: "message" in main_status(obj)["state"].get("waiting", {}))
    waiting = main_status(found)["state"]["waiting"]
    assert waiting == {"reason": "CreateContainerConfigError", "message": 'secret "late" not found'}
    await api.create(
        f"/api/v1/namespaces/{namespace}/secrets", {"metadata": {"name": "late"}, "stringData": {"k": "v"}}
    )
    await pod_when(api, namespace, "p", is_ready)


async def test_a_taken_port_is_named_and_the_pod_starts_once_it_is_free(
    node: RunningNode, api: Api, namespace: str
) -> None:
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))  # noqa: S104  every address is what the test is about; closed within seconds
        listener.listen()
        port = listener.getsockname()[1]
        await create_pod(api, namespace, pod("p", container("--port", str(port), ports=[{"containerPort": port}])))
        found = await pod_when(
            api, namespace, "p", lambda obj: main_status(obj)["state"].get("waiting", {}).get("reason") == "PortTaken"
        )
        assert str(port) in main_status(found)["state"]["waiting"]["message"]
        assert found["status"]["phase"] == "Pending"
    await pod_when(api, namespace, "p", is_ready)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives each pod an address of its own")
async def test_a_deployment_rolls_over_though_both_pods_declare_one_port(
    node: RunningNode, api: Api, namespace: str
) -> None:
    port = free_port()
    template = container(
        "--port", str(port), ports=[{"name": "http", "containerPort": port}], readinessProbe=_probe("/readyz")
    )
    deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    spec = {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod("", template)["spec"]},
    }
    await api.create(deployments, {"metadata": {"name": "web"}, "spec": spec})
    await eventually(lambda: api.get(f"{deployments}/web"), lambda obj: obj["status"].get("readyReplicas") == 2)
    variables = [*template["env"], {"name": "NEW", "value": "1"}]
    change = {"spec": {"template": {"spec": {"containers": [{"name": "main", "env": variables}]}}}}
    await api.patch(f"{deployments}/web", change)
    done = await eventually(
        lambda: api.get(f"{deployments}/web"),
        lambda obj: (
            obj["status"].get("observedGeneration") == obj["metadata"]["generation"]
            and obj["status"].get("updatedReplicas") == obj["status"].get("readyReplicas") == 2
            and obj["status"]["replicas"] == 2
        ),
    )
    assert not done["status"].get("unavailableReplicas")
    pods, _ = await api.list(f"/api/v1/namespaces/{namespace}/pods")
    places = {(obj["status"]["podIP"], port) for obj in pods if not obj["metadata"].get("deletionTimestamp")}
    assert len(places) == 2
    for place in places:
        assert (await _get(place, "/environment"))["NEW"] == "1"


async def test_the_node_is_ready_and_renews_its_lease(node: RunningNode, api: Api) -> None:
    found = await eventually(lambda: api.get("/api/v1/nodes/local"), lambda obj: obj is not None and is_ready(obj))
    assert found["spec"].get("taints") is None
    assert found["status"]["images"] == [{"names": [IMAGE]}]
    lease = await api.get("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/local")
    assert lease is not None
    assert lease["spec"]["holderIdentity"] == "local"


async def test_a_node_that_was_killed_replaces_its_processes_and_tells_so(
    node: RunningNode, api: Api, namespace: str
) -> None:
    port = free_port()
    created = await create_pod(
        api, namespace, pod("p", container("--port", str(port), ports=[{"containerPort": port}]))
    )
    place = _place(created, port)
    await eventually(lambda: _get_or_none(place, "/healthz"))
    node.end(signal.SIGKILL)
    assert await _get(place, "/healthz") == {}, "the process outlives a node that was killed"
    node.start()
    found = await pod_when(api, namespace, "p", lambda obj: main_status(obj)["restartCount"] == 1 and is_ready(obj))
    assert main_status(found)["lastState"]["terminated"]["reason"] == "ContainerStatusUnknown"
    assert await eventually(lambda: _get_or_none(place, "/healthz")) == {}


async def test_a_stopped_node_ends_its_processes_and_takes_them_up_again(
    node: RunningNode, api: Api, namespace: str
) -> None:
    port = free_port()
    created = await create_pod(
        api, namespace, pod("p", container("--port", str(port), ports=[{"containerPort": port}]))
    )
    place = _place(created, port)
    await pod_when(api, namespace, "p", is_ready)
    assert node.end() == 0
    assert await _get_or_none(place, "/healthz") is None
    found = await api.get(f"/api/v1/namespaces/{namespace}/pods/p")
    assert found is not None
    assert not is_ready(found)
    seen = await api.get("/api/v1/nodes/local")
    assert seen is not None
    assert not is_ready(seen)
    node.start()
    await pod_when(api, namespace, "p", lambda obj: main_status(obj)["restartCount"] == 1 and is_ready(obj))


async def test_two_nodes_do_not_share_a_folder(node: RunningNode, api: Api) -> None:
    await eventually(lambda: api.get("/api/v1/nodes/local"), lambda obj: obj is not None and is_ready(obj))
    second = RunningNode(node.kubeconfig, node.data)
    second.start()
    assert second.process is not None
    try:
        assert second.process.wait(20) == 1
    finally:
        second.kill()
    assert "another node uses this folder" in second.log


async def test_a_refused_call_says_what_the_server_said(api: Api) -> None:
    with pytest.raises(ApiError, match="is invalid") as refused:
        await api.create("/api/v1/namespaces", {"metadata": {"name": "Not A Name"}})
    assert refused.value.status == 422
    assert refused.value.lasting
