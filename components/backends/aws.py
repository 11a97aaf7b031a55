"""Secrets Manager secrets and Parameter Store parameters of one account and Region, and the key that encrypts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from components.backends.aws_documents import key_policy, network_policy
from components.backends.samples import aws_sample

if TYPE_CHECKING:
    from components.backends.samples import SampleValues
    from components.settings import AWSSettings, KMSKeySettings, ParameterSettings, SecretSettings
    from components.settings.aws_secrets import RotationSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsManagerBackendArgs:
    """What a `SecretsManagerBackend` is made from."""

    settings: AWSSettings
    """What is provisioned, and where."""
    services: tuple[str, ...]
    """Services that use the new key: ``secretsmanager``, ``ssm``."""
    protect: bool
    """Whether what holds data, the key included, is protected from deletion."""
    sample_values: pulumi.Input[SampleValues] | None = None
    """Secret. First values of the secrets and parameters that have a sample; later changes are left alone."""


class SecretsManagerBackend(pulumi.ComponentResource):
    """Key with alias, secrets with rotation and network policy, parameters.

    Secrets have the names that the settings say, because manifests refer to them. Values are written by people, by
    rotation, or once from samples; the component never reads one.
    """

    key_arn: pulumi.Output[str]
    """ARN of the customer key; empty where there is none."""
    secret_arns: pulumi.Output[dict[str, str]]
    """Name → ARN of each secret, known once it is ready to be read."""
    parameter_arns: pulumi.Output[dict[str, str]]
    """Name → ARN of each parameter."""

    def __init__(self, name: str, args: SecretsManagerBackendArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("external-secrets:backends:SecretsManager", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        self._holding_data = pulumi.ResourceOptions(parent=self, protect=args.protect)
        settings = args.settings
        key_settings = settings.kms_key
        self._key = self._new_key(key_settings) if key_settings is not None and key_settings.create else None
        existing = key_settings.arn if key_settings is not None else None
        self.key_arn = self._key.arn if self._key is not None else pulumi.Output.from_input(existing or "")
        self.secret_arns = pulumi.Output.all(**{each.name: self._secret(each) for each in settings.secrets})
        self.parameter_arns = pulumi.Output.all(**{each.name: self._parameter(each) for each in settings.parameters})
        self.register_outputs(
            {"keyArn": self.key_arn, "secretArns": self.secret_arns, "parameterArns": self.parameter_arns}
        )

    def _new_key(self, settings: KMSKeySettings) -> aws.kms.Key:
        key = aws.kms.Key(
            f"{self._name}-key",
            description="Secrets that ExternalSecrets read",
            policy=key_policy(self._args.settings, self._args.services),
            enable_key_rotation=True,
            deletion_window_in_days=settings.deletion_window_days,
            tags=self._args.settings.tags,
            opts=self._holding_data,
        )
        aws.kms.Alias(
            f"{self._name}-key-alias", name=f"alias/{settings.alias}", target_key_id=key.key_id, opts=self._child
        )
        return key

    def _key_of(self, settings: SecretSettings | ParameterSettings) -> pulumi.Input[str] | None:
        section = self._args.settings.kms_key
        if settings.kms_key is not None or section is None:
            return settings.kms_key
        return self.key_arn

    def _secret(self, settings: SecretSettings) -> pulumi.Output[str]:
        suffix = settings.name
        secret = aws.secretsmanager.Secret(
            f"{self._name}-secret-{suffix}",
            name=settings.name,
            description=settings.description or None,
            kms_key_id=self._key_of(settings),
            recovery_window_in_days=settings.recovery_window_days,
            tags=self._args.settings.tags,
            opts=self._holding_data,
        )
        needed: list[pulumi.Resource] = []
        network = self._args.settings.read_only_from
        if network is not None:
            needed.append(
                aws.secretsmanager.SecretPolicy(
                    f"{self._name}-policy-{suffix}",
                    secret_arn=secret.arn,
                    policy=network_policy(network),
                    block_public_policy=True,
                    opts=self._child,
                )
            )
        if settings.sample is not None:
            needed.append(
                aws.secretsmanager.SecretVersion(
                    f"{self._name}-sample-{suffix}",
                    secret_id=secret.id,
                    secret_string=self._sample(settings),
                    opts=pulumi.ResourceOptions(parent=self, ignore_changes=["secretString"]),
                )
            )
        if settings.rotation is not None:
            needed.append(self._rotation(suffix, secret, settings.rotation))
        return pulumi.Output.all(secret.arn, *(each.urn for each in needed)).apply(lambda values: str(values[0]))

    def _rotation(
        self, suffix: str, secret: aws.secretsmanager.Secret, settings: RotationSettings
    ) -> aws.secretsmanager.SecretRotation:
        return aws.secretsmanager.SecretRotation(
            f"{self._name}-rotation-{suffix}",
            secret_id=secret.id,
            rotation_lambda_arn=settings.lambda_arn,
            rotation_rules=aws.secretsmanager.SecretRotationRotationRulesArgs(
                automatically_after_days=settings.after_days, schedule_expression=settings.schedule
            ),
            rotate_immediately=False,  # the secret may have no value yet
            opts=self._child,
        )

    def _parameter(self, settings: ParameterSettings) -> pulumi.Output[str]:
        parameter = aws.ssm.Parameter(
            f"{self._name}-parameter-{settings.name}",
            name=settings.name,
            description=settings.description or None,
            type=settings.type,
            key_id=self._key_of(settings) if settings.type == "SecureString" else None,
            value=self._sample(settings),
            tags=self._args.settings.tags,
            opts=pulumi.ResourceOptions(parent=self, protect=self._args.protect, ignore_changes=["value"]),
        )
        return parameter.arn

    def _sample(self, settings: SecretSettings | ParameterSettings) -> pulumi.Output[str]:
        values: pulumi.Output[SampleValues | None] = pulumi.Output.secret(self._args.sample_values)
        return values.apply(lambda given: aws_sample(settings, given or {}))
