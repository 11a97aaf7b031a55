"""``external-secrets:operator.upstream``: the External Secrets Operator from its chart."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from components.settings.section import DnsName, Section

CHART: Final = "external-secrets"
CHART_VERSION: Final = "2.9.0"
CHART_REPOSITORY: Final = "https://charts.external-secrets.io"

TYPED_VALUES: Final[Mapping[str, str]] = {
    "replicaCount": "operator.replicas",
    "leaderElect": "operator.replicas",
    "concurrent": "operator.concurrency",
    "namespaceOverride": "operator.namespace",
    "nameOverride": "operator.kind",
    "fullnameOverride": "operator.kind",
    "createOperator": "operator.kind",
    "installCRDs": "operator.kind",
    "crds.createClusterExternalSecret": "operator.upstream.serves",
    "crds.createClusterSecretStore": "operator.upstream.serves",
    "crds.createClusterGenerator": "operator.upstream.serves",
    "crds.createClusterPushSecret": "operator.upstream.serves",
    "crds.createPushSecret": "operator.upstream.serves",
    "crds.createSecretStore": "operator.upstream.serves",
    "crds.annotations": "operator.kind",
    "processClusterExternalSecret": "operator.upstream.serves",
    "processClusterStore": "operator.upstream.serves",
    "processClusterGenerator": "operator.upstream.serves",
    "processClusterPushSecret": "operator.upstream.serves",
    "processPushSecret": "operator.upstream.serves",
    "processSecretStore": "operator.upstream.serves",
    "rbac.serviceAccountTokenCreate": "operator.upstream.serves",
    "rbac.aggregateToView": "operator.upstream.aggregateRoles",
    "rbac.aggregateToEdit": "operator.upstream.aggregateRoles",
    "rbac.aggregateToAdmin": "operator.upstream.aggregateRoles",
    "scopedNamespace": "operator.upstream.scope",
    "scopedRBAC": "operator.upstream.scope",
    "serviceAccount.create": "operator.upstream.roleArn",
    "serviceAccount.name": "operator.upstream.roleArn",
    "serviceAccount.annotations": "operator.upstream.roleArn",
    "log.level": "operator.upstream.logLevel",
    "webhook.log.level": "operator.upstream.logLevel",
    "certController.log.level": "operator.upstream.logLevel",
    "resources": "operator.upstream.resources",
    "webhook.resources": "operator.upstream.webhook.resources",
    "certController.resources": "operator.upstream.certController.resources",
    "webhook.create": "operator.kind",
    "webhook.replicaCount": "operator.upstream.webhook.replicas",
    "webhook.failurePolicy": "operator.upstream.webhook.failurePolicy",
    "webhook.port": "operator.upstream.networkPolicy",
    "certController.create": "operator.kind",
    "certController.replicaCount": "operator.upstream.certController.replicas",
    "priorityClassName": "operator.upstream.priorityClass",
    "webhook.priorityClassName": "operator.upstream.priorityClass",
    "certController.priorityClassName": "operator.upstream.priorityClass",
    "podDisruptionBudget": "operator.upstream.minAvailable",
    "webhook.podDisruptionBudget": "operator.upstream.webhook.minAvailable",
    "certController.podDisruptionBudget": "operator.upstream.certController.minAvailable",
    "networkPolicy": "operator.upstream.networkPolicy",
    "webhook.networkPolicy": "operator.upstream.networkPolicy",
    "certController.networkPolicy": "operator.upstream.networkPolicy",
    "serviceMonitor": "operator.upstream.serviceMonitor",
    "readinessProbe.enabled": "operator.kind",
    "livenessProbe.enabled": "operator.kind",
    "global.repository": "operator.upstream.images.repository",
    "global.imagePullSecrets": "operator.upstream.images.pullSecrets",
    "image": "operator.upstream.images",
    "webhook.image": "operator.upstream.images",
    "certController.image": "operator.upstream.images",
}
"""Value of the chart → the setting that decides about it. `values` may not speak of these."""

_VERSION = r"^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$"
_QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$"
_LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"

Quantity = Annotated[str, StringConstraints(pattern=_QUANTITY)]


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise PydanticCustomError("cidr", "is no address range; write it as 10.0.0.0/16") from None


Cidr = Annotated[str, AfterValidator(_network)]


class Amounts(Section):
    """Amounts of CPU and memory, as Kubernetes writes them."""

    cpu: Quantity | None = None
    """CPU, e.g. ``50m``."""
    memory: Quantity | None = None
    """Memory, e.g. ``128Mi``."""

    def to_values(self) -> dict[str, str]:
        """As the chart takes them."""
        return self.model_dump(exclude_none=True)


class Resources(Section):
    """What a container asks for, and the most it may take."""

    requests: Amounts = Amounts(cpu="50m", memory="128Mi")
    limits: Amounts = Amounts(memory="512Mi")

    def to_values(self) -> dict[str, dict[str, str]]:
        """As the chart takes them."""
        return {"requests": self.requests.to_values(), "limits": self.limits.to_values()}


_SMALL = Resources(requests=Amounts(cpu="10m", memory="64Mi"), limits=Amounts(memory="256Mi"))


def too_large(budget: int | None, replicas: object) -> bool:
    """Whether a disruption budget holds every pod back: no node could be drained."""
    return budget is not None and isinstance(replicas, int) and budget >= replicas


class Companion(Section):
    """Pods that the operator has beside its controller."""

    replicas: int = Field(default=1, ge=1, le=9)
    """Number of pods."""
    min_available: int | None = Field(default=None, ge=1)
    """Pods that an eviction leaves; without it one, where there are several."""
    resources: Resources = _SMALL

    @field_validator("min_available")
    @classmethod
    def _lets_nodes_be_drained(cls, value: int | None, info: ValidationInfo) -> int | None:
        if too_large(value, info.data.get("replicas")):
            raise PydanticCustomError("budget", "must be below replicas, or no node can be drained")
        return value


class WebhookSettings(Companion):
    """The webhook that checks declarations; the API server asks it before it stores one."""

    failure_policy: Literal["Fail", "Ignore"] = "Fail"
    """What becomes of a declaration while no webhook answers."""


class CertControllerSettings(Companion):
    """What makes the webhook's certificate and puts its authority into the webhook configurations."""


class NetworkPolicySettings(Section):
    """What the operator's pods may reach, and who may reach them."""

    enabled: bool = True
    """Whether there are NetworkPolicies."""
    api_server: tuple[Cidr, ...] = ()
    """Address ranges of the API server; without them any address, on ports 443 and 6443."""
    backends: tuple[Cidr, ...] = ()
    """Address ranges of the backends; without them any address, on the ports that the stores name."""
    metrics_from: DnsName | None = None
    """Namespace whose pods may read metrics; without it those of every namespace."""


class ServiceMonitorSettings(Section):
    """ServiceMonitors of the Prometheus operator."""

    interval: Annotated[str, StringConstraints(pattern=r"^[0-9]+(ms|s|m|h)$")] = "30s"
    """Time between two scrapes."""
    labels: Mapping[str, Annotated[str, StringConstraints(pattern=_LABEL_VALUE, max_length=63)]] = {}
    """Labels by which Prometheus selects them."""
    namespace: DnsName | None = None
    """Their namespace; without it the operator's."""


class ImageSettings(Section):
    """Where the images come from, for registries inside a network of one's own."""

    repository: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+$")] | None = None
    """Registry and path of the one image that all pods run; without it the chart's."""
    tag: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")] | None = None
    """Tag; without it the chart's version."""
    pull_secrets: tuple[DnsName, ...] = ()
    """Secrets in the operator's namespace with the login of the registry."""


class UpstreamSettings(Section):
    """Chart, scope and shape of the upstream operator."""

    version: Annotated[str, StringConstraints(pattern=_VERSION)] = CHART_VERSION
    """Version of chart and operator, exactly."""
    repository: str = CHART_REPOSITORY
    """Chart repository (``https://…``), or the folder of the chart in a registry (``oci://…``)."""
    timeout_seconds: int = Field(default=300, ge=60, le=3600)
    """Seconds that an installation or upgrade may take before it is undone."""
    take_ownership: bool = False
    """Whether objects that exist already, e.g. CRDs that another release left, become part of this release."""
    serves: Literal["declared", "everything"] = "declared"
    """Which kinds the operator acts on, and whose tokens it may request: those of this stack's declarations, or all."""
    scope: Literal["cluster", "namespace"] = "cluster"
    """Whether it serves the whole cluster, or the one namespace that the stack declares something in."""
    aggregate_roles: bool = False
    """Whether the cluster's roles view, edit and admin get the rights on external-secrets.io."""
    role_arn: Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$")] | None = None
    """IAM role of the operator's own ServiceAccount (IRSA), for stores that name no ServiceAccount."""
    log_level: Literal["debug", "info", "warn", "error"] = "info"
    """Least weight of what is logged."""
    priority_class: DnsName | None = None
    """PriorityClass of all pods."""
    min_available: int | None = Field(default=None, ge=1)
    """Controllers that an eviction leaves; without it one, where there are several."""
    resources: Resources = Resources()
    webhook: WebhookSettings = WebhookSettings()
    cert_controller: CertControllerSettings = CertControllerSettings()
    network_policy: NetworkPolicySettings = NetworkPolicySettings()
    service_monitor: ServiceMonitorSettings | None = None
    images: ImageSettings = ImageSettings()
    values: Mapping[str, Any] = {}
    """Further values of the chart, merged last; never secret ones."""

    @field_validator("repository")
    @classmethod
    def _one_of_two_forms(cls, value: str) -> str:
        if not re.fullmatch(r"(https|oci)://[^\s/@?#]+(/[^\s@?#]*)?", value):
            raise PydanticCustomError(
                "repository",
                "must begin with https:// or oci:// and hold no login, e.g. {example}",
                {"example": CHART_REPOSITORY},
            )
        return value.rstrip("/")

    @field_validator("values")
    @classmethod
    def _only_what_nothing_else_decides(cls, value: Mapping[str, Any]) -> Mapping[str, Any]:
        problems = [f"{path} is decided by {setting}" for path, setting in sorted(_contradictions(value))]
        if problems:
            raise PydanticCustomError("values", "{problems}", {"problems": "; ".join(problems)})
        return value

    @model_validator(mode="after")
    def _whole_cluster_or_declared(self) -> Self:
        if self.scope == "namespace" and self.serves == "everything":
            raise PydanticCustomError("scope", "scope namespace serves no cluster-wide kinds; take serves out")
        return self


def _contradictions(values: Mapping[str, Any], at: str = "") -> set[tuple[str, str]]:
    """(Path, setting) of every value that a setting decides about."""
    found: set[tuple[str, str]] = set()
    for key, value in values.items():
        path = f"{at}{key}"
        if path in TYPED_VALUES:
            found.add((path, TYPED_VALUES[path]))
        elif isinstance(value, Mapping):
            found |= _contradictions(value, f"{path}.")
        else:
            # Not a map where the chart has one: it would hide the typed values below.
            found |= {(path, setting) for typed, setting in TYPED_VALUES.items() if typed.startswith(f"{path}.")}
    return found
