"""``external-secrets:cluster``."""

from __future__ import annotations

from components.settings.section import Section


class ClusterSettings(Section):
    """Where the cluster is."""

    kubeconfig: str | None = None
    """Path of the kubeconfig; without it the variable KUBECONFIG, then ``~/.kube/config``."""
    context: str | None = None
    """Context of the kubeconfig; without it the current one."""
    api_server: str | None = None
    """Address of the API server as the backend sees it (for token reviews); without it the kubeconfig's."""
