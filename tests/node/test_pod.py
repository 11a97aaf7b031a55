from __future__ import annotations

from typing import Any

import pytest

from local.node.pod import Images, repository, unsupported

pytestmark = pytest.mark.unit

IMAGES = Images({"external-secrets-on-pulumi/controller": "secretsync"})
LABELS = {"kubernetes.io/os": "linux"}


def pod(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    main = {"name": "main", "image": "external-secrets-on-pulumi/controller:1"} | (container or {})
    return {"spec": {"containers": [main], **spec}}


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("a", "a"),
        ("a:1", "a"),
        ("a@sha256:00", "a"),
        ("a/b:1@sha256:00", "a/b"),
        ("host:5000/a/b", "host:5000/a/b"),
        ("host:5000/a/b:tag", "host:5000/a/b"),
    ],
)
def test_an_image_is_known_by_its_name_alone(image: str, name: str) -> None:
    assert repository(image) == name


def test_the_products_pod_can_run() -> None:
    probe = {"httpGet": {"path": "/readyz", "port": "http"}}
    container = {
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": probe,
        "livenessProbe": probe | {"httpGet": {"path": "/healthz", "port": 8080}},
        "env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "volumeMounts": [{"name": "tmp", "mountPath": "/var/scratch"}],
        "securityContext": {"readOnlyRootFilesystem": True},
    }
    volumes = [
        {"name": "tmp", "emptyDir": {}},
        {"name": "access", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
    ]
    assert unsupported(pod(container, volumes=volumes, hostNetwork=True), IMAGES, LABELS) == []


@pytest.mark.parametrize(
    ("obj", "reason"),
    [
        (pod({"image": "nginx"}), "container main: image nginx is not known"),
        (pod(initContainers=[{"name": "i"}]), "initContainers"),
        (pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}]), "volume v: hostPath"),
        (pod(volumes=[{"name": "v", "projected": {"sources": [{"podCertificate": {}}]}}]), "projected podCertificate"),
        (pod({"command": ["/bin/sh", "-c", "x"]}), "command /bin/sh is not in the image"),
        (pod({"readinessProbe": {"exec": {"command": ["x"]}}}), "readinessProbe: only httpGet and tcpSocket"),
        (pod({"livenessProbe": {"httpGet": {"port": "web"}}}), 'declares no port "web"'),
        (pod({"lifecycle": {"preStop": {}}}), "lifecycle hooks"),
        (pod({"env": [{"name": "V", "valueFrom": {"resourceFieldRef": {}}}]}), "variable V: only fieldRef"),
        (pod({"env": [{"name": "V", "valueFrom": {"fieldRef": {"fieldPath": "spec.x"}}}]}), "field spec.x"),
        (pod(nodeSelector={"kubernetes.io/os": "windows"}), "no label kubernetes.io/os=windows"),
        (pod(activeDeadlineSeconds=5), "activeDeadlineSeconds"),
        (
            pod(
                affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}
            ),
            "node affinity",
        ),
    ],
)
def test_what_cannot_run_is_named(obj: dict[str, Any], reason: str) -> None:
    reasons = unsupported(obj, IMAGES, LABELS)
    assert len(reasons) == 1
    assert reason in reasons[0]


def test_all_reasons_are_told_at_once() -> None:
    obj = pod({"image": "nginx", "command": ["sh"]}, initContainers=[{}], nodeSelector={"a": "b"})
    assert len(unsupported(obj, IMAGES, LABELS)) == 4
