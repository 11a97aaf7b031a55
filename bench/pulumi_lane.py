"""How long the engine takes for many Secrets of the pulumi lane: one resource for each, one for all, and neither.

"Neither" is the floor: as many dynamic resources that do nothing, through the same engine. Servers of its own; the
backend's requests are counted in its audit log.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bench import results
from bench.errors import BenchError
from bench.load.backend import Backend
from bench.load.declarations import STORE, Declarations
from bench.load.parts import running
from bench.load.probes import AuditLog
from bench.load.settings import ControllerChoice, LoadSettings, Size
from local import tools
from local.errors import LocalError
from local.layout import PROJECT, Layout, write_private
from local.pulumi import home
from secretsync.kube import config
from secretsync.kube.client import KubeClient
from secretsync.kube.resources import NAMESPACES, SECRETS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.load.settings import Servers
    from secretsync.api import JsonObject

SIZES = (10, 100)
WAYS = ("floor", "each", "set")
"""Resources that do nothing; a SyncedSecret for each; one SyncedSecretSet."""
SHARED_BY = 5
"""ExternalSecrets that read one remote key."""
GOAL_RATIO, GOAL_FIRST, GOAL_SIZE = 1.3, 30.0, 1000
"""An update without a change against the floor; seconds for so many to be synced at first."""

_NAMESPACE, _CREDENTIAL = "bench", "bench-credential"
_WITHOUT_QUESTIONS = ("--yes", "--skip-preview")
_UNCHANGED = "--expect-no-changes"
_OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "first up": ("up", *_WITHOUT_QUESTIONS),
    "up, no change": ("up", *_WITHOUT_QUESTIONS, _UNCHANGED),
    "preview": ("preview", _UNCHANGED),
    "refresh": ("refresh", *_WITHOUT_QUESTIONS, _UNCHANGED),
    "destroy": ("destroy", *_WITHOUT_QUESTIONS),
}
_PROGRAM = """\
import json
import pathlib

declared = json.loads(pathlib.Path("declared.json").read_text())
if declared["way"] == "floor":
    from bench.unchanging import Unchanging

    for manifest in declared["externalSecrets"]:
        Unchanging(manifest["metadata"]["name"], json.dumps(manifest))
else:
    from components.dynamic.synced_secret import SyncedSecret
    from components.dynamic.synced_secret_set import SyncedSecretSet
    from secretsync.api import parse

    stores = [parse(declared["store"])]
    external_secrets = [parse(manifest) for manifest in declared["externalSecrets"]]
    if declared["way"] == "set":
        SyncedSecretSet("synced", external_secrets, stores)
    else:
        for each in external_secrets:
            SyncedSecret(each.metadata.name, each, stores)
"""
_LINES_SHOWN = 15
_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Figure:
    """One operation over all rounds.

    Attributes:
        way: one of `WAYS`.
        size: number of ExternalSecrets.
        operation: what the engine was asked for.
        seconds: of each round.
        backend_reads: requests for values that the backend got in the last round.
        distinct_keys: remote keys that are read.
    """

    way: str
    size: int
    operation: str
    seconds: tuple[float, ...]
    backend_reads: int
    distinct_keys: int

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.seconds)


class Engine:
    """The official engine with a home and a state of its own.

    Args:
        folder: for all of it.
        kubeconfig: where the Secrets are written.
    """

    def __init__(self, folder: Path, kubeconfig: Path) -> None:
        layout = Layout(folder / "root")
        layout.prepare()
        write_private(layout.passphrase, "bench")
        self._home = home.prepare(layout, engine=tools.ensure("pulumi"), install=False)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        variables = {"PYTHONPATH": str(PROJECT), "KUBECONFIG": str(kubeconfig)}
        self._variables = {**kept, **home.environment(self._home, layout), **variables}
        self._project = folder / "project"
        self._project.mkdir()
        (self._project / "Pulumi.yaml").write_text("name: bench\nruntime: python\n", encoding="utf-8")
        (self._project / "__main__.py").write_text(_PROGRAM, encoding="utf-8")
        self.run("stack", "init", "bench")
        self.run("config", "set", "--secret", "external-secrets:fingerprintKey", os.urandom(32).hex())

    def declare(self, way: str, manifests: Sequence[JsonObject], store: JsonObject) -> None:
        """What the program is to make."""
        declared = {"way": way, "externalSecrets": manifests, "store": store}
        (self._project / "declared.json").write_text(json.dumps(declared), encoding="utf-8")

    def run(self, *words: str) -> None:
        """One command.

        Raises:
            BenchError: it failed.
        """
        child = subprocess.Popen(
            [str(self._home.engine), *words, "--non-interactive"],
            cwd=self._project,
            env=self._variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,  # so that Ctrl-C comes from here, and once
        )
        try:
            printed, _ = child.communicate()
        except KeyboardInterrupt:
            child.send_signal(signal.SIGINT)
            child.communicate()
            raise
        if child.returncode:
            said = printed.strip().splitlines()[-_LINES_SHOWN:]
            raise BenchError("\n".join(("it failed:", *said)), place=f"pulumi {words[0]}", remedy="mend the cause")


def measure(engine: Engine, servers: Servers, way: str, size: int, rounds: int) -> list[Figure]:
    """All operations of one way and size.

    Raises:
        BenchError: one failed, or changed something where nothing was to change.
    """
    settings = _settings(servers, size)
    engine.declare(way, Declarations(settings).manifests(), _store(servers, settings.mount))
    audit = AuditLog(servers.audit_log)
    seconds: dict[str, list[float]] = {name: [] for name in _OPERATIONS}
    reads: dict[str, int] = {}
    for _ in range(rounds):
        for name, words in _OPERATIONS.items():
            audit.mark()
            began = time.monotonic()
            engine.run(*words)
            seconds[name].append(round(time.monotonic() - began, 2))
            reads[name] = audit.count().get("data-read", 0)
            sys.stderr.write(f"  {size} {way}, {name}: {seconds[name][-1]:.1f} s\n")
    keys = settings.size.keys if way != "floor" else 0
    return [Figure(way, size, name, tuple(taken), reads[name], keys) for name, taken in seconds.items()]


def _settings(servers: Servers, size: int) -> LoadSettings:
    """As the load has them; there is no controller, so most of it is not used."""
    return LoadSettings(
        size=Size(objects=size, keys=max(1, size // SHARED_BY), properties=3),
        servers=servers,
        controller=ControllerChoice(command=(), pid=None, log=None, shown=""),
        namespace=_NAMESPACE,
        mount="bench",
        authentication="token",
        refresh=timedelta(hours=1),
        recreate=False,
        rotations=0,
        creates=0,
        warm_up=timedelta(),
        steady=timedelta(),
        patience=timedelta(),
        seed=0,
        label="",
    )


def _store(servers: Servers, mount: str) -> JsonObject:
    login = {"tokenSecretRef": {"name": _CREDENTIAL, "key": "token"}}
    vault = {"server": servers.openbao, "path": mount, "version": "v2", "auth": login}
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": STORE, "namespace": _NAMESPACE},
        "spec": {"provider": {"vault": vault}},
    }


async def _prepare(servers: Servers, largest: int) -> None:
    async with Backend(_settings(servers, largest)) as backend:
        await backend.prepare()
        token = await backend.new_token()
    async with KubeClient(config.from_kubeconfig(servers.kubeconfig, None)) as cluster:
        space: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}}
        await cluster.create(NAMESPACES, space, field_manager="bench")
        metadata = {"name": _CREDENTIAL, "namespace": _NAMESPACE}
        login = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"token": token}}
        await cluster.create(SECRETS, login, field_manager="bench")


def table(figures: Sequence[Figure]) -> str:
    """Medians side by side; a ratio is against the floor."""
    head = "".join(f"{way:>10}" for way in WAYS)
    lines = [
        f"{'secrets':>7}  {'operation':<15}{head}{'each/floor':>12}{'set/floor':>11}{'reads each':>12}{'set':>6}  keys"
    ]
    for size in sorted({figure.size for figure in figures}):
        for operation in _OPERATIONS:
            found = {each.way: each for each in figures if (each.size, each.operation) == (size, operation)}
            shown = "".join(f"{found[way].median:>10.2f}" if way in found else f"{'-':>10}" for way in WAYS)
            floor = found["floor"].median if "floor" in found else 0.0
            others = [found.get("each"), found.get("set")]
            ratios = [f"{each.median / floor:.2f}" if each and floor else "-" for each in others]
            reads = [str(each.backend_reads) if each else "-" for each in others]
            keys = max((each.distinct_keys for each in found.values()), default=0)
            lines.append(
                f"{size:>7}  {operation:<15}{shown}{ratios[0]:>12}{ratios[1]:>11}{reads[0]:>12}{reads[1]:>6}  {keys}"
            )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints.

    Args:
        arguments: as typed; the process's own if None.

    Returns:
        The exit code: 0 done, 1 an error, which was printed, 2 wrong usage, 130 interrupted.
    """
    parser = argparse.ArgumentParser(
        prog="python -m bench.pulumi_lane", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--rounds", type=int, choices=range(1, 21), default=1, metavar="N", help="default: 1")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N", help="default: 10 100")
    parser.add_argument("--ways", choices=WAYS, nargs="+", default=WAYS, metavar="WAY", help="floor, each, set")
    given = parser.parse_args(arguments)
    if min(given.sizes) < 1:
        parser.error("--sizes: at least 1")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        document = _measure_all(given.sizes, given.ways, given.rounds, show_table=not given.json)
    except LocalError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted; nothing is left running\n")
        return _INTERRUPTED
    path = results.write("pulumi_lane", document)
    if given.json:
        print(json.dumps(document, indent=1))
    else:
        sys.stderr.write(f"\nas JSON: {path}\n")
    return 0


def _measure_all(sizes: Sequence[int], ways: Sequence[str], rounds: int, *, show_table: bool) -> dict[str, object]:
    load = os.getloadavg()[0]
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="external-secrets-lane-") as folder, running(None) as (servers, _):
        asyncio.run(_prepare(servers, max(sizes)))
        engine = Engine(Path(folder), servers.kubeconfig)
        for size in sizes:
            for way in ways:
                figures += measure(engine, servers, way, size, rounds)
    if show_table:
        print(table(figures))
    return {
        "rounds": rounds,
        "processors": os.cpu_count(),
        "load_before": round(load, 2),
        "figures": [{**asdict(figure), "median": figure.median} for figure in figures],
    }


def _interrupt(_number: int, _frame: object) -> NoReturn:
    """Being told to end is like Ctrl-C: the servers are stopped first."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
