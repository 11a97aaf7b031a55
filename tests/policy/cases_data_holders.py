"""Cases of the rules about what holds data at AWS: secrets, parameters, keys, and their tags."""

from __future__ import annotations

import json
from typing import Any

from tests.policy.cases_aws import KEY
from tests.policy.resources import Given, RuleCases, broken


def secret(config: dict[str, Any] | None = None, *, protected: bool = False, **inputs: Any) -> Given:
    return Given("aws:secretsmanager/secret:Secret", inputs, config or {}, protected=protected)


def key(config: dict[str, Any] | None = None, **inputs: Any) -> Given:
    return Given("aws:kms/key:Key", inputs, config or {})


def parameter(config: dict[str, Any] | None = None, **inputs: Any) -> Given:
    return Given("aws:ssm/parameter:Parameter", inputs, config or {})


CASES: dict[str, RuleCases] = {
    "kms-keys-kept": RuleCases(
        compliant=(
            key(enableKeyRotation=True),
            key(enableKeyRotation=True, deletionWindowInDays=14),
            key(customerMasterKeySpec="RSA_2048"),
            key({"minimumDays": 7}, enableKeyRotation=True, deletionWindowInDays=7),
        ),
        broken=(
            broken("no rotation", key(), "enable_key_rotation=True"),
            broken("rotation off", key(enableKeyRotation=False, customerMasterKeySpec="SYMMETRIC_DEFAULT"), "rotat"),
            broken("gone soon", key(enableKeyRotation=True, deletionWindowInDays=7), "deletion_window_in_days=14"),
            broken("lockout", key(enableKeyRotation=True, bypassPolicyLockoutSafetyCheck=True), "lock everybody out"),
        ),
    ),
    "secret-recovery-window": RuleCases(
        compliant=(secret(), secret(recoveryWindowInDays=7), secret({"minimumDays": 0}, recoveryWindowInDays=0)),
        broken=(
            broken("at once", secret(recoveryWindowInDays=0), "recovery_window_in_days=7"),
            broken("soon", secret({"minimumDays": 30}, recoveryWindowInDays=7), "recovery_window_in_days=30"),
            broken("over another", secret(forceOverwriteReplicaSecret=True), "force_overwrite_replica_secret"),
        ),
    ),
    "customer-managed-key": RuleCases(
        compliant=(
            secret(),
            secret({"required": True}, kmsKeyId=KEY),
            parameter({"required": True}, type="SecureString", keyId=KEY),
            parameter({"required": True}, type="String"),
        ),
        broken=(
            broken("none", secret({"required": True}), "kms_key_id"),
            broken("that of AWS", secret({"required": True}, kmsKeyId="alias/aws/secretsmanager"), "kms_key_id"),
            broken("a parameter without", parameter({"required": True}, type="SecureString"), "key_id"),
        ),
    ),
    "parameters-encrypted": RuleCases(
        compliant=(parameter(type="SecureString", value="x"), parameter({"plain": ["name"]}, type="String", value="x")),
        broken=(
            broken("plain text", parameter(type="String", value="x"), 'type="SecureString"', '"name"'),
            broken("a list", parameter(type="StringList", value="x"), "SecureString"),
            broken("readable in state", parameter(type="SecureString", insecureValue="x"), "insecure_value"),
        ),
    ),
    "data-holders-protected": RuleCases(
        compliant=(
            secret(protected=True),
            Given("vault:index/mount:Mount", {"path": "secret"}, protected=True),
            Given("aws:iam/role:Role", {}),
            secret({"types": ["aws:kms/key:Key"]}),
        ),
        broken=(
            broken("a secret", secret(), "protect=True"),
            broken("a key", key(), "protect=True"),
            broken("a parameter", parameter(), "protect=True"),
            broken("a mount", Given("vault:index/mount:Mount", {"path": "secret"}), "protect=True"),
            broken(
                "of a type on the list", Given("aws:iam/role:Role", {}, {"types": ["aws:iam/role:Role"]}), "protect"
            ),
        ),
    ),
    "mandatory-tags": RuleCases(
        compliant=(
            secret(),
            secret({"tags": ["owner"]}, tags={"owner": "team"}),
            Given(
                "aws:kms/key:Key",
                {"tags": {"owner": "team"}},
                {"tags": ["owner", "environment"]},
                provider_inputs={"defaultTags": {"tags": {"environment": "prod"}}},
            ),
            Given(
                "aws:kms/key:Key",
                {},
                {"tags": ["owner"]},
                provider_inputs={"defaultTags": json.dumps({"tags": {"owner": "team"}})},  # as the SDK gives it
            ),
            Given("aws:kms/alias:Alias", {}, {"tags": ["owner"]}),
        ),
        broken=(
            broken("none", secret({"tags": ["owner", "environment"]}), 'tags={"owner": "…", "environment": "…"}'),
            broken("one", secret({"tags": ["owner", "environment"]}, tags={"owner": "x"}), "environment"),
            broken("empty", secret({"tags": ["owner"]}, tags={"owner": ""}), "owner"),
            broken(
                "of a type unknown to the list",
                Given("aws:new/thing:Thing", {"tags": {}}, {"tags": ["owner"]}),
                "default_tags",
            ),
        ),
    ),
}
