"""What a user's kubeconfig may use: inline data, files, contexts, token files, exec plugins."""

from __future__ import annotations

import http
import json
import stat
import sys
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import yaml

from local.pulumi.kubernetes.cluster_access import connect
from local.pulumi.plugin_errors import PluginError
from tests.pulumi_standins.plugin_client import VERSION, PluginClient, Resource

if TYPE_CHECKING:
    from pathlib import Path

    from local.pulumi.wire import PropertyMap
    from tests.fixtures.local_parts import ControlPlane

pytestmark = pytest.mark.contract

CANARY = "canary-token-4410fe"


def parsed(control_plane: ControlPlane) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(control_plane.kubeconfig.read_text())
    return document


def token_of(control_plane: ControlPlane, namespace: str) -> str:
    """A service account's token that may read ConfigMaps of the namespace."""
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    control_plane.request("POST", accounts, {"metadata": {"name": "reader"}})
    roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}]
    control_plane.request("POST", f"{roles}/roles", {"metadata": {"name": "reader"}, "rules": rules})
    binding = {
        "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": namespace}],
    }
    assert control_plane.request("POST", f"{roles}/rolebindings", binding).status == http.HTTPStatus.CREATED
    answer = control_plane.request("POST", f"{accounts}/reader/token", {"spec": {"expirationSeconds": 3600}})
    return str(answer.document()["status"]["token"])


def with_user(control_plane: ControlPlane, user: dict[str, Any]) -> str:
    document = parsed(control_plane)
    document["users"] = [{"name": document["users"][0]["name"], "user": user}]
    return json.dumps(document)


def create(kubeconfig: str, namespace: str, name: str = "made", **arguments: str) -> Resource:
    news: PropertyMap = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace, "name": name}}
    with PluginClient("local.pulumi.kubernetes.plugin", VERSION) as plugin:
        plugin.configure(kubeconfig=kubeconfig, **arguments)
        return plugin.create(Resource("kubernetes:core/v1:ConfigMap", name), news)


def test_a_path_a_text_and_the_environment_all_work(control_plane: ControlPlane, namespace: str) -> None:
    assert create(str(control_plane.kubeconfig), namespace, "path").id
    assert create(control_plane.kubeconfig.read_text(), namespace, "text").id
    with PluginClient(
        "local.pulumi.kubernetes.plugin", VERSION, environment={"KUBECONFIG": str(control_plane.kubeconfig)}
    ) as plugin:
        plugin.configure()
        news: PropertyMap = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"namespace": namespace, "name": "env"},
        }
        assert plugin.create(Resource("kubernetes:core/v1:ConfigMap", "env"), news).id


def test_a_token_file_is_read(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(token_of(control_plane, namespace) + "\n")
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(with_user(control_plane, {"tokenFile": "token"}))
    assert create(str(kubeconfig), namespace).id


def test_an_exec_plugin_gives_a_token(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(token_of(control_plane, namespace))
    script = tmp_path / "login"
    script.write_text(
        f"#!{sys.executable}\n"
        "import json, os, pathlib, sys\n"
        "assert json.loads(os.environ['KUBERNETES_EXEC_INFO'])['kind'] == 'ExecCredential'\n"
        "token = pathlib.Path(os.environ['TOKEN_FILE']).read_text()\n"
        "print(json.dumps({'kind': sys.argv[1], 'status': {'token': token}}))\n"
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    command = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": str(script),
        "args": ["ExecCredential"],
        "env": [{"name": "TOKEN_FILE", "value": str(tmp_path / "token")}],
    }
    assert create(with_user(control_plane, {"exec": command}), namespace).id


def test_an_exec_plugin_that_fails_is_named_and_not_quoted(control_plane: ControlPlane) -> None:
    told = with_user(control_plane, {"exec": {"command": "/bin/sh", "args": ["-c", f"echo {CANARY}; exit 1"]}})
    with pytest.raises(PluginError, match="exec plugin '/bin/sh' gave no credential") as caught:
        connect(told)
    assert CANARY not in str(caught.value)
    missing = with_user(control_plane, {"exec": {"command": "no-such-login", "installHint": "get it from us"}})
    with pytest.raises(PluginError, match="'no-such-login' is not installed: get it from us"):
        connect(missing)


def test_a_wrong_token_is_refused_and_not_quoted(control_plane: ControlPlane, namespace: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        create(with_user(control_plane, {"token": CANARY}), namespace)
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert CANARY not in str(caught.value)


def test_an_authority_that_did_not_sign_the_server_is_told(control_plane: ControlPlane, namespace: str) -> None:
    document = parsed(control_plane)
    document["clusters"][0]["cluster"].pop("certificate-authority-data", None)
    document["clusters"][0]["cluster"].pop("certificate-authority", None)
    with pytest.raises(grpc.RpcError, match=r"cannot reach 127\.0\.0\.1:\d+: .*certificate") as caught:
        create(json.dumps(document), namespace)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    document["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True
    assert create(json.dumps(document), namespace).id


def test_a_server_name_of_its_own_is_verified(control_plane: ControlPlane, namespace: str) -> None:
    document = parsed(control_plane)
    document["clusters"][0]["cluster"]["tls-server-name"] = "kubernetes.default.svc"
    assert create(json.dumps(document), namespace, "named").id
    document["clusters"][0]["cluster"]["tls-server-name"] = "another.example.com"
    with pytest.raises(grpc.RpcError, match=r"Hostname mismatch|another\.example\.com"):
        create(json.dumps(document), namespace, "wrong")


def test_a_context_and_a_namespace_can_be_chosen(control_plane: ControlPlane, namespace: str) -> None:
    document = parsed(control_plane)
    context = document["contexts"][0]["context"]
    document["contexts"] = [
        {"name": "other", "context": {**context, "namespace": namespace}},
        {"name": "broken", "context": {"cluster": "none"}},
    ]
    document["current-context"] = "broken"
    assert connect(json.dumps(document), context="other").namespace == namespace
    assert connect(json.dumps(document), context="other", namespace="mine").namespace == "mine"
    with pytest.raises(PluginError, match="no cluster 'none'"):
        connect(json.dumps(document))
    with pytest.raises(PluginError, match="no context 'absent'"):
        connect(json.dumps(document), context="absent")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [\n", "is not a kubeconfig"),
        ("{", "is not a kubeconfig"),
        ("just a text\n", "is not a kubeconfig"),
        ("clusters: []\n", "names no server"),
        ("/does/not/exist", "cannot be read"),
    ],
)
def test_what_is_no_kubeconfig_is_told(text: str, told: str) -> None:
    with pytest.raises(PluginError, match=told):
        connect(text)


def test_what_is_not_served_is_refused(control_plane: ControlPlane) -> None:
    with pytest.raises(PluginError, match=r"auth-provider.*official plugin") as caught:
        connect(with_user(control_plane, {"auth-provider": {"name": "gcp"}}))
    assert caught.value.code == grpc.StatusCode.UNIMPLEMENTED
