"""The AWS part of the platform as it registers with the engine, of the committed stacks and of variations."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws_sdk
import pytest
import yaml

from components.access.aws_stores import AWSStores
from components.access.pod_identity import assume_policies
from components.platform import Platform, PlatformArgs
from components.testing import Recorder, invented_kubeconfig, record, stack_settings
from secretsync.errors import SettingsError
from tests.components.stack_files import ROOT, committed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.unit

SAMPLES = {
    "payments/stripe": {"apiKey": "canary-stripe", "webhookSecret": "canary-hook"},
    "payments/database": {"username": "u", "password": "canary-password"},
    "shared/registry": {"username": "u", "password": "canary-registry"},
    "storefront/session": "canary-session",
    "/platform/smtp": {"username": "u", "password": "canary-smtp"},
    "/platform/observability/logs-token": "canary-logs",
    "/platform/observability/metrics-token": "canary-metrics",
}
SECRETS = "aws:secretsmanager/secret:Secret"
ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
TAGGED = (SECRETS, ROLE, POLICY, "kms/key:Key", "ssm/parameter:Parameter", "PodIdentityAssociation")


@pytest.fixture(autouse=True, scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(invented_kubeconfig(tmp_path_factory.mktemp("cluster"))))
        yield


def recorded(
    stack: str,
    *,
    preview: bool = False,
    samples: dict[str, Any] | None = SAMPLES,
    aws: dict[str, Any] | None = None,
    **sections: Any,
) -> Recorder:
    if aws is not None:
        sections["aws"] = {**committed(stack)["aws"], **aws}
    settings = stack_settings(ROOT, stack, **sections)

    def program() -> None:
        args = PlatformArgs(
            settings=settings,
            sample_secrets=pulumi.Output.secret(json.dumps(samples)) if samples is not None else None,
            fingerprint_key=pulumi.Output.secret("k" * 32),
            root=ROOT,
        )
        Platform("platform", args)

    return record(program, preview=preview)


@pytest.fixture(scope="module", params=[True, False], ids=["preview", "update"])
def local(request: pytest.FixtureRequest) -> Recorder:
    return recorded("aws-local", preview=request.param)


@pytest.fixture(scope="module", params=["staging", "prod"])
def cloud(request: pytest.FixtureRequest) -> Recorder:
    return recorded(request.param, preview=True)


def documents(recorder: Recorder, owner: str) -> list[dict[str, Any]]:
    """The policies of a role, as written."""
    return [json.loads(each.inputs["policy"]) for each in recorder.of_type(POLICY) if each.name.startswith(owner)]


def statements(documents: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {statement["Sid"]: statement for document in documents for statement in document["Statement"]}


def test_every_resource_names_the_provider_of_the_account(local: Recorder) -> None:
    found = [each for each in local.registered if each.type.startswith("aws:")]
    assert found
    assert [each.urn for each in found if "pulumi:providers:aws::aws::" not in each.provider] == []
    provider = local.one("pulumi:providers:aws").inputs
    assert provider["region"] == "eu-central-1"
    assert json.loads(provider["allowedAccountIds"]) == ["123456789012"]
    assert json.loads(provider["defaultTags"])["tags"]["Owner"] == "platform-team"


def test_secrets_have_the_names_that_manifests_refer_to_and_the_stacks_key(local: Recorder) -> None:
    secrets = {each.inputs["name"]: each for each in local.of_type(SECRETS)}
    assert set(secrets) == {"payments/stripe", "payments/database", "shared/registry", "storefront/session"}
    key = local.one("kms/key:Key")
    for each in secrets.values():
        assert key.urn in each.depends
        assert each.inputs["recoveryWindowInDays"] == 0
    assert local.one("kms/alias:Alias").inputs["name"] == "alias/external-secrets-local"
    assert {each.inputs["type"] for each in local.of_type("ssm/parameter:Parameter")} == {"SecureString"}


def test_first_values_are_secret_and_written_once(local: Recorder) -> None:
    versions = {each.name: each for each in local.of_type("secretsmanager/secretVersion:SecretVersion")}
    assert len(versions) == 4
    for each in versions.values():
        assert "secretString" in each.secret_inputs
        assert each.ignored == ("secretString",)
    assert json.loads(versions["aws-sample-payments/stripe"].inputs["secretString"]) == SAMPLES["payments/stripe"]
    assert versions["aws-sample-storefront/session"].inputs["secretString"] == "canary-session"
    for each in local.of_type("ssm/parameter:Parameter"):
        assert "value" in each.secret_inputs
        assert each.ignored == ("value",)
    holders = {*(each.urn for each in versions.values()), *(e.urn for e in local.of_type("ssm/parameter:Parameter"))}
    rest = [each.inputs for each in local.registered if each.urn not in holders]
    assert "canary" not in json.dumps(rest, default=str)


def test_the_keys_policy_lets_nobody_decrypt_directly(local: Recorder) -> None:
    policy = json.loads(local.one("kms/key:Key").inputs["policy"])
    administration, use = policy["Statement"]
    assert {*use["Action"]} == {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"}
    assert use["Condition"] == {
        "StringEquals": {
            "kms:CallerAccount": "123456789012",
            "kms:ViaService": ["secretsmanager.eu-central-1.amazonaws.com", "ssm.eu-central-1.amazonaws.com"],
        }
    }
    assert not {*use["Action"], "kms:ReEncryptFrom", "kms:CreateGrant", "kms:*"} & {*administration["Action"]}
    assert local.one("kms/key:Key").inputs["enableKeyRotation"] is True
    principals = {json.dumps(each["Principal"]) for each in policy["Statement"]}
    assert principals == {'{"AWS": "arn:aws:iam::123456789012:root"}'}


def test_each_store_has_a_role_of_its_own_for_one_service_account(local: Recorder) -> None:
    roles = local.of_type(ROLE)
    trusts = [json.loads(each.inputs["assumeRolePolicy"])["Statement"][0]["Condition"] for each in roles]
    issuer = "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
    subjects = [trust["StringEquals"][f"{issuer}:sub"] for trust in trusts]
    assert sorted(subjects) == [
        "system:serviceaccount:payments:payments-secrets",
        "system:serviceaccount:platform:platform-parameters",
        "system:serviceaccount:platform:shared-secrets",
        "system:serviceaccount:storefront:storefront-secrets",
    ]
    assert {trust["StringEquals"][f"{issuer}:aud"] for trust in trusts} == {"sts.amazonaws.com"}
    accounts = {
        f"system:serviceaccount:{each['metadata']['namespace']}:{each['metadata']['name']}": each["metadata"]
        for each in local.objects("ServiceAccount")
    }
    for subject in subjects:
        assert "role/" in accounts[subject]["annotations"]["eks.amazonaws.com/role-arn"]
    made = [each.inputs for each in local.of_type(":ServiceAccount") if each.name.startswith("aws-")]
    assert {each["automountServiceAccountToken"] for each in made} == {False}
    stores = {each["metadata"]["name"]: each for each in local.objects("SecretStore")}
    aws = stores["aws-parameters"]["spec"]["provider"]["aws"]
    assert aws["auth"]["jwt"]["serviceAccountRef"] == {"name": "platform-parameters"}
    assert aws["region"] == "eu-central-1"


def test_policies_read_what_is_declared_and_nothing_else(local: Recorder) -> None:
    payments = statements(documents(local, "aws-payments"))
    prefix = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"
    assert payments["Read"]["Action"] == "secretsmanager:GetSecretValue"
    assert payments["Read"]["Resource"] == [f"{prefix}payments/database-??????", f"{prefix}payments/stripe-??????"]
    every = local.of_type(POLICY)
    assert len(local.of_type("RolePolicyAttachment")) == len(every)
    for policy in every:
        for statement in json.loads(policy.inputs["policy"])["Statement"]:
            assert "*" not in (statement["Resource"], statement["Action"])


def test_the_new_key_takes_the_place_that_was_kept_for_it(local: Recorder) -> None:
    arn = "arn:aws:kms:eu-central-1:123456789012:key/aws-key"
    for owner in ("aws-payments", "aws-platform", "aws-storefront", "aws-cluster"):
        decrypt = statements(documents(local, owner))["Decrypt"]
        assert (decrypt["Action"], decrypt["Resource"]) == ("kms:Decrypt", arn)
        assert "kms:ViaService" in decrypt["Condition"]["StringEquals"]
    assert "00000000-0000" not in json.dumps([each.inputs for each in local.registered], default=str)


def test_what_must_exist_before_what(local: Recorder) -> None:
    store = local.before(local.one(":SecretStore", "SecretStore-payments-aws-secrets"))
    assert {"payments", "operator", "aws-payments-aws-secrets", "aws-payments-aws-secrets-attachment-1"} <= store
    assert {"aws-secret-payments/stripe", "aws-sample-payments/stripe"} <= store
    external = local.before(local.one(":ExternalSecret", "ExternalSecret-payments-stripe"))
    assert {"SecretStore-payments-aws-secrets", "ClusterSecretStore-shared-aws", "operator"} <= external
    account = local.before(local.one(":ServiceAccount", "aws-payments-aws-secrets"))
    assert {"payments", "aws-payments-aws-secrets-attachment-1"} <= account


def test_both_lanes_read_from_aws(local: Recorder) -> None:
    synced = {each.name for each in local.registered if "pulumi-python:dynamic" in each.type}
    assert synced
    described = statements(documents(local, "aws-storefront"))
    assert any("secretsmanager:DescribeSecret" in each["Action"] for each in described.values())
    undescribed = statements(documents(local, "aws-payments"))
    assert not any("secretsmanager:DescribeSecret" in each["Action"] for each in undescribed.values())


def test_everything_that_takes_tags_has_them(cloud: Recorder) -> None:
    tagged = [each for each in cloud.registered if each.type.endswith(TAGGED)]
    assert tagged
    assert [
        each.name for each in tagged if not {"Owner", "CostCenter", "Environment"} <= set(each.inputs["tags"])
    ] == []


def test_secrets_of_the_cloud_are_read_from_their_network_only(cloud: Recorder) -> None:
    secrets, policies = cloud.of_type(SECRETS), cloud.of_type("secretPolicy:SecretPolicy")
    assert len(policies) == len(secrets) > 0
    for each in policies:
        (statement,) = json.loads(each.inputs["policy"])["Statement"]
        assert statement["Effect"] == "Deny"
        assert list(statement["Condition"]) == ["StringNotEquals"]
        assert statement["Condition"]["StringNotEquals"]["aws:sourceVpce"].startswith("vpce-")
        assert each.inputs["blockPublicPolicy"] is True
    assert cloud.of_type("secretVersion:SecretVersion") == []
    rotation = cloud.one("SecretRotation").inputs
    assert rotation["rotationRules"] == {"automaticallyAfterDays": 30}
    assert rotation["rotateImmediately"] is False


def test_roles_of_the_cloud_stay_inside_their_boundary(cloud: Recorder) -> None:
    for each in cloud.of_type(ROLE):
        assert each.inputs["permissionsBoundary"].endswith(":policy/boundaries/external-secrets")
        assert each.inputs["path"] == "/external-secrets/"
        assert each.inputs["maxSessionDuration"] == 3600
    assert {each.inputs["path"] for each in cloud.of_type(POLICY)} == {"/external-secrets/"}


@pytest.mark.parametrize(
    ("stack", "changes", "protected"),
    [
        ("prod", {}, True),
        ("staging", {}, False),
        ("staging", {"protect": "true"}, True),
        ("aws-local", {}, False),
        ("aws-local", {"protect": "true"}, True),
    ],
)
def test_what_holds_data_is_protected(stack: str, changes: dict[str, Any], protected: bool) -> None:  # noqa: FBT001
    recorder = recorded(stack, **changes)
    holders = [each for each in recorder.registered if each.type.endswith((SECRETS, "key:Key", "parameter:Parameter"))]
    assert {each.protect for each in holders} == {protected}
    others = {each.protect for each in recorder.registered if each.type.endswith((ROLE, POLICY))}
    assert others == {False}


def test_a_vault_that_exists_gets_policies_and_roles_only(cloud: Recorder) -> None:
    made = {each.type.partition("/")[0] for each in cloud.registered if each.type.startswith("vault:")}
    assert made == {"vault:index", "vault:kubernetes"}
    assert cloud.of_type(":Mount") == cloud.of_type(":AuthBackend") == cloud.of_type(":SecretV2") == []
    assert cloud.one(":AuthBackendRole").inputs["audience"] == "vault"
    assert not [each for each in cloud.of_type(":ClusterRoleBinding") if "token-review" in each.name]
    (store,) = [each for each in cloud.objects("SecretStore") if "vault" in each["spec"]["provider"]]
    assert store["spec"]["provider"]["vault"]["server"].startswith("https://")


def test_generators_come_before_the_external_secrets_that_use_them(cloud: Recorder) -> None:
    external = cloud.one(":ExternalSecret", "ExternalSecret-analytics-notebook-session")
    assert "Password-analytics-session-key" in cloud.before(external)


POD_IDENTITY = {"identity": {"kind": "podIdentity", "cluster": "local"}}


@pytest.fixture
def without_accounts(tmp_path: Path) -> list[str]:
    """The manifests of the stack, whose stores name no ServiceAccount."""
    made = []
    for folder in committed("aws-local")["manifests"]:
        for path in sorted((ROOT / folder).glob("*.yaml")):
            documents = [each for each in yaml.safe_load_all(path.read_text()) if each]
            for each in documents:
                each["spec"].get("provider", {}).get("aws", {}).pop("auth", None)
            changed = tmp_path / path.name
            changed.write_text(yaml.safe_dump_all(documents))
            made.append(str(changed))
    return made


@pytest.mark.parametrize("preview", [True, False])
def test_by_pod_identity_the_operator_assumes_a_role_for_each_store(preview: bool, without_accounts: list[str]) -> None:  # noqa: FBT001
    recorder = recorded(
        "aws-local", preview=preview, aws=POD_IDENTITY, manifests=without_accounts, sync={"default": "operator"}
    )
    association = recorder.one("PodIdentityAssociation")
    assert association.inputs["clusterName"] == "local"
    assert association.inputs["serviceAccount"] == association.inputs["namespace"] == "external-secrets"
    operator = recorder.one(ROLE, "aws-operator-role")
    (trust,) = json.loads(operator.inputs["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    (assume,) = documents(recorder, "aws-operator")[0]["Statement"]
    stores = [each for each in recorder.of_type(ROLE) if each is not operator]
    arns = [f"arn:aws:iam::123456789012:role/external-secrets/{each.inputs['name']}" for each in stores]
    assert assume["Resource"] == sorted(arns)
    assert len(arns) == 4
    operator_arn = f"arn:aws:iam:eu-central-1:123456789012:role/{operator.name}"
    for each in stores:
        (trust,) = json.loads(each.inputs["assumeRolePolicy"])["Statement"]
        assert trust["Principal"] == {"AWS": operator_arn}
    written = {each["metadata"]["name"]: each["spec"]["provider"]["aws"] for each in recorder.objects("SecretStore")}
    assert written["aws-parameters"]["role"] in arns
    assert "auth" not in written["aws-parameters"]
    assert "aws-operator-association" in recorder.before(recorder.one(":Deployment"))
    assert "aws-operator-attachment" in recorder.before(association)
    assert not [each for each in recorder.objects("ServiceAccount") if "annotations" in each["metadata"]]


def test_the_roles_of_many_stores_take_several_policies_or_are_refused() -> None:
    arns = [f"arn:aws:iam::123456789012:role/external-secrets/cluster-team-{number}-aws" for number in range(300)]
    documents = assume_policies(arns)
    statements = [statement for document in documents for statement in json.loads(document)["Statement"]]
    assert 1 < len(documents) <= 10
    assert [arn for each in statements for arn in each["Resource"]] == sorted(arns)
    assert {tuple(each["Action"]) for each in statements} == {("sts:AssumeRole", "sts:TagSession")}
    with pytest.raises(SettingsError, match=r"aws\.stores: are 1500, which takes \d+ policies to name"):
        assume_policies([f"{arns[0]}-{number}" for number in range(1500)])


@pytest.mark.parametrize("preview", [True, False])
def test_the_issuer_of_a_cluster_is_looked_up_by_its_name(preview: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    asked = []

    def get_cluster(*, name: str, opts: pulumi.InvokeOutputOptions) -> pulumi.Output[Any]:
        asked.append((name, opts.parent))
        issuer = SimpleNamespace(issuer="https://oidc.eks.eu-central-1.amazonaws.com/id/FEDCBA")
        return pulumi.Output.from_input(SimpleNamespace(identities=[SimpleNamespace(oidcs=[issuer])]))

    monkeypatch.setattr(aws_sdk.eks, "get_cluster_output", get_cluster)
    recorder = recorded("aws-local", preview=preview, aws={"identity": {"kind": "irsa", "cluster": "c"}})
    ((name, parent),) = asked
    assert name == "c"
    assert isinstance(parent, AWSStores)  # and so its provider
    for each in recorder.of_type(ROLE):
        (trust,) = json.loads(each.inputs["assumeRolePolicy"])["Statement"]
        assert trust["Principal"]["Federated"] == (
            "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/FEDCBA"
        )


def test_an_existing_key_is_used_and_none_is_made() -> None:
    key = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    recorder = recorded("aws-local", aws={"kmsKey": key})
    assert recorder.of_type("kms/key:Key") == []
    assert {each.inputs["kmsKeyId"] for each in recorder.of_type(SECRETS)} == {key}
    assert statements(documents(recorder, "aws-payments"))["Decrypt"]["Resource"] == key


def test_the_new_key_serves_the_services_that_use_it_and_no_other() -> None:
    section = {"parameters": [], "stores": ["payments/aws-secrets", "storefront/aws-secrets", "shared-aws"]}
    (_, use) = json.loads(recorded("aws-local", aws=section).one("kms/key:Key").inputs["policy"])["Statement"]
    assert use["Condition"]["StringEquals"]["kms:ViaService"] == ["secretsmanager.eu-central-1.amazonaws.com"]
    section = {"secrets": [], "stores": ["platform/aws-parameters"]}
    (_, use) = json.loads(recorded("aws-local", aws=section).one("kms/key:Key").inputs["policy"])["Statement"]
    assert use["Condition"]["StringEquals"]["kms:ViaService"] == ["ssm.eu-central-1.amazonaws.com"]


def test_a_secret_with_a_key_of_its_own_is_under_that() -> None:
    key = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    recorder = recorded("aws-local", aws={"secrets": [{"name": "payments/stripe", "kmsKey": key}]})
    (secret,) = recorder.of_type(SECRETS)
    assert secret.inputs["kmsKeyId"] == key
    assert recorder.one("kms/key:Key").urn not in secret.depends


def test_without_a_key_nothing_is_decrypted_by_policy() -> None:
    recorder = recorded("aws-local", aws={"kmsKey": None})
    assert "kmsKeyId" not in recorder.of_type(SECRETS)[0].inputs
    assert "kms:Decrypt" not in json.dumps([each.inputs["policy"] for each in recorder.of_type(POLICY)])


def test_a_dated_exception_reads_the_region_and_says_so_on_the_role() -> None:
    exception = {"until": "2999-12-31", "reason": "move of the old secrets"}
    recorder = recorded("aws-local", aws={"level": "region", "levelException": exception})
    read = statements(documents(recorder, "aws-payments"))
    assert any("secret:*" in str(each["Resource"]) for each in read.values())
    tags = recorder.of_type(ROLE)[0].inputs["tags"]
    assert (tags["AccessLevelUntil"], tags["AccessLevelReason"]) == ("2999-12-31", "move of the old secrets")


def test_samples_that_are_needed_are_asked_for() -> None:
    with pytest.raises(SettingsError, match=r"external-secrets:sampleSecrets: is needed for payments/stripe, "):
        recorded("aws-local", samples=None)
