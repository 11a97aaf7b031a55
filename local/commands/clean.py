"""``clean``: stops what runs and removes everything the environments wrote."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from local.commands import environments
from local.environment import Environment
from local.layout import Layout

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    environments.add_stack(parser, default=None, text="only the environment of this stack")


def run(options: argparse.Namespace) -> int:
    """Stops every part, then removes the folder: of the project's environment with those of all stacks, or of one.

    Raises:
        LocalError: another command is at work, there is no such stack, or a file may not be removed.
    """
    root = Layout.of_project().root if options.stack is None else environments.layout_of(options.stack).root
    found = [Environment(layout.root) for _, layout in environments.present(options.stack) if layout.root.exists()]
    if not root.exists():
        sys.stdout.write("Nothing to remove.\n")
        return 0
    with ExitStack() as locks:
        for environment in found:
            locks.enter_context(environment.exclusive("make clean"))
        for environment in found:
            environment.stop()
        for environment in reversed(found):  # the project's own holds the others
            environment.remove()
    sys.stdout.write(f"Stopped, and {root} removed. The tools stay in the cache that all clones share.\n")
    return 0
