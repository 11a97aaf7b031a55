"""Compiled Python of the engine's processes, where the machine wants none beside the sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.environment import variables
from local.layout import Layout

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit


def test_where_bytecode_is_unwanted_it_goes_below_the_root(tmp_path: Path) -> None:
    made = variables.with_bytecode({"PYTHONDONTWRITEBYTECODE": "1", "A": "b"}, Layout(tmp_path))
    assert made == {"A": "b", "PYTHONPYCACHEPREFIX": str(tmp_path / "bytecode")}


def test_a_prefix_of_the_callers_own_is_kept(tmp_path: Path) -> None:
    given = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": "/own"}
    assert variables.with_bytecode(given, Layout(tmp_path)) == {"PYTHONPYCACHEPREFIX": "/own"}


def test_elsewhere_nothing_changes(tmp_path: Path) -> None:
    assert variables.with_bytecode({"A": "b"}, Layout(tmp_path)) == {"A": "b"}
