"""From settings and scope to the values of the chart; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from secretsync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.operator.upstream_scope import UpstreamScope
    from components.settings import OperatorSettings
    from components.settings.upstream import Companion, NetworkPolicySettings, UpstreamSettings

Values = dict[str, Any]

NAME: Final = "external-secrets"
"""Name of release, Deployment and ServiceAccount; those of webhook and cert-controller begin with it."""
WEBHOOK_SERVICE: Final = f"{NAME}-webhook"
"""Service of the webhook."""
_ROLE_ANNOTATION: Final = "eks.amazonaws.com/role-arn"

_METRICS, _HEALTH, _COMPANION_HEALTH, _WEBHOOK = 8080, 8082, 8081, 10250
_API_SERVER = (443, 6443)
_DNS = 53
_POD_IDENTITY_AGENT = ("169.254.170.23/32", 80)


def compile_values(settings: OperatorSettings, scope: UpstreamScope, *, pod_identity: bool = False) -> Values:
    """The chart's values.

    Args:
        settings: what the stack file says.
        scope: what the declarations ask for.
        pod_identity: whether the operator gets credentials from the agent of EKS Pod Identity.

    Raises:
        SettingsError: everything in `operator.upstream` that does not fit the declarations.
    """
    upstream = settings.upstream
    _check(upstream, scope, pod_identity=pod_identity)
    webhook, certificates = upstream.webhook, upstream.cert_controller
    typed: Values = {
        "fullnameOverride": NAME,
        "installCRDs": True,
        # An uninstalled release leaves its CRDs: deleting one deletes every object of its kind in the cluster.
        "crds": {"annotations": {"helm.sh/resource-policy": "keep"}, **_definitions(upstream, scope)},
        "replicaCount": settings.replicas,
        "leaderElect": settings.replicas > 1,
        "concurrent": settings.concurrency,
        **_reconciled(upstream, scope),
        "rbac": {
            "serviceAccountTokenCreate": upstream.serves == "everything",
            **dict.fromkeys(("aggregateToView", "aggregateToEdit", "aggregateToAdmin"), upstream.aggregate_roles),
        },
        "serviceAccount": {
            "create": True,
            "name": NAME,
            "annotations": {_ROLE_ANNOTATION: upstream.role_arn} if upstream.role_arn else {},
        },
        "log": {"level": upstream.log_level},
        "resources": upstream.resources.to_values(),
        "podDisruptionBudget": _budget(settings.replicas, upstream.min_available),
        "readinessProbe": {"enabled": True},
        "livenessProbe": {"enabled": True},
        "webhook": {
            "create": True,
            "failurePolicy": webhook.failure_policy,
            "port": _WEBHOOK,
            **_companion(webhook, upstream),
        },
        "certController": {"create": True, **_companion(certificates, upstream)},
        "serviceMonitor": _service_monitor(upstream),
    }
    if upstream.priority_class is not None:
        typed["priorityClassName"] = upstream.priority_class
    _images(typed, upstream)
    _network_policies(typed, upstream.network_policy, scope, pod_identity=pod_identity)
    return _merged(typed, upstream.values)


def _check(upstream: UpstreamSettings, scope: UpstreamScope, *, pod_identity: bool) -> None:
    problems = []
    if upstream.scope == "namespace" and scope.cluster_kinds:
        problems.append(f"scope: namespace does not serve the declared {', '.join(scope.cluster_kinds)}")
    if upstream.scope == "namespace" and len(scope.namespaces) != 1:
        problems.append(f"scope: namespace is for one namespace, and declared are {', '.join(scope.namespaces)}")
    if upstream.role_arn is not None and pod_identity:
        problems.append("roleArn is for IRSA, and aws.identity.kind is podIdentity, which needs no annotation")
    elif upstream.role_arn is not None and not scope.own_identity:
        problems.append("roleArn is used by no store: each logs in as a ServiceAccount of its own")
    if problems:
        raise SettingsError(
            "; ".join(problems),
            place="stack configuration, operator.upstream",
            remedy="change what is named, or the declarations",
        )


def _processed(upstream: UpstreamSettings, scope: UpstreamScope) -> Mapping[str, bool]:
    """Kind → whether the operator acts on it; ExternalSecrets and SecretStores are never left out."""
    everything = upstream.serves == "everything"
    return {
        "ClusterStore": everything or scope.cluster_stores,
        "ClusterExternalSecret": everything or scope.cluster_external_secrets,
        "ClusterGenerator": everything or scope.cluster_generators,
        "PushSecret": everything or scope.push_secrets,
        "ClusterPushSecret": everything,
    }


def _reconciled(upstream: UpstreamSettings, scope: UpstreamScope) -> Values:
    acts = {f"process{kind}": acts for kind, acts in _processed(upstream, scope).items()}
    if upstream.scope == "namespace":
        return {**acts, "scopedNamespace": scope.namespaces[0], "scopedRBAC": True}
    return acts


def _definitions(upstream: UpstreamSettings, scope: UpstreamScope) -> Values:
    """A kind that nothing acts on is not installed: its objects would be accepted and do nothing."""
    acts = _processed(upstream, scope)
    return {
        f"create{'ClusterSecretStore' if kind == 'ClusterStore' else kind}": is_acted_on
        for kind, is_acted_on in acts.items()
    }


def _budget(replicas: int, least: int | None) -> Values:
    """For a single pod a budget would keep its node from being drained."""
    if replicas == 1:
        return {"enabled": False}
    return {"enabled": True, "minAvailable": least or 1}


def _companion(pods: Companion, upstream: UpstreamSettings) -> Values:
    values: Values = {
        "replicaCount": pods.replicas,
        "log": {"level": upstream.log_level},
        "resources": pods.resources.to_values(),
        "podDisruptionBudget": _budget(pods.replicas, pods.min_available),
    }
    if upstream.priority_class is not None:
        values["priorityClassName"] = upstream.priority_class
    return values


def _service_monitor(upstream: UpstreamSettings) -> Values:
    monitor = upstream.service_monitor
    if monitor is None:
        return {"enabled": False}
    values: Values = {
        "enabled": True,
        # Without the kind the chart would leave them out in silence.
        "renderMode": "alwaysRender",
        "interval": monitor.interval,
        "additionalLabels": dict(monitor.labels),
    }
    if monitor.namespace is not None:
        values["namespace"] = monitor.namespace
    return values


def _images(values: Values, upstream: UpstreamSettings) -> None:
    images = upstream.images
    shared: Values = {}
    if images.repository is not None:
        shared["repository"] = images.repository
    if images.pull_secrets:
        shared["imagePullSecrets"] = [{"name": name} for name in images.pull_secrets]
    if shared:
        values["global"] = shared
    if images.tag is not None:
        for component in (values, values["webhook"], values["certController"]):
            component["image"] = {"tag": images.tag}


def _network_policies(
    values: Values, policy: NetworkPolicySettings, scope: UpstreamScope, *, pod_identity: bool
) -> None:
    controller, webhook, certificates = values, values["webhook"], values["certController"]
    if not policy.enabled:
        for component in (controller, webhook, certificates):
            component["networkPolicy"] = {"enabled": False}
        return
    cluster = [
        {"ports": [{"protocol": protocol, "port": _DNS} for protocol in ("UDP", "TCP")]},
        _egress(_API_SERVER, policy.api_server),
    ]
    backends = [_egress(scope.backend_ports, policy.backends)] if scope.backend_ports else []
    agent = [_egress((_POD_IDENTITY_AGENT[1],), (_POD_IDENTITY_AGENT[0],))] if pod_identity else []
    metrics = _metrics_ingress(policy)
    controller["networkPolicy"] = {
        "enabled": True,
        "ingress": [metrics, {"ports": _tcp(_HEALTH)}],
        "egress": [*cluster, *backends, *agent],
    }
    webhook["networkPolicy"] = {
        "enabled": True,
        "ingress": [metrics, {"ports": _tcp(_COMPANION_HEALTH, _WEBHOOK)}],
        "egress": cluster,
    }
    certificates["networkPolicy"] = {
        "enabled": True,
        "ingress": [metrics, {"ports": _tcp(_COMPANION_HEALTH)}],
        "egress": cluster,
    }


def _metrics_ingress(policy: NetworkPolicySettings) -> Values:
    rule: Values = {"ports": _tcp(_METRICS)}
    if policy.metrics_from is not None:
        labels = {"kubernetes.io/metadata.name": policy.metrics_from}
        rule["from"] = [{"namespaceSelector": {"matchLabels": labels}}]
    return rule


def _egress(ports: tuple[int, ...], ranges: tuple[str, ...]) -> Values:
    rule: Values = {"ports": _tcp(*ports)}
    if ranges:
        rule["to"] = [{"ipBlock": {"cidr": each}} for each in ranges]
    return rule


def _tcp(*ports: int) -> list[Values]:
    return [{"protocol": "TCP", "port": port} for port in ports]


def _merged(typed: Mapping[str, Any], further: Mapping[str, Any]) -> Values:
    """Both, map by map; the settings have refused what would contradict."""
    merged: Values = dict(typed)
    for key, value in further.items():
        known = merged.get(key)
        merged[key] = _merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return merged
