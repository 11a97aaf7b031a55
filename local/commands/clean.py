"""``clean``: stops what runs and removes everything the environment wrote."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from local.environment import Environment
from local.layout import Layout

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This command has no options."""
    del parser


def run(_options: argparse.Namespace) -> int:
    """Stops every part, then removes the folder.

    Raises:
        LocalError: another command is at work, or a file may not be removed.
    """
    layout = Layout.of_project()
    if not layout.root.exists():
        sys.stdout.write("Nothing to remove.\n")
        return 0
    environment = Environment(layout.root)
    with environment.exclusive("make clean"):
        environment.stop()
        environment.remove()
    sys.stdout.write(f"Stopped, and {layout.root} removed. The tools stay in the cache that all clones share.\n")
    return 0
