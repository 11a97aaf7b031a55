"""``python -m bench.load``: the load test's command line."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, NoReturn

from bench import results
from bench.load import cluster, cold, latency, live, options, parts, report, rotate
from bench.load.scene import opened
from local.environment import programs
from local.errors import LocalError
from local.layout import PROJECT
from secretsync.errors import SecretSyncError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from bench.load.figures import Result
    from bench.load.settings import LoadSettings

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: as typed; the process's own if None.

    Returns:
        The exit code: 0 done, 1 an error, which was printed, 2 wrong usage, 130 interrupted.
    """
    given = options.parser().parse_args(arguments)
    os.environ["PATH"] = programs.search_path(os.environ.get("PATH", os.defpath))
    os.umask(0o077)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _report(given) if given.command == "report" else _measure(given)
    except (LocalError, SecretSyncError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted; nothing is left running\n")
        return _INTERRUPTED


def _interrupt(_number: int, _frame: object) -> NoReturn:
    """Being told to end is like Ctrl-C: what was started is stopped first."""
    raise KeyboardInterrupt


def _report(given: argparse.Namespace) -> int:
    found = report.read(given.out)
    print(json.dumps(found, indent=1) if given.json else report.fold(found))
    return 0


def _measure(given: argparse.Namespace) -> int:
    options.check(given)
    with ExitStack() as stack:
        environment = dict(os.environ)
        own = given.kubeconfig is None
        if own:
            servers, root = stack.enter_context(parts.running(given.root))
        else:
            servers, root = options.given_servers(given), None
        settings = options.settings(given, servers, root)
        if given.controller_command is None and not given.controller_pid:
            environment = _with_compiled_code(environment, settings, root)
        for number in range(given.runs):
            for result in asyncio.run(_run(given.command, settings, environment, prepare=own and number == 0)):
                _show(result, given)
    if given.command in {"setup", "clean"}:
        print(f"{given.command}: done")
    return 0


def _with_compiled_code(environment: dict[str, str], settings: LoadSettings, root: Path | None) -> dict[str, str]:
    """Variables for our controller under which no run pays for compiling Python.

    It is started once for nothing; where no compiled code may lie beside the sources, it goes below the root.
    """
    if environment.get("PYTHONDONTWRITEBYTECODE") and root is not None:
        kept = {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment = {"PYTHONPYCACHEPREFIX": str(root / "bytecode"), **kept}
    command = [*settings.controller.command, "--help"]
    subprocess.run(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, check=False)
    return environment


async def _run(command: str, settings: LoadSettings, environment: dict[str, str], *, prepare: bool) -> list[Result]:
    """One run of a command.

    Args:
        command: as typed.
        settings: what the run is made of.
        environment: the controller's variables.
        prepare: whether OpenBao is empty.
    """
    async with opened(settings, environment) as scene:
        if prepare or command == "setup":
            await scene.backend.prepare()
        if command == "clean":
            await cluster.clean(scene.cluster, settings.namespace)
        if command in {"setup", "clean"}:
            return []
        if command == "cold":
            return [await cold.measure(scene)]
        async with live.settled(scene) as settled:
            found = []
            if command in {"rotate", "live"}:
                found.append(await rotate.measure(settled))
            if command in {"latency", "live"}:
                found.append(await latency.measure(settled))
            return found


def _show(result: Result, given: argparse.Namespace) -> None:
    document = result.to_json()
    results.append(given.out, document)
    print(json.dumps(document, indent=1) if given.json else f"\n{report.table(document)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
