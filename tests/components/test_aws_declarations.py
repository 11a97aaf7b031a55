"""Stores of AWS in the declarations: completed, granted what is declared, or refused with the place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from components.declarations import AWSStoreAccess, Declarations, declare
from components.declarations.aws import shortened
from components.settings import parse
from secretsync.errors import ManifestErrors, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

ACCOUNT = "111122223333"
OIDC = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC"
IRSA = {"kind": "irsa", "oidcProviderArn": OIDC}
POD = {"kind": "podIdentity", "cluster": "blue"}
ARN = f"arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:"


def store(name: str = "aws", *, kind: str = "SecretStore", **aws: Any) -> dict[str, Any]:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"provider": {"aws": {"service": "SecretsManager", "region": "us-east-1", **aws}}},
    }


def external_secret(name: str, *keys: str, kind: str = "SecretStore", store: str = "aws") -> dict[str, Any]:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": name},
        "spec": {
            "secretStoreRef": {"name": store, "kind": kind},
            "data": [{"secretKey": f"k{n}", "remoteRef": {"key": key}} for n, key in enumerate(keys)],
        },
    }


def declared(
    folder: Path, *objects: dict[str, Any], aws: dict[str, Any] | None = None, **sections: Any
) -> Declarations:
    (folder / "all.yaml").write_text(yaml.safe_dump_all(objects), encoding="utf-8")
    section = {"region": "eu-central-1", "accountId": ACCOUNT, "identity": IRSA, "stores": ["apps/aws"], **(aws or {})}
    values = {"environment": "dev", "namespace": "apps", "manifests": ["all.yaml"], "aws": section, **sections}
    return declare(parse(values, place="Pulumi.test.yaml"), root=folder, vault_address=None)


def access(made: Declarations) -> AWSStoreAccess:
    (only,) = made.aws_access
    return only


def resources(access: AWSStoreAccess) -> set[str]:
    found: set[str] = set()
    for document in (*access.documents, *access.new_key_documents):
        for statement in json.loads(document)["Statement"]:
            given = statement["Resource"]
            found.update([given] if isinstance(given, str) else given)
    return found


def served(made: Declarations, name: str = "aws") -> dict[str, Any]:
    (config,) = (each.spec.provider.config for each in made.stores if each.metadata.name == name)
    return config


def test_a_served_store_gets_the_stacks_region_and_an_account_of_its_name(tmp_path: Path) -> None:
    made = declared(tmp_path, store(), external_secret("a", "team/db"))
    config = served(made)
    assert config["region"] == "eu-central-1"
    assert config["auth"] == {"jwt": {"serviceAccountRef": {"name": "aws"}}}
    assert (access(made).namespace, access(made).service_account, access(made).role_name) == ("apps", "aws", "")
    assert made.token_accounts == (("apps", "aws"),)


def test_a_store_that_is_not_listed_stays_as_it_is(tmp_path: Path) -> None:
    made = declared(tmp_path, store(), store("own", prefix="x/"), external_secret("a", "team/db", store="own"))
    assert served(made, "own") == {"service": "SecretsManager", "region": "us-east-1", "prefix": "x/"}
    assert resources(access(made)) == set()


def test_the_account_that_a_store_names_is_kept_with_its_audiences(tmp_path: Path) -> None:
    ref = {"name": "reader", "audiences": ["sts.amazonaws.com"]}
    made = declared(tmp_path, store(auth={"jwt": {"serviceAccountRef": ref}}), external_secret("a", "team/db"))
    assert served(made)["auth"]["jwt"]["serviceAccountRef"] == ref
    assert access(made).service_account == "reader"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"role": f"arn:aws:iam::{ACCOUNT}:role/mine"}, "assumes roles of its own"),
        ({"additionalRoles": [f"arn:aws:iam::{ACCOUNT}:role/mine"]}, "assumes roles of its own"),
        (
            {
                "auth": {
                    "secretRef": {
                        "accessKeyIDSecretRef": {"name": "s", "key": "id"},
                        "secretAccessKeySecretRef": {"name": "s", "key": "key"},
                    }
                }
            },
            "logs in with static credentials",
        ),
    ],
)
def test_a_served_store_that_logs_in_otherwise_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(
        SettingsError, match=rf"all\.yaml:\d+, stack configuration, aws\.stores: SecretStore apps/aws {said}"
    ):
        declared(tmp_path, store(**changes))


def test_a_store_of_another_provider_is_refused(tmp_path: Path) -> None:
    other = store()
    other["spec"]["provider"] = {"fake": {"data": []}}
    with pytest.raises(SettingsError, match="has another provider than aws"):
        declared(tmp_path, other)


def test_a_cluster_store_must_say_where_its_account_lives(tmp_path: Path) -> None:
    shared = store("shared", kind="ClusterSecretStore")
    with pytest.raises(SettingsError, match="ClusterSecretStore shared names no namespace"):
        declared(tmp_path, shared, aws={"stores": ["shared"]})
    account = {"jwt": {"serviceAccountRef": {"name": "shared", "namespace": "platform"}}}
    shared = store("shared", kind="ClusterSecretStore", auth=account)
    made = declared(tmp_path, shared, aws={"stores": ["shared"]})
    assert (access(made).namespace, access(made).service_account) == ("platform", "shared")
    assert made.namespaces == ("platform",)


def test_names_and_accounts_of_both_backends_are_looked_at_together(tmp_path: Path) -> None:
    vault = {"stores": ["apps/aws"], "address": "https://vault.test"}
    with pytest.raises(SettingsError, match=r"both list apps/aws"):
        declared(tmp_path, store(), vault=vault)
    with pytest.raises(SettingsError, match=r"aws\.stores: no manifest declares the store apps/other"):
        declared(tmp_path, store(), aws={"stores": ["apps/other"]})
    account = {"jwt": {"serviceAccountRef": {"name": "one"}}}
    with pytest.raises(SettingsError, match="log in with one ServiceAccount, apps/one"):
        declared(tmp_path, store(auth=account), store("b", auth=account), aws={"stores": ["apps/aws", "apps/b"]})


def test_the_policy_names_what_is_declared_with_the_prefix_of_the_store(tmp_path: Path) -> None:
    made = declared(tmp_path, store(prefix="apps/"), external_secret("a", "db", "mail"))
    assert resources(access(made)) == {f"{ARN}apps/db-??????", f"{ARN}apps/mail-??????"}
    assert access(made).new_key_documents == ()


def test_a_key_to_be_made_stands_in_documents_of_its_own(tmp_path: Path) -> None:
    own = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    section = {"kmsKey": {"create": True, "alias": "x"}, "secrets": [{"name": "own", "kmsKey": own}]}
    made = access(declared(tmp_path, store(), external_secret("a", "team/db", "own"), aws=section))
    new = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
    assert new not in "".join(made.documents)
    assert own in "".join(made.documents)
    (document,) = made.new_key_documents
    assert {each["Resource"] for each in json.loads(document)["Statement"]} == {new}
    assert "team/db" in document
    assert "own-" not in document


def test_versions_are_described_for_the_pulumi_lane_only(tmp_path: Path) -> None:
    objects = (store(), external_secret("a", "team/db"))
    assert "DescribeSecret" not in "".join(access(declared(tmp_path, *objects)).documents)
    assert "DescribeSecret" in "".join(access(declared(tmp_path, *objects, sync={"default": "pulumi"})).documents)


@pytest.mark.parametrize(
    ("sections", "batched"),
    [
        ({"operator": {"kind": "none"}}, True),
        ({"operator": {"kind": "upstream"}}, True),
        ({"operator": {"kind": "builtin"}}, False),
        ({"operator": {"kind": "none"}, "sync": {"default": "pulumi"}}, False),
    ],
)
def test_only_the_operator_upstream_is_granted_batches(
    tmp_path: Path, sections: dict[str, Any], *, batched: bool
) -> None:
    found = external_secret("a")
    found["spec"] |= {"data": [], "dataFrom": [{"find": {"tags": {"team": "apps"}}}]}
    documents = "".join(access(declared(tmp_path, store(), found, **sections)).documents)
    assert ("secretsmanager:BatchGetSecretValue" in documents) is batched


def test_a_key_that_cannot_be_granted_narrowly_stops_the_program(tmp_path: Path) -> None:
    with pytest.raises(ManifestErrors, match=r"all\.yaml:\d+, ExternalSecret apps/a, spec\.data\[0\]"):
        declared(tmp_path, store(), external_secret("a", "team/*"))


def test_what_cannot_be_granted_is_told_of_all_stores_at_once(tmp_path: Path) -> None:
    objects = (store(), store("b"), external_secret("a", "x/*", "fine"), external_secret("c", "y/?", store="b"))
    with pytest.raises(ManifestErrors) as caught:
        declared(tmp_path, *objects, aws={"stores": ["apps/aws", "apps/b"]})
    assert [str(each).partition(": ")[0].partition(", ")[2] for each in caught.value.errors] == [
        "ExternalSecret apps/a, spec.data[0]",
        "ExternalSecret apps/c, spec.data[0]",
    ]


def test_more_policies_than_a_role_can_have_are_refused(tmp_path: Path) -> None:
    many = [external_secret(f"a{n}", *(f"team/secret-number-{n}-{m}" for m in range(40))) for n in range(30)]
    with pytest.raises(ManifestErrors, match=r"needs \d+ managed policies"):
        declared(tmp_path, store(), *many)
    section = {"kmsKey": {"create": True, "alias": "x"}}
    with pytest.raises(ManifestErrors, match=r"needs \d+ managed policies"):
        declared(tmp_path, store(), *many[:12], aws=section)
    fits = access(declared(tmp_path, store(), *many[:6], aws=section))
    assert 2 < len(fits.documents) + len(fits.new_key_documents) <= 10


def test_by_pod_identity_a_store_assumes_its_own_role(tmp_path: Path) -> None:
    made = declared(tmp_path, store(), external_secret("a", "team/db"), aws={"identity": POD})
    assert served(made)["role"] == f"arn:aws:iam::{ACCOUNT}:role/external-secrets/blue-apps-aws"
    assert "auth" not in served(made)
    assert access(made).role_name == "blue-apps-aws"
    assert access(made).service_account == ""
    assert made.token_accounts == ()
    assert resources(access(made)) == {f"{ARN}team/db-??????"}


def test_pod_identity_is_for_pods(tmp_path: Path) -> None:
    account = {"jwt": {"serviceAccountRef": {"name": "reader"}}}
    with pytest.raises(SettingsError, match="names a ServiceAccount, which Pod Identity does not log in"):
        declared(tmp_path, store(auth=account), aws={"identity": POD})
    with pytest.raises(SettingsError, match=r"pulumi lane cannot log in by Pod Identity.*ExternalSecret apps/a"):
        declared(tmp_path, store(), external_secret("a", "db"), aws={"identity": POD}, sync={"pulumi": ["apps/a"]})


@given(some.text("abc-", min_size=1, max_size=200), some.text("abc-", min_size=1, max_size=200))
def test_shortened_names_fit_and_stay_two(one: str, two: str) -> None:
    assert len(shortened(one, 64)) <= 64
    assert (shortened(one, 64) == shortened(two, 64)) == (one == two)
