"""The committed stack files, as the program reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = {"aws-local": "dev", "dev": "dev", "staging": "staging", "prod": "prod"}
"""Stack → what its file says of the environment."""


def committed(stack: str) -> dict[str, Any]:
    """Key without prefix → value."""
    config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    return {name.removeprefix("external-secrets:"): value for name, value in config.items()}
