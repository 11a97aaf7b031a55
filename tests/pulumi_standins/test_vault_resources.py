"""Resources of a real OpenBao through the vault plugin."""

from __future__ import annotations

import http.client
import http.server
import json
import threading
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from local.pulumi import sdk_schema
from local.pulumi.http_connection import HttpConnection
from local.pulumi.vault.connection import VaultConnection
from local.pulumi.vault.resource_types import RESOURCE_TYPES
from local.pulumi.wire import UNKNOWN, PropertyMap, Secret, plain
from tests.pulumi_standins.plugin_client import PluginClient, Resource, changed

if TYPE_CHECKING:
    from tests.fixtures.local_parts import OpenBaoServer

pytestmark = pytest.mark.contract

CANARY = "canary-31bb90-value"
AUTHORITY = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
MOUNT = "vault:index/mount:Mount"
SECRET_V2 = "vault:kv/secretV2:SecretV2"
POLICY = "vault:index/policy:Policy"
AUTH = "vault:index/authBackend:AuthBackend"
ROLE = "vault:kubernetes/authBackendRole:AuthBackendRole"
APP_ROLE = "vault:appRole/authBackendRole:AuthBackendRole"


def call(openbao: OpenBaoServer, method: str, path: str, payload: dict[str, Any] | None = None) -> dict[str, Any]:
    """Somebody else at the same server."""
    connection = http.client.HTTPConnection(openbao.address.removeprefix("http://"), timeout=10)
    try:
        body = None if payload is None else json.dumps(payload)
        connection.request(method, f"/v1/{path}", body, {"X-Vault-Token": openbao.token})
        answer = connection.getresponse()
        return {"status": answer.status, **json.loads(answer.read() or b"{}")}
    finally:
        connection.close()


def mount(vault: PluginClient, path: str, version: str = "2") -> Resource:
    return vault.create(Resource(MOUNT, "kv"), {"path": path, "type": "kv", "options": {"version": version}})


def test_every_served_type_is_a_type_of_the_installed_sdk_with_these_inputs() -> None:
    for token, kind in RESOURCE_TYPES.items():
        known = sdk_schema.schema("pulumi_vault", token)
        assert known is not None, token
        named = {*kind.replacing, *kind.secrets, *kind.sets, *kind.defaults, *getattr(kind, "fields", ())}
        missing = {name for name in named if name not in known.inputs}
        # Outputs that are secret but cannot be given.
        assert missing <= {"wrappingToken", "data"}, token


def test_a_mount_lives_from_create_to_delete(vault: PluginClient, openbao: OpenBaoServer, unique: str) -> None:
    news = {"path": f"/{unique}/", "type": "kv", "description": "one", "options": {"version": "2"}}
    made = vault.create(Resource(MOUNT, "kv"), news)
    assert made.id == unique
    assert made.outputs["accessor"].startswith("kv_")
    assert changed(vault.diff(made, news)) == {}
    assert changed(vault.diff(made, {**news, "type": "transit"})) == {"type": True}
    updated = vault.update(made, {**news, "description": "two"})
    assert call(openbao, "GET", f"sys/mounts/{unique}")["description"] == "two"
    refreshed = vault.read(updated)
    assert refreshed is not None
    assert refreshed.inputs == updated.inputs
    vault.delete(updated)
    assert vault.read(updated) is None
    vault.delete(updated)


def test_a_secret_is_written_marked_and_refreshed(vault: PluginClient, openbao: OpenBaoServer, unique: str) -> None:
    mount(vault, unique)
    news = {"mount": unique, "name": "team/app", "dataJson": json.dumps({"b": CANARY, "a": 1, "ü": {"x": [True]}})}
    made = vault.create(Resource(SECRET_V2, "s"), news)
    assert made.id == f"{unique}/data/team/app"
    assert CANARY not in repr((made.inputs, made.outputs))
    assert plain(made.outputs["dataJson"]) == '{"a":1,"b":"canary-31bb90-value","ü":{"x":[true]}}'
    assert plain(made.outputs["data"]) == {"a": "1", "b": CANARY, "ü": '{"x": [true]}'}
    assert changed(vault.diff(made, {**news, "dataJson": '{"ü": {"x":[true]},  "a":1, "b":"' + CANARY + '"}'})) == {}
    same = vault.read(made)
    assert same is not None
    assert same.inputs == made.inputs
    call(openbao, "POST", f"{unique}/data/team/app", {"data": {"b": "edited"}})
    drifted = vault.read(made)
    assert drifted is not None
    assert drifted.inputs["dataJson"] == Secret('{"b":"edited"}')
    assert changed(vault.diff(drifted, news)) == {"dataJson": False}
    repaired = vault.update(drifted, news)
    assert call(openbao, "GET", f"{unique}/data/team/app")["data"]["data"]["b"] == CANARY
    assert repaired.outputs["metadata"]["version"] == "3"
    call(openbao, "DELETE", f"{unique}/data/team/app")
    assert vault.read(made) is None


class Upgrading(http.server.BaseHTTPRequestHandler):
    """A server whose engine is mounted but not ready for its first two requests."""

    requests = 0

    def do_PUT(self) -> None:
        type(self).requests += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        told = "Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period."
        ready = type(self).requests > 2
        body = json.dumps({} if ready else {"errors": [told]}).encode()
        self.send_response(200 if ready else 400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def test_an_engine_that_comes_up_is_waited_for() -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upgrading) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            VaultConnection(HttpConnection(f"http://127.0.0.1:{server.server_port}/v1")).call(
                "PUT", "kv/data/x", {"a": 1}
            )
        finally:
            server.shutdown()
    assert Upgrading.requests == 3


@pytest.mark.parametrize(("everything", "left"), [(True, 404), (False, 200)])
def test_a_secret_s_history_goes_only_when_asked(
    vault: PluginClient, openbao: OpenBaoServer, unique: str, *, everything: bool, left: int
) -> None:
    mount(vault, unique)
    news = {"mount": unique, "name": "x", "dataJson": '{"a":"b"}', "deleteAllVersions": everything}
    made = vault.create(Resource(SECRET_V2, "s"), news)
    vault.delete(made)
    assert vault.read(made) is None
    assert call(openbao, "GET", f"{unique}/metadata/x")["status"] == left


def test_custom_metadata_is_written(vault: PluginClient, openbao: OpenBaoServer, unique: str) -> None:
    mount(vault, unique)
    custom = {"maxVersions": 3, "data": {"owner": "team"}}
    vault.create(
        Resource(SECRET_V2, "s"), {"mount": unique, "name": "x", "dataJson": '{"a":"b"}', "customMetadata": custom}
    )
    data = call(openbao, "GET", f"{unique}/metadata/x")["data"]
    assert (data["max_versions"], data["custom_metadata"]) == (3, {"owner": "team"})


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_generic_secret_serves_both_engine_versions(
    vault: PluginClient, openbao: OpenBaoServer, unique: str, version: str
) -> None:
    mount(vault, unique, version)
    news = {"path": f"{unique}/app", "dataJson": '{"a":"b"}'}
    made = vault.create(Resource("vault:generic/secret:Secret", "g"), news)
    assert made.outputs["data"] == Secret({"a": "b"})
    live = call(openbao, "GET", f"{unique}/{'data/' if version == '2' else ''}app")["data"]
    assert (live["data"] if version == "2" else live) == {"a": "b"}
    read = vault.invoke("vault:generic/getSecret:getSecret", path=f"{unique}/app")
    assert read["data"] == Secret({"a": "b"})
    vault.delete(made)
    assert vault.read(made) is None


def test_a_policy_is_imported_changed_and_deleted(vault: PluginClient, openbao: OpenBaoServer, unique: str) -> None:
    text = f'path "{unique}/data/a" {{ capabilities = ["read"] }}'
    made = vault.create(Resource(POLICY, "p"), {"name": unique, "policy": text})
    imported = vault.read(Resource(POLICY, "p", unique))
    assert imported is not None
    assert imported.inputs == {"name": unique, "policy": text}
    updated = vault.update(made, {"name": unique, "policy": text.replace("read", "list")})
    assert "list" in call(openbao, "GET", f"sys/policies/acl/{unique}")["data"]["policy"]
    vault.delete(updated)
    assert vault.read(made) is None
    _, failures = vault.check(Resource(POLICY, "p"), {"name": "Upper", "policy": text})
    assert failures == ["|the server stores policy names in lower case; write 'upper'"]


def test_a_role_s_sets_have_no_order_and_what_is_taken_away_is_reset(
    vault: PluginClient, openbao: OpenBaoServer, unique: str
) -> None:
    backend = vault.create(Resource(AUTH, "k"), {"type": "kubernetes", "path": unique})
    assert backend.outputs["accessor"].startswith("auth_kubernetes_")
    vault.create(
        Resource("vault:kubernetes/authBackendConfig:AuthBackendConfig", "c"),
        {
            "backend": unique,
            "kubernetesHost": "https://127.0.0.1:1",
            "tokenReviewerJwt": CANARY,
            "kubernetesCaCert": AUTHORITY,
            "disableLocalCaJwt": True,
        },
    )
    news: PropertyMap = {
        "backend": unique,
        "roleName": "reader",
        "boundServiceAccountNames": ["z", "a"],
        "boundServiceAccountNamespaces": ["ns"],
        "tokenPolicies": ["p2", "p1"],
        "tokenTtl": 600,
    }
    made = vault.create(Resource(ROLE, "r"), news)
    assert changed(vault.diff(made, {**news, "boundServiceAccountNames": ["a", "z"]})) == {}
    refreshed = vault.read(made)
    assert refreshed is not None
    assert changed(vault.diff(refreshed, news)) == {}
    updated = vault.update(made, {key: value for key, value in news.items() if key != "tokenTtl"})
    assert call(openbao, "GET", f"auth/{unique}/role/reader")["data"]["token_ttl"] == 0
    assert changed(vault.diff(updated, {**news, "roleName": "other"})) == {"roleName": True, "tokenTtl": False}
    vault.delete(updated)
    assert vault.read(updated) is None


def test_a_token_reviewer_s_token_is_marked_and_never_read_back(vault: PluginClient, unique: str) -> None:
    vault.create(Resource(AUTH, "k"), {"type": "kubernetes", "path": unique})
    kind = "vault:kubernetes/authBackendConfig:AuthBackendConfig"
    news = {
        "backend": unique,
        "kubernetesHost": "https://127.0.0.1:1",
        "kubernetesCaCert": AUTHORITY,
        "tokenReviewerJwt": CANARY,
    }
    made = vault.create(Resource(kind, "c"), news)
    assert CANARY not in repr((made.inputs, made.outputs))
    refreshed = vault.read(made)
    assert refreshed is not None
    assert refreshed.inputs["tokenReviewerJwt"] == Secret(CANARY), "what cannot be read is no drift"


def test_an_app_role_and_its_secret_id(vault: PluginClient, openbao: OpenBaoServer, unique: str) -> None:
    vault.create(Resource(AUTH, "a"), {"type": "approle", "path": unique})
    role = vault.create(Resource(APP_ROLE, "ci"), {"backend": unique, "roleName": "ci", "tokenPolicies": ["default"]})
    assert role.outputs["roleId"]
    kind = "vault:appRole/authBackendRoleSecretId:AuthBackendRoleSecretId"
    made = vault.create(Resource(kind, "ci"), {"backend": unique, "roleName": "ci"})
    secret_id = made.outputs["secretId"]
    assert isinstance(secret_id, Secret)
    login = {"role_id": role.outputs["roleId"], "secret_id": secret_id.value}
    assert call(openbao, "POST", f"auth/{unique}/login", login)["auth"]["client_token"]
    refreshed = vault.read(made)
    assert refreshed is not None
    assert refreshed.outputs["secretId"] == secret_id, "the server tells it only once"
    vault.delete(made)
    assert vault.read(made) is None
    assert "auth" not in call(openbao, "POST", f"auth/{unique}/login", login)
    vault.delete(made)


def test_a_jwt_method_and_its_role(vault: PluginClient, unique: str) -> None:
    # An invented key: verification is not what is tested.
    key = (
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\n"
        "q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==\n-----END PUBLIC KEY-----"
    )
    backend = "vault:jwt/authBackend:AuthBackend"
    made = vault.create(Resource(backend, "j"), {"path": unique, "jwtValidationPubkeys": [key]})
    assert made.outputs["type"] == "jwt"
    news = {
        "backend": unique,
        "roleName": "ci",
        "roleType": "jwt",
        "userClaim": "sub",
        "boundAudiences": ["b", "a"],
        "tokenPolicies": ["default"],
    }
    role = vault.create(Resource("vault:jwt/authBackendRole:AuthBackendRole", "r"), news)
    refreshed = vault.read(role)
    assert refreshed is not None
    assert changed(vault.diff(refreshed, news)) == {}
    vault.delete(role)
    vault.delete(made)
    assert vault.read(made) is None


def test_a_preview_writes_nothing(vault: PluginClient, openbao: OpenBaoServer, unique: str) -> None:
    made = vault.create(Resource(MOUNT, "kv"), {"path": unique, "type": "kv"}, preview=True)
    assert (made.id, made.outputs["path"]) == ("", unique)
    assert call(openbao, "GET", f"sys/mounts/{unique}")["status"] == 400


def test_unknown_inputs_pass_the_check(vault: PluginClient) -> None:
    news = {"mount": UNKNOWN, "name": "x", "dataJson": UNKNOWN}
    inputs, failures = vault.check(Resource(SECRET_V2, "s"), news)
    assert (inputs, failures) == (news, [])


@pytest.mark.parametrize(
    ("type_", "news", "told"),
    [
        (SECRET_V2, {"name": "x", "dataJson": "{}"}, "|mount is required"),
        (SECRET_V2, {"mount": "m", "nmae": CANARY}, "|nmae is not an input of this type in the installed SDK"),
        (SECRET_V2, {"mount": "m", "dataJson": "{" + CANARY}, "|dataJson is not a JSON document"),
        (MOUNT, {"path": "x", "type": "kv", "options": CANARY}, "|options must be a map, not str"),
        (
            ROLE,
            {"roleName": "x", "boundServiceAccountNames": CANARY},
            "|boundServiceAccountNames must be a list, not str",
        ),
        (
            SECRET_V2,
            {"mount": "m", "customMetadata": {"x": 1}},
            "|customMetadata.x is not an input of this type in the installed SDK",
        ),
    ],
)
def test_what_the_sdk_does_not_know_is_refused_without_the_value(
    vault: PluginClient, type_: str, news: PropertyMap, told: str
) -> None:
    _, failures = vault.check(Resource(type_, "x"), news)
    assert told in failures
    assert CANARY not in str(failures)


def test_no_error_quotes_what_was_sent(vault: PluginClient, unique: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        vault.create(Resource(POLICY, "p"), {"name": unique, "policy": f'path "{CANARY}" {{ what = }}'})
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert CANARY not in str(caught.value)
    with pytest.raises(grpc.RpcError) as caught:
        vault.create(Resource(SECRET_V2, "s"), {"mount": unique, "name": "x", "dataJson": json.dumps({"k": CANARY})})
    assert f"write of {unique}/x: HTTP 404" in str(caught.value.details())
    assert CANARY not in str(caught.value)
    with pytest.raises(grpc.RpcError) as caught:
        vault.create(Resource(SECRET_V2, "s"), {"mount": unique, "name": "x", "dataJson": json.dumps([CANARY])})
    assert "dataJson has to be a JSON object" in str(caught.value.details())
    assert CANARY not in str(caught.value)


def test_a_wrong_token_is_refused_by_name_of_the_path(openbao: OpenBaoServer) -> None:
    with PluginClient("local.pulumi.vault.plugin", "7.14.0") as plugin:
        plugin.configure(address=openbao.address, token=CANARY)
        with pytest.raises(grpc.RpcError, match="mount of x: HTTP 403") as caught:
            plugin.create(Resource(MOUNT, "x"), {"path": "x", "type": "kv"})
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert CANARY not in str(caught.value)


def test_a_login_gives_the_token(vault: PluginClient, openbao: OpenBaoServer, unique: str) -> None:
    vault.create(Resource(AUTH, "u"), {"type": "userpass", "path": unique})
    call(openbao, "POST", f"auth/{unique}/users/me", {"password": CANARY, "token_policies": "root-like"})
    login = {"mount": unique, "username": "me", "password": CANARY}
    with PluginClient("local.pulumi.vault.plugin", "7.14.0", environment={"VAULT_TOKEN": ""}) as plugin:
        checked = plugin.configure(address=openbao.address, authLoginUserpass=json.dumps(login))
        assert CANARY not in repr(checked)
        with pytest.raises(grpc.RpcError, match="HTTP 403"):
            plugin.create(Resource(MOUNT, "x"), {"path": "x", "type": "kv"})
        with pytest.raises(grpc.RpcError) as caught:
            plugin.configure(address=openbao.address, authLoginUserpass=json.dumps({**login, "username": "nobody"}))
        assert f"login at auth/{unique}/login/nobody: HTTP 400" in str(caught.value.details())
        with pytest.raises(grpc.RpcError, match="authLoginAws is not served"):
            plugin.configure(address=openbao.address, authLoginAws='{"role": "x"}')


def test_a_policy_document_is_what_the_server_accepts(vault: PluginClient, openbao: OpenBaoServer, unique: str) -> None:
    rules = [
        {
            "path": f"{unique}/*",
            "capabilities": ["create", "update"],
            "description": "writes",
            "requiredParameters": ["a"],
            "allowedParameters": [{"key": "a", "values": ["1", "2"]}],
            "minWrappingTtl": "1m",
        },
        {"path": "x", "capabilities": ["read"]},
    ]
    answer = vault.invoke("vault:index/getPolicyDocument:getPolicyDocument", rules=rules)
    made = vault.create(Resource(POLICY, "p"), {"name": unique, "policy": answer["hcl"]})
    assert made.outputs["policy"] == answer["hcl"]
    assert answer["hcl"].startswith(f'# writes\npath "{unique}/*" {{')


def test_a_version_two_secret_is_read_by_a_function(vault: PluginClient, unique: str) -> None:
    mount(vault, unique)
    vault.create(Resource(SECRET_V2, "s"), {"mount": unique, "name": "x", "dataJson": json.dumps({"k": CANARY})})
    answer = vault.invoke("vault:kv/getSecretV2:getSecretV2", mount=unique, name="x")
    assert answer["data"] == Secret({"k": CANARY})
    assert answer["version"] == 1
    with pytest.raises(grpc.RpcError, match="HTTP 404"):
        vault.invoke("vault:kv/getSecretV2:getSecretV2", mount=unique, name="missing")
