"""One long run of the engine: what it writes is handed on as it comes, and Ctrl-C lets it end in order."""

from __future__ import annotations

import signal
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from local.commands.stack import Engine

_COMPLAINTS_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended.

    Attributes:
        code: the engine's exit code.
        complaints: the lines of its standard error that are not empty.
    """

    code: int
    complaints: list[str]


def follow(
    engine: Engine, arguments: Sequence[str], take: Callable[[str], None], variables: Mapping[str, str] | None = None
) -> Ended:
    """Runs the engine on its stack.

    Args:
        engine: the engine and its stack.
        arguments: command and options; stack and configuration are added.
        take: called with each line of its standard output.
        variables: put over the engine's environment.
    """
    child = subprocess.Popen(
        [
            str(engine.program), *arguments, "--non-interactive", "--stack", engine.stack,
            "--config-file", str(engine.configuration),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=engine.project,
        env={**engine.environment, **(variables or {})},
        process_group=0,
    )  # fmt: skip
    rest: list[str] = []
    # Both pipes are drained at once: a full one would stop the engine.
    complaints = threading.Thread(target=lambda: rest.extend(child.stderr or ()), name="pulumi-stderr", daemon=True)
    try:
        complaints.start()
        for line in child.stdout or ():
            take(line)
        code = child.wait()
    except KeyboardInterrupt:
        _interrupt(child)
        raise
    finally:
        if complaints.ident is not None:
            complaints.join(timeout=_COMPLAINTS_SECONDS)
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()
    return Ended(code, [line.strip() for line in rest if line.strip()])


def _interrupt(child: subprocess.Popen[str]) -> None:
    """Lets the engine write down what it did; a second Ctrl-C makes it hurry, a third one leaves it alone."""
    for _ in range(2):
        with suppress(ProcessLookupError):
            child.send_signal(signal.SIGINT)
        try:
            for _line in child.stdout or ():
                pass
            child.wait()
        except KeyboardInterrupt:
            continue
        return
