"""``python -m local``: the embedded environment's command line; ``make`` calls it."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from local.environment import programs
from local.errors import LocalError
from local.layout import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_INTERRUPTED = 130

_COMMANDS: Mapping[str, str] = {
    "up": "start everything, bring a stack up, show the synced secrets",
    "preview": "preview whole stacks over local doubles of their cloud, judged by the policy pack",
    "drift": "what of a stack is not as it was made: rotated, edited, missing, taken over",
    "down": "stop everything, keep the data",
    "clean": "stop everything, remove the data",
    "env": "print export lines for eval: kubeconfig, addresses, token, PATH",
    "status": "show which parts run, where, since when",
    "log": "show what a part wrote",
    "tools": "provide the programs and list them",
}

_EPILOGUE = """\
exit codes: 0 done; 1 an error, which was printed (status: a part is not ready; preview: a stack would not be let
through); 2 wrong usage (drift: also that there is some); 130 interrupted.

  python -m local up                     the first time builds what is missing; later times take seconds
  eval "$(python -m local env)"          then pulumi, bao and kubectl find the environment
  python -m local log kube-apiserver -f
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: as typed; the process's own if None.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    os.environ["PATH"] = programs.search_path(os.environ.get("PATH", os.defpath))
    parser, commands = _parser(words)
    if words[:1] == ["tools"]:
        from local.tools import cli  # noqa: PLC0415  it parses its own arguments

        return cli.main(words[1:])
    options = parser.parse_args(words)
    os.umask(0o077)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        return commands[options.command](options)
    except LocalError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except BrokenPipeError:  # `… | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        sys.stderr.write(f"error: {explain(error, Path(error.filename or 'the local environment'))}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted; what was done is kept, the same command goes on from there\n")
        return _INTERRUPTED


def _interrupt(_number: int, _frame: object) -> NoReturn:
    """Being told to end is like Ctrl-C: what was begun is brought to a clean end first."""
    raise KeyboardInterrupt


def _parser(words: Sequence[str]) -> tuple[argparse.ArgumentParser, dict[str, Callable[[argparse.Namespace], int]]]:
    parser = argparse.ArgumentParser(
        prog="python -m local",
        description="The embedded environment: a real control plane, OpenBao, moto and stacks on this machine.",
        epilog=_EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    runs: dict[str, Callable[[argparse.Namespace], int]] = {}
    for name, summary in _COMMANDS.items():
        command = subparsers.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name in words[:1] and name != "tools":  # only the one that is called is loaded
            module = importlib.import_module(f"local.commands.{name}")
            module.add_arguments(command)
            runs[name] = module.run
    return parser, runs


if __name__ == "__main__":
    sys.exit(main())
