"""The admission policies refuse what ESO's webhooks refuse, on a real API server, and agree with `validate`."""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING, Any

import pytest

from secretsync import api
from tests.api import cluster
from tests.api.objects import FAKE, JsonObject, external_secret, minimal_spec, store, vault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fixtures.local_parts import ControlPlane

TOKEN_TYPE = "kubernetes.io/service-account-token"
GENERATOR = {"generatorRef": {"kind": "UUID", "name": "u"}}


def target(**fields: Any) -> JsonObject:
    return external_secret(minimal_spec(target=fields))


def data_from(**entry: Any) -> JsonObject:
    return external_secret({"secretStoreRef": {"name": "vault"}, "dataFrom": [entry]})


def keys(*names: str, **target_fields: Any) -> JsonObject:
    data = [{"secretKey": name, "remoteRef": {"key": "db"}} for name in names]
    return external_secret(minimal_spec(data=data, target=target_fields))


def regexes(*patterns: str) -> JsonObject:
    return store(FAKE, kind="ClusterSecretStore", conditions=[{"namespaceRegexes": list(patterns)}])


def aws(**settings: Any) -> JsonObject:
    return store({"aws": {"service": "SecretsManager", "region": "eu-west-1", "secretsManager": settings}})


def jwt(**fields: Any) -> JsonObject:
    return store(vault(auth={"jwt": fields}))


def approle(**fields: Any) -> JsonObject:
    return store(vault(auth={"appRole": {"secretRef": {"name": "s", "key": "k"}, **fields}}))


def elsewhere(auth: JsonObject) -> JsonObject:
    return store(vault(auth=auth))


def webhook(namespace: str) -> JsonObject:
    secret = {"name": "s", "secretRef": {"name": "s", "namespace": namespace}}
    return store({"webhook": {"url": "https://hook.example", "result": {}, "secrets": [secret]}})


CASES = {
    "Delete with Merge": (
        target(creationPolicy="Merge", deletionPolicy="Delete"),
        target(creationPolicy="Owner", deletionPolicy="Delete"),
        "deletionPolicy Delete cannot",
    ),
    "Delete with None": (
        target(creationPolicy="None", deletionPolicy="Delete"),
        target(creationPolicy="Orphan", deletionPolicy="Delete"),
        "deletionPolicy Delete cannot",
    ),
    "Delete with CreateOrMerge": (
        target(creationPolicy="CreateOrMerge", deletionPolicy="Delete"),
        target(creationPolicy="CreateOrMerge", deletionPolicy="Merge"),
        "deletionPolicy Delete cannot",
    ),
    "Merge with None": (
        target(creationPolicy="None", deletionPolicy="Merge"),
        target(creationPolicy="None", deletionPolicy="Retain"),
        "deletionPolicy Merge cannot",
    ),
    "nothing asked for": (
        external_secret({"secretStoreRef": {"name": "vault"}}),
        external_secret(minimal_spec()),
        "neither data nor dataFrom",
    ),
    "empty lists": (external_secret({"data": [], "dataFrom": []}), data_from(extract={"key": "k"}), "neither data"),
    "extract and find": (
        data_from(extract={"key": "k"}, find={"path": "p"}),
        data_from(find={"path": "p"}),
        "more than one of extract",
    ),
    "find and generator": (
        data_from(find={"path": "p"}, sourceRef=GENERATOR),
        data_from(sourceRef=GENERATOR),
        "more than one of extract",
    ),
    "extract and generator": (
        data_from(extract={"key": "k"}, sourceRef=GENERATOR),
        data_from(extract={"key": "k"}, sourceRef={"storeRef": {"name": "other"}}),
        "more than one of extract",
    ),
    "empty entry": (data_from(), data_from(sourceRef={"storeRef": {"name": "other"}}), "sets none of extract"),
    "duplicate keys": (keys("a", "b", "a"), keys("a", "b", "c"), "same secretKey"),
    "duplicate keys without Retain": (
        keys("a", "a", deletionPolicy="Retain"),
        keys("a", "a", deletionPolicy="Delete"),
        "same secretKey",
    ),
    "bootstrap token": (
        target(template={"type": "bootstrap.kubernetes.io/token"}),
        target(template={"type": "kubernetes.io/tls"}),
        "bootstrap.kubernetes.io/token",
    ),
    "path into a Secret": (
        target(template={"templateFrom": [{"literal": "a: b", "target": "spec.x"}]}),
        target(
            template={"templateFrom": [{"literal": "a: b", "target": "spec.x"}]},
            manifest={"apiVersion": "v1", "kind": "ConfigMap"},
        ),
        "may only be Data",
    ),
    "minted token by annotation": (
        target(template={"type": TOKEN_TYPE, "metadata": {"annotations": {"kubernetes.io/service-account.name": "a"}}}),
        target(template={"type": TOKEN_TYPE, "metadata": {"annotations": {"other": "a"}}}),
        "would mint a token",
    ),
    "minted token by template": (
        target(template={"type": TOKEN_TYPE, "templateFrom": [{"literal": "a: b", "target": "Annotations"}]}),
        target(template={"type": TOKEN_TYPE, "templateFrom": [{"literal": "a: b", "target": "Labels"}]}),
        "could mint a token",
    ),
    "negative seconds": (store(FAKE, refreshInterval=-1), store(FAKE, refreshInterval=0), "not negative"),
    "negative duration": (store(FAKE, refreshInterval="-5m"), store(FAKE, refreshInterval="5m"), "not negative"),
    "bad regular expression": (regexes("("), regexes("^team-.*$", "a|b"), "namespaceRegexes"),
    "half a client certificate": (
        store(vault(tls={"certSecretRef": {"name": "c"}})),
        store(vault(tls={"certSecretRef": {"name": "c"}, "keySecretRef": {"name": "c"}})),
        "needs both certSecretRef",
    ),
    "check-and-set with v1": (
        store(vault(version="v1", checkAndSet={"required": True})),
        store(vault(checkAndSet={"required": True})),
        "needs version v2",
    ),
    "AppRole without role": (approle(), approle(roleId="r"), "neither roleId nor roleRef"),
    "AppRole without key": (
        approle(roleRef={"name": "r"}),
        approle(roleRef={"name": "r", "key": "k"}),
        "names no key",
    ),
    "JWT without token": (jwt(role="r"), jwt(secretRef={"name": "s"}), "exactly one of secretRef"),
    "JWT with two tokens": (
        jwt(secretRef={"name": "s"}, kubernetesServiceAccountToken={"serviceAccountRef": {"name": "a"}}),
        jwt(kubernetesServiceAccountToken={"serviceAccountRef": {"name": "a"}}),
        "exactly one of secretRef",
    ),
    "recovery window": (aws(recoveryWindowInDays=5), aws(recoveryWindowInDays=7), "7 to 30"),
    "two ways to delete": (
        aws(recoveryWindowInDays=7, forceDeleteWithoutRecovery=True),
        aws(forceDeleteWithoutRecovery=True),
        "sets both",
    ),
    "fake without key": (store({"fake": {"data": [{"key": "", "value": "x"}]}}), store(FAKE), "empty key or value"),
    "token of another namespace": (
        elsewhere({"tokenSecretRef": {"name": "t", "key": "k", "namespace": "kube-system"}}),
        elsewhere({"tokenSecretRef": {"name": "t", "key": "k", "namespace": "team"}}),
        "names another namespace",
    ),
    "ServiceAccount of another namespace": (
        elsewhere({"kubernetes": {"role": "r", "serviceAccountRef": {"name": "a", "namespace": "kube-system"}}}),
        elsewhere({"kubernetes": {"role": "r", "serviceAccountRef": {"name": "a"}}}),
        "names another namespace",
    ),
    "webhook secret of another namespace": (webhook("kube-system"), webhook("team"), "names another namespace"),
}


@pytest.fixture(scope="module")
def plane(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """A control plane with CRDs and policies, and the namespace `team`; the policies go again afterwards."""
    cluster.install_crds(control_plane)
    cluster.send(control_plane, "POST", "/api/v1/namespaces", {"metadata": {"name": "team"}})
    paths = []
    for policy in api.admission_policies():
        plural = (
            "validatingadmissionpolicies" if policy["kind"].endswith("Policy") else "validatingadmissionpolicybindings"
        )
        reply = cluster.send(control_plane, "POST", f"{cluster.POLICIES}/{plural}", policy)
        assert reply.status == 201, reply.message
        paths.append(f"{cluster.POLICIES}/{plural}/{policy['metadata']['name']}")
    for bad in (CASES["empty entry"][0], CASES["negative seconds"][0], CASES["bad regular expression"][0]):
        cluster.until(
            lambda bad=bad: cluster.create(control_plane, bad, dry_run=True).status != 201, "policies in force"
        )
    yield control_plane
    for path in reversed(paths):
        cluster.send(control_plane, "DELETE", path)
    time.sleep(1)


@pytest.mark.contract
@pytest.mark.parametrize("case", CASES)
def test_the_api_server_refuses_the_bad_object_with_our_message(plane: ControlPlane, case: str) -> None:
    bad, _, message = CASES[case]
    reply = cluster.create(plane, bad, dry_run=True)
    assert reply.status == 422, reply
    assert message in reply.message


@pytest.mark.contract
@pytest.mark.parametrize("case", CASES)
def test_the_api_server_accepts_the_good_object(plane: ControlPlane, case: str) -> None:
    _, good, _ = CASES[case]
    reply = cluster.create(plane, good, dry_run=True)
    assert reply.status == 201, reply.message


@pytest.mark.unit
@pytest.mark.parametrize("case", CASES)
def test_validate_agrees(case: str) -> None:
    bad, good, _ = CASES[case]
    severities = [[problem.severity for problem in api.validate(api.parse(obj))] for obj in (bad, good)]
    assert api.Severity.error in severities[0]
    assert api.Severity.error not in severities[1]


@pytest.mark.unit
def test_every_rule_has_a_case() -> None:
    policies = [policy for policy in api.admission_policies() if policy["kind"].endswith("Policy")]
    messages = {rule["message"] for policy in policies for rule in policy["spec"]["validations"]}
    expected = [message for _, _, message in CASES.values()]
    assert [message for message in messages if not any(part in message for part in expected)] == []


@pytest.mark.contract
def test_the_spec_inside_a_cluster_external_secret_is_judged_too(plane: ControlPlane) -> None:
    obj = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterExternalSecret",
        "metadata": {"name": "everywhere"},
        "spec": {"externalSecretSpec": CASES["Delete with Merge"][0]["spec"], "namespaces": ["team"]},
    }
    assert "deletionPolicy Delete cannot" in cluster.create(plane, obj, dry_run=True).message
    assert any(problem.field.startswith("spec.externalSecretSpec.") for problem in api.validate(api.parse(obj)))
    obj["spec"]["externalSecretSpec"] = minimal_spec()  # type: ignore[index]
    assert cluster.create(plane, obj, dry_run=True).status == 201


@pytest.mark.contract
def test_v1beta1_is_judged_too(plane: ControlPlane) -> None:
    bad = copy.deepcopy(CASES["Delete with Merge"][0])
    bad["apiVersion"] = "external-secrets.io/v1beta1"
    assert "deletionPolicy Delete cannot" in cluster.create(plane, bad, dry_run=True).message


@pytest.mark.contract
def test_many_entries_stay_within_the_cost_of_a_policy(plane: ControlPlane) -> None:
    for count in (500, 501, 3_000):
        obj = keys(*(f"key-{index}" for index in range(count)))
        reply = cluster.create(plane, obj, dry_run=True)
        assert reply.status == 201, (count, reply.message)


@pytest.mark.contract
def test_a_bad_object_from_before_can_still_lose_its_finalizer_and_go(plane: ControlPlane) -> None:
    bindings = f"{cluster.POLICIES}/validatingadmissionpolicybindings"
    name = "externalsecrets.external-secrets.io"
    binding = next(item for item in api.admission_policies() if item["kind"].endswith("Binding"))
    assert binding["metadata"]["name"] == name
    bad = copy.deepcopy(CASES["Delete with Merge"][0])
    bad["metadata"] |= {"name": "from-before", "finalizers": ["example.com/held"]}
    cluster.send(plane, "DELETE", f"{bindings}/{name}")
    cluster.until(lambda: cluster.create(plane, bad).status == 201, "policy out of force")
    cluster.send(plane, "POST", bindings, binding)
    cluster.until(lambda: cluster.create(plane, bad, dry_run=True).status == 422, "policy in force again")
    path = f"{cluster.path_of(bad)}/from-before"
    held = cluster.send(plane, "GET", path).document
    held["metadata"]["labels"] = {"touched": "yes"}
    assert cluster.send(plane, "PUT", path, held).status == 200
    cluster.send(plane, "DELETE", path)
    held = cluster.send(plane, "GET", path).document
    held["metadata"]["finalizers"] = []
    assert cluster.send(plane, "PUT", path, held).status == 200
    assert cluster.send(plane, "GET", path).status == 404
