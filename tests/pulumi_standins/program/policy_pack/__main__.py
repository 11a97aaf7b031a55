"""A policy pack of one rule."""

from __future__ import annotations

from pulumi_policy import EnforcementLevel, PolicyPack
from rules import named  # type: ignore[import-not-found]  # it lies beside this file

PolicyPack("tests", enforcement_level=EnforcementLevel.MANDATORY, policies=[named])
