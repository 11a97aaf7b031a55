"""Options of the load test, and the settings they make."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from datetime import timedelta
from pathlib import Path

from bench import results
from bench.errors import BenchError
from bench.load.settings import ControllerChoice, LoadSettings, Servers, Size
from secretsync.cli.arguments import duration

_OWN_CONTROLLER = (sys.executable, "-m", "secretsync", "controller", "--log-level", "warning")
_KEYS_SHARE = 5
"""ExternalSecrets that read the same KV secret, where nothing else is said."""
_TOKEN_VARIABLES = ("VAULT_TOKEN", "BAO_TOKEN")

_COMMANDS = """\
commands:
  cold      the objects are there, the controller starts: time until every target is right
  rotate    everything refreshes: requests per interval; a KV secret changes: time until its targets follow
  latency   everything refreshes: time from one more ExternalSecret to its Secret
  live      rotate, then latency, with one start of the controller
  report    minimum, median and maximum of the runs collected in --out
  setup     (servers of yours) mount, policy, AppRole and KV secrets; once, before the others
  clean     (servers of yours) removes ExternalSecrets, stores and Secrets of the namespace

Without --kubeconfig it starts an API server and an OpenBao of its own, and removes them at the end.
The token for an OpenBao of yours comes from VAULT_TOKEN, BAO_TOKEN or a file; it is no option.

  python -m bench.load cold --objects 200
  python -m bench.load live --objects 1000 --runs 3 && python -m bench.load report
  python -m bench.load cold --kubeconfig FILE --openbao http://127.0.0.1:8200 --controller-command "mine --fast"
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m bench.load",
        description="Load test of ExternalSecret controllers, from the outside.",
        epilog=_COMMANDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("command", choices=("cold", "rotate", "latency", "live", "report", "setup", "clean"))
    made.add_argument("--json", action="store_true", help="print JSON instead of a table")
    made.add_argument(
        "--out", type=Path, metavar="FILE", default=results.FOLDER / "load.jsonl",
        help="collects one line of JSON for each result (default: bench/results/load.jsonl)",
    )  # fmt: skip
    made.add_argument("--label", default="", metavar="NAME", help="name of this configuration in the results")
    made.add_argument("--runs", type=_positive, default=1, metavar="N", help="how often (default: 1)")
    _add_load(made.add_argument_group("load"))
    _add_servers(made.add_argument_group("servers of yours"))
    _add_controller(made.add_argument_group("controller"))
    return made


def _add_load(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--objects", type=_positive, default=200, metavar="N", help="ExternalSecrets (default: 200)")
    group.add_argument("--keys", type=_positive, metavar="N", help="KV secrets (default: a fifth of the objects)")
    group.add_argument(
        "--properties", type=_positive, default=5, metavar="N",
        help="properties of a KV secret, data entries of an ExternalSecret (default: 5)",
    )  # fmt: skip
    group.add_argument("--authentication", choices=("token", "approle"), default="token", help="how the store logs in")
    group.add_argument("--refresh", type=duration, metavar="DURATION", help="refreshInterval (cold: 1h, others: 15s)")
    group.add_argument("--rotations", type=_positive, default=10, metavar="N", help="for rotate (default: 10)")
    group.add_argument("--creates", type=_positive, default=20, metavar="N", help="for latency (default: 20)")
    for name, default, meaning in (
        ("--warm-up", timedelta(seconds=20), "before the steady window of rotate (default: 20s)"),
        ("--steady", timedelta(seconds=60), "length of the steady window (default: 60s)"),
        ("--patience", timedelta(minutes=15), "how long all targets may take (default: 15m)"),
    ):
        group.add_argument(name, type=duration, default=default, metavar="DURATION", help=meaning)
    group.add_argument("--seed", type=int, default=1, metavar="N", help="draws keys and pauses (default: 1)")
    group.add_argument("--namespace", default="esbench", metavar="NAME", help="emptied first (default: esbench)")
    group.add_argument("--root", type=Path, metavar="FOLDER", help="keep the own parts' data and logs here")


def _add_servers(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--kubeconfig", type=Path, metavar="FILE", help="an administrator of the cluster")
    group.add_argument("--openbao", metavar="URL", help="OpenBao or Vault (default: VAULT_ADDR)")
    group.add_argument("--token-file", type=Path, metavar="FILE", help="file with its token (default: VAULT_TOKEN)")
    group.add_argument("--audit-log", type=Path, metavar="FILE", help="its file audit device, to count requests")
    group.add_argument("--mount", default="bench", metavar="PATH", help="KV v2 mount (default: bench)")


def _add_controller(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--controller-command", metavar="COMMAND",
        help="runs another controller in the foreground; KUBECONFIG is set, {kubeconfig} is replaced",
    )  # fmt: skip
    group.add_argument("--controller-pid", type=_positive, metavar="PID", help="one that runs already (not for cold)")
    group.add_argument("--recreate", action="store_true", help="with --controller-pid: make the objects anew")
    group.add_argument("--controller-log", type=Path, metavar="FILE", help="its output is added here")


def check(given: argparse.Namespace) -> None:
    """Looks for options that contradict each other.

    Raises:
        BenchError: they do.
    """
    if given.command == "cold" and given.controller_pid:
        raise BenchError("it runs already", place="--controller-pid", remedy="give its command: cold starts it")
    if given.kubeconfig is None and (given.command in {"setup", "clean"} or given.controller_pid):
        raise BenchError(
            "it needs servers that run already",
            place="--controller-pid" if given.controller_pid else given.command,
            remedy="name them with --kubeconfig and --openbao",
        )


def given_servers(given: argparse.Namespace) -> Servers:
    """The servers that the options and the environment name.

    Raises:
        BenchError: the address or the token is missing, or the file cannot be read.
    """
    address = given.openbao or os.environ.get("VAULT_ADDR", "")
    token = next((os.environ[name] for name in _TOKEN_VARIABLES if os.environ.get(name)), "")
    if given.token_file:
        try:
            token = given.token_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise BenchError(
                error.strerror or "it cannot be read", place=str(given.token_file), remedy="name a readable file"
            ) from None
    if not address or not token:
        raise BenchError(
            "the token is missing" if address else "the address is missing",
            place="OpenBao",
            remedy="set VAULT_TOKEN or --token-file" if address else "set VAULT_ADDR or --openbao",
        )
    return Servers(kubeconfig=given.kubeconfig, openbao=address, token=token, audit_log=given.audit_log)


def settings(given: argparse.Namespace, servers: Servers, root: Path | None) -> LoadSettings:
    """The settings that the options make.

    Args:
        given: the options.
        servers: where.
        root: folder of the own parts, where the controller's log goes; None for servers of somebody else.
    """
    keys = min(given.keys or max(1, given.objects // _KEYS_SHARE), given.objects)
    refresh = given.refresh or (timedelta(hours=1) if given.command == "cold" else timedelta(seconds=15))
    return LoadSettings(
        size=Size(objects=given.objects, keys=keys, properties=given.properties),
        servers=servers,
        controller=_controller(given, servers, root),
        namespace=given.namespace,
        mount=given.mount,
        authentication=given.authentication,
        refresh=refresh,
        recreate=given.recreate,
        rotations=given.rotations,
        creates=given.creates,
        warm_up=given.warm_up,
        steady=given.steady,
        patience=given.patience,
        seed=given.seed,
        label=given.label,
    )


def _controller(given: argparse.Namespace, servers: Servers, root: Path | None) -> ControllerChoice:
    log = given.controller_log or (root / "logs" / "controller.log" if root else None)
    if given.controller_pid:
        return ControllerChoice(command=(), pid=given.controller_pid, log=log, shown=f"process {given.controller_pid}")
    if given.controller_command is None:
        return ControllerChoice(command=_OWN_CONTROLLER, pid=None, log=log, shown="python -m secretsync controller")
    words = shlex.split(given.controller_command.replace("{kubeconfig}", shlex.quote(str(servers.kubeconfig))))
    return ControllerChoice(command=tuple(words), pid=None, log=log, shown=given.controller_command)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value
