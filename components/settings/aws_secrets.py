"""``external-secrets:aws.secrets`` and ``.parameters``: what a stack provisions."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from components.settings.section import Section
from secretsync.access.aws_account import parse_arn

Arn = Annotated[str, StringConstraints(pattern=r"^arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:([0-9]{12}|aws)?:.+$")]
Days = Annotated[int, Field(ge=7, le=30)]
_SHORTEST_WINDOW = 7
_SUFFIXED = re.compile(r"-[A-Za-z0-9]{6}")
_SCHEDULE = re.compile(r"(rate\([1-9][0-9]* (hours?|days?)\)|cron\([^()]+\))")


class RotationSettings(Section):
    """When Secrets Manager lets a function make a new value; exactly one of days and schedule."""

    lambda_arn: Arn
    """ARN of the function, which exists already and may be invoked by Secrets Manager."""
    after_days: int | None = Field(default=None, ge=1, le=1000)
    """Days between two rotations."""
    schedule: str | None = None
    """``rate(10 days)`` or ``cron(0 8 1 * ? *)``, in UTC."""

    @field_validator("lambda_arn")
    @classmethod
    def _function(cls, value: str) -> str:
        arn = parse_arn(value)
        if arn is None or arn.service != "lambda" or not arn.resource.startswith("function:"):
            raise PydanticCustomError("lambda", "is no ARN of a function, arn:…:lambda:…:function:<name>")
        return value

    @field_validator("schedule")
    @classmethod
    def _expression(cls, value: str | None) -> str | None:
        if value is not None and not _SCHEDULE.fullmatch(value):
            raise PydanticCustomError("schedule", "is neither rate(<n> hours|days) nor cron(<six fields>)")
        return value

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.after_days is None) == (self.schedule is None):
            raise PydanticCustomError("rotation", "needs exactly one of afterDays and schedule")
        return self


class _Sampled(Section):
    """What can get a first value from the secret setting ``sampleSecrets``."""

    name: str
    """Its name, which manifests refer to."""
    description: str = Field(default="", max_length=1024)
    """What it is for."""
    kms_key: Arn | None = None
    """ARN of the customer key that encrypts it; without it the key of ``aws.kmsKey``, else the one of AWS."""
    sample: Literal["text"] | tuple[Annotated[str, StringConstraints(min_length=1)], ...] | None = None
    """In ``dev``: it is written once with the value that ``sampleSecrets`` holds for its name. ``text``: a text as it
    is; a list: a JSON object with these properties."""

    @field_validator("sample")
    @classmethod
    def _some_properties(cls, value: object) -> object:
        if value == ():
            raise PydanticCustomError("sample", "lists no property; write the properties, or text")
        return value


class SecretSettings(_Sampled):
    """One secret of Secrets Manager. Its value is none of the stack's business."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9/_+=.@-]{1,512}$")]
    """Its name, which manifests refer to."""
    rotation: RotationSettings | None = None
    """Its rotation, where a function rotates it."""
    recovery_window_days: int = Field(default=30, ge=0, le=30)
    """Days for which it can be restored after its deletion: 7 to 30, or 0 for none."""

    @field_validator("recovery_window_days")
    @classmethod
    def _long_enough(cls, value: int) -> int:
        if 0 < value < _SHORTEST_WINDOW:
            raise PydanticCustomError("window", "is neither 0 nor 7 to 30 days")
        return value

    @field_validator("name")
    @classmethod
    def _not_like_an_arn(cls, value: str) -> str:
        if _SUFFIXED.fullmatch(value[-7:]):
            raise PydanticCustomError(
                "suffix", "ends with a hyphen and six characters, which AWS cannot tell from the end of an ARN"
            )
        return value


class ParameterSettings(_Sampled):
    """One parameter of Parameter Store. It cannot exist without a value, so it needs a sample."""

    name: Annotated[str, StringConstraints(pattern=r"^/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+){0,14}$", max_length=1011)]
    """Its name, which manifests refer to; with a leading slash where it is a path."""
    type: Literal["SecureString", "String"] = "SecureString"
    """``String`` for what is no secret."""

    @model_validator(mode="after")
    def _has_a_value(self) -> Self:
        if self.sample is None:
            raise PydanticCustomError("value", "cannot exist without a value; give it sample, or make it elsewhere")
        return self
