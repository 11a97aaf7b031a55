"""Brings parts up side by side, each after what it requires, and takes them down the other way round."""

from __future__ import annotations

import shutil
import threading
import time
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Protocol

from local.environment import logs, processes
from local.environment import ports as loopback
from local.environment.parts import PORTS, REQUIRES, Part, inherited_environment
from local.environment.run_state import PartRecord, RunState
from local.errors import DiskFull, LocalError, PartCrashed, PartNotReady

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.layout import Layout

_POLL_SECONDS = 0.03
_TAIL_LINES = 12
_SEARCHED_LINES = 500
_LEAST_FREE_BYTES = 1024 * 1024
_GRACE_SECONDS = 15.0


class Progress(Protocol):
    """Told about each part while the environment starts or stops."""

    def __call__(self, part: str, event: str, seconds: float) -> None:
        """One event.

        Args:
            part: the part.
            event: ``starting``, ``ready``, ``running`` (it was already), ``stopped`` or ``killed``.
            seconds: since the part's start or stop began.
        """


class Supervisor:
    """Starts, watches and stops the processes of one environment, and remembers them in its run state.

    Args:
        layout: the environment's paths.
        progress: told about each step.
    """

    def __init__(self, layout: Layout, progress: Progress) -> None:
        self._layout = layout
        self._progress = progress
        self._writing = threading.Lock()
        self._cancelled = threading.Event()

    @property
    def state(self) -> RunState:
        """What is remembered now."""
        return RunState.read(self._layout.run_state)

    def change(self, change: Callable[[RunState], RunState]) -> RunState:
        """Changes what is remembered; others wait meanwhile."""
        with self._writing:
            state = change(self.state)
            state.write(self._layout.run_state)
            return state

    def bring_up(self, parts: Sequence[Part]) -> tuple[str, ...]:
        """Starts those that do not run and waits until all are ready.

        Args:
            parts: each after those it requires.

        Returns:
            The names of those that were started.

        Raises:
            PartError: one crashed or did not become ready in time.
            LocalError: a file may not be written.
            DiskFull: there is no room left.
        """
        self._cancelled.clear()
        futures: dict[str, Future[bool]] = {}
        with ThreadPoolExecutor(max_workers=len(parts), thread_name_prefix="part") as pool:
            try:
                for part in parts:
                    required = [futures[name] for name in REQUIRES[part.name]]
                    futures[part.name] = pool.submit(self._bring_up, part, required)
                wait(futures.values(), return_when=FIRST_EXCEPTION)
            finally:
                # On an error or Ctrl-C the workers come to a clean end: what they started is recorded first.
                if not all(future.done() and not future.exception() for future in futures.values()):
                    self._cancelled.set()
        return tuple(name for name, future in futures.items() if future.result())

    def take_down(self, names: Sequence[str]) -> tuple[str, ...]:
        """Stops parts side by side, each after those that require it.

        Args:
            names: each after those that require it.

        Returns:
            The names of those that ran.
        """
        futures: dict[str, Future[bool]] = {}
        with ThreadPoolExecutor(max_workers=max(1, len(names)), thread_name_prefix="part") as pool:
            for name in names:
                dependants = [futures[other] for other in futures if name in REQUIRES[other]]
                futures[name] = pool.submit(self._take_down, name, dependants)
        return tuple(name for name, future in futures.items() if future.result())

    def stop_unrecorded(self, name: str) -> bool:
        """Stops processes of a part whose start was never recorded, or that outlived it; whether there were any."""
        left = processes.marked(self._mark(name))
        for process in left:
            processes.stop(process, grace=_GRACE_SECONDS)
        return bool(left)

    def crashed(self, name: str, record: PartRecord) -> LocalError:
        """The error for a part that ended though it should run, with the reason its log tells."""
        log = self._layout.log(name)
        lines = logs.tail(log, lines=_TAIL_LINES, offset=record.log_offset)
        text = "\n".join(logs.tail(log, lines=_SEARCHED_LINES, offset=record.log_offset))
        # On a disk that is full to the last byte not even the log could say so.
        full = shutil.disk_usage(self._layout.root).free < _LEAST_FREE_BYTES
        if full or "no space left on device" in text:
            return DiskFull("no room is left on the device", place=name, remedy="free some space and start again")
        if "address already in use" in text:
            for use in PORTS[name]:
                port = self.state.ports.get(use)
                if port is not None and not loopback.is_free(port):
                    self.change(lambda state, use=use: state.with_port(use, None))  # type: ignore[misc]  # bound now
                    return loopback.taken(name, port)
        quoted = "".join(f"\n    {line}" for line in lines) or " nothing"
        return PartCrashed(
            f"{_ended(processes.exit_code(record.process.pid))}; the last lines of its log:{quoted}\n",
            place=name,
            remedy=f"the whole log is {log}; `make up` starts it again",
        )

    def _bring_up(self, part: Part, required: Sequence[Future[bool]]) -> bool:
        """Starts one part after those it requires; False if it ran before, or was not waited for."""
        for future in required:
            future.result()
        begun = time.monotonic()
        record = self.state.parts.get(part.name)
        if record is not None and record.process.alive and part.stuck is not None and part.stuck():
            self._take_down(part.name, ())
            record = None
        fresh = record is None or not record.process.alive
        if record is None or fresh:
            if self._cancelled.is_set():
                return False
            self._progress(part.name, "starting", 0)
            record = self._spawn(part)
        if not self._became_ready(part, record):
            return False
        self._progress(part.name, "ready" if fresh else "running", time.monotonic() - begun)
        return fresh

    def _spawn(self, part: Part) -> PartRecord:
        if part.prepare is not None:
            part.prepare()
        log = self._layout.log(part.name)
        offset = logs.bound(log)
        process = processes.start(
            part.command,
            environment={**inherited_environment(), **part.environment},
            log=log,
            mark=self._mark(part.name),
            folder=part.folder,
        )
        record = PartRecord(process, time.time(), offset)
        self.change(lambda state: state.with_part(part.name, record))
        return record

    def _became_ready(self, part: Part, record: PartRecord) -> bool:
        """Waits until a part is ready; False if the wait was called off."""
        deadline = time.monotonic() + part.ready_within
        initialised = part.initialise is None
        obstacle = "it does not answer"
        while not self._cancelled.is_set():
            if not record.process.alive:
                raise self.crashed(part.name, record)
            initialised = initialised or (part.initialise is not None and part.initialise())
            if initialised:
                obstacle = part.obstacle()
                if not obstacle:
                    return True
            if time.monotonic() > deadline:
                raise PartNotReady(
                    f"not ready after {part.ready_within:.0f} s: {obstacle}",
                    place=part.name,
                    remedy=f"read {self._layout.log(part.name)}, then run the command again",
                )
            self._cancelled.wait(_POLL_SECONDS)
        return False

    def _take_down(self, name: str, dependants: Sequence[Future[bool]]) -> bool:
        for future in dependants:
            future.result()
        begun = time.monotonic()
        record = self.state.parts.get(name)
        ran = record is not None and record.process.alive
        if record is not None:
            if ran:
                gently = processes.stop(record.process, grace=_GRACE_SECONDS)
                self._progress(name, "stopped" if gently else "killed", time.monotonic() - begun)
            self.change(lambda state: state.with_part(name, None))
        return self.stop_unrecorded(name) or ran

    def _mark(self, name: str) -> str:
        return f"{self._layout.root}:{name}"


def _ended(code: int | None) -> str:
    if code is None:
        return "it ended"
    return f"it ended with exit code {code}" if code >= 0 else f"signal {-code} ended it"
