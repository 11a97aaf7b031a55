"""Secrets, their versions, resource policies and rotation."""

# ruff: noqa: ARG002 - every type's methods take what some types need

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from local.pulumi.aws.resource_type import ResourceType, given, removed_tags, tag_list, tag_outputs
from local.pulumi.plugin_errors import PluginError

if TYPE_CHECKING:
    from typing import Any

    from local.pulumi.aws.connection import AwsConnection
    from local.pulumi.wire import PropertyMap

_SERVICE = "secretsmanager"


def find_secret(aws: AwsConnection, id_: str) -> dict[str, Any] | None:
    """A secret's description; None where there is none, or where it waits for its deletion."""
    found = aws.find(_SERVICE, "describe_secret", SecretId=id_)
    return None if found is None or found.get("DeletedDate") else found


@dataclass(frozen=True, kw_only=True)
class Secret(ResourceType):
    """`secretsmanager.Secret`; its id is its ARN."""

    def create(self, aws: AwsConnection, inputs: PropertyMap) -> str:
        """Create with tags."""
        answer = aws.call(
            _SERVICE,
            "create_secret",
            Name=inputs["name"],
            Description=inputs.get("description"),
            KmsKeyId=inputs.get("kmsKeyId"),
            Tags=tag_list(inputs.get("tags")),
        )
        return str(answer["ARN"])

    def complete(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> None:
        """Its resource policy."""
        if inputs.get("policy"):
            aws.call(_SERVICE, "put_resource_policy", SecretId=id_, ResourcePolicy=inputs["policy"])

    def fetch(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Read description and resource policy."""
        found = find_secret(aws, id_)
        if found is None:
            return None
        policy = aws.call(_SERVICE, "get_resource_policy", SecretId=id_).get("ResourcePolicy")
        return {
            **given(
                name=found["Name"],
                arn=found["ARN"],
                description=found.get("Description") or None,
                kmsKeyId=found.get("KmsKeyId"),
                policy=policy or None,
                region=aws.region,
            ),
            **tag_outputs(found.get("Tags")),
        }

    def update(self, aws: AwsConnection, id_: str, old: PropertyMap, new: PropertyMap) -> None:
        """Description and key, resource policy, tags."""
        if self.changed(old, new, "description", "kmsKeyId"):
            text = new.get("description") or ""
            aws.call(_SERVICE, "update_secret", SecretId=id_, Description=text, KmsKeyId=new.get("kmsKeyId"))
        if self.changed(old, new, "policy"):
            if new.get("policy"):
                self.complete(aws, id_, new)
            else:
                aws.call(_SERVICE, "delete_resource_policy", SecretId=id_)
        if gone := removed_tags(old, new):
            aws.call(_SERVICE, "untag_resource", SecretId=id_, TagKeys=gone)
        if self.changed(old, new, "tags") and new.get("tags"):
            aws.call(_SERVICE, "tag_resource", SecretId=id_, Tags=tag_list(new["tags"]))

    def delete(self, aws: AwsConnection, id_: str, outputs: PropertyMap) -> None:
        """Delete at once with a recovery window of 0, else after it."""
        days = outputs.get("recoveryWindowInDays")
        when: dict[str, object] = {"RecoveryWindowInDays": days} if days else {"ForceDeleteWithoutRecovery": True}
        if find_secret(aws, id_) is not None:
            aws.find(_SERVICE, "delete_secret", SecretId=id_, **when)


@dataclass(frozen=True, kw_only=True)
class SecretVersion(ResourceType):
    """`secretsmanager.SecretVersion`; its id is `secret|version`.

    A version cannot be deleted, and the current one keeps its label: it goes with its secret.
    """

    def create(self, aws: AwsConnection, inputs: PropertyMap) -> str:
        """Put the value."""
        binary = inputs.get("secretBinary")
        text = inputs.get("secretString")
        answer = aws.call(
            _SERVICE,
            "put_secret_value",
            SecretId=inputs["secretId"],
            SecretString=inputs.get("secretStringWo") if text is None else text,
            SecretBinary=None if binary is None else _bytes(binary),
            VersionStages=inputs.get("versionStages"),
        )
        return f"{inputs['secretId']}|{answer['VersionId']}"

    def fetch(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Read this very version, whichever is the current one."""
        secret, found, version = id_.partition("|")
        if not found:
            raise PluginError(f"the id {id_!r} does not look like secret|version", grpc.StatusCode.INVALID_ARGUMENT)
        if find_secret(aws, secret) is None:
            return None
        answer = aws.find(_SERVICE, "get_secret_value", SecretId=secret, VersionId=version)
        if answer is None:
            return None
        hidden = "secretStringWo" in inputs
        binary = answer.get("SecretBinary")
        return given(
            secretId=secret,
            arn=answer["ARN"],
            secretArn=answer["ARN"],
            versionId=answer["VersionId"],
            versionStages=sorted(answer.get("VersionStages") or []),
            secretString=None if hidden else answer.get("SecretString"),
            secretBinary=None if binary is None else base64.b64encode(binary).decode(),
            hasSecretStringWo=hidden or None,
            region=aws.region,
        )

    def update(self, aws: AwsConnection, id_: str, old: PropertyMap, new: PropertyMap) -> None:
        """Labels are moved to this version, or taken off it."""
        secret, _, version = id_.partition("|")
        before, after = set(old.get("versionStages") or []), set(new.get("versionStages") or [])
        for stage in sorted(after - before):
            holder = self._holder(aws, secret, stage)
            aws.call(
                _SERVICE,
                "update_secret_version_stage",
                SecretId=secret,
                VersionStage=stage,
                MoveToVersionId=version,
                RemoveFromVersionId=holder if holder != version else None,
            )
        for stage in sorted(before - after - {"AWSCURRENT"}):
            aws.call(
                _SERVICE,
                "update_secret_version_stage",
                SecretId=secret,
                VersionStage=stage,
                RemoveFromVersionId=version,
            )

    def delete(self, aws: AwsConnection, id_: str, outputs: PropertyMap) -> None:
        """Nothing: see the class."""

    def _holder(self, aws: AwsConnection, secret: str, stage: str) -> str | None:
        versions = (find_secret(aws, secret) or {}).get("VersionIdsToStages") or {}
        return next((version for version, stages in versions.items() if stage in stages), None)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise PluginError("secretBinary is not base64", grpc.StatusCode.INVALID_ARGUMENT) from None


@dataclass(frozen=True, kw_only=True)
class SecretPolicy(ResourceType):
    """`secretsmanager.SecretPolicy`; its id is the secret's ARN."""

    def create(self, aws: AwsConnection, inputs: PropertyMap) -> str:
        """Put it."""
        self._put(aws, inputs)
        return str(inputs["secretArn"])

    def fetch(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Read it."""
        if find_secret(aws, id_) is None:
            return None
        policy = aws.call(_SERVICE, "get_resource_policy", SecretId=id_).get("ResourcePolicy")
        return {"secretArn": id_, "policy": policy, "region": aws.region} if policy else None

    def update(self, aws: AwsConnection, id_: str, old: PropertyMap, new: PropertyMap) -> None:
        """Put it again."""
        if self.changed(old, new, "policy", "blockPublicPolicy"):
            self._put(aws, new)

    def delete(self, aws: AwsConnection, id_: str, outputs: PropertyMap) -> None:
        """Take it off."""
        if find_secret(aws, id_) is not None:
            aws.find(_SERVICE, "delete_resource_policy", SecretId=id_)

    def _put(self, aws: AwsConnection, inputs: PropertyMap) -> None:
        aws.call(
            _SERVICE,
            "put_resource_policy",
            SecretId=inputs["secretArn"],
            ResourcePolicy=inputs["policy"],
            BlockPublicPolicy=inputs.get("blockPublicPolicy"),
        )


@dataclass(frozen=True, kw_only=True)
class SecretRotation(ResourceType):
    """`secretsmanager.SecretRotation`; its id is the secret's. The function that rotates has to exist."""

    def create(self, aws: AwsConnection, inputs: PropertyMap) -> str:
        """Ask for it."""
        self._rotate(aws, inputs["secretId"], inputs)
        return str(inputs["secretId"])

    def fetch(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Read the schedule."""
        found = find_secret(aws, id_)
        if found is None or not found.get("RotationEnabled"):
            return None
        rules = found.get("RotationRules") or {}
        return given(
            secretId=id_,
            rotationEnabled=True,
            rotationLambdaArn=found.get("RotationLambdaARN") or None,
            rotationRules=given(
                automaticallyAfterDays=rules.get("AutomaticallyAfterDays") or None,
                duration=rules.get("Duration"),
                scheduleExpression=rules.get("ScheduleExpression"),
            ),
            region=aws.region,
        )

    def update(self, aws: AwsConnection, id_: str, old: PropertyMap, new: PropertyMap) -> None:
        """Ask for the other schedule."""
        if self.changed(old, new, "rotationLambdaArn", "rotationRules"):
            self._rotate(aws, id_, new)

    def delete(self, aws: AwsConnection, id_: str, outputs: PropertyMap) -> None:
        """Call it off."""
        if self.fetch(aws, id_, outputs) is not None:
            aws.find(_SERVICE, "cancel_rotate_secret", SecretId=id_)

    def _rotate(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> None:
        rules = inputs.get("rotationRules") or {}
        aws.call(
            _SERVICE,
            "rotate_secret",
            SecretId=id_,
            RotationLambdaARN=inputs.get("rotationLambdaArn"),
            RotateImmediately=inputs.get("rotateImmediately", True),
            RotationRules=given(
                AutomaticallyAfterDays=rules.get("automaticallyAfterDays"),
                Duration=rules.get("duration"),
                ScheduleExpression=rules.get("scheduleExpression"),
            ),
        )
