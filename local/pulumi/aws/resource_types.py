"""The resource types the plugin serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from local.pulumi.aws.eks import Cluster, PodIdentityAssociation
from local.pulumi.aws.iam import OpenIdConnectProvider, Policy, Role, RolePolicy, RolePolicyAttachment, User
from local.pulumi.aws.kms import Alias, Key
from local.pulumi.aws.parameter_store import Parameter
from local.pulumi.aws.policy_documents import DocumentKind
from local.pulumi.aws.secrets_manager import Secret, SecretPolicy, SecretRotation, SecretVersion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.pulumi.aws.resource_type import ResourceType

RESOURCE_TYPES: Final[Mapping[str, ResourceType]] = {
    "aws:secretsmanager/secret:Secret": Secret(
        changing=("description", "kmsKeyId", "policy"),
        kept=("recoveryWindowInDays", "forceOverwriteReplicaSecret"),
        defaults={"recoveryWindowInDays": 30, "forceOverwriteReplicaSecret": False},
        documents={"policy": DocumentKind.Secret},
        named=True,
        tagged=True,
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": SecretVersion(
        replacing=("secretId", "secretString", "secretBinary", "secretStringWoVersion"),
        changing=("versionStages",),
        kept=("secretStringWo",),
        secrets=("secretString", "secretBinary", "secretStringWo"),
        write_only={"secretStringWo": "secretStringWoVersion"},
        sets=("versionStages",),
    ),
    "aws:secretsmanager/secretPolicy:SecretPolicy": SecretPolicy(
        replacing=("secretArn",),
        changing=("policy", "blockPublicPolicy"),
        documents={"policy": DocumentKind.Secret},
    ),
    "aws:secretsmanager/secretRotation:SecretRotation": SecretRotation(
        replacing=("secretId",),
        changing=("rotationLambdaArn", "rotationRules"),
        kept=("rotateImmediately",),
        defaults={"rotateImmediately": True},
    ),
    "aws:kms/key:Key": Key(
        replacing=("keyUsage", "customerMasterKeySpec", "multiRegion"),
        changing=("description", "policy", "enableKeyRotation", "rotationPeriodInDays", "isEnabled"),
        kept=("deletionWindowInDays", "bypassPolicyLockoutSafetyCheck"),
        defaults={
            "keyUsage": "ENCRYPT_DECRYPT",
            "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
            "isEnabled": True,
            "enableKeyRotation": False,
            "bypassPolicyLockoutSafetyCheck": False,
        },
        documents={"policy": DocumentKind.Key},
        tagged=True,
    ),
    "aws:kms/alias:Alias": Alias(changing=("targetKeyId",), named=True),
    "aws:iam/role:Role": Role(
        replacing=("path",),
        changing=("assumeRolePolicy", "description", "maxSessionDuration", "permissionsBoundary"),
        kept=("forceDetachPolicies",),
        defaults={"path": "/", "maxSessionDuration": 3600, "forceDetachPolicies": False},
        documents={"assumeRolePolicy": DocumentKind.Trust},
        named=True,
        tagged=True,
    ),
    "aws:iam/policy:Policy": Policy(
        replacing=("path", "description"),
        changing=("policy",),
        kept=("delayAfterPolicyCreationInMs",),
        defaults={"path": "/"},
        documents={"policy": DocumentKind.Managed},
        named=True,
        tagged=True,
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": RolePolicyAttachment(replacing=("role", "policyArn")),
    "aws:iam/rolePolicy:RolePolicy": RolePolicy(
        replacing=("role",), changing=("policy",), documents={"policy": DocumentKind.Inline}, named=True
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": OpenIdConnectProvider(
        replacing=("url",),
        changing=("clientIdLists", "thumbprintLists"),
        sets=("clientIdLists", "thumbprintLists"),
        tagged=True,
    ),
    "aws:iam/user:User": User(
        replacing=("path", "permissionsBoundary"),
        kept=("forceDestroy",),
        defaults={"path": "/", "forceDestroy": False},
        named=True,
        tagged=True,
    ),
    "aws:ssm/parameter:Parameter": Parameter(
        replacing=("dataType",),
        changing=(
            "type", "value", "insecureValue", "valueWo", "valueWoVersion", "description", "keyId", "tier",
            "allowedPattern",
        ),
        kept=("overwrite",),
        secrets=("value", "valueWo"),
        write_only={"valueWo": "valueWoVersion"},
        named=True,
        tagged=True,
    ),
    "aws:eks/cluster:Cluster": Cluster(tagged=True),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": PodIdentityAssociation(
        replacing=("clusterName", "namespace", "serviceAccount"),
        changing=("roleArn", "targetRoleArn", "disableSessionTags", "policy"),
        documents={"policy": DocumentKind.Session},
        tagged=True,
    ),
}  # fmt: skip
