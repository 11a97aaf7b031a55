"""First values of secrets, from the secret setting ``sampleSecrets``; no message tells one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from components.settings import PREFIX
from secretsync.errors import SettingsError

if TYPE_CHECKING:
    from components.settings import ParameterSettings, SecretSettings

SampleValues = Mapping[str, str | Mapping[str, str]]
"""KV path or AWS name → a text, or the properties of a JSON object."""
PLACE: Final = f"{PREFIX}:sampleSecrets"


def parse_samples(text: str) -> SampleValues:
    """The setting as values.

    Raises:
        SettingsError: it is no JSON object of texts and of objects of texts.
    """
    try:
        values: object = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise _wrong("is not a JSON object")
    wrong = sorted(name for name, value in values.items() if not (isinstance(value, str) or _is_object(value)))
    if wrong:
        raise _wrong(f"{', '.join(wrong)}: neither a text nor an object of texts")
    return values


def vault_sample(path: str, values: SampleValues) -> str:
    """What is written to a KV path, as JSON.

    Raises:
        SettingsError: there is nothing for it, or no object.
    """
    value = values.get(path)
    if not isinstance(value, Mapping):
        raise _wrong(f"{path} is missing" if value is None else f"{path} is no object")
    return json.dumps(dict(value))


def aws_sample(settings: SecretSettings | ParameterSettings, values: SampleValues) -> str:
    """The first value of a secret or parameter, as it is written.

    Raises:
        SettingsError: there is none, or it has not the form that the stack file says.
    """
    value = values.get(settings.name)
    if value is None:
        raise _wrong(f"{settings.name} is missing")
    if settings.sample == "text":
        if isinstance(value, str):
            return value
        raise _wrong(f"{settings.name} is no text")
    wanted = set(settings.sample or ())
    if isinstance(value, Mapping) and set(value) == wanted:
        return json.dumps(dict(value))
    raise _wrong(f"{settings.name} is no object with the properties {', '.join(sorted(wanted))} and no others")


def _is_object(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def _wrong(problem: str) -> SettingsError:
    return SettingsError(problem, place=PLACE, remedy="pulumi config set --secret sampleSecrets '{…}'")
