"""The resource types the plugin serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from local.pulumi.vault.app_role import SecretId
from local.pulumi.vault.kv_secrets import PathSecret, SecretV2
from local.pulumi.vault.mounts import AuthBackend, JwtAuthBackend, Mount
from local.pulumi.vault.resource_type import ConfiguredPath, ResourceType

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOKEN: Final = (
    "tokenBoundCidrs",
    "tokenExplicitMaxTtl",
    "tokenMaxTtl",
    "tokenNoDefaultPolicy",
    "tokenNumUses",
    "tokenPeriod",
    "tokenPolicies",
    "tokenTtl",
    "tokenType",
)
_VALUES: Final = ("data", "dataJson")
_ROLE: Final = "auth/{backend}/role/{roleName}"

RESOURCE_TYPES: Final[Mapping[str, ResourceType]] = {
    "vault:index/mount:Mount": Mount(replacing=("path", "type", "local", "sealWrap", "externalEntropyAccess")),
    "vault:index/authBackend:AuthBackend": AuthBackend(
        replacing=("path", "type", "local"), defaults={"path": "{type}"}
    ),
    "vault:jwt/authBackend:AuthBackend": JwtAuthBackend(
        replacing=("path", "type", "local"), defaults={"path": "jwt", "type": "jwt"}
    ),
    "vault:index/policy:Policy": ConfiguredPath(
        path="sys/policies/acl/{name}", id="{name}", fields=("policy",), method="PUT", replacing=("name",)
    ),
    "vault:kv/secretV2:SecretV2": SecretV2(secrets=_VALUES, replacing=("mount", "name")),
    "vault:kv/secret:Secret": PathSecret(any_version=False, secrets=_VALUES, replacing=("path",)),
    "vault:generic/secret:Secret": PathSecret(any_version=True, secrets=_VALUES, replacing=("path",)),
    "vault:kubernetes/authBackendConfig:AuthBackendConfig": ConfiguredPath(
        path="auth/{backend}/config",
        fields=(
            "kubernetesHost",
            "kubernetesCaCert",
            "tokenReviewerJwt",
            "pemKeys",
            "issuer",
            "disableIssValidation",
            "disableLocalCaJwt",
        ),
        secrets=("tokenReviewerJwt",),
        write_only=("tokenReviewerJwt",),
        replacing=("backend",),
        defaults={"backend": "kubernetes"},
        deletable=False,
    ),
    "vault:kubernetes/authBackendRole:AuthBackendRole": ConfiguredPath(
        path=_ROLE,
        fields=(
            "boundServiceAccountNames",
            "boundServiceAccountNamespaces",
            "audience",
            "aliasNameSource",
            *_TOKEN,
        ),
        replacing=("backend", "roleName"),
        defaults={"backend": "kubernetes"},
        sets=("boundServiceAccountNames", "boundServiceAccountNamespaces", "tokenPolicies", "tokenBoundCidrs"),
    ),
    "vault:appRole/authBackendRole:AuthBackendRole": ConfiguredPath(
        path=_ROLE,
        fields=("bindSecretId", "secretIdBoundCidrs", "secretIdNumUses", "secretIdTtl", *_TOKEN),
        replacing=("backend", "roleName"),
        defaults={"backend": "approle"},
        computed={"roleId": (f"{_ROLE}/role-id", "role_id")},
        sets=("tokenPolicies", "tokenBoundCidrs", "secretIdBoundCidrs"),
    ),
    "vault:appRole/authBackendRoleSecretId:AuthBackendRoleSecretId": SecretId(
        secrets=("secretId", "wrappingToken"),
        replacing=("backend", "roleName", "cidrLists", "metadata", "secretId", "ttl", "numUses"),
        defaults={"backend": "approle"},
    ),
    "vault:jwt/authBackendRole:AuthBackendRole": ConfiguredPath(
        path=_ROLE,
        fields=(
            "roleType",
            "boundAudiences",
            "userClaim",
            "boundSubject",
            "boundClaims",
            "claimMappings",
            "groupsClaim",
            *_TOKEN,
        ),
        replacing=("backend", "roleName"),
        defaults={"backend": "jwt", "roleType": "jwt"},
        sets=("boundAudiences", "tokenPolicies", "tokenBoundCidrs"),
    ),
}
