"""Loads the fixtures that all tiers share; ``tests/fixtures`` says what there is."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

from local.environment import programs

pytest_plugins = [
    "tests.fixtures.local_parts",
    "tests.fixtures.cloud",
    "tests.fixtures.engine",
    "tests.fixtures.scheduling",
]

# How long an example takes is the machine's business; several workers share it, and a first build of the tools may too.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

# A job in the background of a shell ignores interrupts, one under nohup hangups; so would all that the tests start.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

# In a shell that evaluated `make env`, `pulumi` is a launcher; tests want the engine.
os.environ["PATH"] = programs.search_path(os.environ.get("PATH", os.defpath))
