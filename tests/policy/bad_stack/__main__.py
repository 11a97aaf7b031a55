"""A stack that breaks every rule of the policy pack.

Its providers wait for an output that no preview knows, so that nothing is asked but the engine and the pack.
"""

from __future__ import annotations

import json
from typing import Any

import pulumi
from pulumi.dynamic import CheckResult, CreateResult, Resource, ResourceProvider

CANARY = pulumi.Config().require("canary")
TOKEN = f"hvs.{CANARY}"
SECRETS = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:"
ESO = "external-secrets.io/v1"


class Unchecked(ResourceProvider):
    """Takes every input as it is."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        return CheckResult(news, [])

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult("id", props)


class Sync(Resource, module="external-secrets", name="SyncedSecret"):
    """A sync that keeps a value."""

    later: pulumi.Output[str]

    def __init__(self, name: str, inputs: dict[str, Any]) -> None:
        super().__init__(Unchecked(), name, {**inputs, "later": None})


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


hasty = {
    "refreshInterval": "1s",
    "secretStoreRef": {"name": "shared", "kind": "ClusterSecretStore"},
    "target": {
        "creationPolicy": "Merge",
        "deletionPolicy": "Delete",
        "template": {"type": "kubernetes.io/service-account-token", "data": {"token": TOKEN}},
    },
    "data": [{"secretKey": "k", "remoteRef": {"key": "other/db"}}],
}
metadata = {"name": "bad", "namespace": "team"}
sync = Sync(
    "kept",
    {
        "declaration": json.dumps({"apiVersion": ESO, "kind": "ExternalSecret", "metadata": metadata, "spec": hasty}),
        "stores": {},
        "fingerprint": CANARY,
        "data": {"k": CANARY},
    },
)
unknown = sync.id

cluster = pulumi.ProviderResource("kubernetes", "cluster", {"kubeconfig": unknown})
backend = pulumi.ProviderResource(
    "vault", "backend", {"address": "http://vault.test:8200", "token": pulumi.Output.secret(unknown)}
)
account = pulumi.ProviderResource("aws", "account", {"region": unknown})


def kubernetes(kind: str, name: str, /, **inputs: Any) -> None:
    version, _, kind_name = kind.rpartition(":")
    identity = {"apiVersion": version, "kind": kind_name, "metadata": {**metadata, "name": name}}
    token = f"kubernetes:{version if '/' in version else f'core/{version}'}:{kind_name}"
    pulumi.CustomResource(token, name, {**identity, **inputs}, pulumi.ResourceOptions(provider=cluster))


def vault(token: str, name: str, /, **inputs: Any) -> None:
    pulumi.CustomResource(f"vault:{token}", name, inputs, pulumi.ResourceOptions(provider=backend))


def aws(token: str, name: str, /, **inputs: Any) -> None:
    pulumi.CustomResource(f"aws:{token}", name, inputs, pulumi.ResourceOptions(provider=account))


pulumi.CustomResource("vault:index/mount:Mount", "nobodys", {"path": "nobodys", "type": "kv"})

# Stores, declarations and pushes.
login = {"tokenSecretRef": {"name": "vault", "key": "token", "namespace": "team"}}
open_store = {"vault": {"server": "http://vault.test:8200", "path": "secret", "auth": login, "caBundle": unknown}}
kubernetes(f"{ESO}:ClusterSecretStore", "shared", spec={"provider": open_store})
kubernetes(f"{ESO}:SecretStore", "fake", spec={"provider": {"fake": {"data": [{"key": "k", "value": TOKEN}]}}})
kubernetes(f"{ESO}:ExternalSecret", "hasty", spec=hasty)
never = {"refreshInterval": "0", "target": {"manifest": {"apiVersion": "v1", "kind": "ConfigMap"}}}
kubernetes(f"{ESO}:ExternalSecret", "never", spec={**hasty, **never})
kubernetes("external-secrets.io/v1alpha1:PushSecret", "push", spec={"refreshInterval": "1h"})

# The operator.
pod = {
    "hostNetwork": True,
    "containers": [{"name": "app", "image": "app:latest", "env": [{"name": "TOKEN", "value": TOKEN}]}],
}
kubernetes("apps/v1:Deployment", "operator", metadata={"namespace": "kube-system"}, spec={"template": {"spec": pod}})
rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}
kubernetes("rbac.authorization.k8s.io/v1:ClusterRole", "everything", rules=[rule])
kubernetes("helm.sh/v3:Release", "release", chart="external-secrets", version="0.9.0", values={"token": TOKEN})
kubernetes("v1:Secret", "endless", type="kubernetes.io/service-account-token")

# Vault.
vault("index/policy:Policy", "wide", name="wide", policy='path "secret/*" { capabilities = ["read", "sudo"] }')
vault("kubernetes/authBackendRole:AuthBackendRole", "anybody", roleName=unknown, tokenTtl=unknown, tokenMaxTtl=86400)
vault("index/mount:Mount", "kv", path="secret", type="kv")

# AWS.
aws("iam/policy:Policy", "all", policy=document(allow("secretsmanager:*", "*")))
aws("iam/policy:Policy", "region", policy=document(allow("secretsmanager:GetSecretValue", f"{SECRETS}*")))
listing = ["secretsmanager:GetSecretValue", "secretsmanager:ListSecrets"]
aws(
    "iam/policy:Policy",
    "listing",
    policy=document(allow(listing, f"{SECRETS}team/db-??????"), allow("kms:Decrypt", "*")),
)
aws("iam/policy:Policy", "unreadable", policy=f"Allow {CANARY}")
aws("iam/policy:Policy", "later", policy=unknown)
everybody = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
aws("iam/role:Role", "anybody-at-aws", assumeRolePolicy=document(everybody), permissionsBoundary="")
aws("kms/key:Key", "key", deletionWindowInDays=7, description=f"{TOKEN}")
aws("secretsmanager/secret:Secret", "secret", recoveryWindowInDays=0)
aws("secretsmanager/secretPolicy:SecretPolicy", "open", secretArn=unknown, policy=document(everybody))
aws("ssm/parameter:Parameter", "plain", type="String", insecureValue=TOKEN)
aws("iam/accessKey:AccessKey", "lasting", user="somebody")

pulumi.export("token", TOKEN)
pulumi.export("later", unknown)
