"""The stack's configuration as frozen, typed settings; read in one place, wrong keys reported all at once.

The keys, their meaning and their defaults are described by the fields below and in ``docs/configuration.md``.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from components.settings.aws import AWSSettings
from components.settings.cluster import ClusterSettings
from components.settings.operator import OperatorSettings
from components.settings.section import DnsName, Section, camel
from components.settings.sync import SyncSettings
from components.settings.vault import VaultSettings
from secretsync.api import go_duration
from secretsync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "external-secrets"
SECTIONS = ("manifests", "cluster", "vault", "aws", "operator", "sync")
"""Keys whose values are objects or lists."""
PLAIN = ("environment", "namespace", "refreshFloor", "protect")
"""Keys whose values are texts."""


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return go_duration.parse(value)
    except ValueError:
        raise PydanticCustomError("duration", "is no duration; write 30s, 5m or 1h") from None


Floor = Annotated[timedelta, BeforeValidator(_duration), Field(ge=timedelta())]


class Settings(Section):
    """All settings of a stack; secret ones are not in here, see ``components.platform``."""

    environment: Literal["dev", "staging", "prod"]
    """Which rules hold: protection, refresh floors, policy severity."""
    namespace: DnsName = "demo"
    """Namespace of manifests that name none."""
    manifests: tuple[str, ...] = Field(min_length=1)
    """Files and folders with external-secrets.io YAML, relative to the project."""
    refresh_floor: Floor = timedelta()
    """Shortest ``refreshInterval`` that an ExternalSecret may have, as Go writes durations: ``1m``, ``1h30m``."""
    protect: bool | None = None
    """Whether what holds data is protected from deletion; without it, in ``prod``."""
    cluster: ClusterSettings = ClusterSettings()
    vault: VaultSettings | None = None
    aws: AWSSettings | None = None
    operator: OperatorSettings = OperatorSettings()
    sync: SyncSettings = SyncSettings()

    @field_validator("aws")
    @classmethod
    def _samples_in_dev(cls, value: AWSSettings | None, info: ValidationInfo) -> AWSSettings | None:
        if value is not None and value.samples and info.data.get("environment") not in (None, "dev"):
            raise PydanticCustomError(
                "samples",
                "gives {names} a sample value, which is for the environment dev only",
                {"names": ", ".join(value.samples)},
            )
        return value

    @property
    def holds_data(self) -> bool:
        """Whether what holds data is protected."""
        return self.environment == "prod" if self.protect is None else self.protect

    @property
    def kubeconfig(self) -> Path:
        """Path of the kubeconfig in force."""
        return Path(self.cluster.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config").expanduser()

    @property
    def vault_address(self) -> str:
        """Base URL of the Vault in force.

        Raises:
            SettingsError: neither the setting nor VAULT_ADDR is there.
        """
        address = (self.vault.address if self.vault else None) or os.environ.get("VAULT_ADDR")
        if not address:
            raise SettingsError(
                "no address is set",
                place=f"{PREFIX}:vault.address",
                remedy="set it in the stack file, or export VAULT_ADDR",
            )
        return address.rstrip("/")


def parse(values: Mapping[str, Any], *, place: str, today: date | None = None) -> Settings:
    """Settings from the stack's plain (not secret) values.

    Args:
        values: key without prefix → value, as ``pulumi.Config`` gives it.
        place: the stack file, for messages.
        today: the day to judge dated exceptions by; without it the clock's, in UTC.

    Raises:
        SettingsError: one error that lists every wrong or missing key.
    """
    given = {key: value for key, value in values.items() if value is not None}
    try:
        settings = Settings.model_validate(given)
        problems = _expired(settings, today or datetime.now(UTC).date())
    except ValidationError as error:
        problems = [
            f"{PREFIX}:{_key(problem['loc'], given) or '(whole)'}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        ]
    else:
        if not problems:
            return settings
    raise SettingsError(
        "the stack's configuration is wrong:\n  " + "\n  ".join(dict.fromkeys(problems)) + "\n",
        place=place,
        remedy="see docs/configuration.md, or compare with Pulumi.dev.yaml",
    )


def _expired(settings: Settings, today: date) -> list[str]:
    exception = settings.aws.level_exception if settings.aws is not None else None
    if exception is None or today <= exception.until:
        return []
    return [f"{PREFIX}:aws.levelException.until: ended on {exception.until}; set level: secrets, or decide anew"]


def _key(location: tuple[int | str, ...], values: object) -> str:
    """The dotted path of a problem as the stack file spells it, without the names of the alternatives tried."""
    path: list[str] = []
    for index, part in enumerate(location):
        name = str(part)
        if isinstance(values, dict) and part in values:
            values = values[part]
        elif isinstance(values, list | tuple) and isinstance(part, int):
            values = values[part] if part < len(values) else None
        elif isinstance(values, dict) and index == len(location) - 1 and part != values.get("kind"):
            name = camel(name)  # what is missing may be known by its attribute
        else:
            continue
        path.append(name)
    return ".".join(path)
