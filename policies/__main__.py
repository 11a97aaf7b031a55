"""The policy pack, as the engine starts it."""

from __future__ import annotations

import sys
from pathlib import Path

from pulumi_policy import PolicyPack

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from policies.configuration import PACK_LEVEL
from policies.rules import POLICIES

PolicyPack("external-secrets", enforcement_level=PACK_LEVEL, policies=list(POLICIES))
