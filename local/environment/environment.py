"""The parts together: brought up in parallel, looked at, taken down in order."""

from __future__ import annotations

import datetime as dt
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from local import tools
from local.environment import (
    api_server,
    certificates,
    controller_manager,
    etcd,
    kubeconfig,
    locking,
    logs,
    moto,
    node,
    openbao,
    processes,
)
from local.environment import ports as loopback
from local.environment.parts import (
    API_SERVER,
    CONTROLLER_MANAGER,
    ETCD,
    EVERY,
    MOTO,
    NODE,
    OPENBAO,
    OPTIONAL,
    ORDER,
    PORTS,
    REQUIRES,
    TOOLS,
    Part,
)
from local.environment.supervisor import Progress, Supervisor
from local.errors import LocalError
from local.layout import Layout, explain

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType

    from local.environment.run_state import PartRecord

_TAKE_DOWN_ORDER = tuple(reversed(EVERY))
_KEPT_RUNNING = frozenset({ETCD, OPENBAO, MOTO})
_DETAIL_CHARACTERS = 160


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


def silent(part: str, event: str, seconds: float) -> None:
    """Tells nobody: for whoever does not care."""


class Environment:
    """etcd, kube-apiserver, kube-controller-manager, OpenBao and the node, and where asked for moto, under one root.

    Everything here blocks and may be called from any thread; as a context manager it starts on entry and stops on
    exit. ``start`` and ``stop`` do not take the lock themselves: whoever shares a root with others wraps them in
    ``exclusive``.

    Args:
        root: folder for all data, logs and state; made if it is missing.
        durable: whether writes to etcd reach the disk before they are acknowledged. False for environments that are
            thrown away.
        parts: which parts to run; what they require is added. If empty, all but the optional ones.
        account: the AWS account that moto is, where it is one of the parts.
        tool: gives the path of a tool by name.
        progress: told about each step.
    """

    def __init__(
        self,
        root: Path,
        *,
        durable: bool = True,
        parts: Collection[str] = (),
        account: str = "",
        tool: Callable[[str], Path] = tools.ensure,
        progress: Progress = silent,
    ) -> None:
        self.layout = Layout(root.absolute())
        self.parts = _with_requirements(parts)
        self._durable = durable
        self._account = account
        self._tool = tool
        self._supervisor = Supervisor(self.layout, progress)

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
    def moto(self) -> str:
        """Address of moto."""
        return moto.url(self._ports())

    @property
    def account(self) -> str:
        """The AWS account that moto is."""
        return self._account or moto.account_of(self.layout)

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
        self.layout.prepare()
        binaries = {name: self._tool(TOOLS[name]) for name in self.parts if name in TOOLS}
        pki = certificates.ensure(self.layout.pki, now=dt.datetime.now(dt.UTC))
        before = self._supervisor.state.ports
        ports = self._claim_ports()
        moved = any(ports.get(use) != before.get(use) for use in (*PORTS[ETCD], *PORTS[MOTO]))
        rewritten = self._write_kubeconfigs(pki, ports)
        if pki.renewed or rewritten or moved:  # they were told all this once, when they started
            self._supervisor.take_down(tuple(name for name in _TAKE_DOWN_ORDER if name not in _KEPT_RUNNING))
        started = self._supervisor.bring_up(self._parts(self.parts, ports, binaries, pki))
        self.check()  # whether one fell over while the others were waited for
        return started

    def stop(self) -> tuple[str, ...]:
        """Stops what runs, dependants first; the data stay.

        Returns:
            The parts that were stopped.
        """
        return self._supervisor.take_down(_TAKE_DOWN_ORDER)

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
        """Every part as it is now, also an optional one that runs unasked; nothing is changed."""
        state = self._supervisor.state
        names = tuple(name for name in EVERY if name in self.parts or (name in OPTIONAL and name in state.parts))
        built: dict[str, Part] = {}
        if state.parts and all(use in state.ports for name in names for use in PORTS[name]):
            pki = certificates.at(self.layout.pki)
            nowhere = dict.fromkeys(names, self.layout.root)
            built = {part.name: part for part in self._parts(names, state.ports, nowhere, pki)}
        with ThreadPoolExecutor(max_workers=len(names)) as pool:
            return tuple(pool.map(lambda name: self._status(name, state.parts.get(name), built.get(name)), names))

    def check(self) -> None:
        """Looks whether every part that was started still runs.

        Raises:
            PartCrashed: one does not; the message quotes the end of its log.
        """
        for name, record in self._supervisor.state.parts.items():
            if not record.process.alive:
                raise self._supervisor.crashed(name, record)

    def _ports(self) -> Mapping[str, int]:
        ports = self._supervisor.state.ports
        if not ports:
            raise LocalError("it was never started", place=str(self.layout.root), remedy="start it with `make up`")
        return ports

    def _claim_ports(self) -> Mapping[str, int]:
        """Ports for all parts: those of running parts, remembered ones that are free, new ones for the rest."""
        state = self._supervisor.state
        refused: LocalError | None = None
        for name in self.parts:
            record = state.parts.get(name)
            running = record is not None and record.process.alive
            if not running:
                self._supervisor.stop_unrecorded(name)
            for use in PORTS[name]:
                port = state.ports.get(use)
                if port is None:
                    state = state.with_port(use, loopback.choose(set(state.ports.values())))
                elif not running and not loopback.becomes_free(port):
                    refused = refused or loopback.taken(name, port)
                    state = state.with_port(use, None)  # the next start chooses another one
        self._supervisor.change(lambda now: replace(now, ports=state.ports))
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

    def _parts(
        self, names: Collection[str], ports: Mapping[str, int], binaries: Mapping[str, Path], pki: certificates.Pki
    ) -> tuple[Part, ...]:
        makers: Mapping[str, Callable[[], Part]] = {
            ETCD: lambda: etcd.part(self.layout, ports, binaries[ETCD], durable=self._durable),
            API_SERVER: lambda: api_server.part(self.layout, ports, binaries[API_SERVER], pki),
            CONTROLLER_MANAGER: lambda: controller_manager.part(self.layout, ports, binaries[CONTROLLER_MANAGER], pki),
            OPENBAO: lambda: openbao.part(self.layout, ports, binaries[OPENBAO]),
            NODE: lambda: node.part(self.layout, ports, pki, variables=self._cloud(names, ports)),
            MOTO: lambda: moto.part(self.layout, ports, account=self._account),
        }
        return tuple(makers[name]() for name in names)

    def _cloud(self, names: Collection[str], ports: Mapping[str, int]) -> Mapping[str, str]:
        """Where pods find the cloud's API, as machines of a cloud do without asking."""
        if MOTO not in names:
            return {}
        return {"AWS_ENDPOINT_URL": moto.url(ports), "AWS_EC2_METADATA_DISABLED": "true"}

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
    unknown = sorted(set(names) - set(EVERY))
    if unknown:
        raise LocalError(f"there is no part {', '.join(unknown)}", remedy=f"the parts are {', '.join(EVERY)}")

    def needed(name: str) -> Iterator[str]:
        yield name
        for other in REQUIRES[name]:
            yield from needed(other)

    wanted = {each for name in names for each in needed(name)}
    return tuple(name for name in EVERY if name in wanted)
