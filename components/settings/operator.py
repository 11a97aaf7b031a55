"""``external-secrets:operator``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from components.settings.section import DnsName, Section
from components.settings.upstream import UpstreamSettings, too_large


class OperatorSettings(Section):
    """Who syncs in the operator lane."""

    kind: Literal["builtin", "upstream", "none"] = "builtin"
    """``builtin``: our controller as a Deployment; ``upstream``: the External Secrets Operator from its chart;
    ``none``: the cluster has an operator already."""
    namespace: DnsName = "external-secrets"
    """Namespace of the controller."""
    image: str = "external-secrets-on-pulumi/controller"
    """Image of the builtin controller."""
    replicas: int = Field(default=1, ge=1, le=9)
    """Number of controllers; one leads, the others wait."""
    concurrency: int = Field(default=8, ge=1, le=256)
    """ExternalSecrets reconciled at the same time."""
    upstream: UpstreamSettings = UpstreamSettings()
    """Chart, scope and shape of the operator ``upstream``."""

    @field_validator("image")
    @classmethod
    def _of_the_builtin_controller(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("kind") == "upstream":
            raise PydanticCustomError("image", "is for kind builtin; kind upstream takes upstream.images")
        return value

    @field_validator("upstream")
    @classmethod
    def _of_the_upstream_operator(cls, value: UpstreamSettings, info: ValidationInfo) -> UpstreamSettings:
        kind = info.data.get("kind")
        if kind not in (None, "upstream"):
            raise PydanticCustomError("upstream", "is for kind upstream, not {kind}; take it out", {"kind": kind})
        if too_large(value.min_available, info.data.get("replicas")):
            raise PydanticCustomError(
                "budget", "minAvailable must be below operator.replicas, or no node can be drained"
            )
        return value
