"""``pulumi`` as typed by hand under ``make env``: the real engine, on this machine's stack file where it reads one.

The committed ``Pulumi.<stack>.yaml`` holds no secret that this machine can open, and must not be given any. So commands
that read the configuration of a stack which was brought up here get ``--config-file`` with the file in ``.local/``,
which is first brought up to date with the committed one. Everything else, and every other stack, passes through as it
is.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from local.commands import doubles
from local.commands.stack import STACK, merge_configuration, selection
from local.environment import variables
from local.errors import LocalError
from local.layout import PROJECT, Layout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

READING = frozenset({"up", "update", "preview", "pre", "refresh", "destroy", "import", "watch", "logs", "config"})
"""Commands that read the stack's configuration."""

_OPTIONS_WITH_VALUE = frozenset({"-C", "--cwd", "--color", "-v", "--verbose", "--profiling", "--tracing"})


def arguments(given: Sequence[str], *, layout: Layout, project: Path, environment: Mapping[str, str]) -> list[str]:
    """The arguments the engine gets.

    Args:
        given: what was typed after ``pulumi``.
        layout: the environment's paths.
        project: folder of ``Pulumi.yaml``.
        environment: the variables it runs under.

    Raises:
        LocalError: the stack file cannot be read or written.
    """
    words = list(given)
    at = _command_index(words)
    if at is not None and words[at] == "stack" and _removes_stack(words[at + 1 :]):
        return words if "--preserve-config" in words else [*words, "--preserve-config"]  # the file is a committed one
    if at is None or words[at] not in READING or any(_is_option(word, "--config-file") for word in words):
        return words
    if words[at] == "config" and _sets_plainly(words[at + 1 :]):
        return words  # a plain value belongs into the committed file
    stack = _stack(words, layout, project, environment)
    if _folder(words, environment) != project.resolve() or not layout.stack_configuration(stack).is_file():
        return words
    merged = merge_configuration(layout, project, stack, doubles.redirect)
    return [*words[: at + 1], "--config-file", str(merged), *words[at + 1 :]]


def main() -> NoReturn:
    """Replaces this process by the engine.

    The process's arguments are the environment's root, the engine's path, and what was typed.
    """
    root, engine, *given = sys.argv[1:]
    try:
        layout = Layout(Path(root))
        words = arguments(given, layout=layout, project=PROJECT, environment=os.environ)
    except LocalError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)
    os.execve(engine, [engine, *words], variables.with_bytecode(os.environ, layout))  # noqa: S606  no shell


def _command_index(words: Sequence[str]) -> int | None:
    skip = False
    for index, word in enumerate(words):
        if skip:
            skip = False
        elif word in _OPTIONS_WITH_VALUE:
            skip = True
        elif not word.startswith("-"):
            return index
    return None


def _is_option(word: str, option: str) -> bool:
    return word == option or word.startswith(f"{option}=")


def _value(words: Sequence[str], *options: str) -> str | None:
    for index, word in enumerate(words):
        for option in options:
            if word == option and index + 1 < len(words):
                return words[index + 1]
            if word.startswith(f"{option}="):
                return word.partition("=")[2]
    return None


def _removes_stack(words: Sequence[str]) -> bool:
    return next((word for word in words if not word.startswith("-")), "") in {"rm", "remove"}


def _sets_plainly(words: Sequence[str]) -> bool:
    changes = any(word in {"set", "set-all", "rm", "rm-all"} for word in words)
    return changes and "--secret" not in words


def _folder(words: Sequence[str], environment: Mapping[str, str]) -> Path:
    """The folder of the ``Pulumi.yaml`` the engine will find: the nearest one upwards."""
    start = Path(_value(words, "-C", "--cwd") or environment.get("PWD") or ".").resolve()
    for folder in (start, *start.parents):
        if (folder / "Pulumi.yaml").is_file():
            return folder
    return start


def _stack(words: Sequence[str], layout: Layout, project: Path, environment: Mapping[str, str]) -> str:
    """The stack the engine will take: option, variable, then what was selected."""
    named = _value(words, "-s", "--stack") or environment.get("PULUMI_STACK")
    if not named:
        # The engine keeps the selection under the SHA-1 of the project file's path.
        digest = hashlib.sha1(str(project.resolve() / "Pulumi.yaml").encode(), usedforsecurity=False).hexdigest()
        for file in (layout.pulumi_home / "workspaces").glob(f"*-{digest}-workspace.json"):
            named = selection(file, layout) or named
    return (named or STACK).rpartition("/")[2]
