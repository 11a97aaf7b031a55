"""What can be set about a controller process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

DEFAULT_CLASS = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerSettings:
    """One controller process."""

    concurrent: int = 32
    """ExternalSecrets synced at the same time. They wait for the network most of the time, so many share one core."""

    namespaces: tuple[str, ...] = ()
    """Watch these namespaces only. Empty: all of them."""

    cluster_stores: bool = True
    """Serve ClusterSecretStores; off where RBAC grants no cluster-wide kind."""

    controller_class: str = DEFAULT_CLASS
    """Stores with another spec.controller are somebody else's."""

    store_requeue_interval: timedelta = timedelta(minutes=5)
    """Time between two validations of a store that sets no refreshInterval."""

    floodgate: bool = True
    """Do not ask a store that is known not to work."""

    leader_elect: bool = False
    """Work only while holding the Lease, so that several replicas can run."""

    leader_namespace: str = "default"
    """Namespace of the Lease."""

    lease_name: str = "external-secrets-controller"
    """Name of the Lease."""

    listen: str = "127.0.0.1:0"
    """Address of /metrics, /healthz and /readyz; port 0 takes a free one."""

    shutdown_grace: timedelta = timedelta(seconds=10)
    """How long running syncs may take to end once the process is asked to."""
