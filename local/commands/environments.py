"""Which environment belongs to which stack: each has its own cluster, backend, state and data, side by side.

The dev stack's is the project's; those of other stacks lie below it, and so does the one of previews.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from local.commands import doubles
from local.commands.stack import STACK, committed_configuration
from local.environment import Environment
from local.environment.environment import silent
from local.errors import LocalError
from local.layout import PROJECT, Layout

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from local.environment.supervisor import Progress

_OF_PREVIEWS = "preview"


def add_stack(parser: argparse.ArgumentParser, *, default: str | None = STACK, text: str = "the stack") -> None:
    """The option that names a stack."""
    said = f"{text} (default: {default or 'all'})"
    parser.add_argument("--stack", metavar="STACK", default=default, help=said)


def layout_of(stack: str) -> Layout:
    """The paths of a stack's environment on this machine."""
    own = Layout.of_project()
    return own if stack == STACK else own.of_stack(stack)


def needs_of(stack: str) -> doubles.Needs:
    """What a stack's committed file asks for.

    Raises:
        LocalError: there is no such stack, or its file is not YAML.
    """
    return doubles.needs_of(committed_configuration(PROJECT, stack))


def open_environment(stack: str, needs: doubles.Needs, progress: Progress = silent) -> Environment:
    """The environment of a stack, with the parts it needs; nothing is started.

    Args:
        stack: the stack.
        needs: what its committed file asks for.
        progress: told about each step.
    """
    return Environment(layout_of(stack).root, parts=needs.to_update, account=needs.account, progress=progress)


def present(stack: str | None = None) -> Iterator[tuple[str, Layout]]:
    """The environments that there are on this machine, those of previews last.

    Args:
        stack: only the one of this stack, there or not; without it all of them, and the project's own even where it
            is missing.

    Yields:
        Name for people, and paths.
    """
    if stack is not None:
        needs_of(stack)  # an unknown one is told by name
        yield stack, layout_of(stack)
        return
    own = Layout.of_project()
    yield STACK, own
    with suppress(FileNotFoundError, NotADirectoryError):
        for folder in sorted(own.stacks.iterdir()):
            if folder.is_dir():
                yield folder.name, own.of_stack(folder.name)
    if own.preview.root.is_dir():
        yield _OF_PREVIEWS, own.preview


def started(stack: str, layout: Layout) -> None:
    """Passes where a stack's environment was started before.

    Raises:
        LocalError: it never was.
    """
    if not layout.run_state.is_file():
        command = "make up" if stack == STACK else f"make up STACK={stack}"
        raise LocalError("it was never started", place=str(layout.root), remedy=f"start it with `{command}`")
