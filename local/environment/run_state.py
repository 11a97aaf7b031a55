"""What is remembered between commands: the ports of the parts, and the processes that run them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from local.environment.processes import ProcessIdentity
from local.layout import explain, write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_VERSION = 1
_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class PartRecord:
    """A part that was started.

    Attributes:
        process: who runs it.
        since: when it was started, seconds since 1970.
        log_offset: where in its log file this run begins, in bytes.
    """

    process: ProcessIdentity
    since: float
    log_offset: int = 0


@dataclass(frozen=True, slots=True)
class RunState:
    """Ports and processes of one environment.

    Attributes:
        ports: port by use (``etcd``, ``etcd-peer``, ``kube-apiserver``, …). They are kept while the environment is
            down.
        parts: record by part name. A part that was stopped on purpose has none.
    """

    ports: Mapping[str, int] = field(default_factory=lambda: _EMPTY)
    parts: Mapping[str, PartRecord] = field(default_factory=lambda: _EMPTY)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads the file; a missing or damaged one is as good as none, since processes are found by their mark too.

        Raises:
            LocalError: the file exists but may not be read.
        """
        try:
            document = json.loads(path.read_bytes())
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise explain(error, path) from error
        except ValueError:
            return cls()
        try:
            if document["version"] != _VERSION:
                return cls()
            return cls(
                ports={str(use): int(port) for use, port in document["ports"].items()},
                parts={
                    str(name): PartRecord(
                        ProcessIdentity(int(part["pid"]), str(part["started"])),
                        float(part["since"]),
                        int(part["log_offset"]),
                    )
                    for name, part in document["parts"].items()
                },
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            return cls()

    def write(self, path: Path) -> None:
        """Writes the file, all of it or nothing.

        Raises:
            LocalError: it may not be written.
            DiskFull: there is no room left.
        """
        document = {
            "version": _VERSION,
            "ports": dict(self.ports),
            "parts": {
                name: {
                    "pid": part.process.pid,
                    "started": part.process.started,
                    "since": part.since,
                    "log_offset": part.log_offset,
                }
                for name, part in self.parts.items()
            },
        }
        write_private(path, json.dumps(document, indent=2) + "\n")

    def with_port(self, use: str, port: int | None) -> Self:
        """The state with a port set, or forgotten (None)."""
        ports = {name: number for name, number in self.ports.items() if name != use}
        return replace(self, ports=ports if port is None else {**ports, use: port})

    def with_part(self, name: str, record: PartRecord | None) -> Self:
        """The state with a part recorded, or forgotten (None)."""
        parts = {other: part for other, part in self.parts.items() if other != name}
        return replace(self, parts=parts if record is None else {**parts, name: record})
