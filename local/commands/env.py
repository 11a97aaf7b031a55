"""``env``: lines for ``eval`` that bring a shell into the environment."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from local.commands import doubles, environments
from local.environment import variables

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    environments.add_stack(parser, text="the stack whose environment it is")
    parser.add_argument("--json", action="store_true", help="print a JSON object instead of shell lines")


def run(options: argparse.Namespace) -> int:
    """Prints the variables, the token among them: that is what the command is for.

    Raises:
        LocalError: the environment was never started, or there is no such stack.
    """
    needs = environments.needs_of(options.stack)
    environments.started(options.stack, environments.layout_of(options.stack))
    environment = environments.open_environment(options.stack, needs)
    exported = doubles.exports(environment, needs)
    text = json.dumps(exported, indent=2) if options.json else "\n".join(variables.shell_lines(exported))
    sys.stdout.write(f"{text}\n")
    return 0
