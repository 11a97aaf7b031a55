"""What the CRDs say beyond types: defaults that the API server fills in, and rules across fields (ESO v2.9.0).

Only defaults that ESO's CRDs carry are filled in. The four strategies of a remoteRef have none there, since defaults in
stored objects make a permanent difference for GitOps tools; their meaning is the models' default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from secretsync.api import external_secret, generators, push_secret, remote_ref, rewrite, target
from secretsync.api.stores import aws, azurekv, gcpsm, kubernetes, provider, vault, webhook

if TYPE_CHECKING:
    from secretsync.api.base import Model

DEFAULTS: Final[dict[type[Model], dict[str, Any]]] = {
    external_secret.Binding: {"name": ""},
    external_secret.ExternalSecretSpec: {
        "refreshInterval": "1h0m0s",
        "target": {"creationPolicy": "Owner", "deletionPolicy": "Retain"},
    },
    target.ExternalSecretTarget: {"creationPolicy": "Owner", "deletionPolicy": "Retain"},
    target.ExternalSecretTemplate: {"engineVersion": "v2", "mergePolicy": "Replace"},
    target.TemplateFrom: {"target": "Data"},
    target.TemplateRefItem: {"templateAs": "Values"},
    remote_ref.GeneratorRef: {"apiVersion": remote_ref.GENERATORS_API_VERSION},
    rewrite.RewriteMerge: {"into": "", "conflictPolicy": "Error", "priorityPolicy": "Strict", "strategy": "Extract"},
    push_secret.PushSecretSpec: {
        "refreshInterval": "1h0m0s",
        "updatePolicy": "Replace",
        "deletionPolicy": "None",
    },
    push_secret.PushSecretStoreRef: {"kind": "SecretStore"},
    push_secret.PushSecretData: {"conversionStrategy": "None"},
    push_secret.PushSecretDataTo: {"conversionStrategy": "None"},
    generators.PasswordSpec: {"length": 24, "noUpper": False, "allowRepeat": False, "encoding": "raw"},
    generators.SSHKeySpec: {"keyType": "rsa"},
    aws.AWSProvider: {"sessionTagsPolicy": "None"},
    azurekv.AzureKVProvider: {
        "authType": "ServicePrincipal",
        "environmentType": "PublicCloud",
        "useAzureSDK": False,
    },
    gcpsm.GCPSMProvider: {"secretVersionSelectionPolicy": "LatestOrFail"},
    kubernetes.KubernetesProvider: {"remoteNamespace": "default"},
    kubernetes.KubernetesServer: {"url": "kubernetes.default"},
    vault.VaultProvider: {"version": "v2"},
    vault.VaultAppRole: {"path": "approle"},
    vault.VaultCertAuth: {"path": "cert"},
    vault.VaultGCPAuth: {"path": "gcp"},
    vault.VaultJwtAuth: {"path": "jwt"},
    vault.VaultKubernetesAuth: {"mountPath": "kubernetes"},
    vault.VaultLdapAuth: {"path": "ldap"},
    vault.VaultUserPassAuth: {"path": "userpass"},
}
"""Model → JSON field → value that the API server fills in where the field is absent."""

EXACTLY_ONE: Final[frozenset[type[Model]]] = frozenset(
    {
        generators.GeneratorSpec,
        kubernetes.KubernetesAuth,
        provider.SecretStoreProvider,
        push_secret.PushSecretSelector,
        remote_ref.SourceRef,
        rewrite.Rewrite,
        webhook.AuthorizationProtocol,
    }
)
"""Models of which exactly one field must be set."""

RULES: Final[dict[type[Model], list[dict[str, str]]]] = {
    push_secret.PushSecretDataTo: [
        {
            "rule": "has(self.storeRef) && (has(self.storeRef.name) || has(self.storeRef.labelSelector))",
            "message": "storeRef must specify either name or labelSelector",
        },
        {
            "rule": "!(has(self.remoteKey) && has(self.rewrite))",
            "message": "remoteKey and rewrite cannot be combined",
        },
    ],
    push_secret.PushSecretRewrite: [
        {
            "rule": "has(self.regexp) != has(self.transform)",
            "message": "exactly one of regexp or transform must be set",
        }
    ],
}
"""Model → rules in CEL."""
