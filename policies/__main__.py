"""The policy pack, as the engine starts it."""

from __future__ import annotations

import sys
from pathlib import Path

from pulumi_policy import EnforcementLevel, PolicyPack

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from policies.rules import POLICIES

PolicyPack("external-secrets", enforcement_level=EnforcementLevel.MANDATORY, policies=list(POLICIES))
