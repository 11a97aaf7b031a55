"""``external-secrets:operator``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from components.settings.section import DnsName, Section


class OperatorSettings(Section):
    """Who syncs in the operator lane."""

    kind: Literal["builtin", "none"] = "builtin"
    """``builtin``: our controller as a Deployment; ``none``: the cluster has an operator already."""
    namespace: DnsName = "external-secrets"
    """Namespace of the controller."""
    image: str = "external-secrets-on-pulumi/controller"
    """Image of the builtin controller."""
    replicas: int = Field(default=1, ge=1, le=9)
    """Number of controllers; one leads, the others wait."""
    concurrency: int = Field(default=8, ge=1, le=256)
    """ExternalSecrets reconciled at the same time."""
