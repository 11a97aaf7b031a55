"""What a person sees while something takes long.

On a terminal: a line per running step with its elapsed time. Elsewhere: a line when a step starts, one every ten
seconds, and one when it ends. Nothing here decides what is done; it is only told.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as RichBars
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from typing import TextIO

_LINE_SECONDS = 10.0


class Step(Protocol):
    """Something that is going on."""

    def update(self, detail: str = "") -> None:
        """Says that it still goes on, and, if known, how far it is. Cheap: may be called often."""


class Progress(Protocol):
    """Where steps are shown."""

    def step(self, name: str, doing: str) -> AbstractContextManager[Step]:
        """Shows a step from entering to leaving; leaving by an exception shows it as failed."""

    def note(self, text: str) -> None:
        """Shows one line that stays."""


def duration(seconds: float) -> str:
    """Elapsed time for a person: ``8 s``, ``2 m 05 s``."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} m {rest:02d} s" if minutes else f"{rest} s"


class Silence:
    """Shows nothing."""

    def update(self, detail: str = "") -> None:
        """Nothing."""

    @contextlib.contextmanager
    def step(self, name: str, doing: str) -> Iterator[Step]:  # noqa: ARG002  the protocol's signature
        """Nothing."""
        yield self

    def note(self, text: str) -> None:
        """Nothing."""


class _LineStep:
    def __init__(self, lines: LineProgress, name: str, doing: str) -> None:
        self._lines = lines
        self._name = name
        self._doing = doing
        self.started = self._shown = time.monotonic()

    def update(self, detail: str = "") -> None:
        now = time.monotonic()
        if now - self._shown < self._lines.every:
            return
        self._shown = now
        suffix = f", {detail}" if detail else ""
        self._lines.note(f"{self._name}: still {self._doing} ({duration(now - self.started)}{suffix})")


class LineProgress:
    """Plain lines, for logs.

    Args:
        stream: Where they go.
        every: Seconds between two lines of one step.
    """

    def __init__(self, stream: TextIO | None = None, *, every: float = _LINE_SECONDS) -> None:
        self._stream = stream or sys.stderr
        self._writing = threading.Lock()
        self.every = every

    def note(self, text: str) -> None:
        """Writes one line at once."""
        with self._writing:
            self._stream.write(f"{text}\n")
            self._stream.flush()

    @contextlib.contextmanager
    def step(self, name: str, doing: str) -> Iterator[Step]:
        """Writes a line now, one each so often, and one at the end."""
        self.note(f"{name}: {doing}")
        step = _LineStep(self, name, doing)
        try:
            yield step
        except BaseException:
            self.note(f"{name}: failed after {duration(time.monotonic() - step.started)}")
            raise
        self.note(f"{name}: done in {duration(time.monotonic() - step.started)}")


class _TerminalStep:
    def __init__(self, bars: RichBars, task: TaskID) -> None:
        self._bars = bars
        self._task = task

    def update(self, detail: str = "") -> None:
        if detail:
            self._bars.update(self._task, detail=escape(detail))


class TerminalProgress:
    """Live lines on a terminal; ``NO_COLOR`` is obeyed by rich itself.

    Args:
        console: The terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars: RichBars | None = None
        self._running = 0
        self._changing = threading.Lock()

    def note(self, text: str) -> None:
        """Prints one line above the live ones."""
        self._console.print(escape(text), highlight=False)

    @contextlib.contextmanager
    def step(self, name: str, doing: str) -> Iterator[Step]:
        """Shows a live line; what is left behind is one line with the time it took."""
        started = time.monotonic()
        bars = self._enter()
        task = bars.add_task(f"[bold]{escape(name)}[/bold]: {escape(doing)}", detail="", total=None)
        outcome = "[red]failed[/red] after"
        try:
            yield _TerminalStep(bars, task)
            outcome = "done in"
        finally:
            bars.remove_task(task)
            took = duration(time.monotonic() - started)
            self._console.print(f"[bold]{escape(name)}[/bold]: {escape(doing)}: {outcome} {took}", highlight=False)
            self._leave()

    def _enter(self) -> RichBars:
        with self._changing:
            self._running += 1
            if self._bars is None:
                self._bars = RichBars(
                    SpinnerColumn(),
                    TextColumn("{task.description}"),
                    TimeElapsedColumn(),
                    TextColumn("[dim]{task.fields[detail]}[/dim]"),
                    console=self._console,
                    transient=True,
                )
                self._bars.start()
            return self._bars

    def _leave(self) -> None:
        with self._changing:
            self._running -= 1
            if self._running == 0 and self._bars is not None:
                self._bars.stop()
                self._bars = None


def for_stream(stream: TextIO | None = None) -> Progress:
    """The progress that suits a stream (standard error by default): live on a terminal, lines elsewhere."""
    stream = stream or sys.stderr
    console = Console(file=stream)
    if console.is_terminal and not console.is_dumb_terminal:
        return TerminalProgress(console)
    return LineProgress(stream)
