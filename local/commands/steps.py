"""How a command shows what it does: one line per step with the time it took, on standard error."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME_WIDTH = 24
_DETAIL_WIDTH = 52


@dataclass(slots=True)
class Step:
    """One step.

    Attributes:
        name: what is done.
        detail: what came out; set while it runs.
        seconds: how long it took, once it is done.
    """

    name: str
    detail: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Steps:
    """All steps of one command.

    Attributes:
        done: the finished ones, in the order they ended.
    """

    done: list[Step] = field(default_factory=list)
    _console: Console = field(default_factory=lambda: Console(file=sys.stderr, highlight=False))
    _begun: float = field(default_factory=time.monotonic)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def seconds(self) -> float:
        """Time since the command began."""
        return time.monotonic() - self._begun

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Shows a step from entering to leaving; one that is left by an exception is shown as failed."""
        step = Step(name)
        begun = time.monotonic()
        status = self._console.status(f"{escape(name)} …") if self._console.is_terminal else None
        if status is not None:
            status.start()
        try:
            yield step
        except BaseException:
            step.seconds = time.monotonic() - begun
            self._stop(status)
            self._line("[red]✗[/red]", step)
            raise
        step.seconds = time.monotonic() - begun
        self._stop(status)
        self.finished(step)

    def finished(self, step: Step) -> None:
        """Shows a step that is done already."""
        self.done.append(step)
        self._line("[green]✓[/green]", step)

    def note(self, text: str) -> None:
        """Shows one line below the last step."""
        with self._writing:
            self._console.print(f"  {escape(text)}", style="dim", soft_wrap=True)

    def _line(self, mark: str, step: Step) -> None:
        with self._writing:
            name, detail = escape(f"{step.name:<{_NAME_WIDTH}}"), escape(f"{step.detail:<{_DETAIL_WIDTH}}")
            self._console.print(f"{mark} {name} {detail} {step.seconds:5.1f} s", soft_wrap=True)

    @staticmethod
    def _stop(status: object) -> None:
        if status is not None:
            status.stop()  # type: ignore[attr-defined]  # rich's Status
