"""Helm releases over gRPC: previewed truthfully, and refused wherever a chart would be needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest

from local.pulumi.wire import UNKNOWN, Secret
from tests.pulumi_standins.plugin_client import VERSION, PluginClient, Resource, changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.contract

TYPE = "kubernetes:helm.sh/v3:Release"
CANARY = "canary-77c1d0"
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: k, user: u, namespace: team}}]
clusters: [{name: k, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
"""


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginClient]:
    """A plugin whose cluster does not answer: nothing here may need it."""
    path: Path = tmp_path_factory.mktemp("offline") / "kubeconfig"
    path.write_text(KUBECONFIG)
    with PluginClient("local.pulumi.kubernetes.plugin", VERSION) as plugin:
        plugin.configure(kubeconfig=str(path))
        yield plugin


def release(**changes: Any) -> dict[str, Any]:
    return {
        "chart": "external-secrets",
        "version": "2.9.0",
        "name": "external-secrets",
        "namespace": "operators",
        "repositoryOpts": {"repo": "https://charts.external-secrets.io"},
        "values": {"replicaCount": 2},
        "compat": "true",
        **changes,
    }


def test_inputs_are_completed_as_the_official_plugin_does(offline: PluginClient) -> None:
    news = release()
    del news["name"], news["namespace"]
    checked, failures = offline.check(Resource(TYPE, "operator"), news)
    assert failures == []
    assert checked["name"].startswith("operator-")
    assert (checked["namespace"], checked["timeout"]) == ("team", 300)
    assert {key: checked[key] for key in news} == news
    again, _ = offline.check(Resource(TYPE, "operator", inputs=checked), news)
    assert again["name"] == checked["name"]


def test_given_names_and_timeouts_stay(offline: PluginClient) -> None:
    checked, _ = offline.check(Resource(TYPE, "operator"), release(timeout=60))
    assert (checked["name"], checked["namespace"], checked["timeout"]) == ("external-secrets", "operators", 60)
    unawaited, _ = offline.check(Resource(TYPE, "operator"), release(skipAwait=True))
    assert "timeout" not in unawaited


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"chart": None}, "chart is required"),
        ({"chart": ""}, "chart is empty"),
        ({"verison": "2.9.0"}, "verison is not an input"),
        ({"repositoryOpts": {"url": "x"}}, r"repositoryOpts.url is not an input"),
        ({"timeout": [1]}, "timeout must be int"),
        ({"values": "x"}, "values must be a map"),
        ({"maxHistory": {"a": CANARY}}, "maxHistory must be int"),
    ],
)
def test_wrong_inputs_are_told_without_their_values(offline: PluginClient, changes: dict[str, Any], told: str) -> None:
    news = {key: value for key, value in release(**changes).items() if value is not None}
    _, failures = offline.check(Resource(TYPE, "operator"), news)
    assert any(told in failure for failure in failures), failures
    assert all(failure.startswith("|") for failure in failures), "a named property is printed with its value"
    assert CANARY not in str(failures)


def test_secret_and_unknown_values_stay_what_they_are(offline: PluginClient) -> None:
    values = {"token": Secret(CANARY), "role": UNKNOWN}
    checked, failures = offline.check(Resource(TYPE, "operator"), release(values=values))
    assert failures == []
    assert checked["values"] == values


def test_a_preview_shows_the_inputs_and_promises_no_status(offline: PluginClient) -> None:
    made = offline.create(Resource(TYPE, "operator"), release(), preview=True)
    assert made.id == ""
    assert made.outputs["values"] == {"replicaCount": 2}
    assert made.outputs["status"] is UNKNOWN
    partly = offline.create(Resource(TYPE, "operator"), release(values={"role": UNKNOWN}), preview=True)
    assert partly.outputs["values"] == {"role": UNKNOWN}


def existing() -> Resource:
    inputs = release(timeout=300)
    return Resource(TYPE, "operator", "operators/external-secrets", inputs, {**inputs, "status": {"revision": 1}})


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, {}),
        ({"version": "2.9.1"}, {"version": False}),
        ({"values": {"replicaCount": 3}}, {"values.replicaCount": False}),
        ({"values": {"replicaCount": 2, "concurrent": 4}}, {"values.concurrent": False}),
        ({"namespace": "elsewhere"}, {"namespace": True}),
        ({"name": "second"}, {"name": True}),
    ],
)
def test_changes_are_told_leaf_by_leaf_and_replace_only_another_release(
    offline: PluginClient, changes: dict[str, Any], wanted: dict[str, bool]
) -> None:
    assert changed(offline.diff(existing(), release(**changes))) == wanted


def test_an_upgrade_is_previewed(offline: PluginClient) -> None:
    upgraded = offline.update(existing(), release(version="2.9.1"), preview=True)
    assert upgraded.outputs["version"] == "2.9.1"
    assert upgraded.outputs["status"] is UNKNOWN


@pytest.mark.parametrize(
    "call",
    [
        lambda plugin: plugin.create(Resource(TYPE, "operator"), release()),
        lambda plugin: plugin.update(existing(), release(version="2.9.1")),
        lambda plugin: plugin.read(existing()),
        lambda plugin: plugin.delete(existing()),
    ],
    ids=["create", "update", "read", "delete"],
)
def test_what_needs_the_chart_or_the_release_names_the_official_plugin(
    offline: PluginClient, call: Callable[[PluginClient], object]
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(offline)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert f"pulumi plugin install resource kubernetes {VERSION}" in str(caught.value.details())
    assert TYPE in str(caught.value.details())
