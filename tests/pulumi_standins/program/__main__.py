"""Kubernetes, vault and dynamic resources that depend on each other."""

from __future__ import annotations

import json
import time

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault
from noting import Note  # type: ignore[import-not-found]  # it lies beside this file
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apiextensions.v1 import CustomResourceDefinition
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace, Secret, ServiceAccount
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.rbac.v1 import PolicyRuleArgs, Role, RoleBinding, RoleRefArgs, SubjectArgs
from pulumi_kubernetes.yaml.v2 import ConfigGroup

config = pulumi.Config()
suffix = config.require("suffix")
password = config.require_secret("password")

cluster_provider = kubernetes.Provider("cluster", kubeconfig=config.require("kubeconfig"), enable_patch_force=True)
cluster = pulumi.ResourceOptions(provider=cluster_provider)
backend_provider = vault.Provider("backend", address=config.require("address"), token=config.require_secret("token"))
backend = pulumi.ResourceOptions(provider=backend_provider)

namespace = Namespace("team", metadata=ObjectMetaArgs(name=f"team-{suffix}"), opts=cluster)
inside = namespace.metadata.name
account = ServiceAccount("reader", metadata=ObjectMetaArgs(namespace=inside, name="reader"), opts=cluster)
role = Role(
    "reader",
    metadata=ObjectMetaArgs(namespace=inside),
    rules=[PolicyRuleArgs(api_groups=[""], resources=["secrets"], verbs=["get"])],
    opts=cluster,
)
RoleBinding(
    "reader",
    metadata=ObjectMetaArgs(namespace=inside),
    role_ref=RoleRefArgs(api_group="rbac.authorization.k8s.io", kind="Role", name=role.metadata.name.apply(str)),
    subjects=[SubjectArgs(kind="ServiceAccount", name=account.metadata.name.apply(str), namespace=inside)],
    opts=cluster,
)
Secret("static", metadata=ObjectMetaArgs(namespace=inside), string_data={"password": password}, opts=cluster)
for number in range(config.get_int("settings") or 1):
    name = f"settings-{number}"
    ConfigMap(name, metadata=ObjectMetaArgs(namespace=inside, name=name), data={"k": "v"}, opts=cluster)
group = f"{suffix}.example.com"
definition = CustomResourceDefinition(
    "things",
    metadata={"name": f"things.{group}"},
    spec={
        "group": group,
        "scope": "Namespaced",
        "names": {"kind": "Thing", "plural": "things"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "open_apiv3_schema": {"type": "object", "x_kubernetes_preserve_unknown_fields": True},
                },
            }
        ],
    },
    opts=cluster,
)
thing = CustomResource(
    "thing",
    api_version=f"{group}/v1",
    kind="Thing",
    metadata=ObjectMetaArgs(namespace=inside),
    spec={"refreshInterval": "1h"},
    opts=pulumi.ResourceOptions.merge(cluster, pulumi.ResourceOptions(depends_on=[definition])),
)
ConfigGroup(
    "more",
    yaml=f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: more, namespace: team-{suffix}}}\ndata: {{a: b}}\n",
    opts=pulumi.ResourceOptions(providers=[cluster_provider], depends_on=[namespace]),
)

mount = vault.Mount("kv", path=f"kv-{suffix}", type="kv", options={"version": "2"}, opts=backend)
secret = vault.kv.SecretV2(
    "app",
    mount=mount.path,
    name="team/app",
    data_json=password.apply(lambda text: json.dumps({"password": text})),
    delete_all_versions=True,
    opts=backend,
)
document = vault.get_policy_document_output(
    rules=[{"path": f"kv-{suffix}/data/team/app", "capabilities": ["read"]}],
    opts=pulumi.InvokeOptions(provider=backend_provider),
)
vault.Policy("read", name=f"read-{suffix}", policy=document.hcl, opts=backend)

note = Note("note", secret.path)
if config.get_bool("slow"):
    pulumi.log.info("sleeping")
    time.sleep(60)
pulumi.export("thing", thing.id)
pulumi.export("note", note.text)
