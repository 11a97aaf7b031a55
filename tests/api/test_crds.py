"""The CRDs as a real API server takes them, and what it then takes and refuses."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from secretsync import api
from secretsync.api.crd import generated
from tests.api import cluster
from tests.api.objects import FAKE, JsonObject, external_secret, minimal_spec, store, vault

if TYPE_CHECKING:
    from tests.fixtures.local_parts import ControlPlane

VECTORS = Path(__file__).parents[1] / "conformance" / "vectors"
LARGEST_BUNDLE = 300_000
OBSERVED = "observed"
"""The namespace of the corpus' objects here: replays leave some of the same names in its own."""
OURS = {crd["spec"]["names"]["kind"] for crd in api.crds()}


@pytest.fixture(scope="module")
def plane(control_plane: ControlPlane) -> ControlPlane:
    cluster.install_crds(control_plane)
    for name in ("team", OBSERVED):
        cluster.send(control_plane, "POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    return control_plane


def accepted(plane: ControlPlane, obj: JsonObject) -> JsonObject:
    reply = cluster.create(plane, obj, dry_run=True, strict=True)
    assert reply.status == 201, reply.message
    return reply.document


def spec_of(obj: JsonObject) -> object:
    return getattr(api.parse(obj), "spec", None)


def refused(plane: ControlPlane, obj: JsonObject) -> str:
    reply = cluster.create(plane, obj, dry_run=True)
    assert reply.status in {400, 422}, reply
    return reply.message


@pytest.mark.unit
@pytest.mark.parametrize(("path", "text"), generated.files().items(), ids=lambda item: Path(str(item)[:80]).name)
def test_the_generated_files_are_fresh(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text, "run python -m secretsync.api.crd.generated"


@pytest.mark.unit
def test_the_bundle_is_small() -> None:
    assert len(api.render_yaml(api.crds()).encode()) <= LARGEST_BUNDLE


@pytest.mark.unit
def test_changing_what_crds_gives_does_not_change_what_it_gives_next() -> None:
    before = json.dumps(api.crds())
    api.crds()[0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"].clear()
    assert json.dumps(api.crds()) == before


@pytest.mark.contract
@pytest.mark.parametrize("crd", api.crds(), ids=lambda crd: crd["spec"]["names"]["plural"])
def test_the_api_server_establishes_every_crd_as_structural(plane: ControlPlane, crd: JsonObject) -> None:
    conditions = cluster.conditions(plane, crd["metadata"]["name"])
    assert conditions["Established"] == "True"
    assert conditions["NamesAccepted"] == "True"
    assert "NonStructuralSchema" not in conditions


@pytest.mark.contract
def test_the_defaults_are_those_of_eso(plane: ControlPlane) -> None:
    spec = minimal_spec()
    spec["dataFrom"] = [{"extract": {"key": "k"}, "rewrite": [{"merge": {}}]}]
    spec["target"] = {"template": {"templateFrom": [{"configMap": {"name": "c", "items": [{"key": "k"}]}}]}}
    stored = accepted(plane, external_secret(spec))["spec"]
    assert stored["refreshInterval"] == "1h0m0s"
    assert stored["target"]["creationPolicy"] == "Owner"
    assert stored["target"]["deletionPolicy"] == "Retain"
    assert stored["target"]["template"]["engineVersion"] == "v2"
    assert stored["target"]["template"]["mergePolicy"] == "Replace"
    assert stored["target"]["template"]["templateFrom"][0]["target"] == "Data"
    assert stored["target"]["template"]["templateFrom"][0]["configMap"]["items"][0]["templateAs"] == "Values"
    assert stored["dataFrom"][0]["rewrite"][0]["merge"] == {
        "conflictPolicy": "Error",
        "into": "",
        "priorityPolicy": "Strict",
        "strategy": "Extract",
    }
    assert stored["data"][0]["remoteRef"] == {"key": "db"}
    assert stored["dataFrom"][0]["extract"] == {"key": "k"}
    assert accepted(plane, external_secret({"data": spec["data"]}))["spec"]["target"] == {
        "creationPolicy": "Owner",
        "deletionPolicy": "Retain",
    }


@pytest.mark.contract
def test_a_bad_interval_is_refused_and_harms_nobody_else(plane: ControlPlane) -> None:
    for interval in ("soon", "", "1d", "5", "1 h"):
        assert "refreshInterval" in refused(plane, external_secret(minimal_spec(refreshInterval=interval)))
    for interval in ("0", "0s", "1h30m", "-1s", "1.5h", "250ms", "10µs"):
        accepted(plane, external_secret(minimal_spec(refreshInterval=interval)))


@pytest.mark.contract
@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"target": {"creationPolicy": "Zzz"}},
            'supported values: "Owner", "Orphan", "Merge", "None", "CreateOrMerge"',
        ),
        ({"dataFrom": [{"extract": {"key": "k"}, "rewrite": [{}]}]}, "at least 1 properties"),
        (
            {"dataFrom": [{"rewrite": [{"regexp": {"source": "a", "target": "b"}, "merge": {}}]}]},
            "must have at most 1 item",
        ),
        ({"dataFrom": [{"sourceRef": {}}]}, "at least 1 properties"),
        ({"data": [{"secretKey": "a b", "remoteRef": {"key": "k"}}]}, "secretKey"),
        ({"data": [{"secretKey": "a", "remoteRef": {}}]}, "remoteRef.key"),
        ({"secretStoreRef": {"name": "UPPER"}}, "secretStoreRef.name"),
        ({"syncWindows": {"kind": "allow", "windows": [{"schedule": "x", "duration": "1h"}]}}, "schedule"),
        ({"syncWindows": {"kind": "sometimes", "windows": []}}, "kind"),
    ],
)
def test_bounds_and_enums_of_an_external_secret(plane: ControlPlane, spec: JsonObject, message: str) -> None:
    assert message in refused(plane, external_secret(minimal_spec(**spec)))


@pytest.mark.contract
@pytest.mark.parametrize(
    "provider",
    [{}, {"vault": {"server": "s"}, **FAKE}, {"unheard-of": {}}, {"vault": {}}, {"kubernetes": {"auth": {}}}],
    ids=["none", "two", "unknown", "without server", "empty auth"],
)
def test_a_store_has_exactly_one_complete_provider(plane: ControlPlane, provider: JsonObject) -> None:
    refused(plane, store(provider))


@pytest.mark.contract
def test_the_configuration_of_other_providers_is_kept(plane: ControlPlane) -> None:
    config = {"auth": {"anything": [1, {"deep": None}]}, "url": "https://x"}
    assert accepted(plane, store({"doppler": config}))["spec"]["provider"] == {"doppler": config}


@pytest.mark.contract
@pytest.mark.parametrize("interval", [0, 300, "300", "5m"])
def test_a_store_interval_is_seconds_or_a_duration(plane: ControlPlane, interval: object) -> None:
    assert accepted(plane, store(FAKE, refreshInterval=interval))["spec"]["refreshInterval"] == interval


@pytest.mark.contract
def test_v1beta1_is_accepted_stored_as_v1_and_read_back(plane: ControlPlane) -> None:
    spec = minimal_spec(refreshInterval="15s", target={"name": "mysecretfoobar"})
    for old in (external_secret(spec, version="v1beta1", name="old"), {**store(vault(), name="old")}):
        old["apiVersion"] = "external-secrets.io/v1beta1"
        reply = cluster.create(plane, old, strict=True)
        assert reply.status == 201, reply.message
        new = copy.deepcopy(old)
        new["apiVersion"] = "external-secrets.io/v1"
        read = cluster.send(plane, "GET", f"{cluster.path_of(new)}/old").document
        assert read["spec"] == reply.document["spec"]
        assert spec_of(read) == spec_of(old)
        cluster.send(plane, "DELETE", f"{cluster.path_of(new)}/old")


@pytest.mark.contract
def test_objects_can_be_selected_by_store_target_and_interval(plane: ControlPlane) -> None:
    for name, target in (("one", "x"), ("two", "y")):
        obj = external_secret(minimal_spec(target={"name": target}), name=name)
        assert cluster.create(plane, obj).status == 201
    path = cluster.path_of(external_secret({}))
    found = cluster.send(plane, "GET", f"{path}?fieldSelector=spec.target.name=y").document["items"]
    assert [item["metadata"]["name"] for item in found] == ["two"]
    selector = "spec.secretStoreRef.name=vault,spec.secretStoreRef.kind=SecretStore,spec.refreshInterval=1h0m0s"
    assert len(cluster.send(plane, "GET", f"{path}?fieldSelector={selector}").document["items"]) == 2
    for name in ("one", "two"):
        cluster.send(plane, "DELETE", f"{path}/{name}")


@pytest.mark.contract
def test_status_is_a_subresource(plane: ControlPlane) -> None:
    obj = external_secret(minimal_spec(), name="status")
    obj["status"] = {"syncedResourceVersion": "mine"}
    reply = cluster.create(plane, obj)
    assert "status" not in reply.document
    path = f"{cluster.path_of(obj)}/status"
    written = reply.document | {
        "status": {
            "refreshTime": "2024-01-31T12:00:00Z",
            "syncedResourceVersion": "1-abc",
            "binding": {"name": "b"},
            "conditions": [{"type": "Ready", "status": "True", "reason": "SecretSynced", "message": "secret synced"}],
        },
        "spec": {},
    }
    reply = cluster.send(plane, "PUT", f"{path}/status", written)
    assert reply.status == 200, reply.message
    assert reply.document["status"]["binding"] == {"name": "b"}
    assert reply.document["spec"]["data"]
    assert api.parse(reply.document).status.refresh_time is not None  # type: ignore[attr-defined]
    cluster.send(plane, "DELETE", path)


@pytest.mark.contract
def test_nulls_are_dropped_as_parse_does(plane: ControlPlane) -> None:
    obj = external_secret(minimal_spec(target=None, dataFrom=None, refreshInterval=None))
    obj["spec"]["data"][0]["remoteRef"]["version"] = None
    stored = accepted(plane, obj)
    assert spec_of(stored) == spec_of(obj)


@pytest.mark.contract
def test_a_push_secret_names_its_stores(plane: ControlPlane) -> None:
    spec: JsonObject = {
        "secretStoreRefs": [{"name": "vault"}],
        "selector": {"secret": {"name": "s"}},
        "dataTo": [{"storeRef": {"name": "vault"}, "metadata": {"any": {"thing": 1}}}],
    }
    obj: JsonObject = {
        "apiVersion": "external-secrets.io/v1alpha1",
        "kind": "PushSecret",
        "metadata": {"name": "p", "namespace": "team"},
        "spec": spec,
    }
    stored = accepted(plane, obj)["spec"]
    assert stored["secretStoreRefs"] == [{"kind": "SecretStore", "name": "vault"}]
    assert stored["dataTo"][0]["metadata"] == {"any": {"thing": 1}}
    spec["dataTo"] = [{"storeRef": {}}]
    assert "storeRef must specify" in refused(plane, obj)
    spec["dataTo"] = [{"storeRef": {"name": "vault"}, "rewrite": [{}]}]
    assert "exactly one of regexp or transform" in refused(plane, obj)


@pytest.mark.contract
def test_every_observed_object_fares_as_with_eso_and_defaults_keep_its_meaning(
    plane: ControlPlane,
) -> None:
    wrong, seen = [], 0
    for file in sorted(VECTORS.glob("*.json")):
        for case in json.loads(file.read_text(encoding="utf-8")):
            if "externalsecret" not in case:
                continue
            text = json.dumps([case["stores"], case["objects"], case["externalsecret"]])
            text = text.replace("${KUBE_CA_B64}", "eA==").replace('"namespace": "golden"', f'"namespace": "{OBSERVED}"')
            stores, objects, subject = json.loads(text)
            expected = case["expected"].get("rejected_by_schema")
            for each in stores:
                if "namespace" not in each["metadata"]:
                    each["metadata"]["name"] += f"-{OBSERVED}"
            for obj in (*stores, *(item for item in objects if item["kind"] in OURS), subject):
                reply = cluster.create(plane, obj, dry_run=True, strict=True)
                seen += 1
                poison = obj["spec"].get("refreshInterval") == "soon"
                as_expected = reply.message == expected if obj is subject and expected else reply.status == 201
                kept = reply.status != 201 or spec_of(reply.document) == spec_of(obj)
                if as_expected == poison or not kept:
                    wrong.append((case["name"], obj["kind"], reply.message))
    assert wrong == []
    assert seen > 1_000
