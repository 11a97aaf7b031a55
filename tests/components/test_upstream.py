"""The upstream operator as it registers with the engine: one release, its rights, its proofs, and their order."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pulumi
import pytest

from components.platform import Platform, PlatformArgs
from components.testing import Recorder, invented_kubeconfig, record, stack_settings
from tests.components.stack_files import ROOT, committed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.unit

RELEASE = "kubernetes:helm.sh/v3:Release"
ESTABLISHED = ":EstablishedDefinitions"
ANSWERING = ":AnsweringWebhook"
BY_POD_IDENTITY = """
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: aws, namespace: team}
spec: {provider: {aws: {service: SecretsManager, region: eu-central-1}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: one, namespace: team}
spec:
  refreshInterval: 1h
  secretStoreRef: {name: aws}
  data: [{secretKey: a, remoteRef: {key: team/a}}]
"""


@pytest.fixture(autouse=True, scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(invented_kubeconfig(tmp_path_factory.mktemp("cluster"))))
        yield


def recorded(
    stack: str = "prod",
    *,
    preview: bool = False,
    upstream: dict[str, Any] | None = None,
    operator: dict[str, Any] | None = None,
    **sections: Any,
) -> Recorder:
    section = {**committed(stack)["operator"], **(operator or {})}
    if upstream is not None:
        section["upstream"] = {**section["upstream"], **upstream}
    settings = stack_settings(ROOT, stack, operator=section, **sections)

    def program() -> None:
        args = PlatformArgs(settings=settings, fingerprint_key=pulumi.Output.secret("k" * 32), root=ROOT)
        Platform("platform", args)

    return record(program, preview=preview)


@pytest.fixture(scope="module", params=[True, False], ids=["preview", "update"])
def prod(request: pytest.FixtureRequest) -> Recorder:
    return recorded(preview=request.param)


def test_the_operator_is_one_pinned_release_that_is_undone_where_it_fails(prod: Recorder) -> None:
    inputs = prod.one(RELEASE).inputs
    assert (inputs["chart"], inputs["version"]) == ("external-secrets", "2.9.0")
    assert inputs["repositoryOpts"] == {"repo": "https://charts.external-secrets.io"}
    assert (inputs["name"], inputs["namespace"]) == ("external-secrets", "external-secrets")
    assert inputs["atomic"] is inputs["cleanupOnFail"] is True
    assert inputs["takeOwnership"] is False
    assert (inputs["maxHistory"], inputs["timeout"]) == (5, 300)
    assert "skipAwait" not in inputs
    assert inputs["values"]["replicaCount"] == 3
    assert prod.of_type(":Deployment") == []
    assert prod.one(RELEASE).delete_first, "names in the cluster are the chart's"


def test_a_chart_of_a_registry_is_one_address() -> None:
    inputs = recorded(upstream={"repository": "oci://registry.test/charts/"}, preview=True).one(RELEASE).inputs
    assert inputs["chart"] == "oci://registry.test/charts/external-secrets"
    assert "repositoryOpts" not in inputs


def test_its_crds_are_the_charts(prod: Recorder) -> None:
    assert prod.of_type(":CustomResourceDefinition") == []
    assert prod.of_type("ValidatingAdmissionPolicy") == []


def test_each_step_waits_for_the_one_before(prod: Recorder) -> None:
    release, established, webhook = prod.one(RELEASE), prod.one(ESTABLISHED), prod.one(ANSWERING)
    assert {"external-secrets", "payments", "operator-payments"} <= prod.before(release)
    assert release.urn in established.depends
    assert established.urn in webhook.depends
    for store in (*prod.of_type(":SecretStore"), *prod.of_type(":ClusterSecretStore")):
        assert {"operator", "operator-kinds", "operator-webhook"} <= prod.before(store)
        assert store.inputs["metadata"]["annotations"]["pulumi.com/waitFor"] == "condition=Ready"
    stores = {each.name for each in (*prod.of_type(":SecretStore"), *prod.of_type(":ClusterSecretStore"))}
    for declared in (*prod.of_type(":ExternalSecret"), *prod.of_type(":ClusterExternalSecret")):
        assert {"operator-webhook", *stores} <= prod.before(declared)
    ready = prod.one(":ReadyExternalSecrets")
    assert {each.name for each in prod.of_type(":ExternalSecret")} <= prod.before(ready)


def test_the_declared_kinds_are_what_is_waited_for(prod: Recorder) -> None:
    names = prod.one(ESTABLISHED).inputs["names"]
    assert names == sorted(names)
    assert {
        "clusterexternalsecrets.external-secrets.io",
        "clustersecretstores.external-secrets.io",
        "externalsecrets.external-secrets.io",
        "passwords.generators.external-secrets.io",
        "secretstores.external-secrets.io",
    } == set(names)
    webhook = prod.one(ANSWERING).inputs
    assert (webhook["namespace"], webhook["service"]) == ("external-secrets", "external-secrets-webhook")


def test_what_is_proven_of_one_release_is_proven_again_of_another(prod: Recorder) -> None:
    first = prod.one(ANSWERING).inputs["release"]
    assert first == prod.one(ESTABLISHED).inputs["release"]
    assert recorded(preview=True).one(ANSWERING).inputs["release"] == first
    for change in ({"version": "2.9.1"}, {"logLevel": "debug"}, {"values": {"commonLabels": {"a": "b"}}}):
        assert recorded(upstream=change, preview=True).one(ANSWERING).inputs["release"] != first


def test_tokens_may_be_requested_of_the_stores_accounts_only(prod: Recorder) -> None:
    roles = {
        each.inputs["metadata"]["namespace"]: each.inputs for each in prod.of_type("rbac.authorization.k8s.io/v1:Role")
    }
    assert {namespace: role["rules"][0]["resourceNames"] for namespace, role in roles.items()} == {
        "analytics": ["analytics-vault"],
        "payments": ["payments-secrets"],
        "platform": ["platform-parameters", "shared-secrets"],
        "storefront": ["storefront-secrets"],
    }
    for role in roles.values():
        (rule,) = role["rules"]
        assert (rule["apiGroups"], rule["resources"], rule["verbs"]) == ([""], ["serviceaccounts/token"], ["create"])
    for binding in prod.of_type("rbac.authorization.k8s.io/v1:RoleBinding"):
        (subject,) = binding.inputs["subjects"]
        assert (subject["kind"], subject["namespace"], subject["name"]) == (
            "ServiceAccount",
            "external-secrets",
            "external-secrets",
        )
    assert prod.one(RELEASE).inputs["values"]["rbac"]["serviceAccountTokenCreate"] is False


def test_an_operator_for_others_has_the_charts_own_rights() -> None:
    recorder = recorded(upstream={"serves": "everything"}, preview=True)
    assert recorder.of_type("rbac.authorization.k8s.io/v1:Role") == []
    assert recorder.one(RELEASE).inputs["values"]["rbac"]["serviceAccountTokenCreate"] is True


def test_every_object_is_the_platforms_and_names_its_provider(prod: Recorder) -> None:
    found = [each for each in prod.registered if each.type.startswith("kubernetes:")]
    assert [each.urn for each in found if "::cluster::" not in each.provider] == []


def test_the_namespace_is_made_here_and_not_by_helm(prod: Recorder) -> None:
    assert "external-secrets" in {each.inputs["metadata"]["name"] for each in prod.of_type(":Namespace")}
    assert "createNamespace" not in prod.one(RELEASE).inputs


def test_the_clusterwide_declaration_is_in_the_cloud_stacks(prod: Recorder) -> None:
    declared = prod.one(":ClusterExternalSecret").inputs
    assert declared["metadata"]["annotations"] == {
        "pulumi.com/waitFor": "condition=Ready",
        "pulumi.com/timeoutSeconds": "120",
    }
    assert declared["spec"]["externalSecretSpec"]["secretStoreRef"] == {
        "name": "shared-aws",
        "kind": "ClusterSecretStore",
    }


def test_an_operator_that_is_there_already_is_looked_for_and_left_alone() -> None:
    operator = {"kind": "none", "namespace": "external-secrets"}
    manifests = ["manifests/common/aws", "manifests/common/vault", "manifests/prod"]

    settings = stack_settings(ROOT, "prod", operator=operator, manifests=manifests)
    recorder = record(lambda: Platform("platform", PlatformArgs(settings=settings, root=ROOT)), preview=True)
    assert recorder.of_type(RELEASE) == recorder.of_type(":CustomResourceDefinition") == []
    assert recorder.of_type(ANSWERING) == recorder.of_type("rbac.authorization.k8s.io/v1:Role") == []
    assert "external-secrets" not in {each.inputs["metadata"]["name"] for each in recorder.of_type(":Namespace")}
    assert recorder.one(ESTABLISHED).name == "kinds"
    for store in recorder.of_type(":SecretStore"):
        assert "kinds" in recorder.before(store)


def test_pod_identity_is_there_before_the_operators_pods(tmp_path: Path) -> None:
    (tmp_path / "declared.yaml").write_text(BY_POD_IDENTITY)
    aws = {**committed("prod")["aws"], "identity": {"kind": "podIdentity", "cluster": "prod"}}
    aws["stores"] = ["team/aws"]
    aws["secrets"] = []
    settings = stack_settings(
        ROOT,
        "prod",
        aws=aws,
        vault=None,
        operator={"kind": "upstream"},
        manifests=["declared.yaml"],
    )
    recorder = record(lambda: Platform("platform", PlatformArgs(settings=settings, root=tmp_path)), preview=True)
    release = recorder.one(RELEASE)
    association = recorder.one(":PodIdentityAssociation")
    assert association.name in recorder.before(release)
    assert association.inputs["serviceAccount"] == release.inputs["values"]["serviceAccount"]["name"]
    egress = release.inputs["values"]["networkPolicy"]["egress"]
    assert {"ipBlock": {"cidr": "169.254.170.23/32"}} in [to for rule in egress for to in rule.get("to", ())]


def test_stacks_with_another_operator_import_neither_helm_nor_the_waits() -> None:
    code = (
        "import sys, json; import components.platform; "
        "print(json.dumps([name for name in sys.modules if 'helm.v' in name or 'upstream' in name or"
        " name == 'components.dynamic.operator_readiness']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["components.settings.upstream"]
