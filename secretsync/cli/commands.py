"""The parser, and what every command has in common: how it ends."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from secretsync.errors import SecretSyncError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: Final = ("controller", "crds", "status", "render", "explain", "access")


class ExitCode(IntEnum):
    """How a command ends."""

    Ok = 0
    Problem = 1
    """Something is wrong that the output names: a manifest, a store, an ExternalSecret that is not ready."""
    Usage = 2
    """The command line itself."""
    Interrupted = 130


_EPILOG: Final = """\
exit status:
  0    everything is as it should be
  1    something is wrong; the output says what, where, and what to do next
  2    the command line is wrong
  130  interrupted

environment:
  KUBECONFIG  which cluster; without it the pod's own service account, or ~/.kube/config
  NO_COLOR    set to anything: no colours
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="python -m secretsync",
        description="Secrets from a backend into Kubernetes, as external-secrets.io manifests say.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = importlib.import_module(f"secretsync.cli.{name}")
        module.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    arguments = build_parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except SecretSyncError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command line talks
        return ExitCode.Problem
    except BrokenPipeError:
        # the reader of a pipe has seen enough; nothing more may be flushed into it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.Ok
    except KeyboardInterrupt:
        return ExitCode.Interrupted
