"""Loads the fixtures that all tiers share; ``tests/fixtures`` says what there is."""

from __future__ import annotations

pytest_plugins = ["tests.fixtures.local_parts", "tests.fixtures.cloud"]
