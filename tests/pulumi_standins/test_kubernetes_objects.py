"""Objects of a real API server through the kubernetes plugin: create, change, read, refresh, delete."""

from __future__ import annotations

import base64
import http
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from local.pulumi.wire import UNKNOWN, PropertyMap, Secret, plain
from tests.pulumi_standins.plugin_client import VERSION, PluginClient, Resource, changed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fixtures.local_parts import ControlPlane

pytestmark = pytest.mark.contract

CANARY = "canary-77f0a1-value"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
SECRET = "kubernetes:core/v1:Secret"


def config_map(namespace: str, data: dict[str, str], **metadata: Any) -> PropertyMap:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"namespace": namespace, **metadata},
        "data": data,
    }


def secret(namespace: str, **fields: Any) -> PropertyMap:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": namespace, "name": "credentials"}, **fields}


@pytest.fixture(scope="module")
def mutable(control_plane: ControlPlane) -> Iterator[PluginClient]:
    """A provider that changes Secrets in place and takes over what exists."""
    with PluginClient("local.pulumi.kubernetes.plugin", VERSION) as plugin:
        plugin.configure(
            kubeconfig=control_plane.kubeconfig.read_text(),
            enableSecretMutable="true",
            enableConfigMapMutable="true",
            upsertExistingObjects="true",
            namespace="default",
        )
        yield plugin


def test_an_object_lives_from_create_to_delete(
    kubernetes: PluginClient, control_plane: ControlPlane, namespace: str
) -> None:
    news = config_map(namespace, {"k": "v"}, name="settings", labels={"a": "b"})
    made = kubernetes.create(Resource(CONFIG_MAP, "settings"), news)
    assert made.id == f"{namespace}/settings"
    path = f"/api/v1/namespaces/{namespace}/configmaps/settings"
    assert control_plane.request("GET", path).document()["data"] == {"k": "v"}
    assert changed(kubernetes.diff(made, news)) == {}
    labelled = {**news, "metadata": {**news["metadata"], "labels": {"a": "c"}}}
    assert changed(kubernetes.diff(made, labelled)) == {"metadata.labels.a": False}
    updated = kubernetes.update(made, labelled)
    assert control_plane.request("GET", path).document()["metadata"]["labels"] == {"a": "c"}
    kubernetes.delete(updated)
    assert control_plane.request("GET", path).status == http.HTTPStatus.NOT_FOUND
    kubernetes.delete(updated)


def test_the_field_manager_is_kept_over_updates(kubernetes: PluginClient, namespace: str) -> None:
    made = kubernetes.create(Resource(CONFIG_MAP, "kept"), config_map(namespace, {"k": "v"}, name="kept"))
    manager = made.outputs["__fieldManager"]
    assert manager.startswith("pulumi-kubernetes-")
    made.name = "renamed"
    updated = kubernetes.update(made, config_map(namespace, {"k": "v"}, name="kept", labels={"x": "y"}))
    assert updated.outputs["__fieldManager"] == manager


def test_names_are_made_and_kept(kubernetes: PluginClient, namespace: str) -> None:
    resource = Resource(CONFIG_MAP, "settings")
    first, _ = kubernetes.check(resource, config_map(namespace, {}))
    name = first["metadata"]["name"]
    assert name.startswith("settings-")
    assert len(name) == len("settings-") + 8
    assert first["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}
    resource.inputs = first
    again, _ = kubernetes.check(resource, config_map(namespace, {}))
    assert again["metadata"]["name"] == name


def test_the_engine_s_naming_is_followed(kubernetes: PluginClient, namespace: str) -> None:
    resource = Resource(CONFIG_MAP, "settings")
    proposed, _ = kubernetes.check(
        resource, config_map(namespace, {}), autonaming={"proposed_name": "chosen", "mode": 1}
    )
    assert proposed["metadata"]["name"] == "chosen"
    with pytest.raises(grpc.RpcError, match="automatic naming is disabled"):
        kubernetes.check(resource, config_map(namespace, {}), autonaming={"mode": 2})


def test_the_default_namespace_is_an_input_and_cluster_kinds_have_none(mutable: PluginClient) -> None:
    news = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    checked, _ = mutable.check(Resource(CONFIG_MAP, "x"), news)
    assert checked["metadata"] == {"name": "x", "namespace": "default"}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "x"}}
    checked, _ = mutable.check(Resource("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", "x"), role)
    assert checked["metadata"] == {"name": "x"}


def test_data_of_config_maps_and_secrets_replace_unless_they_are_mutable(
    kubernetes: PluginClient, mutable: PluginClient, namespace: str
) -> None:
    made = kubernetes.create(Resource(SECRET, "s"), secret(namespace, stringData={"k": "v"}))
    news = secret(namespace, stringData={"k": "w"})
    answer = kubernetes.diff(made, news)
    assert changed(answer) == {"data.k": True}
    assert answer.deleteBeforeReplace, "the name is given, so the old one has to go first"
    assert changed(mutable.diff(made, news)) == {"data.k": False}
    assert changed(mutable.diff(made, secret(namespace, stringData={"k": "v"}, type="other/type"))) == {"type": True}


def test_string_data_and_the_same_data_are_no_change(kubernetes: PluginClient, namespace: str) -> None:
    made = kubernetes.create(
        Resource(SECRET, "s2"),
        {
            **secret(namespace, stringData={"k": "v"}),
            "metadata": {"namespace": namespace, "name": "same"},
        },
    )
    encoded = base64.b64encode(b"v").decode()
    news = {**secret(namespace, data={"k": encoded}), "metadata": {"namespace": namespace, "name": "same"}}
    assert changed(kubernetes.diff(made, news)) == {}


def test_a_secret_s_data_are_marked_by_what_they_are(kubernetes: PluginClient, namespace: str) -> None:
    news = secret(namespace, stringData={"password": CANARY}, data={"user": base64.b64encode(b"me").decode()})
    made = kubernetes.create(Resource(SECRET, "marked"), news)
    assert made.inputs["stringData"] == Secret({"password": CANARY})
    assert isinstance(made.outputs["data"], Secret)
    assert plain(made.outputs["data"]) == {
        "password": base64.b64encode(CANARY.encode()).decode(),
        "user": base64.b64encode(b"me").decode(),
    }
    refreshed = kubernetes.read(made)
    assert refreshed is not None
    for shown in (made.inputs, made.outputs, refreshed.inputs, refreshed.outputs):
        assert CANARY not in repr(shown)
        assert base64.b64encode(CANARY.encode()).decode() not in repr(shown)
    imported = kubernetes.read(Resource(SECRET, "imported", made.id))
    assert imported is not None
    assert isinstance(imported.inputs["data"], Secret)


def test_a_program_s_marks_come_back_in_the_outputs(kubernetes: PluginClient, namespace: str) -> None:
    news = config_map(namespace, {"open": "x", "hidden": Secret(CANARY)}, name="marks")  # type: ignore[dict-item]  # a mark
    made = kubernetes.create(Resource(CONFIG_MAP, "marks"), news)
    assert made.outputs["data"] == {"open": "x", "hidden": Secret(CANARY)}


def test_bad_base64_is_refused_without_the_value(kubernetes: PluginClient, namespace: str) -> None:
    _, failures = kubernetes.check(Resource(SECRET, "bad"), secret(namespace, data={"k": CANARY + "!"}))
    assert failures == ['|data["k"] is not base64; use stringData for plain text']


def test_a_server_s_message_never_quotes_a_secret(kubernetes: PluginClient, namespace: str) -> None:
    wrong = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": namespace, "name": "wrong"},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": CANARY},
    }
    with pytest.raises(grpc.RpcError) as caught:
        kubernetes.create(Resource(SECRET, "wrong"), wrong)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "HTTP 422" in str(caught.value.details())
    assert CANARY not in str(caught.value)
    assert base64.b64encode(CANARY.encode()).decode() not in str(caught.value)
    bad_label = config_map(namespace, {}, name="label", labels={"x": Secret(f"{CANARY} !")})
    with pytest.raises(grpc.RpcError) as caught:
        kubernetes.create(Resource(CONFIG_MAP, "label"), bad_label)
    assert "Invalid value" in str(caught.value.details())
    assert CANARY not in str(caught.value)


def test_an_existing_object_is_not_taken_over_unless_asked(
    kubernetes: PluginClient, mutable: PluginClient, control_plane: ControlPlane, namespace: str
) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "there"}, "data": {"old": "1"}}
    control_plane.request("POST", f"/api/v1/namespaces/{namespace}/configmaps", body)
    news = config_map(namespace, {"new": "2"}, name="there")
    with pytest.raises(grpc.RpcError, match="exists already; import it") as caught:
        kubernetes.create(Resource(CONFIG_MAP, "there"), news)
    assert caught.value.code() == grpc.StatusCode.ALREADY_EXISTS
    made = mutable.create(Resource(CONFIG_MAP, "there"), news)
    assert made.outputs["data"] == {"old": "1", "new": "2"}


def test_a_hand_s_edit_is_drift_and_a_default_is_not(
    kubernetes: PluginClient, control_plane: ControlPlane, namespace: str
) -> None:
    news = config_map(namespace, {"k": "v"}, name="drift", annotations={"pulumi.com/patchForce": "true"})
    made = kubernetes.create(Resource(CONFIG_MAP, "drift"), news)
    path = f"/api/v1/namespaces/{namespace}/configmaps/drift"
    same = kubernetes.read(made)
    assert same is not None
    assert same.inputs == made.inputs
    live = control_plane.request("GET", path).document()
    live["metadata"].pop("managedFields")
    assert (
        control_plane.request("PUT", path, {**live, "data": {"k": "edited", "more": "x"}}).status == http.HTTPStatus.OK
    )
    drifted = kubernetes.read(made)
    assert drifted is not None
    assert drifted.inputs["data"] == {"k": "edited"}
    assert changed(kubernetes.diff(drifted, news)) == {"data.k": True}
    repaired = kubernetes.update(drifted, news)
    assert repaired.outputs["data"] == {"k": "v", "more": "x"}


def test_another_owner_s_field_is_a_conflict_with_the_owner_s_name(
    kubernetes: PluginClient, control_plane: ControlPlane, namespace: str
) -> None:
    news = config_map(namespace, {"k": "v"}, name="owned")
    made = kubernetes.create(Resource(CONFIG_MAP, "owned"), news)
    path = f"/api/v1/namespaces/{namespace}/configmaps/owned"
    live = control_plane.request("GET", path).document()
    live["metadata"].pop("managedFields")
    control_plane.request("PUT", f"{path}?fieldManager=somebody", {**live, "data": {"k": "theirs"}})
    with pytest.raises(grpc.RpcError, match=r"somebody.*patchForce") as caught:
        kubernetes.update(made, {**news, "data": {"k": "ours"}})
    assert caught.value.code() == grpc.StatusCode.ALREADY_EXISTS
    forced = {**news, "data": {"k": "ours"}}
    forced["metadata"] = {**news["metadata"], "annotations": {"pulumi.com/patchForce": "true"}}
    assert kubernetes.update(made, forced).outputs["data"] == {"k": "ours"}


def test_string_data_is_refreshed_through_the_data(
    kubernetes: PluginClient, control_plane: ControlPlane, namespace: str
) -> None:
    made = kubernetes.create(Resource(SECRET, "refreshed"), secret(namespace, stringData={"a": "1", "b": "2"}))
    path = f"/api/v1/namespaces/{namespace}/secrets/credentials"
    unchanged = kubernetes.read(made)
    assert unchanged is not None
    assert unchanged.inputs == made.inputs
    live = control_plane.request("GET", path).document()
    live["data"]["a"] = base64.b64encode(b"edited").decode()
    live["metadata"].pop("managedFields")
    control_plane.request("PUT", path, live)
    drifted = kubernetes.read(made)
    assert drifted is not None
    assert drifted.inputs["stringData"] == Secret({"a": "edited", "b": "2"})


def test_what_is_gone_is_told_by_an_empty_id(kubernetes: PluginClient, namespace: str) -> None:
    assert kubernetes.read(Resource(CONFIG_MAP, "x", f"{namespace}/never")) is None
    gone = Resource(
        "kubernetes:never.example.com/v1:Thing", "x", "a/b", {"apiVersion": "never.example.com/v1", "kind": "T"}
    )
    assert kubernetes.read(gone) is None


def test_a_preview_asks_the_server_and_writes_nothing(
    kubernetes: PluginClient, control_plane: ControlPlane, namespace: str
) -> None:
    news = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": namespace, "name": "web"},
        "spec": {"ports": [{"port": 80}]},
    }
    service = Resource("kubernetes:core/v1:Service", "web")
    foretold = kubernetes.create(service, news, preview=True)
    assert foretold.outputs["spec"]["type"] == "ClusterIP", "a default of the server"
    assert "uid" not in foretold.outputs["metadata"]
    path = f"/api/v1/namespaces/{namespace}/services/web"
    assert control_plane.request("GET", path).status == http.HTTPStatus.NOT_FOUND
    with pytest.raises(grpc.RpcError, match=r"spec\.ports"):
        kubernetes.create(service, {**news, "spec": {"ports": [{"port": 99999}]}}, preview=True)
    made = kubernetes.create(service, news)
    other = kubernetes.update(made, {**news, "spec": {"ports": [{"port": 81}]}}, preview=True)
    assert other.outputs["spec"]["ports"][0]["port"] == 81
    assert control_plane.request("GET", path).document()["spec"]["ports"][0]["port"] == 80


def test_a_preview_with_what_does_not_exist_yet_answers_the_inputs(kubernetes: PluginClient) -> None:
    nowhere = config_map("made-in-the-same-run", {"k": "v"}, name="x")
    assert kubernetes.create(Resource(CONFIG_MAP, "x"), nowhere, preview=True).outputs["data"] == {"k": "v"}
    unknown = config_map("default", {"k": UNKNOWN}, name="x")  # type: ignore[dict-item]  # computed later
    assert kubernetes.create(Resource(CONFIG_MAP, "x"), unknown, preview=True).outputs["data"] == {"k": UNKNOWN}
    custom = {"apiVersion": "soon.example.com/v1", "kind": "Soon", "metadata": {"name": "x"}, "spec": {"a": 1}}
    made = kubernetes.create(Resource("kubernetes:soon.example.com/v1:Soon", "x"), custom, preview=True)
    assert made.outputs["spec"] == {"a": 1}


def test_an_import_reads_inputs_that_then_have_no_change(
    kubernetes: PluginClient, control_plane: ControlPlane, namespace: str
) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "found"}, "data": {"k": "v"}}
    control_plane.request("POST", f"/api/v1/namespaces/{namespace}/configmaps", body)
    imported = kubernetes.read(Resource(CONFIG_MAP, "found", f"{namespace}/found"))
    assert imported is not None
    assert imported.inputs == {**body, "metadata": {"name": "found", "namespace": namespace}}
    assert changed(kubernetes.diff(imported, config_map(namespace, {"k": "v"}, name="found"))) == {}


def test_a_patch_resource_owns_its_fields_only(
    kubernetes: PluginClient, control_plane: ControlPlane, namespace: str
) -> None:
    kubernetes.create(Resource(CONFIG_MAP, "base"), config_map(namespace, {"k": "v"}, name="base"))
    patch = Resource("kubernetes:core/v1:ConfigMapPatch", "patch")
    made = kubernetes.create(patch, config_map(namespace, {"extra": "1"}, name="base"))
    path = f"/api/v1/namespaces/{namespace}/configmaps/base"
    assert control_plane.request("GET", path).document()["data"] == {"k": "v", "extra": "1"}
    assert changed(kubernetes.diff(made, config_map(namespace, {"extra": "2"}, name="base"))) == {"data.extra": False}
    kubernetes.delete(made)
    assert control_plane.request("GET", path).document()["data"] == {"k": "v"}


def test_client_side_mode_creates_and_patches(control_plane: ControlPlane, namespace: str) -> None:
    with PluginClient("local.pulumi.kubernetes.plugin", VERSION) as plugin:
        plugin.configure(kubeconfig=str(control_plane.kubeconfig), enableServerSideApply="false", namespace=namespace)
        made = plugin.create(Resource(CONFIG_MAP, "c"), config_map(namespace, {"a": "1", "b": "2"}, name="client"))
        updated = plugin.update(made, config_map(namespace, {"a": "3"}, name="client"))
    assert updated.outputs["data"] == {"a": "3"}


def test_unicode_and_large_objects_pass(kubernetes: PluginClient, namespace: str) -> None:
    data = {"text": "Zürich, 東京, 🔑", "large": "x" * 900_000}
    made = kubernetes.create(Resource(CONFIG_MAP, "large"), config_map(namespace, data, name="large"))
    assert made.outputs["data"] == data
