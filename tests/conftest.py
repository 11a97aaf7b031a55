"""Loads the fixtures that all tiers share; ``tests/fixtures`` says what there is."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["tests.fixtures.local_parts", "tests.fixtures.cloud", "tests.fixtures.engine"]

# How long an example takes is the machine's business; several workers share it, and a first build of the tools may too.
settings.register_profile("project", deadline=None)
settings.load_profile("project")
