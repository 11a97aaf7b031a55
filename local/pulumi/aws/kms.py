"""Keys and their aliases."""

# ruff: noqa: ARG002 - every type's methods take what some types need

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.pulumi.aws.resource_type import ResourceType, given, removed_tags, tag_list, tag_outputs

if TYPE_CHECKING:
    from local.pulumi.aws.connection import AwsConnection
    from local.pulumi.wire import PropertyMap

_NAMES = ("TagKey", "TagValue")


@dataclass(frozen=True, kw_only=True)
class Key(ResourceType):
    """`kms.Key`; its id is the key's."""

    def create(self, aws: AwsConnection, inputs: PropertyMap) -> str:
        """Create with policy and tags."""
        key = aws.call(
            "kms",
            "create_key",
            Description=inputs.get("description"),
            Policy=inputs.get("policy"),
            KeyUsage=inputs.get("keyUsage"),
            KeySpec=inputs.get("customerMasterKeySpec"),
            MultiRegion=inputs.get("multiRegion"),
            BypassPolicyLockoutSafetyCheck=inputs.get("bypassPolicyLockoutSafetyCheck"),
            Tags=tag_list(inputs.get("tags"), *_NAMES),
        )["KeyMetadata"]
        return str(key["KeyId"])

    def complete(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> None:
        """Rotation, and a key that is made disabled."""
        if inputs.get("enableKeyRotation"):
            period = inputs.get("rotationPeriodInDays")
            aws.call("kms", "enable_key_rotation", KeyId=id_, RotationPeriodInDays=period)
        if inputs.get("isEnabled") is False:
            aws.call("kms", "disable_key", KeyId=id_)

    def fetch(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Read key, policy, rotation and tags; a key that waits for its deletion is gone."""
        answer = aws.find("kms", "describe_key", KeyId=id_)
        if answer is None or answer["KeyMetadata"].get("KeyState") == "PendingDeletion":
            return None
        key = answer["KeyMetadata"]
        rotation = aws.call("kms", "get_key_rotation_status", KeyId=id_)
        return {
            **given(
                keyId=key["KeyId"],
                arn=key["Arn"],
                description=key.get("Description") or None,
                keyUsage=key.get("KeyUsage"),
                customerMasterKeySpec=key.get("KeySpec"),
                multiRegion=key.get("MultiRegion"),
                isEnabled=key.get("Enabled"),
                policy=aws.call("kms", "get_key_policy", KeyId=id_, PolicyName="default")["Policy"],
                enableKeyRotation=rotation["KeyRotationEnabled"],
                rotationPeriodInDays=rotation.get("RotationPeriodInDays") if rotation["KeyRotationEnabled"] else None,
                region=aws.region,
            ),
            **tag_outputs(aws.all("kms", "list_resource_tags", "Tags", KeyId=id_), *_NAMES),
        }

    def update(self, aws: AwsConnection, id_: str, old: PropertyMap, new: PropertyMap) -> None:
        """Description, policy, rotation, whether it may be used, tags."""
        if self.changed(old, new, "description"):
            aws.call("kms", "update_key_description", KeyId=id_, Description=new.get("description") or "")
        if self.changed(old, new, "policy") and new.get("policy"):
            aws.call("kms", "put_key_policy", KeyId=id_, PolicyName="default", Policy=new["policy"])
        if self.changed(old, new, "enableKeyRotation", "rotationPeriodInDays"):
            if new.get("enableKeyRotation"):
                period = new.get("rotationPeriodInDays")
                aws.call("kms", "enable_key_rotation", KeyId=id_, RotationPeriodInDays=period)
            else:
                aws.call("kms", "disable_key_rotation", KeyId=id_)
        if self.changed(old, new, "isEnabled"):
            aws.call("kms", "disable_key" if new.get("isEnabled") is False else "enable_key", KeyId=id_)
        if gone := removed_tags(old, new):
            aws.call("kms", "untag_resource", KeyId=id_, TagKeys=gone)
        if self.changed(old, new, "tags") and new.get("tags"):
            aws.call("kms", "tag_resource", KeyId=id_, Tags=tag_list(new["tags"], *_NAMES))

    def delete(self, aws: AwsConnection, id_: str, outputs: PropertyMap) -> None:
        """Schedule its deletion; AWS deletes no key at once."""
        if self.fetch(aws, id_, outputs) is not None:
            days = outputs.get("deletionWindowInDays")
            aws.find("kms", "schedule_key_deletion", KeyId=id_, PendingWindowInDays=days)


@dataclass(frozen=True, kw_only=True)
class Alias(ResourceType):
    """`kms.Alias`; its id is its name."""

    def create(self, aws: AwsConnection, inputs: PropertyMap) -> str:
        """Create it."""
        aws.call("kms", "create_alias", AliasName=inputs["name"], TargetKeyId=inputs["targetKeyId"])
        return str(inputs["name"])

    def fetch(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Look for it among all of them: the API has no other way."""
        for alias in aws.all("kms", "list_aliases", "Aliases"):
            if alias["AliasName"] == id_ and alias.get("TargetKeyId"):
                key = alias["TargetKeyId"]
                arn = f"{alias['AliasArn'].rpartition(':')[0]}:key/{key}"
                # The program may name the key by its ARN; that is no other key.
                target = inputs.get("targetKeyId") if inputs.get("targetKeyId") == arn else key
                return {
                    "name": id_,
                    "arn": alias["AliasArn"],
                    "targetKeyId": target,
                    "targetKeyArn": arn,
                    "region": aws.region,
                }
        return None

    def update(self, aws: AwsConnection, id_: str, old: PropertyMap, new: PropertyMap) -> None:
        """Point it to another key."""
        if self.changed(old, new, "targetKeyId"):
            aws.call("kms", "update_alias", AliasName=id_, TargetKeyId=new["targetKeyId"])

    def delete(self, aws: AwsConnection, id_: str, outputs: PropertyMap) -> None:
        """Delete it; the key stays."""
        aws.find("kms", "delete_alias", AliasName=id_)
