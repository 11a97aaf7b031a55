"""The configuration files of the environments, as ``pulumi preview --policy-pack-config`` reads them.

Source: the engine's ``pkg/resource/analyzer/config.go``. A file is an object of rule names; each has a level of
enforcement as text, or an object of the rule's parameters and, optionally, ``enforcementLevel``. ``all`` gives the
level of every rule that has none of its own there, also of those whose default differs from the pack's. The engine
neither refuses a rule that does not exist nor a parameter that the rule does not have.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pulumi_policy import EnforcementLevel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi_policy import Policy

ENVIRONMENTS: Final = ("dev", "staging", "prod")
"""Values of the setting ``external-secrets:environment``; each has a file."""
PACK_LEVEL: Final = EnforcementLevel.MANDATORY
"""How rules are enforced that say nothing else."""
_FOLDER: Final = Path(__file__).with_name("config")
_ALL: Final = "all"
_LEVEL: Final = "enforcementLevel"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a file says.

    Attributes:
        everywhere: the level of all rules; None where the file gives none.
        levels: levels of single rules.
        parameters: parameters of single rules.
    """

    everywhere: EnforcementLevel | None
    levels: Mapping[str, EnforcementLevel]
    parameters: Mapping[str, Mapping[str, Any]]

    def level(self, policy: Policy) -> EnforcementLevel:
        """How a rule is enforced with this file."""
        own = self.levels.get(policy.name) or self.everywhere
        return own or policy.enforcement_level or PACK_LEVEL

    @property
    def rules(self) -> set[str]:
        """The rules that it names."""
        return {*self.levels, *self.parameters}


def path(environment: str) -> Path:
    """The file of an environment."""
    return _FOLDER / f"{environment}.json"


def read(text: str) -> Configuration:
    """What the text of a file says.

    Raises:
        ValueError: a level is none, or the text is no JSON object of texts and objects.
    """
    levels: dict[str, EnforcementLevel] = {}
    parameters: dict[str, Mapping[str, Any]] = {}
    for name, value in json.loads(text).items():
        given = {_LEVEL: value} if isinstance(value, str) else dict(value)
        if _LEVEL in given:
            levels[name] = EnforcementLevel(given.pop(_LEVEL))
        if given:
            parameters[name] = given
    return Configuration(levels.pop(_ALL, None), levels, parameters)
