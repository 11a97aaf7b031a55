"""Declarations: native YAML completed by the stack file, or refused with the place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from components.declarations import Declarations, declare
from components.settings import parse
from secretsync.errors import ManifestErrors, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

ADDRESS = "https://vault.test:8200"
LOGIN = {"mountPath": "elsewhere", "role": "r", "serviceAccountRef": {"name": "reader"}}


def store(name: str = "backend", *, kind: str = "SecretStore", auth: dict[str, Any] | None = None) -> dict[str, Any]:
    vault = {"server": "http://127.0.0.1:1", "path": "x", "auth": auth or {"kubernetes": LOGIN}}
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"provider": {"vault": vault}},
    }


def external_secret(name: str, *, key: str = "foo", **metadata: str) -> dict[str, Any]:
    return {
        "apiVersion": "external-secrets.io/v1beta1",
        "kind": "ExternalSecret",
        "metadata": {"name": name, **metadata},
        "spec": {
            "secretStoreRef": {"name": "backend", "kind": "SecretStore"},
            "data": [{"secretKey": "k", "remoteRef": {"key": key}}],
        },
    }


def declared(folder: Path, *objects: dict[str, Any], operator: str = "", **settings: Any) -> Declarations:
    (folder / "all.yaml").write_text(yaml.safe_dump_all(objects), encoding="utf-8")
    values = {"environment": "dev", "namespace": "apps", "manifests": ["all.yaml"], **settings}
    made = parse(values, place="Pulumi.test.yaml")
    if operator:
        made = made.model_copy(update={"operator": made.operator.model_copy(update={"kind": operator})})
    return declare(made, root=folder, vault_address=ADDRESS)


def test_manifests_without_a_namespace_get_the_stacks(tmp_path: Path) -> None:
    made = declared(tmp_path, store(), external_secret("a"), external_secret("b", namespace="other"))
    assert made.namespaces == ("apps", "other")
    assert [es.metadata.namespace for es in made.external_secrets] == ["apps", "other"]


def test_a_served_store_gets_server_mount_and_role_and_others_stay(tmp_path: Path) -> None:
    vault = {"mount": "kv", "authPath": "k8s", "stores": ["apps/backend"]}
    made = declared(tmp_path, store(), store("own"), external_secret("a"), vault=vault)
    served, own = (each.spec.provider.vault for each in made.stores)
    assert served is not None
    assert served.auth is not None
    assert served.auth.kubernetes is not None
    assert (served.server, served.path, served.auth.kubernetes.mount_path) == (ADDRESS, "kv", "k8s")
    assert served.auth.kubernetes.role == "apps-backend"
    assert own is not None
    assert own.server == "http://127.0.0.1:1"
    (access,) = made.vault_access
    assert (access.namespace, access.service_account, access.role) == ("apps", "reader", "apps-backend")
    assert 'path "kv/data/foo"' in access.policy


def test_lanes_follow_the_stack_file(tmp_path: Path) -> None:
    sync = {"default": "operator", "pulumi": ["apps/b"]}
    made = declared(tmp_path, store(), external_secret("a"), external_secret("b"), sync=sync)
    assert [es.metadata.name for es in made.in_lane("operator")] == ["a"]
    assert [es.metadata.name for es in made.in_lane("pulumi")] == ["b"]


def test_names_that_no_manifest_declares_are_refused_all_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        declared(
            tmp_path,
            store(),
            external_secret("a"),
            vault={"stores": ["apps/bakcend"]},
            sync={"pulumi": ["apps/c"], "operator": ["apps/d"]},
        )
    message = str(caught.value)
    for name in ("apps/bakcend", "apps/c", "apps/d", "apps/backend", "apps/a"):
        assert name in message


def test_a_served_store_that_logs_in_otherwise_is_refused(tmp_path: Path) -> None:
    token = store(auth={"tokenSecretRef": {"name": "t", "key": "token"}})
    with pytest.raises(SettingsError, match=r"SecretStore apps/backend does not log in.*serviceAccountRef"):
        declared(tmp_path, token, external_secret("a"), vault={"stores": ["apps/backend"]})


def test_a_served_cluster_store_must_say_where_its_account_lives(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"ClusterSecretStore shared: names no namespace"):
        declared(tmp_path, store("shared", kind="ClusterSecretStore"), vault={"stores": ["shared"]})
    there = store("shared", kind="ClusterSecretStore", auth={"kubernetes": LOGIN | {"serviceAccountRef": ACCOUNT}})
    made = declared(tmp_path, there, vault={"stores": ["shared"]})
    assert [(access.namespace, access.role) for access in made.vault_access] == [("platform", "cluster-shared")]


ACCOUNT = {"name": "reader", "namespace": "platform"}


def test_tokens_are_requested_for_the_accounts_that_stores_name_and_no_others(tmp_path: Path) -> None:
    irsa = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "aws"},
        "spec": {
            "provider": {
                "aws": {
                    "service": "SecretsManager",
                    "region": "eu-central-1",
                    "auth": {"jwt": {"serviceAccountRef": {"name": "irsa"}}},
                }
            }
        },
    }
    shared = store("shared", kind="ClusterSecretStore", auth={"kubernetes": LOGIN | {"serviceAccountRef": ACCOUNT}})
    referent = store("referent", kind="ClusterSecretStore")
    made = declared(tmp_path, irsa, shared, referent, external_secret("a"), external_secret("b", namespace="other"))
    assert made.token_accounts == (
        ("apps", "irsa"),
        ("apps", "reader"),
        ("other", "reader"),
        ("platform", "reader"),
    )


def test_a_key_that_cannot_be_granted_narrowly_stops_the_program(tmp_path: Path) -> None:
    with pytest.raises(ManifestErrors, match="would grant more"):
        declared(tmp_path, store(), external_secret("a", key="team/*"), vault={"stores": ["apps/backend"]})


def test_a_wrong_manifest_is_named_with_file_and_line(tmp_path: Path) -> None:
    wrong = external_secret("a")
    wrong["spec"]["refreshIntervall"] = "1h"
    with pytest.raises(ManifestErrors, match=r"all\.yaml:\d+"):
        declared(tmp_path, store(), wrong)


PASSWORD = {
    "apiVersion": "generators.external-secrets.io/v1alpha1",
    "kind": "Password",
    "metadata": {"name": "p"},
    "spec": {"length": 24},
}


def test_generators_are_made_in_their_namespace(tmp_path: Path) -> None:
    shared = {
        "apiVersion": "generators.external-secrets.io/v1alpha1",
        "kind": "ClusterGenerator",
        "metadata": {"name": "shared"},
        "spec": {"kind": "UUID", "generator": {"uuidSpec": {}}},
    }
    made = declared(tmp_path, PASSWORD, shared)
    assert [(each.kind, each.metadata.namespace) for each in made.generators] == [
        ("Password", "apps"),
        ("ClusterGenerator", ""),
    ]
    assert made.namespaces == ("apps",)


CLUSTERED: dict[str, Any] = {
    "apiVersion": "external-secrets.io/v1",
    "kind": "ClusterExternalSecret",
    "metadata": {"name": "everywhere"},
    "spec": {
        "namespaces": ["apps"],
        "externalSecretSpec": {
            "secretStoreRef": {"name": "backend", "kind": "SecretStore"},
            "data": [{"secretKey": "k", "remoteRef": {"key": "shared"}}],
        },
    },
}
PUSH: dict[str, Any] = {
    "apiVersion": "external-secrets.io/v1alpha1",
    "kind": "PushSecret",
    "metadata": {"name": "out"},
    "spec": {
        "secretStoreRefs": [{"name": "backend", "kind": "SecretStore"}],
        "selector": {"secret": {"name": "s"}},
        "data": [{"match": {"secretKey": "k", "remoteRef": {"remoteKey": "r"}}}],
    },
}


def test_kinds_that_the_operator_does_not_serve_are_told_all_at_once(tmp_path: Path) -> None:
    with pytest.raises(ManifestErrors) as caught:
        declared(tmp_path, store(), CLUSTERED, PUSH)
    first, second = (str(error) for error in caught.value.errors)
    assert re.match(r"all\.yaml:\d+, ClusterExternalSecret everywhere: the operator builtin", first)
    assert re.match(r"all\.yaml:\d+, PushSecret apps/out: the operator builtin", second)


SERVED = {"stores": ["apps/backend"]}


def test_what_a_cluster_external_secret_reads_is_granted_too(tmp_path: Path) -> None:
    made = declared(tmp_path, store(), external_secret("a"), CLUSTERED, operator="upstream", vault=SERVED)
    assert made.cluster_external_secrets
    (access,) = made.vault_access
    assert 'path "secret/data/foo"' in access.policy
    assert 'path "secret/data/shared"' in access.policy


@pytest.mark.parametrize(
    ("where", "granted"),
    [
        ({"namespaces": ["elsewhere"]}, False),
        ({"namespaces": ["elsewhere"], "namespaceSelectors": [{"matchLabels": {"team": "x"}}]}, True),
        ({"namespaceSelector": {"matchLabels": {"team": "x"}}}, True),
    ],
)
def test_a_selector_may_pick_the_namespace_of_any_store(tmp_path: Path, where: dict[str, Any], granted: bool) -> None:  # noqa: FBT001
    spec = {name: value for name, value in CLUSTERED["spec"].items() if name != "namespaces"}
    made = declared(tmp_path, store(), CLUSTERED | {"spec": spec | where}, operator="upstream", vault=SERVED)
    (access,) = made.vault_access
    assert ("shared" in access.policy) is granted


@pytest.mark.parametrize("where", [{"namespaces": ["apps"]}, {"namespaceSelector": {"matchLabels": {"team": "x"}}}])
def test_a_cluster_store_with_conditions_serves_cluster_external_secrets(tmp_path: Path, where: dict[str, Any]) -> None:
    shared = store("shared", kind="ClusterSecretStore", auth={"kubernetes": LOGIN | {"serviceAccountRef": ACCOUNT}})
    shared["spec"]["conditions"] = [{"namespaces": ["apps"]}]
    inner = CLUSTERED["spec"]["externalSecretSpec"] | {
        "secretStoreRef": {"name": "shared", "kind": "ClusterSecretStore"}
    }
    clustered = CLUSTERED | {"spec": {"externalSecretSpec": inner, **where}}
    made = declared(tmp_path, shared, clustered, operator="upstream", vault={"stores": ["shared"]})
    (access,) = made.vault_access
    assert 'path "secret/data/shared"' in access.policy


def test_a_key_of_a_cluster_external_secret_that_cannot_be_granted_is_placed(tmp_path: Path) -> None:
    inner = CLUSTERED["spec"]["externalSecretSpec"] | {"data": [{"secretKey": "k", "remoteRef": {"key": "x/*"}}]}
    clustered = CLUSTERED | {"spec": CLUSTERED["spec"] | {"externalSecretSpec": inner}}
    with pytest.raises(ManifestErrors, match=r"all\.yaml:\d+, ExternalSecret apps/everywhere, spec\.data\[0\]"):
        declared(tmp_path, store(), clustered, operator="upstream", vault=SERVED)


def test_a_push_through_a_store_that_reads_only_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestErrors, match=r"all\.yaml:\d+, PushSecret apps/out: pushes to the store apps/backend"):
        declared(tmp_path, store(), PUSH, operator="upstream", vault=SERVED)
    made = declared(tmp_path, store(), store("own"), PUSH, operator="upstream", vault={"stores": ["apps/own"]})
    assert [each.metadata.namespace for each in made.push_secrets] == ["apps"]


def test_an_interval_in_a_cluster_external_secret_is_held_to_the_floor(tmp_path: Path) -> None:
    inner = CLUSTERED["spec"]["externalSecretSpec"] | {"refreshInterval": "10s"}
    fast = CLUSTERED | {"spec": CLUSTERED["spec"] | {"externalSecretSpec": inner}}
    with pytest.raises(ManifestErrors, match=r"ClusterExternalSecret everywhere, spec\.externalSecretSpec\.refresh"):
        declared(tmp_path, store(), fast, operator="upstream", refreshFloor="1m")


def test_two_declarations_for_one_target_are_told_with_both_places(tmp_path: Path) -> None:
    one, two = external_secret("a"), external_secret("b")
    one["spec"]["target"] = two["spec"]["target"] = {"name": "same"}
    with pytest.raises(ManifestErrors, match=r"all\.yaml:\d+.*all\.yaml:\d+.*Secret apps/same too"):
        declared(tmp_path, store(), one, two)


def test_targets_that_are_shared_on_purpose_are_fine(tmp_path: Path) -> None:
    one, two = external_secret("a"), external_secret("b")
    for each, key in ((one, "k1"), (two, "k2")):
        each["spec"]["target"] = {"name": "same", "creationPolicy": "Merge", "deletionPolicy": "Retain"}
        each["spec"]["data"][0]["secretKey"] = key
    assert len(declared(tmp_path, store(), one, two).external_secrets) == 2


@pytest.mark.parametrize(("interval", "policy", "told"), [
    ("30s", "Periodic", True),
    ("1m", "Periodic", False),
    ("0", "Periodic", False),
    ("30s", "OnChange", False),
])  # fmt: skip
def test_intervals_below_the_floor_are_told(tmp_path: Path, interval: str, policy: str, told: bool) -> None:  # noqa: FBT001
    es = external_secret("a")
    es["spec"] |= {"refreshInterval": interval, "refreshPolicy": policy}
    if not told:
        declared(tmp_path, store(), es, refreshFloor="1m")
        return
    with pytest.raises(ManifestErrors, match=r"all\.yaml:\d+, .*30s is below this stack's refreshFloor 1m"):
        declared(tmp_path, store(), es, refreshFloor="1m")


def test_two_served_stores_with_one_account_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"apps/backend, apps/second log in with one ServiceAccount, apps/reader"):
        declared(tmp_path, store(), store("second"), vault={"stores": ["apps/backend", "apps/second"]})
