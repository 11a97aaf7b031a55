"""Where the API server is and who asks: kubeconfigs, pods, the environment."""

from __future__ import annotations

import base64
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from secretsync.errors import ClusterDenied, SettingsError
from secretsync.kube import tls
from secretsync.kube.config import from_environment, from_kubeconfig, from_kubeconfig_text, in_cluster
from secretsync.kube.credentials import OfficialClientCredentials, TokenFile

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit


def kubeconfig(user: dict[str, Any], *, name: str = "main", **cluster: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": f"ns-{name}"}}],
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}:6443/", **cluster}}],
        "users": [{"name": name, "user": user}],
    }


def written(path: Path, document: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(document))
    return path


async def test_inline_and_file_data_are_read(tmp_path: Path) -> None:
    (tmp_path / "pki").mkdir()
    (tmp_path / "pki" / "ca.pem").write_bytes(b"the ca")
    user = {"client-certificate-data": base64.b64encode(b"crt").decode(), "client-key-data": "a2V5"}
    document = kubeconfig(user, **{"certificate-authority": "pki/ca.pem", "tls-server-name": "other"})
    config = from_kubeconfig(written(tmp_path / "config", document))
    assert (config.server, config.namespace, config.server_name) == ("https://main:6443", "ns-main", "other")
    assert (config.ca, config.client_certificate, config.client_key) == (b"the ca", b"crt", b"key")
    assert config.verify
    assert "key" not in repr(config).replace("client_key", "")


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ({"token": "t0k"}, "Bearer t0k"),
        ({"username": "u", "password": "p"}, "Basic dTpw"),
        ({}, ""),
    ],
)
async def test_plain_users_give_their_header(tmp_path: Path, user: dict[str, Any], header: str) -> None:
    config = from_kubeconfig(written(tmp_path / "config", kubeconfig(user)))
    assert await config.credentials.authorization() == header
    assert await config.credentials.refresh() is False
    if header:
        assert header.split()[1] not in repr(config)


async def test_of_several_files_the_first_to_say_a_thing_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = written(tmp_path / "one", kubeconfig({"token": "one"}))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "token").write_text("from the file\n")
    both = kubeconfig({"token": "never"})
    other = kubeconfig({"tokenFile": "token"}, name="other")
    for section in ("contexts", "clusters", "users"):
        both[section] += other[section]
    two = written(tmp_path / "sub" / "two", both)
    monkeypatch.setenv("KUBECONFIG", f"{one}:{two}:{tmp_path / 'absent'}")
    assert await from_kubeconfig().credentials.authorization() == "Bearer one"
    config = from_kubeconfig(context="other")
    assert config.server == "https://other:6443"
    assert await config.credentials.authorization() == "Bearer from the file"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "not YAML"),
        ("- 1", "not a YAML mapping"),
        ("current-context: x", "no entry 'x' in contexts"),
        (yaml.safe_dump({**kubeconfig({}), "clusters": []}), "no entry 'main' in clusters"),
        (yaml.safe_dump(kubeconfig({"client-key-data": "?"})), "client-key-data is not base64"),
        (yaml.safe_dump(kubeconfig({"client-key": "nowhere.pem"})), "client-key cannot be read"),
        (yaml.safe_dump(kubeconfig({}, server="")), "has no server"),
    ],
)
def test_what_is_wrong_with_a_kubeconfig_is_said(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(SettingsError, match=problem) as caught:
        from_kubeconfig(path)
    assert str(path) in caught.value.place


def test_a_missing_kubeconfig_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(SettingsError, match="cannot be read") as caught:
        from_environment()
    assert caught.value.place == str(tmp_path / "none")


@pytest.mark.parametrize(
    "user", [{"exec": {"command": "evil"}}, {"tokenFile": "/etc/passwd"}, {"client-key": "/etc/passwd"}]
)
def test_a_kubeconfig_from_a_secret_reads_no_files_and_runs_nothing(user: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="from a Secret must not"):
        from_kubeconfig_text(yaml.safe_dump(kubeconfig(user)).encode(), place="Secret n/k")


async def test_in_a_pod_the_mounted_identity_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in (("token", "first"), ("ca.crt", "pem"), ("namespace", "team-a\n")):
        (tmp_path / name).write_text(content)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setenv("KUBERNETES_SERVICE_ACCOUNT_DIRECTORY", str(tmp_path))
    config = from_environment()
    assert (config.server, config.namespace, config.ca) == ("https://[fd00::1]:443", "team-a", b"pem")
    assert await config.credentials.authorization() == "Bearer first"
    (tmp_path / "token").write_text("second")
    assert await config.credentials.authorization() == "Bearer first"
    assert await config.credentials.refresh() is True
    assert await config.credentials.authorization() == "Bearer second"


async def test_a_rotated_token_is_noticed_without_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "token"
    path.write_text("first")
    credentials = TokenFile(path)
    await credentials.authorization()
    path.write_text("second")
    monkeypatch.setattr("secretsync.kube.credentials._TOKEN_FILE_LIFETIME", -1.0)
    assert await credentials.authorization() == "Bearer second"
    path.unlink()
    with pytest.raises(ClusterDenied, match="cannot be read"):
        await credentials.authorization()


def test_outside_a_pod_the_variables_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(SettingsError, match="KUBERNETES_SERVICE_HOST"):
        in_cluster()


def test_a_pod_without_a_token_is_told_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "h")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "1")
    monkeypatch.setenv("KUBERNETES_SERVICE_ACCOUNT_DIRECTORY", str(tmp_path))
    with pytest.raises(SettingsError, match="automountServiceAccountToken"):
        in_cluster()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_an_exec_plugin_gives_a_token_and_is_asked_again_after_a_refusal(tmp_path: Path) -> None:
    counter = tmp_path / "count"
    counter.write_text("0")
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    program = (
        "import json,pathlib;"
        f"p=pathlib.Path({str(counter)!r});n=int(p.read_text())+1;p.write_text(str(n));"
        f"print(json.dumps({{**{json.dumps(answer)},'status':{{'token':f'token-{{n}}'}}}}))"
    )
    plugin = {
        "apiVersion": answer["apiVersion"],
        "command": sys.executable,
        "args": ["-c", program],
        "interactiveMode": "Never",
    }
    config = from_kubeconfig(written(tmp_path / "config", kubeconfig({"exec": plugin})))
    assert isinstance(config.credentials, OfficialClientCredentials)
    assert await config.credentials.authorization() == "Bearer token-1"
    assert await config.credentials.authorization() == "Bearer token-1"
    assert await config.credentials.refresh() is True
    assert await config.credentials.authorization() == "Bearer token-2"
    assert "token-" not in repr(config)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_a_failing_exec_plugin_is_denied_without_its_output(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": ["-c", "print('canary-token'); raise SystemExit(1)"],
    }
    config = from_kubeconfig(written(tmp_path / "config", kubeconfig({"exec": plugin})))
    with pytest.raises(ClusterDenied) as caught:
        await config.credentials.authorization()
    assert "canary" not in str(caught.value)
    assert "canary" not in caplog.text


def test_unusable_pem_is_said_without_its_content() -> None:
    with pytest.raises(ValueError, match="CA bundle") as caught:
        tls.client_context(ca=b"canary")
    assert "canary" not in str(caught.value)
    with pytest.raises(ValueError, match="client certificate") as caught:
        tls.client_context(certificate=b"canary", key=b"canary")
    assert "canary" not in str(caught.value)
