"""CRDs and admission policies, made from the models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as kubernetes

from secretsync.api import admission_policies, crds

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOT_SERVED = {"clusterexternalsecrets.external-secrets.io", "pushsecrets.external-secrets.io"}


class CustomResourceDefinitions(pulumi.ComponentResource):
    """The CRDs and the admission policies of the kinds that the operator serves, both made from the models.

    A kind that nothing acts on is not installed: its objects would be accepted and do nothing.

    They stay when the stack goes: deleting a CRD deletes every object of its kind in the whole cluster. The embedded
    environment, whose cluster goes with the stack, may say otherwise by `retain`.
    """

    ready: pulumi.Output[list[str]]
    """Names of the CRDs, known once all of them are established."""

    def __init__(self, name: str, *, retain: bool, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("external-secrets:operator:CustomResourceDefinitions", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, retain_on_delete=retain)
        made = [
            kubernetes.apiextensions.v1.CustomResourceDefinition(
                crd["metadata"]["name"], metadata=crd["metadata"], spec=crd["spec"], opts=child
            )
            for crd in crds()
            if crd["metadata"]["name"] not in _NOT_SERVED
        ]
        types: Mapping[str, Any] = {
            "ValidatingAdmissionPolicy": kubernetes.admissionregistration.v1.ValidatingAdmissionPolicy,
            "ValidatingAdmissionPolicyBinding": kubernetes.admissionregistration.v1.ValidatingAdmissionPolicyBinding,
        }
        for policy in admission_policies():
            if policy["metadata"]["name"] in _NOT_SERVED:
                continue
            resource = types[policy["kind"]]
            suffix = "-binding" if policy["kind"].endswith("Binding") else ""
            resource(
                f"{policy['metadata']['name']}{suffix}",
                metadata=policy["metadata"],
                spec=policy["spec"],
                opts=pulumi.ResourceOptions(parent=self, depends_on=made),
            )
        self.ready = pulumi.Output.all(*(crd.metadata.name for crd in made))
        self.register_outputs({"ready": self.ready})
