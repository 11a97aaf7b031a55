"""Cases of the rules about ExternalSecrets, in the cluster and as syncs of the program's own."""

from __future__ import annotations

from typing import Any

from tests.policy.resources import (
    VAULT,
    Given,
    RuleCases,
    broken,
    cluster_external_secret,
    configured,
    external_secret,
    store,
    synced_secret,
    synced_secret_set,
)

SHARED = {"name": "shared", "kind": "ClusterSecretStore"}
PREFIXES = {"demo": ["demo/", "/common/"]}


def one(key: str) -> list[dict[str, Any]]:
    return [{"secretKey": "k", "remoteRef": {"key": key}}]


def shared(**spec: Any) -> Given:
    """An ExternalSecret of a ClusterSecretStore, where the namespace demo has prefixes."""
    given = external_secret(**{"secretStoreRef": SHARED, **spec})
    return configured(given, prefixes=PREFIXES)


def typed(name: str) -> dict[str, Any]:
    return {"template": {"type": name, "data": {"a": "b"}}}


def manifest(kind: str) -> dict[str, Any]:
    return {"manifest": {"apiVersion": "v1", "kind": kind}}


def kept(**inputs: Any) -> Given:
    """A sync with other inputs."""
    given = synced_secret()
    return Given(given.type, {**given.inputs, **inputs})


def push_secret(kind: str = "PushSecret", *, namespace: str | None = "demo", **config: Any) -> Given:
    metadata = {"name": "push"} if namespace is None else {"name": "push", "namespace": namespace}
    inputs = {
        "apiVersion": "external-secrets.io/v1alpha1",
        "kind": kind,
        "metadata": metadata,
        "spec": {
            "refreshInterval": "1h",
            "secretStoreRefs": [{"name": "s", "kind": "SecretStore"}],
            "selector": {"secret": {"name": "app"}},
            "data": [{"match": {"secretKey": "k", "remoteRef": {"remoteKey": "app"}}}],
        },
    }
    return Given(f"kubernetes:external-secrets.io/v1alpha1:{kind}", inputs, config)


def unstored() -> Given:
    given = push_secret()
    return Given(given.type, {**given.inputs, "spec": {**given.inputs["spec"], "secretStoreRefs": []}})


MERGE_AND_DELETE = {"creationPolicy": "Merge", "deletionPolicy": "Delete"}

CASES: dict[str, RuleCases] = {
    "declarations-admissible": RuleCases(
        compliant=(
            external_secret(),
            cluster_external_secret(),
            synced_secret(),
            synced_secret_set(),
            external_secret(refreshInterval="0"),
            Given("kubernetes:external-secrets.io/v1:ExternalSecret", {"kind": "ExternalSecret", "spec": "?"}),
            Given("pulumi-python:dynamic/external-secrets:SyncedSecret", {"declaration": "{"}),
        ),
        broken=(
            broken(
                "Delete with Merge", external_secret(target=MERGE_AND_DELETE), "deletionPolicy", "creationPolicy Owner"
            ),
            broken(
                "Merge with None",
                external_secret(target={"creationPolicy": "None", "deletionPolicy": "Merge"}),
                "use deletionPolicy Retain",
            ),
            broken("nothing", external_secret(data=[]), "asks for nothing"),
            broken("a key twice", external_secret(data=[*one("a"), *one("b")]), "spec.data[1].secretKey"),
            broken(
                "extract and find",
                external_secret(dataFrom=[{"extract": {"key": "a"}, "find": {"name": {"regexp": "."}}}]),
                "spec.dataFrom[0]",
            ),
            broken(
                "a path of another kind",
                external_secret(target={"template": {"templateFrom": [{"target": "spec", "literal": "a: b"}]}}),
                "templateFrom[0].target",
            ),
            broken(
                "a node's token",
                external_secret(target=typed("bootstrap.kubernetes.io/token")),
                "may not be a bootstrap token",
            ),
            broken(
                "a ServiceAccount of another namespace",
                store({"vault": {**VAULT, "auth": {"tokenSecretRef": {"name": "t", "key": "k", "namespace": "x"}}}}),
                "namespace",
                "ClusterSecretStore",
            ),
            broken("a PushSecret without stores", unstored(), "spec.secretStoreRefs"),
            broken(
                "of many namespaces",
                cluster_external_secret(target=MERGE_AND_DELETE),
                "spec.externalSecretSpec",
            ),
            broken("as a sync", synced_secret(target=MERGE_AND_DELETE), "deletionPolicy"),
            broken("in a set", synced_secret_set(target=MERGE_AND_DELETE), "deletionPolicy"),
        ),
    ),
    "declarations-surprising": RuleCases(
        compliant=(external_secret(), synced_secret(), synced_secret_set(), external_secret(data=[])),
        broken=(
            broken("never again", external_secret(refreshInterval="0"), "refreshInterval"),
            broken("as a sync", synced_secret(refreshInterval="0"), "refreshInterval"),
        ),
    ),
    "refresh-interval-floor": RuleCases(
        compliant=(
            external_secret(refreshInterval="1h"),
            external_secret(refreshInterval="1m"),
            external_secret(refreshPolicy="CreatedOnce", refreshInterval="0"),
            external_secret(refreshPolicy="OnChange", refreshInterval="1s"),
            external_secret(config={"minimumSeconds": 10}, refreshInterval="15s"),
            cluster_external_secret(refreshInterval="1h"),
        ),
        broken=(
            broken("hasty", external_secret(refreshInterval="15s"), "is 15s", "write 1m0s"),
            broken(
                "below the own floor", external_secret(config={"minimumSeconds": 300}, refreshInterval="1m"), "5m0s"
            ),
            broken("0", external_secret(refreshInterval="0"), "refreshPolicy: CreatedOnce"),
            broken("0 with Periodic", external_secret(refreshPolicy="Periodic", refreshInterval="0s"), "CreatedOnce"),
            broken("of many namespaces", cluster_external_secret(refreshInterval="1s"), "spec.externalSecretSpec."),
            broken("as a sync", synced_secret(refreshInterval="1s"), "write 1m0s"),
            broken("in a set", synced_secret_set(refreshInterval="1s"), "write 1m0s"),
        ),
    ),
    "secret-type-allow-list": RuleCases(
        compliant=(
            external_secret(),
            external_secret(target=typed("kubernetes.io/tls")),
            external_secret(target=typed("own/type"), config={"allowed": ["own/type"]}),
        ),
        broken=(
            broken(
                "a token", external_secret(target=typed("kubernetes.io/service-account-token")), "use one of Opaque"
            ),
            broken("a node's token", external_secret(target=typed("bootstrap.kubernetes.io/token")), "not allowed"),
            broken("off the own list", external_secret(target=typed("Opaque"), config={"allowed": ["a/b"]}), "a/b"),
            broken("of many namespaces", cluster_external_secret(target=typed("own/type")), "externalSecretSpec"),
            broken("as a sync", synced_secret(target=typed("own/type")), "own/type"),
            broken("in a set", synced_secret_set(target=typed("own/type")), "own/type"),
        ),
        quotes=("template.type",),
    ),
    "targets-are-secrets": RuleCases(
        compliant=(
            external_secret(),
            external_secret(target=manifest("Secret")),
            external_secret(target=manifest("ConfigMap"), config={"kinds": ["ConfigMap"]}),
        ),
        broken=(
            broken("a ConfigMap", external_secret(target=manifest("ConfigMap")), "makes a ConfigMap", '"ConfigMap"'),
            broken("off the list", external_secret(target=manifest("Route"), config={"kinds": ["Ingress"]}), "Route"),
            broken("as a sync", synced_secret(target=manifest("ConfigMap")), "take manifest out"),
        ),
        quotes=("manifest.kind",),
    ),
    "tenant-key-prefixes": RuleCases(
        compliant=(
            shared(data=one("demo/db")),
            shared(data=one("common/ca")),
            shared(data=one("/demo/db")),
            shared(data=[], dataFrom=[{"extract": {"key": "demo/app"}}]),
            shared(data=[], dataFrom=[{"find": {"path": "demo", "name": {"regexp": "."}}}]),
            shared(secretStoreRef={"name": "s", "kind": "SecretStore"}, data=one("other/db")),
            external_secret(secretStoreRef=SHARED, data=one("other/db")),
        ),
        broken=(
            broken("another's key", shared(data=one("other/db")), "spec.data[0].remoteRef.key", "demo/…"),
            broken("a lookalike", shared(data=one("demolition/db")), "namespace demo"),
            broken("a way up", shared(data=one("demo/../other/db")), "data[0]"),
            broken("an empty segment", shared(data=one("demo//db")), "data[0]"),
            broken("a whole secret", shared(data=[], dataFrom=[{"extract": {"key": "x"}}]), "dataFrom[0].extract.key"),
            broken(
                "everything", shared(data=[], dataFrom=[{"find": {"name": {"regexp": "."}}}]), "dataFrom[0].find.path"
            ),
            broken(
                "by an entry's own store",
                shared(
                    secretStoreRef={"name": "s", "kind": "SecretStore"},
                    data=[{**one("other/db")[0], "sourceRef": {"storeRef": SHARED}}],
                ),
                "data[0]",
            ),
            broken(
                "a namespace without prefixes",
                configured(external_secret(namespace="new", secretStoreRef=SHARED), prefixes=PREFIXES),
                'add "new" to prefixes',
            ),
            broken(
                "many namespaces",
                configured(cluster_external_secret(secretStoreRef=SHARED, data=one("demo/db")), prefixes=PREFIXES),
                "(many)",
            ),
            broken(
                "as a sync", configured(synced_secret(secretStoreRef=SHARED, data=one("x")), prefixes=PREFIXES), "demo"
            ),
        ),
        quotes=("metadata.namespace",),
    ),
    "push-opt-in": RuleCases(
        compliant=(
            push_secret(allowed=["demo/push"]),
            push_secret("ClusterPushSecret", namespace=None, allowed=["push"]),
        ),
        broken=(
            broken("off the list", push_secret(), "PushSecret demo/push", '"demo/push"'),
            broken("of another namespace", push_secret(namespace="other", allowed=["demo/push"]), "other/push"),
            broken(
                "of the cluster",
                push_secret("ClusterPushSecret", namespace=None, allowed=["demo/push"]),
                "ClusterPushSecret push",
            ),
            broken(
                "without a name",
                Given("kubernetes:external-secrets.io/v1alpha1:PushSecret", {"metadata": {"namespace": "demo"}}),
                "PushSecret demo/name",
            ),
        ),
        quotes=("metadata.namespace", "metadata.name", "kind"),
    ),
    "synced-secret-state": RuleCases(
        compliant=(synced_secret(), synced_secret_set(), kept(fingerprint=""), kept(fingerprint="v1:0a")),
        broken=(
            broken("an unknown input", kept(data="x"), "the input data"),
            broken("values by key", kept(values={"k": "x"}), "the input values"),
            broken("a value for a fingerprint", kept(fingerprint="correct horse"), "fingerprint is no fingerprint"),
            broken(
                "one in a set",
                Given(synced_secret_set().type, {**synced_secret_set().inputs, "fingerprints": {"demo/es": "battery"}}),
                "fingerprints.demo/es is no fingerprint",
            ),
            broken("a token for a version", kept(versions={"s foo": "hvs." + "CAESIJ" * 5}), "versions.s foo looks"),
            broken("a key for a key name", kept(keys=["AKIA" + "ABCDEFGH23456722"]), "keys[0] looks like an AWS"),
            broken("in the drift", kept(drift="the key k was " + "ghp_" + "a1B2" * 9), "drift looks like a GitHub"),
            broken("in a problem", kept(problem="postgres://app:correct-horse@db/app"), "problem looks like"),
        ),
    ),
}
