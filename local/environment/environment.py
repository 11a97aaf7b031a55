"""The parts together: brought up in parallel, looked at, taken down in order."""

from __future__ import annotations

import datetime as dt
import shutil
import threading
import time
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from local import tools
from local.environment import (
    api_server,
    certificates,
    controller_manager,
    etcd,
    kubeconfig,
    locking,
    logs,
    node,
    openbao,
    processes,
)
from local.environment import ports as loopback
from local.environment.parts import (
    API_SERVER,
    CONTROLLER_MANAGER,
    ETCD,
    NODE,
    OPENBAO,
    ORDER,
    PORTS,
    REQUIRES,
    TOOLS,
    Part,
    inherited_environment,
)
from local.environment.run_state import PartRecord, RunState
from local.errors import DiskFull, LocalError, PartCrashed, PartNotReady
from local.layout import Layout, explain

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType

_POLL_SECONDS = 0.03
_TAIL_LINES = 12
_DETAIL_CHARACTERS = 160


class Progress(Protocol):
    """Told about each part while the environment starts or stops."""

    def __call__(self, part: str, event: str, seconds: float) -> None:
        """One event.

        Args:
            part: the part.
            event: ``starting``, ``ready``, ``running`` (it was already), ``stopped`` or ``killed``.
            seconds: since the part's start or stop began.
        """


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One part as it is now.

    Attributes:
        name: the part.
        state: ``ready``, ``not ready``, ``crashed`` or ``stopped``.
        detail: what keeps it from being ready, or the last line of its log if it crashed.
        pid: process id, None if it does not run.
        address: where it is reached, empty if nowhere.
        since: when it was started, seconds since 1970, None if it does not run.
        memory: resident memory in bytes, 0 if it does not run.
        log: its log file.
    """

    name: str
    state: str
    detail: str
    pid: int | None
    address: str
    since: float | None
    memory: int
    log: Path


def _silent(part: str, event: str, seconds: float) -> None:
    """Tells nobody."""


class Environment:
    """etcd, kube-apiserver, kube-controller-manager, OpenBao and the node under one root.

    Everything here blocks and may be called from any thread; as a context manager it starts on entry and stops on
    exit. ``start`` and ``stop`` do not take the lock themselves: whoever shares a root with others wraps them in
    ``exclusive``.

    Args:
        root: folder for all data, logs and state; made if it is missing.
        durable: whether writes to etcd reach the disk before they are acknowledged. False for environments that are
            thrown away.
        parts: which parts to run; what they require is added. All if empty.
        tool: gives the path of a tool by name.
        progress: told about each step.
    """

    def __init__(
        self,
        root: Path,
        *,
        durable: bool = True,
        parts: Collection[str] = (),
        tool: Callable[[str], Path] = tools.ensure,
        progress: Progress = _silent,
    ) -> None:
        self.layout = Layout(root.absolute())
        self.parts = _with_requirements(parts)
        self._durable = durable
        self._tool = tool
        self._progress = progress
        self._state_lock = threading.Lock()
        self._cancelled = threading.Event()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def api_server(self) -> str:
        """Address of the API server."""
        return api_server.url(self._ports())

    @property
    def openbao(self) -> str:
        """Address of OpenBao."""
        return openbao.url(self._ports())

    @property
    def openbao_token(self) -> str:
        """OpenBao's root token. A secret: never print it but where it is asked for."""
        try:
            return self.layout.openbao_token.read_text()
        except OSError as error:
            raise explain(error, self.layout.openbao_token) from error

    def exclusive(self, doing: str) -> AbstractContextManager[None]:
        """Keeps other commands from changing the environment meanwhile.

        Raises:
            EnvironmentBusy: another command is at it.
        """
        self.layout.prepare()
        return locking.exclusive(self.layout.lock, doing)

    def start(self) -> tuple[str, ...]:
        """Brings up every part that does not run, and waits until all are ready.

        Returns:
            The parts that were started; empty if all ran before.

        Raises:
            PartError: a part crashed, did not become ready in time, or its port is taken.
            ToolError: a tool cannot be had.
            LocalError: a file may not be written.
            DiskFull: there is no room left.
        """
        self._cancelled.clear()
        self.layout.prepare()
        binaries = {name: self._tool(TOOLS[name]) for name in self.parts if name in TOOLS}
        pki = certificates.ensure(self.layout.pki, now=dt.datetime.now(dt.UTC))
        ports = self._claim_ports()
        changed = self._write_kubeconfigs(pki, ports)
        if pki.renewed or changed:  # they read these files once, when they start
            self._stop(tuple(name for name in reversed(ORDER) if name.startswith("kube-") or name == NODE))
        parts = self._parts(ports, binaries, pki)
        started: list[str] = []
        with ThreadPoolExecutor(max_workers=len(parts), thread_name_prefix="part") as pool:
            futures: dict[str, Future[bool]] = {}
            try:
                for part in parts:
                    required = [futures[name] for name in REQUIRES[part.name]]
                    futures[part.name] = pool.submit(self._bring_up, part, required)
                wait(futures.values(), return_when=FIRST_EXCEPTION)
            finally:
                # On an error or Ctrl-C the workers come to a clean end: what they started is recorded before they
                # leave.
                if not all(future.done() and not future.exception() for future in futures.values()):
                    self._cancelled.set()
        for name, future in futures.items():
            if future.result():
                started.append(name)
        self.check()  # whether one fell over while the others were waited for
        return tuple(started)

    def stop(self) -> tuple[str, ...]:
        """Stops what runs, dependants first; the data stay.

        Returns:
            The parts that were stopped.
        """
        return self._stop(tuple(reversed(ORDER)))

    def remove(self) -> None:
        """Removes everything the environment ever wrote; it must be stopped.

        Raises:
            LocalError: a file may not be removed.
        """
        root = self.layout.root
        if root.is_symlink():
            raise LocalError("it is a symbolic link", place=str(root), remedy="remove what it points to yourself")
        try:
            shutil.rmtree(root)
        except FileNotFoundError:
            return
        except OSError as error:
            raise explain(error, root) from error

    def status(self) -> tuple[PartStatus, ...]:
        """Every part as it is now; nothing is changed."""
        state = RunState.read(self.layout.run_state)
        built: dict[str, Part] = {}
        if state.parts and all(use in state.ports for name in self.parts for use in PORTS[name]):
            pki = certificates.at(self.layout.pki)
            nowhere = dict.fromkeys(self.parts, self.layout.root)
            built = {part.name: part for part in self._parts(state.ports, nowhere, pki)}
        with ThreadPoolExecutor(max_workers=len(self.parts)) as pool:
            return tuple(pool.map(lambda name: self._status(name, state.parts.get(name), built.get(name)), self.parts))

    def check(self) -> None:
        """Looks whether every part that was started still runs.

        Raises:
            PartCrashed: one does not; the message quotes the end of its log.
        """
        for name, record in RunState.read(self.layout.run_state).parts.items():
            if not record.process.alive:
                raise self._crashed(name, record)

    # ------------------------------------------------------------------ starting

    def _ports(self) -> Mapping[str, int]:
        ports = RunState.read(self.layout.run_state).ports
        if not ports:
            raise LocalError("it was never started", place=str(self.layout.root), remedy="start it with `make up`")
        return ports

    def _claim_ports(self) -> Mapping[str, int]:
        """Ports for all parts: those of running parts, remembered ones that are free, new ones for the rest."""
        state = RunState.read(self.layout.run_state)
        refused: LocalError | None = None
        for name in self.parts:
            record = state.parts.get(name)
            running = record is not None and record.process.alive
            if not running:
                self._stop_unrecorded(name)
            for use in PORTS[name]:
                port = state.ports.get(use)
                if port is None:
                    state = state.with_port(use, loopback.choose(set(state.ports.values())))
                elif not running and not loopback.is_free(port):
                    refused = refused or loopback.taken(name, port)
                    state = state.with_port(use, None)  # the next start chooses another one
        with self._state_lock:
            state.write(self.layout.run_state)
        if refused:
            raise refused
        return state.ports

    def _write_kubeconfigs(self, pki: certificates.Pki, ports: Mapping[str, int]) -> bool:
        if API_SERVER not in self.parts:
            return False
        changed = [
            kubeconfig.write(
                path, server=api_server.url(ports), authority=pki.authority.certificate, client=client, user=user
            )
            for path, client, user in (
                (self.layout.kubeconfig, pki.administrator, "administrator"),
                (self.layout.controller_manager_kubeconfig, pki.controller_manager, "kube-controller-manager"),
            )
        ]
        return any(changed)

    def _parts(self, ports: Mapping[str, int], binaries: Mapping[str, Path], pki: certificates.Pki) -> tuple[Part, ...]:
        makers: Mapping[str, Callable[[], Part]] = {
            ETCD: lambda: etcd.part(self.layout, ports, binaries[ETCD], durable=self._durable),
            API_SERVER: lambda: api_server.part(self.layout, ports, binaries[API_SERVER], pki),
            CONTROLLER_MANAGER: lambda: controller_manager.part(self.layout, ports, binaries[CONTROLLER_MANAGER], pki),
            OPENBAO: lambda: openbao.part(self.layout, ports, binaries[OPENBAO]),
            NODE: lambda: node.part(self.layout, ports, pki),
        }
        return tuple(makers[name]() for name in self.parts)

    def _bring_up(self, part: Part, required: list[Future[bool]]) -> bool:
        """Starts one part after those it requires; False if it ran before."""
        for future in required:
            future.result()
        begun = time.monotonic()
        record = RunState.read(self.layout.run_state).parts.get(part.name)
        fresh = record is None or not record.process.alive
        if record is None or fresh:
            if self._cancelled.is_set():
                return False
            self._progress(part.name, "starting", 0)
            record = self._spawn(part)
        self._await(part, record)
        self._progress(part.name, "ready" if fresh else "running", time.monotonic() - begun)
        return fresh

    def _spawn(self, part: Part) -> PartRecord:
        if part.prepare is not None:
            part.prepare()
        log = self.layout.log(part.name)
        offset = logs.bound(log)
        process = processes.start(
            part.command,
            environment={**inherited_environment(), **part.environment},
            log=log,
            mark=self._mark(part.name),
            folder=part.folder,
        )
        record = PartRecord(process, time.time(), offset)
        self._remember(part.name, record)
        return record

    def _await(self, part: Part, record: PartRecord) -> None:
        deadline = time.monotonic() + part.ready_within
        initialised = part.initialise is None
        obstacle = "it does not answer"
        while not self._cancelled.is_set():
            if not record.process.alive:
                raise self._crashed(part.name, record)
            initialised = initialised or (part.initialise is not None and part.initialise())
            if initialised:
                obstacle = part.obstacle()
                if not obstacle:
                    return
            if time.monotonic() > deadline:
                raise PartNotReady(
                    f"not ready after {part.ready_within:.0f} s: {obstacle}",
                    place=part.name,
                    remedy=f"read {self.layout.log(part.name)}, then run the command again",
                )
            self._cancelled.wait(_POLL_SECONDS)

    def _crashed(self, name: str, record: PartRecord) -> LocalError:
        log = self.layout.log(name)
        lines = logs.tail(log, lines=_TAIL_LINES, offset=record.log_offset)
        text = "\n".join(lines)
        if "no space left on device" in text:
            return DiskFull(
                "it ended because no room is left on the device", place=name, remedy="free some space and start again"
            )
        if "address already in use" in text:
            for use in PORTS[name]:
                port = self._ports()[use]
                if not loopback.is_free(port):
                    self._forget_port(use)
                    return loopback.taken(name, port)
        code = processes.exit_code(record.process.pid)
        ended = (
            "it ended"
            if code is None
            else f"it ended with exit code {code}"
            if code >= 0
            else f"signal {-code} ended it"
        )
        quoted = "".join(f"\n    {line}" for line in lines) or " nothing"
        return PartCrashed(
            f"{ended}; the last lines of its log:{quoted}\n",
            place=name,
            remedy=f"the whole log is {log}; `make up` starts it again",
        )

    # ------------------------------------------------------------------ stopping

    def _stop(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Stops parts side by side, each after those that require it."""
        stopped: list[str] = []
        with ThreadPoolExecutor(max_workers=max(1, len(names))) as pool:
            futures: dict[str, Future[bool]] = {}
            for name in names:
                dependants = [futures[other] for other in futures if name in REQUIRES[other]]
                futures[name] = pool.submit(self._take_down, name, dependants)
            stopped.extend(name for name, future in futures.items() if future.result())
        return tuple(stopped)

    def _take_down(self, name: str, dependants: list[Future[bool]]) -> bool:
        for future in dependants:
            future.result()
        begun = time.monotonic()
        record = RunState.read(self.layout.run_state).parts.get(name)
        ran = record is not None and record.process.alive
        if record is not None:
            if ran:
                gently = processes.stop(record.process, grace=15)
                self._progress(name, "stopped" if gently else "killed", time.monotonic() - begun)
            self._remember(name, None)
        return self._stop_unrecorded(name) or ran

    def _stop_unrecorded(self, name: str) -> bool:
        """Stops processes of a part whose start was never recorded, or that outlived it."""
        left = processes.marked(self._mark(name))
        for process in left:
            processes.stop(process, grace=5)
        return bool(left)

    # ------------------------------------------------------------------ state

    def _mark(self, name: str) -> str:
        return f"{self.layout.root}:{name}"

    def _remember(self, name: str, record: PartRecord | None) -> None:
        with self._state_lock:
            state = RunState.read(self.layout.run_state)
            if record is not None or name in state.parts:
                state.with_part(name, record).write(self.layout.run_state)

    def _forget_port(self, use: str) -> None:
        with self._state_lock:
            RunState.read(self.layout.run_state).with_port(use, None).write(self.layout.run_state)

    def _status(self, name: str, record: PartRecord | None, part: Part | None) -> PartStatus:
        log = self.layout.log(name)
        if record is None:
            return PartStatus(name, "stopped", "", None, "", None, 0, log)
        if not record.process.alive:
            last = logs.tail(log, lines=1, offset=record.log_offset)
            detail = last[0][:_DETAIL_CHARACTERS] if last else ""
            return PartStatus(name, "crashed", detail, None, "", None, 0, log)
        obstacle = part.obstacle() if part else "it was started by another version"
        return PartStatus(
            name=name,
            state="not ready" if obstacle else "ready",
            detail=obstacle,
            pid=record.process.pid,
            address=part.address if part else "",
            since=record.since,
            memory=processes.resident_bytes(record.process.pid),
            log=log,
        )


def _with_requirements(names: Collection[str]) -> tuple[str, ...]:
    if not names:
        return ORDER
    unknown = sorted(set(names) - set(ORDER))
    if unknown:
        raise LocalError(f"there is no part {', '.join(unknown)}", remedy=f"the parts are {', '.join(ORDER)}")

    def needed(name: str) -> Iterator[str]:
        yield name
        for other in REQUIRES[name]:
            yield from needed(other)

    wanted = {each for name in names for each in needed(name)}
    return tuple(name for name in ORDER if name in wanted)
