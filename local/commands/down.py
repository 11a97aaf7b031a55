"""``down``: stops what runs, keeps the data."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from local.commands import environments
from local.commands.stack import STACK
from local.commands.steps import Step, Steps
from local.environment import Environment

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    environments.add_stack(parser, default=None, text="only the environment of this stack")


def run(options: argparse.Namespace) -> int:
    """Stops every part of the environments that there are, or of one.

    Raises:
        LocalError: another command is at work, there is no such stack, or a file may not be written.
    """
    steps = Steps()
    known = False
    stopped: list[str] = []
    for stack, layout in environments.present(options.stack):
        if not layout.run.is_dir():
            continue
        known = True
        prefix = "" if stack == STACK else f"{stack}: "

        def tell(part: str, event: str, seconds: float, prefix: str = prefix) -> None:
            steps.finished(Step(prefix + part, event, seconds))

        environment = Environment(layout.root, progress=tell)
        with environment.exclusive("make down"):
            stopped += environment.stop()
    if not known:
        said = "Nothing to stop: it was never started."
    else:
        said = "Stopped; the data stay. `make up` goes on from here." if stopped else "Nothing was running."
    sys.stdout.write(f"{said}\n")
    return 0
