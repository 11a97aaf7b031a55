"""``down``: stops what runs, keeps the data."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from local.commands.steps import Step, Steps
from local.environment import Environment
from local.layout import Layout

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This command has no options."""
    del parser


def run(_options: argparse.Namespace) -> int:
    """Stops every part.

    Raises:
        LocalError: another command is at work, or a file may not be written.
    """
    layout = Layout.of_project()
    if not layout.run.is_dir():
        sys.stdout.write("Nothing to stop: it was never started.\n")
        return 0
    steps = Steps()
    environment = Environment(
        layout.root, progress=lambda part, event, seconds: steps.finished(Step(part, event, seconds))
    )
    with environment.exclusive("make down"):
        stopped = environment.stop()
    said = "Stopped; the data stay. `make up` goes on from here." if stopped else "Nothing was running."
    sys.stdout.write(f"{said}\n")
    return 0
