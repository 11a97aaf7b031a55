"""Settings in, Platform, exports out."""

from __future__ import annotations

import pulumi

from components.platform import Platform, PlatformArgs
from components.settings import PLAIN, PREFIX, SECTIONS, parse
from secretsync.errors import SecretSyncError

config = pulumi.Config(PREFIX)
plain = {key: config.get(key) for key in PLAIN}
sections = {key: config.get_object(key) for key in SECTIONS}
try:
    settings = parse({**plain, **sections}, place=f"Pulumi.{pulumi.get_stack()}.yaml")
    platform = Platform(
        "platform",
        PlatformArgs(
            settings=settings,
            sample_secrets=config.get_secret("sampleSecrets"),
            fingerprint_key=config.get_secret("fingerprintKey"),
        ),
    )
except SecretSyncError as error:
    raise pulumi.RunError(str(error)) from None  # the engine prints it without a traceback
pulumi.export("targets", platform.targets)
if settings.aws is not None:
    pulumi.export("roleArns", platform.role_arns)
