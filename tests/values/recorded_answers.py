"""Reads the recorded answers of Go libraries that lie beside this module."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


def recorded(name: str) -> list[Any]:
    """The cases of one file as test parameters, numbered."""
    rows = json.loads((Path(__file__).parent / "recorded" / f"{name}.json").read_text(encoding="utf-8"))
    return [pytest.param(row, id=f"{name}-{number}") for number, row in enumerate(rows)]
