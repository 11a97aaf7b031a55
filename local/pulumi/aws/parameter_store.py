"""Parameters of Systems Manager."""

# ruff: noqa: ARG002 - every type's methods take what some types need

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.pulumi.aws.resource_type import ResourceType, given, removed_tags, tag_list, tag_outputs

if TYPE_CHECKING:
    from local.pulumi.aws.connection import AwsConnection
    from local.pulumi.wire import PropertyMap

_KIND = "Parameter"


@dataclass(frozen=True, kw_only=True)
class Parameter(ResourceType):
    """`ssm.Parameter`; its id is its name."""

    def create(self, aws: AwsConnection, inputs: PropertyMap) -> str:
        """Put it with tags, which the API takes only where nothing is overwritten."""
        self._put(aws, inputs, overwrite=bool(inputs.get("overwrite")))
        return str(inputs["name"])

    def complete(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> None:
        """Its tags."""
        if inputs.get("tags"):
            tags = tag_list(inputs["tags"])
            aws.call("ssm", "add_tags_to_resource", ResourceType=_KIND, ResourceId=id_, Tags=tags)

    def fetch(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Read value, description and tags; the value under the name that the program gave it by."""
        answer = aws.find("ssm", "get_parameter", Name=id_, WithDecryption=True)
        if answer is None:
            return None
        parameter = answer["Parameter"]
        filters = [{"Key": "Name", "Values": [id_]}]
        described = aws.all("ssm", "describe_parameters", "Parameters", ParameterFilters=filters)
        told = described[0] if described else {}
        tags = aws.call("ssm", "list_tags_for_resource", ResourceType=_KIND, ResourceId=id_).get("TagList")
        value, open_, hidden = parameter["Value"], "insecureValue" in inputs, "valueWo" in inputs
        return {
            **given(
                name=parameter["Name"],
                arn=parameter["ARN"],
                type=parameter["Type"],
                version=parameter["Version"],
                value=None if open_ or hidden else value,
                insecureValue=value if open_ else None,
                hasValueWo=hidden or None,
                dataType=parameter.get("DataType"),
                description=told.get("Description") or None,
                tier=told.get("Tier"),
                keyId=told.get("KeyId"),
                allowedPattern=told.get("AllowedPattern") or None,
                region=aws.region,
            ),
            **tag_outputs(tags),
        }

    def update(self, aws: AwsConnection, id_: str, old: PropertyMap, new: PropertyMap) -> None:
        """Put it again, over the old one; tags."""
        if self.changed(old, new, *(name for name in self.changing if name != "valueWo")):
            self._put(aws, new, overwrite=True)
        if gone := removed_tags(old, new):
            aws.call("ssm", "remove_tags_from_resource", ResourceType=_KIND, ResourceId=id_, TagKeys=gone)
        if self.changed(old, new, "tags"):
            self.complete(aws, id_, new)

    def delete(self, aws: AwsConnection, id_: str, outputs: PropertyMap) -> None:
        """Delete it."""
        aws.find("ssm", "delete_parameter", Name=id_)

    def _put(self, aws: AwsConnection, inputs: PropertyMap, *, overwrite: bool) -> None:
        values = (inputs.get(name) for name in ("value", "insecureValue", "valueWo"))
        aws.call(
            "ssm",
            "put_parameter",
            Name=inputs["name"],
            Type=inputs["type"],
            Value=next((value for value in values if value is not None), ""),
            Description=inputs.get("description"),
            KeyId=inputs.get("keyId"),
            Tier=inputs.get("tier"),
            AllowedPattern=inputs.get("allowedPattern"),
            DataType=inputs.get("dataType"),
            Overwrite=overwrite,
        )
