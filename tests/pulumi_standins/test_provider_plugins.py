"""What every provider plugin does alike, over gRPC."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from local.pulumi import protocol
from local.pulumi.wire import UNKNOWN, Secret, encode_map
from tests.pulumi_standins.plugin_client import PROJECT, PluginClient, Resource

pytestmark = pytest.mark.contract

PLUGINS = {"kubernetes": "local.pulumi.kubernetes.plugin", "vault": "local.pulumi.vault.plugin"}
CANARY = "canary-5ad1e8"


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_tells_its_port_and_version_and_ends_quickly_and_quietly(name: str) -> None:
    with PluginClient(PLUGINS[name], "1.2.3") as plugin:
        assert plugin.stub.GetPluginInfo(Empty()).version == "1.2.3"
        plugin.stub.Cancel(Empty())
        code, seconds, printed = plugin.interrupt()
    assert (code, printed) == (0, b"")
    assert seconds < 4, "the engine kills after five seconds"


def test_a_plugin_ends_when_the_engine_was_killed() -> None:
    code = f"import sys; sys.path.insert(0, {str(PROJECT)!r}); from {PLUGINS['vault']} import main; main()"
    start = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-P', '-c', {code!r}, '1.2.3', 'x'], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\nprint(child.pid, flush=True)\ntime.sleep(60)\n"
    )
    engine = subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE)
    assert engine.stdout is not None
    pid = int(engine.stdout.readline())
    try:
        engine.kill()
        engine.communicate()
        limit = time.monotonic() + 10
        while Path(f"/proc/{pid}").exists() and _state(pid) != "Z":
            assert time.monotonic() < limit, "the plugin outlives its engine"
            time.sleep(0.05)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _state(pid: int) -> str:
    """A process's state letter; Z is one that ended and that nobody has waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_accepts_secrets_and_no_other_special_values(name: str) -> None:
    with PluginClient(PLUGINS[name], "1.2.3") as plugin:
        answer = plugin.stub.Handshake(protocol.provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))
    assert (answer.accept_secrets, answer.accept_resources, answer.accept_outputs) == (True, False, False)
    assert answer.supports_autonaming_configuration


@pytest.mark.parametrize(
    ("name", "arguments", "marked"),
    [
        ("kubernetes", {"kubeconfig": "apiVersion: v1\n", "namespace": "x"}, "kubeconfig"),
        ("vault", {"token": CANARY, "address": "http://127.0.0.1:1"}, "token"),
    ],
)
def test_credentials_of_a_provider_are_marked_even_when_given_in_clear(
    name: str, arguments: dict[str, str], marked: str
) -> None:
    with PluginClient(PLUGINS[name], "1.2.3") as plugin:
        checked = plugin.stub.CheckConfig(protocol.provider_pb2.CheckRequest(news=encode_map(arguments)))
    wanted = {key: Secret(value) if key == marked else value for key, value in arguments.items()}
    assert checked.inputs == encode_map(wanted)


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("kubernetes", "kubernetes:helm.sh/v4:Chart"),
        ("kubernetes", "kubernetes:kustomize/v2:Directory"),
        ("kubernetes", "kubernetes:core/v1:ConfigMapList"),
        ("vault", "vault:aws/secretBackend:SecretBackend"),
        ("vault", "vault:identity/group:Group"),
    ],
)
def test_types_that_are_not_served_name_the_official_plugin(name: str, type_: str) -> None:
    with PluginClient(PLUGINS[name], "1.2.3") as plugin, pytest.raises(grpc.RpcError) as caught:
        plugin.check(Resource(type_, "x"), {"apiVersion": "v1", "kind": "X"})
    error = caught.value
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED
    assert f"pulumi plugin install resource {name} 1.2.3" in str(error.details())
    assert type_ in str(error.details())


@pytest.mark.parametrize(
    ("name", "token"),
    [("kubernetes", "kubernetes:helm:template"), ("vault", "vault:generic/endpoint:getEndpoint")],
)
def test_functions_that_are_not_served_name_the_official_plugin(name: str, token: str) -> None:
    with PluginClient(PLUGINS[name], "1.2.3") as plugin, pytest.raises(grpc.RpcError) as caught:
        plugin.invoke(token)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert token in str(caught.value.details())


def test_components_and_arguments_that_are_not_served_are_refused() -> None:
    with PluginClient(PLUGINS["kubernetes"], "1.2.3") as plugin:
        with pytest.raises(grpc.RpcError, match=r"helm\.sh/v4:Chart.*official plugin") as caught:
            plugin.stub.Construct(protocol.provider_pb2.ConstructRequest(type="kubernetes:helm.sh/v4:Chart"))
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
        with pytest.raises(grpc.RpcError, match="renderYamlToDirectory"):
            plugin.configure(kubeconfig="{}", renderYamlToDirectory="out")


def test_a_function_with_unknown_arguments_answers_nothing() -> None:
    with PluginClient(PLUGINS["vault"], "1.2.3") as plugin:
        assert plugin.invoke("vault:kv/getSecretV2:getSecretV2", mount="m", name=UNKNOWN) == {}


def test_an_unexpected_exception_tells_its_place_and_not_its_text(tmp_path: Path) -> None:
    broken = tmp_path / "broken_plugin.py"
    broken.write_text(
        "from local.pulumi.vault.plugin import VaultPlugin\n"
        "from local.pulumi.provider_plugin import serve_plugin\n"
        "class Broken(VaultPlugin):\n"
        "    def invoke(self, token, arguments):\n"
        "        raise ValueError(arguments['value'])\n"
        "def main():\n"
        "    serve_plugin(Broken('1.2.3'))\n"
    )
    with PluginClient("broken_plugin", "1.2.3", environment={"PYTHONPATH": str(tmp_path)}) as plugin:
        with pytest.raises(grpc.RpcError) as caught:
            plugin.invoke("vault:any", value=Secret(CANARY))
        code, _, printed = plugin.interrupt()
    assert CANARY not in str(caught.value)
    assert "ValueError at broken_plugin.py:5" in str(caught.value.details())
    assert code == 0
    assert CANARY.encode() not in printed


def test_an_unreachable_server_is_named_with_its_address() -> None:
    with PluginClient(PLUGINS["vault"], "1.2.3") as plugin:
        plugin.configure(address="http://127.0.0.1:1", token=CANARY)
        with pytest.raises(grpc.RpcError) as caught:
            plugin.create(Resource("vault:index/policy:Policy", "p"), {"name": "p", "policy": CANARY})
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    assert "cannot reach 127.0.0.1:1" in str(caught.value.details())
    assert CANARY not in str(caught.value)
