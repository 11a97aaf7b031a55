"""The upstream operator under the real engine: a whole platform previewed, and the waits as resources."""

from __future__ import annotations

import asyncio
import http
import json
import threading
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from local.layout import PROJECT
from tests.api.cluster import install_crds, send
from tests.components.admission import CONFIGURATIONS, configuration, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.components.admission import Webhook
    from tests.fixtures.engine import PulumiEnvironment
    from tests.fixtures.local_parts import ControlPlane

pytestmark = pytest.mark.engine

PROJECT_FILE = "name: external-secrets\nruntime: {name: python}\n"
PLATFORM = """
import json, pathlib
import pulumi
from components.platform import Platform, PlatformArgs
from components.settings import parse

operator = {"kind": "upstream", "namespace": "SUFFIX-operator", "replicas": 2}
settings = parse(
    {"environment": "staging", "manifests": ["declared.yaml"], "namespace": "SUFFIX", "operator": operator},
    place="Pulumi.dev.yaml",
)
Platform("platform", PlatformArgs(settings=settings, root=pathlib.Path.cwd()))
"""
DECLARED = """
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: inside}
spec: {provider: {fake: {data: [{key: a, value: b}]}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: one}
spec: {refreshInterval: 1h, secretStoreRef: {name: inside}, data: [{secretKey: a, remoteRef: {key: a}}]}
"""
WAITS = """
import pulumi
from components.dynamic.operator_readiness import AnsweringWebhook, EstablishedDefinitions

release = pulumi.Config().require("release")
kinds = EstablishedDefinitions("kinds", ["externalsecrets.external-secrets.io"], release=release)
webhook = AnsweringWebhook(
    "webhook",
    namespace=pulumi.Config().require("where"),
    service="external-secrets-webhook",
    release=release,
    opts=pulumi.ResourceOptions(depends_on=[kinds]),
)
pulumi.export("answered", webhook.answered)
"""


def stack(environment: PulumiEnvironment, folder: Path, program: str, plane: ControlPlane) -> Callable[..., str]:
    (folder / "Pulumi.yaml").write_text(PROJECT_FILE)
    (folder / "__main__.py").write_text(program)
    variables: Mapping[str, str] = {"PYTHONPATH": str(PROJECT), "KUBECONFIG": str(plane.kubeconfig)}

    def run(*arguments: str) -> str:
        return environment.run(*arguments, folder=folder, extra=variables).stdout

    run("stack", "init", "dev")
    return run


def steps(output: str) -> dict[str, str]:
    """Type and name → what the engine did or would do, of the outcome of ``--json``."""
    return {
        f"{step['newState']['type'].rpartition(':')[2]} {step['urn'].rpartition('::')[2]}": step["op"]
        for step in json.loads(output)["steps"]
        if "newState" in step
    }


def test_a_platform_is_previewed_without_its_chart(
    pulumi_environment: PulumiEnvironment, control_plane: ControlPlane, tmp_path: Path
) -> None:
    folder = tmp_path / "platform"
    folder.mkdir()
    (folder / "declared.yaml").write_text(DECLARED)
    suffix = f"u{uuid.uuid4().hex[:6]}"
    run = stack(pulumi_environment, folder, PLATFORM.replace("SUFFIX", suffix), control_plane)
    would = steps(run("preview", "--json"))
    assert would["Release operator"] == "create"
    assert would["EstablishedDefinitions operator-kinds"] == would["AnsweringWebhook operator-webhook"] == "create"
    assert would["ReadyExternalSecrets external-secrets-ready"] == "create"
    assert set(would.values()) == {"create"}


class _Serving(threading.Thread):
    """A webhook beside the engine, which blocks this thread."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self._folder = folder
        self._up = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self.webhook: Webhook | None = None

    def run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        async with running(self._folder) as self.webhook:
            self._up.set()
            await self._over.wait()

    def __enter__(self) -> Webhook:
        self.start()
        assert self._up.wait(10)
        assert self.webhook is not None
        return self.webhook

    def __exit__(self, *_ended: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self.join(10)


@pytest.fixture
def registered(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Webhook]:
    install_crds(control_plane)
    with _Serving(tmp_path) as webhook:
        made: dict[str, Any] = configuration(webhook.url, webhook.authority, namespace)
        assert send(control_plane, "POST", CONFIGURATIONS, made).status == http.HTTPStatus.CREATED
        try:
            yield webhook
        finally:
            send(control_plane, "DELETE", f"{CONFIGURATIONS}/{made['metadata']['name']}")


def test_the_waits_are_made_once_and_again_for_another_release(
    pulumi_environment: PulumiEnvironment,
    control_plane: ControlPlane,
    namespace: str,
    registered: Webhook,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "waits"
    folder.mkdir()
    run = stack(pulumi_environment, folder, WAITS, control_plane)
    run("config", "set", "where", namespace)
    run("config", "set", "release", "first")
    assert set(steps(run("preview", "--json")).values()) == {"create"}
    assert registered.seen == [], "a preview asks nobody"
    run("up", "--yes", "--skip-preview")
    asked = len(registered.seen)
    assert asked >= 2
    assert json.loads(run("stack", "output", "--json"))["answered"] == [
        "validate.externalsecret.external-secrets.io",
        "validate.secretstore.external-secrets.io",
    ]
    run("up", "--yes", "--skip-preview", "--expect-no-changes")
    run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert len(registered.seen) == asked
    run("config", "set", "release", "second")
    would = steps(run("preview", "--json"))
    assert would["AnsweringWebhook webhook"] == would["EstablishedDefinitions kinds"] == "update"
    run("up", "--yes", "--skip-preview")
    assert len(registered.seen) > asked
    run("destroy", "--yes", "--skip-preview")
