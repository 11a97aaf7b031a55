"""A Deployment that reads a synced Secret as a variable: restarted by ``pulumi up`` when the value rotated."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.e2e.checkout import KEY, NAMESPACE, PULUMI_SECRET, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.checkout import Checkout

pytestmark = pytest.mark.e2e

DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
PROGRAM = """
import hashlib, os, signal
print(hashlib.sha256(os.environ["FOOBAR"].encode()).hexdigest(), flush=True)
signal.pause()
"""
READER: dict[str, Any] = {
    "metadata": {"name": "reader", "annotations": {"external-secrets-on-pulumi/rollout": "true"}},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "reader"}},
        "template": {
            "metadata": {"labels": {"app": "reader"}},
            "spec": {
                "terminationGracePeriodSeconds": 1,
                "containers": [
                    {
                        "name": "reader",
                        "image": "external-secrets-on-pulumi/controller",
                        "command": ["python", "-c", PROGRAM],
                        "env": [
                            {
                                "name": "FOOBAR",
                                "valueFrom": {"secretKeyRef": {"name": PULUMI_SECRET, "key": KEY}},
                            }
                        ],
                    }
                ],
            },
        },
    },
}


@pytest.fixture
def reader(platform: Checkout) -> Iterator[None]:
    """Somebody else's Deployment, and a stack that restarts what asks for it."""
    stack_file = platform.folder / "Pulumi.dev.yaml"
    before = stack_file.read_text()
    document = yaml.safe_load(before)
    document["config"]["external-secrets:sync"]["rollout"] = True
    assert platform.kubernetes("POST", DEPLOYMENTS, READER).status == 201
    try:
        stack_file.write_text(yaml.safe_dump(document))
        yield
    finally:
        stack_file.write_text(before)
        platform.pulumi("up", "--yes", "--skip-preview")
        platform.kubernetes("DELETE", f"{DEPLOYMENTS}/reader")


def _pods(platform: Checkout) -> dict[str, str]:
    """Name → what its process says of the value it was started with; Pods that are ending do not count."""
    path = f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app%3Dreader"
    metadata = [item["metadata"] for item in platform.kubernetes("GET", path).document()["items"]]
    names = [each["name"] for each in metadata if "deletionTimestamp" not in each]
    logs = {name: platform.layout.node_data / "logs" / f"{NAMESPACE}_{name}_reader.log" for name in names}
    return {name: log.read_text().strip() if log.exists() else "" for name, log in logs.items()}


def _wait_for(platform: Checkout, value: str) -> str:
    """The name of the one Pod, which was started with `value`."""
    digest = hashlib.sha256(value.encode()).hexdigest()
    wait_until(lambda: list(_pods(platform).values()) == [digest], seconds=20, what="one Pod has the stored value")
    (name,) = _pods(platform)
    return name


@pytest.mark.usefixtures("reader")
def test_a_rotation_restarts_the_workload_that_asked_and_no_other_update_does(platform: Checkout) -> None:
    stored = platform.stored_value()
    platform.pulumi("up", "--yes", "--skip-preview")
    before = _wait_for(platform, stored)

    rotated = platform.rotate()
    preview = platform.pulumi("preview", "--diff")
    assert '"Deployment/reader"' in preview.output
    assert "will not notice" not in preview.output
    platform.pulumi("up", "--yes", "--skip-preview")
    (started,) = _pods(platform)
    assert started != before
    assert _wait_for(platform, rotated) == started

    unchanged = platform.pulumi("preview", "--expect-no-changes")
    assert "RolledOut" not in unchanged.output
    assert list(_pods(platform)) == [started]
