"""From settings and declarations to the chart's values: the narrowest operator that serves the stack."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from components.access.aws_stores import OPERATOR_ACCOUNT
from components.declarations import declare
from components.operator.upstream_scope import UpstreamScope
from components.operator.upstream_values import NAME, compile_values
from components.settings import OperatorSettings, parse
from components.settings.upstream import TYPED_VALUES
from components.testing import stack_settings
from secretsync.errors import SettingsError
from tests.components.stack_files import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.unit

NOT_EMITTED = {
    "namespaceOverride",
    "nameOverride",
    "createOperator",
    "crds.createSecretStore",
    "processSecretStore",
}
"""What is never set here and still not for `values`: the component relies on the chart's default."""
NARROW = UpstreamScope(
    namespaces=("team",),
    token_accounts=(("team", "reader"),),
    definitions=("externalsecrets.external-secrets.io",),
    cluster_stores=False,
    cluster_external_secrets=False,
    cluster_generators=False,
    push_secrets=False,
    backend_ports=(443,),
    own_identity=(),
)
ROLE = "arn:aws:iam::111122223333:role/operator"


def settings(upstream: Mapping[str, Any] | None = None, **changes: Any) -> OperatorSettings:
    operator = {"kind": "upstream", **changes, **({"upstream": upstream} if upstream is not None else {})}
    values = {"environment": "staging", "manifests": ["m"], "operator": operator}
    return parse(values, place="Pulumi.test.yaml").operator


def values(
    upstream: Mapping[str, Any] | None = None,
    scope: UpstreamScope = NARROW,
    *,
    pod_identity: bool = False,
    **changes: Any,
) -> dict[str, Any]:
    return compile_values(settings(upstream, **changes), scope, pod_identity=pod_identity)


def leaves(tree: Mapping[str, Any], at: str = "") -> Iterator[str]:
    for key, value in tree.items():
        path = f"{at}{key}"
        if isinstance(value, dict) and path not in TYPED_VALUES:
            yield from leaves(value, f"{path}.")
        else:
            yield path


EVERYTHING = {
    "version": "2.9.1",
    "roleArn": ROLE,
    "priorityClass": "high",
    "serviceMonitor": {"namespace": "monitoring", "labels": {"release": "prometheus"}},
    "images": {"repository": "registry.test:5000/eso", "tag": "v2.9.1", "pullSecrets": ["registry"]},
    "webhook": {"replicas": 2},
    "certController": {"replicas": 2},
    "networkPolicy": {"metricsFrom": "monitoring"},
}


def test_every_typed_value_is_refused_in_values_by_its_settings_name() -> None:
    emitted = {
        *leaves(values(EVERYTHING, replace(NARROW, own_identity=("team/aws",)), replicas=3)),
        *leaves(values({"scope": "namespace"})),
    }
    assert emitted == set(TYPED_VALUES) - NOT_EMITTED


@pytest.mark.parametrize("path", sorted(TYPED_VALUES))
def test_values_may_not_contradict_a_setting(path: str) -> None:
    nested: Any = "anything"
    for key in reversed(path.split(".")):
        nested = {key: nested}
    with pytest.raises(SettingsError) as caught:
        settings({"values": nested})
    assert f"operator.upstream.values: {path} is decided by {TYPED_VALUES[path]}" in str(caught.value)


def test_values_may_not_hide_what_lies_below() -> None:
    with pytest.raises(SettingsError) as caught:
        settings({"values": {"crds": True, "webhook": None}})
    message = str(caught.value)
    assert "crds is decided by operator.kind" in message
    assert "webhook is decided by operator.upstream.webhook.replicas" in message


def test_further_values_are_merged_last_map_by_map() -> None:
    further = {
        "commonLabels": {"team": "platform"},
        "webhook": {"hostNetwork": True, "log": {"timeEncoding": "iso8601"}},
        "global": {"tolerations": [{"key": "x"}]},
    }
    made = values({"values": further, "images": {"repository": "registry.test/eso"}})
    assert made["commonLabels"] == {"team": "platform"}
    assert made["webhook"]["hostNetwork"] is True
    assert made["webhook"]["log"] == {"level": "info", "timeEncoding": "iso8601"}
    assert made["webhook"]["replicaCount"] == 1
    assert made["global"] == {"repository": "registry.test/eso", "tolerations": [{"key": "x"}]}


def test_the_crds_come_with_the_chart_and_stay_without_it() -> None:
    made = values()
    assert made["installCRDs"] is True
    assert made["crds"]["annotations"] == {"helm.sh/resource-policy": "keep"}


@pytest.mark.parametrize(("replicas", "elects"), [(1, False), (2, True), (9, True)])
def test_several_controllers_elect_a_leader(replicas: int, *, elects: bool) -> None:
    made = values(replicas=replicas, concurrency=32)
    assert (made["replicaCount"], made["leaderElect"], made["concurrent"]) == (replicas, elects, 32)
    assert made["podDisruptionBudget"] == ({"enabled": True, "minAvailable": 1} if elects else {"enabled": False})


KINDS = {
    "cluster_stores": ("processClusterStore", "createClusterSecretStore"),
    "cluster_external_secrets": ("processClusterExternalSecret", "createClusterExternalSecret"),
    "cluster_generators": ("processClusterGenerator", "createClusterGenerator"),
    "push_secrets": ("processPushSecret", "createPushSecret"),
}


def test_kinds_that_are_not_declared_are_neither_served_nor_acted_on() -> None:
    made = values()
    assert not any(made[process] or made["crds"][create] for process, create in KINDS.values())
    assert made["processClusterPushSecret"] is made["crds"]["createClusterPushSecret"] is False


@pytest.mark.parametrize("kind", KINDS)
def test_a_declared_kind_is_served_and_no_other(kind: str) -> None:
    flags: Any = {kind: True}
    made = values(scope=replace(NARROW, **flags))
    process, create = KINDS[kind]
    assert made[process] is made["crds"][create] is True
    assert [name for name, (other, _) in KINDS.items() if made[other]] == [kind]


def test_an_operator_for_others_too_serves_everything() -> None:
    made = values({"serves": "everything"})
    assert all(made[process] and made["crds"][create] for process, create in KINDS.values())
    assert made["processClusterPushSecret"] is True
    assert made["rbac"]["serviceAccountTokenCreate"] is True


def test_tokens_are_granted_by_name_and_cluster_roles_are_left_alone() -> None:
    rbac = values()["rbac"]
    assert rbac == dict.fromkeys(
        ("serviceAccountTokenCreate", "aggregateToView", "aggregateToEdit", "aggregateToAdmin"), False
    )
    assert values({"aggregateRoles": True})["rbac"]["aggregateToView"] is True


def test_one_namespace_has_roles_and_no_cluster_roles() -> None:
    made = values({"scope": "namespace"})
    assert (made["scopedNamespace"], made["scopedRBAC"]) == ("team", True)
    assert "scopedRBAC" not in values()


def test_a_scope_that_does_not_fit_the_declarations_is_refused_all_at_once() -> None:
    wide = replace(NARROW, namespaces=("a", "b"), cluster_stores=True, cluster_generators=True)
    with pytest.raises(SettingsError) as caught:
        values({"scope": "namespace", "roleArn": ROLE}, wide)
    message = str(caught.value)
    assert "operator.upstream" in message
    assert "does not serve the declared ClusterSecretStore, ClusterGenerator" in message
    assert "declared are a, b" in message
    assert "roleArn is used by no store" in message


def test_the_operators_own_role_is_for_stores_that_name_no_account() -> None:
    own = replace(NARROW, own_identity=("team/aws",))
    assert values({"roleArn": ROLE}, own)["serviceAccount"]["annotations"] == {"eks.amazonaws.com/role-arn": ROLE}
    assert values(scope=own)["serviceAccount"]["annotations"] == {}
    with pytest.raises(SettingsError, match="podIdentity, which needs no annotation"):
        values({"roleArn": ROLE}, own, pod_identity=True)


def test_the_account_is_the_one_that_pod_identity_is_for() -> None:
    assert NAME == OPERATOR_ACCOUNT
    assert values()["serviceAccount"]["name"] == values()["fullnameOverride"] == OPERATOR_ACCOUNT


def ports(rule: Mapping[str, Any]) -> list[tuple[str, int]]:
    return [(each["protocol"], each["port"]) for each in rule["ports"]]


def test_pods_reach_dns_the_api_server_and_the_backends_only() -> None:
    made = values(scope=replace(NARROW, backend_ports=(443, 8200)))
    dns, api_server, backends = made["networkPolicy"]["egress"]
    assert ports(dns) == [("UDP", 53), ("TCP", 53)]
    assert ports(api_server) == [("TCP", 443), ("TCP", 6443)]
    assert ports(backends) == [("TCP", 443), ("TCP", 8200)]
    for companion in ("webhook", "certController"):
        assert made[companion]["networkPolicy"]["egress"] == [dns, api_server]
    ranges = {"apiServer": ["10.0.0.0/28"], "backends": ["10.1.0.0/16", "192.0.2.7"]}
    _, api_server, backends = values({"networkPolicy": ranges})["networkPolicy"]["egress"]
    assert api_server["to"] == [{"ipBlock": {"cidr": "10.0.0.0/28"}}]
    assert backends["to"] == [{"ipBlock": {"cidr": "10.1.0.0/16"}}, {"ipBlock": {"cidr": "192.0.2.7/32"}}]


def test_the_agent_of_pod_identity_is_reached_where_it_is_used() -> None:
    *_, agent = values(pod_identity=True)["networkPolicy"]["egress"]
    assert agent == {"ports": [{"protocol": "TCP", "port": 80}], "to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}]}
    assert len(values()["networkPolicy"]["egress"]) == 3


def test_metrics_are_read_from_one_namespace_and_the_webhook_by_the_api_server() -> None:
    made = values({"networkPolicy": {"metricsFrom": "monitoring"}})
    for component in (made, made["webhook"], made["certController"]):
        metrics = component["networkPolicy"]["ingress"][0]
        assert ports(metrics) == [("TCP", 8080)]
        assert metrics["from"] == [
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
        ]
    assert ("TCP", 10250) in ports(made["webhook"]["networkPolicy"]["ingress"][1])
    assert "from" not in made["webhook"]["networkPolicy"]["ingress"][1]
    off = values({"networkPolicy": {"enabled": False}})
    for component in (off, off["webhook"], off["certController"]):
        assert component["networkPolicy"] == {"enabled": False}


def test_every_container_has_requests_and_a_limit_of_memory() -> None:
    made = values({"resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}})
    assert made["resources"] == {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}
    for component in (values(), made["webhook"], made["certController"]):
        assert {"cpu", "memory"} <= set(component["resources"]["requests"])
        assert "memory" in component["resources"]["limits"]


def test_images_log_level_priority_and_monitors_reach_all_pods() -> None:
    made = values({**EVERYTHING, "logLevel": "warn"}, replace(NARROW, own_identity=("team/aws",)))
    assert made["global"] == {"repository": "registry.test:5000/eso", "imagePullSecrets": [{"name": "registry"}]}
    for component in (made, made["webhook"], made["certController"]):
        assert component["image"] == {"tag": "v2.9.1"}
        assert component["log"] == {"level": "warn"}
        assert component["priorityClassName"] == "high"
    assert made["serviceMonitor"] == {
        "enabled": True,
        "renderMode": "alwaysRender",
        "interval": "30s",
        "additionalLabels": {"release": "prometheus"},
        "namespace": "monitoring",
    }
    assert values()["serviceMonitor"] == {"enabled": False}


@pytest.mark.parametrize(
    ("operator", "told"),
    [
        ({"image": "x"}, "operator.image: is for kind builtin"),
        ({"kind": "builtin", "upstream": {}}, "operator.upstream: is for kind upstream, not builtin"),
        ({"kind": "none", "upstream": {}}, "operator.upstream: is for kind upstream, not none"),
        (
            {"replicas": 2, "upstream": {"minAvailable": 2}},
            "operator.upstream: minAvailable must be below operator.replicas",
        ),
        ({"upstream": {"version": "2.9"}}, "operator.upstream.version: "),
        ({"upstream": {"version": "^2.9.0"}}, "operator.upstream.version: "),
        ({"upstream": {"repository": "http://charts.test"}}, "operator.upstream.repository: must begin with https://"),
        ({"upstream": {"repository": "oci://user:pw@charts.test/x"}}, "operator.upstream.repository: must begin"),
        ({"upstream": {"timeoutSeconds": 10}}, "operator.upstream.timeoutSeconds: "),
        ({"upstream": {"scope": "namespace", "serves": "everything"}}, "operator.upstream: scope namespace serves no"),
        ({"upstream": {"roleArn": "role/x"}}, "operator.upstream.roleArn: "),
        ({"upstream": {"logLevel": "loud"}}, "operator.upstream.logLevel: "),
        ({"upstream": {"resources": {"limits": {"memory": "much"}}}}, "operator.upstream.resources.limits.memory: "),
        ({"upstream": {"webhook": {"replicas": 0}}}, "operator.upstream.webhook.replicas: "),
        (
            {"upstream": {"webhook": {"replicas": 2, "minAvailable": 2}}},
            "operator.upstream.webhook.minAvailable: must be below replicas",
        ),
        ({"upstream": {"webhook": {"failurePolicy": "Maybe"}}}, "operator.upstream.webhook.failurePolicy: "),
        ({"upstream": {"networkPolicy": {"backends": ["x"]}}}, "operator.upstream.networkPolicy.backends.0: is no"),
        ({"upstream": {"images": {"repository": "UPPER/x"}}}, "operator.upstream.images.repository: "),
        ({"upstream": {"serviceMonitor": {"interval": "often"}}}, "operator.upstream.serviceMonitor.interval: "),
        ({"upstream": {"replicas": 3}}, "operator.upstream.replicas: "),
    ],
)
def test_wrong_settings_are_told_by_their_key(operator: dict[str, Any], told: str) -> None:
    given = {"environment": "staging", "manifests": ["m"], "operator": {"kind": "upstream", **operator}}
    with pytest.raises(SettingsError) as caught:
        parse(given, place="Pulumi.test.yaml")
    assert f"external-secrets:{told}" in str(caught.value)
    assert "user:pw" not in str(caught.value)


def test_several_wrong_settings_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        settings({"version": "x", "values": {"replicaCount": 2}, "webhook": {"replicas": 0}}, image="x", replicas=0)
    for key in ("image", "replicas", "upstream.version", "upstream.values", "upstream.webhook.replicas"):
        assert f"external-secrets:operator.{key}:" in str(caught.value)


MANIFESTS = """
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: vault, namespace: team}
spec:
  provider:
    vault:
      server: https://vault.test:8200
      auth: {kubernetes: {mountPath: k, role: r, serviceAccountRef: {name: reader}}}
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: own, namespace: team}
spec: {provider: {aws: {service: SecretsManager, region: eu-central-1}}}
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: static, namespace: team}
spec:
  provider:
    aws:
      service: SecretsManager
      region: eu-central-1
      auth:
        secretRef:
          accessKeyIDSecretRef: {name: key, key: id}
          secretAccessKeySecretRef: {name: key, key: secret}
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: plain, namespace: team}
spec: {provider: {webhook: {url: "http://inside.test/{{ .remoteRef.key }}", result: {jsonPath: "$"}}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: one, namespace: team}
spec: {secretStoreRef: {name: vault}, data: [{secretKey: a, remoteRef: {key: b}}]}
"""
CLUSTER_WIDE = """
---
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: shared}
spec: {provider: {fake: {data: [{key: a, value: b}]}}}
---
apiVersion: external-secrets.io/v1
kind: ClusterExternalSecret
metadata: {name: spread}
spec:
  namespaces: [team]
  externalSecretSpec:
    secretStoreRef: {name: shared, kind: ClusterSecretStore}
    data: [{secretKey: a, remoteRef: {key: a}}]
---
apiVersion: generators.external-secrets.io/v1alpha1
kind: ClusterGenerator
metadata: {name: anywhere}
spec: {kind: Password, generator: {passwordSpec: {length: 8}}}
---
apiVersion: external-secrets.io/v1alpha1
kind: PushSecret
metadata: {name: out, namespace: team}
spec:
  secretStoreRefs: [{name: plain}]
  selector: {secret: {name: s}}
  data: [{match: {secretKey: a, remoteRef: {remoteKey: b}}}]
"""


def scope_of(tmp_path: Path, text: str) -> UpstreamScope:
    (tmp_path / "m.yaml").write_text(text)
    given = {"environment": "staging", "manifests": ["m.yaml"], "operator": {"kind": "upstream"}}
    return UpstreamScope.of(declare(parse(given, place="p"), root=tmp_path, vault_address=None))


def test_the_scope_is_what_is_declared(tmp_path: Path) -> None:
    narrow = scope_of(tmp_path, MANIFESTS)
    assert narrow.namespaces == ("team",)
    assert narrow.token_accounts == (("team", "reader"),)
    assert narrow.definitions == ("externalsecrets.external-secrets.io", "secretstores.external-secrets.io")
    assert narrow.cluster_kinds == ()
    assert narrow.push_secrets is False
    assert narrow.backend_ports == (80, 443, 8200)
    assert narrow.own_identity == ("team/own",)
    wide = scope_of(tmp_path, MANIFESTS + CLUSTER_WIDE)
    assert wide.cluster_kinds == ("ClusterSecretStore", "ClusterExternalSecret", "ClusterGenerator")
    assert wide.push_secrets is True
    assert {"clustersecretstores.external-secrets.io", "pushsecrets.external-secrets.io"} <= set(wide.definitions)


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_the_cloud_stacks_get_the_narrowest_operator_that_serves_them(stack: str) -> None:
    of_stack = stack_settings(ROOT, stack)
    declared = declare(of_stack, root=ROOT, vault_address=f"https://vault.{stack}.example.com:8200")
    made = compile_values(of_stack.operator, UpstreamScope.of(declared))
    assert made["processClusterStore"] is made["processClusterExternalSecret"] is True
    assert made["processClusterGenerator"] is made["processPushSecret"] is False
    assert ports(made["networkPolicy"]["egress"][2]) == [("TCP", 443), ("TCP", 8200)]
    assert made["leaderElect"] is True
