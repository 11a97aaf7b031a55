"""One platform to be broken and mended by all tests of this folder; stopped at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.checkout import Checkout, bring_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    yield from bring_up(tmp_path_factory.mktemp("faults") / "project")


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Checkout]:
    """A checkout in which nothing was ever started."""
    made = Checkout.make(tmp_path / "project")
    yield made
    made.remove()
