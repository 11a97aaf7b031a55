"""The `builtin` operator: our controller as a Deployment with the least RBAC that its scope needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.rbac.v1 import PolicyRuleArgs, RoleRefArgs, SubjectArgs

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME = "external-secrets"
_LABELS = {"app.kubernetes.io/name": _NAME, "app.kubernetes.io/component": "controller"}
_PORT = 18080


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltinOperatorArgs:
    """What a `BuiltinOperator` is made from."""

    namespace: str
    """Namespace of the controller; it exists already."""
    image: str
    """Image of the controller."""
    replicas: int
    """Number of controllers; above one they elect a leader."""
    concurrency: int
    """ExternalSecrets reconciled at the same time."""
    watched_namespaces: tuple[str, ...]
    """Namespaces whose objects the controller may see and write."""
    token_accounts: tuple[tuple[str, str], ...]
    """(namespace, ServiceAccount) pairs for which the controller may request tokens: those that stores name."""


class BuiltinOperator(pulumi.ComponentResource):
    """ServiceAccount, RBAC and Deployment of our controller."""

    ready: pulumi.Output[str]
    """Name of the Deployment, known once it is available."""

    def __init__(self, name: str, args: BuiltinOperatorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("external-secrets:operator:Builtin", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        account = kubernetes.core.v1.ServiceAccount(
            name, metadata=ObjectMetaArgs(name=_NAME, namespace=args.namespace), opts=child
        )
        subject = SubjectArgs(kind="ServiceAccount", name=_NAME, namespace=args.namespace)
        bindings = self._cluster_rules(name, subject, child)
        for namespace_name in sorted({*args.watched_namespaces, *(where for where, _ in args.token_accounts)}):
            accounts = sorted(account for where, account in args.token_accounts if where == namespace_name)
            rules = [
                *(_WATCHED_RULES if namespace_name in args.watched_namespaces else ()),
                *(_token_rules(accounts) if accounts else ()),
            ]
            bindings += self._namespace_rules(f"{name}-{namespace_name}", namespace_name, rules, subject, child)
        bindings += self._namespace_rules(f"{name}-leader", args.namespace, _LEADER_RULES, subject, child)
        deployment = kubernetes.apps.v1.Deployment(
            name,
            metadata=ObjectMetaArgs(name=_NAME, namespace=args.namespace, labels=_LABELS),
            spec=kubernetes.apps.v1.DeploymentSpecArgs(
                replicas=args.replicas,
                selector=kubernetes.meta.v1.LabelSelectorArgs(match_labels=_LABELS),
                template=core.PodTemplateSpecArgs(metadata=ObjectMetaArgs(labels=_LABELS), spec=_pod(args)),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[account, *bindings]),
        )
        self.ready = deployment.metadata.name
        self.register_outputs({"ready": self.ready})

    def _cluster_rules(self, name: str, subject: SubjectArgs, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
        role = kubernetes.rbac.v1.ClusterRole(
            f"{name}-cluster", metadata=ObjectMetaArgs(name=f"{_NAME}-controller"), rules=_CLUSTER_RULES, opts=opts
        )
        binding = kubernetes.rbac.v1.ClusterRoleBinding(
            f"{name}-cluster",
            metadata=ObjectMetaArgs(name=f"{_NAME}-controller"),
            role_ref=RoleRefArgs(api_group=_RBAC, kind="ClusterRole", name=role.metadata.name),
            subjects=[subject],
            opts=opts,
        )
        return [binding]

    def _namespace_rules(
        self,
        name: str,
        namespace: str,
        rules: Sequence[PolicyRuleArgs],
        subject: SubjectArgs,
        opts: pulumi.ResourceOptions,
    ) -> list[pulumi.Resource]:
        metadata = ObjectMetaArgs(name=name, namespace=namespace)
        role = kubernetes.rbac.v1.Role(name, metadata=metadata, rules=rules, opts=opts)
        binding = kubernetes.rbac.v1.RoleBinding(
            name,
            metadata=metadata,
            role_ref=RoleRefArgs(api_group=_RBAC, kind="Role", name=role.metadata.name),
            subjects=[subject],
            opts=opts,
        )
        return [binding]


_RBAC = "rbac.authorization.k8s.io"
_ESO = "external-secrets.io"
_GENERATORS = "generators.external-secrets.io"
_READ = ["get", "list", "watch"]
_CLUSTER_RULES: Sequence[PolicyRuleArgs] = (
    PolicyRuleArgs(api_groups=[_GENERATORS], resources=["clustergenerators"], verbs=_READ),
    PolicyRuleArgs(api_groups=[_ESO], resources=["clustersecretstores"], verbs=_READ),
    PolicyRuleArgs(api_groups=[_ESO], resources=["clustersecretstores/status"], verbs=["patch", "update"]),
    PolicyRuleArgs(api_groups=[""], resources=["namespaces"], verbs=_READ),
)
_LEADER_RULES: Sequence[PolicyRuleArgs] = (
    PolicyRuleArgs(
        api_groups=["coordination.k8s.io"], resources=["leases"], verbs=["create", "get", "patch", "update"]
    ),
    PolicyRuleArgs(api_groups=[""], resources=["events"], verbs=["create", "patch"]),
)
_WATCHED_RULES: Sequence[PolicyRuleArgs] = (
    PolicyRuleArgs(api_groups=[_ESO], resources=["externalsecrets"], verbs=[*_READ, "patch", "update"]),
    PolicyRuleArgs(api_groups=[_ESO], resources=["secretstores"], verbs=_READ),
    PolicyRuleArgs(
        api_groups=[_ESO],
        resources=["externalsecrets/status", "externalsecrets/finalizers", "secretstores/status"],
        verbs=["patch", "update"],
    ),
    PolicyRuleArgs(api_groups=[_GENERATORS], resources=["fakes", "passwords", "sshkeys", "uuids"], verbs=_READ),
    PolicyRuleArgs(api_groups=[""], resources=["secrets"], verbs=[*_READ, "create", "delete", "patch", "update"]),
    PolicyRuleArgs(api_groups=[""], resources=["configmaps"], verbs=["get"]),
    PolicyRuleArgs(api_groups=[""], resources=["events"], verbs=["create", "patch"]),
)


def _token_rules(accounts: Sequence[str]) -> tuple[PolicyRuleArgs, ...]:
    return (
        PolicyRuleArgs(api_groups=[""], resources=["serviceaccounts"], resource_names=list(accounts), verbs=["get"]),
        PolicyRuleArgs(
            api_groups=[""], resources=["serviceaccounts/token"], resource_names=list(accounts), verbs=["create"]
        ),
    )


def _pod(args: BuiltinOperatorArgs) -> core.PodSpecArgs:
    arguments = [
        "controller",
        f"--concurrent={args.concurrency}",
        f"--listen=$(POD_IP):{_PORT}",
        *(f"--namespace={namespace}" for namespace in args.watched_namespaces),
    ]
    if args.replicas > 1:
        arguments.append("--leader-elect")
    pod_ip = core.EnvVarSourceArgs(field_ref=core.ObjectFieldSelectorArgs(field_path="status.podIP"))
    return core.PodSpecArgs(
        service_account_name=_NAME,
        security_context=core.PodSecurityContextArgs(
            run_as_non_root=True, seccomp_profile=core.SeccompProfileArgs(type="RuntimeDefault")
        ),
        containers=[
            core.ContainerArgs(
                name="controller",
                image=args.image,
                args=arguments,
                env=[core.EnvVarArgs(name="POD_IP", value_from=pod_ip)],
                ports=[core.ContainerPortArgs(name="http", container_port=_PORT)],
                readiness_probe=_probe("/readyz", period_seconds=1),
                liveness_probe=_probe("/healthz", period_seconds=10),
                resources=core.ResourceRequirementsArgs(
                    requests={"cpu": "50m", "memory": "64Mi"}, limits={"memory": "256Mi"}
                ),
                security_context=core.SecurityContextArgs(
                    allow_privilege_escalation=False,
                    read_only_root_filesystem=True,
                    capabilities=core.CapabilitiesArgs(drop=["ALL"]),
                ),
            )
        ],
    )


def _probe(path: str, *, period_seconds: int) -> core.ProbeArgs:
    return core.ProbeArgs(http_get=core.HTTPGetActionArgs(path=path, port="http"), period_seconds=period_seconds)
