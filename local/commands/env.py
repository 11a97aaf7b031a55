"""``env``: lines for ``eval`` that bring a shell into the environment."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from local.environment import Environment, variables
from local.errors import LocalError
from local.layout import Layout

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--json", action="store_true", help="print a JSON object instead of shell lines")


def run(options: argparse.Namespace) -> int:
    """Prints the variables, the token among them: that is what the command is for.

    Raises:
        LocalError: the environment was never started.
    """
    environment = Environment(Layout.of_project().root)
    if not environment.layout.openbao_token.is_file():
        raise LocalError("it was never started", place=str(environment.layout.root), remedy="start it with `make up`")
    exported = variables.exports(
        environment.layout, vault_address=environment.openbao, vault_token=environment.openbao_token
    )
    text = json.dumps(exported, indent=2) if options.json else "\n".join(variables.shell_lines(exported))
    sys.stdout.write(f"{text}\n")
    return 0
