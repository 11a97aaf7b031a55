"""One platform for all tests of this folder: brought up once, stopped at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.checkout import Checkout, bring_up

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    yield from bring_up(tmp_path_factory.mktemp("e2e") / "project")
