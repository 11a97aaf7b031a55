"""``drift``: what of a stack is not as it was made, as a table; for people, and for a job at night."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from local import tools
from local.commands import doubles, drifting, engine_run, environments, previewing
from local.commands.stack import Engine, StackError
from local.environment import programs, variables
from local.errors import LocalError
from local.layout import Layout

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from local.commands.drifting import Drift, Finding, Version

FOUND = 2
"""Exit code where there is drift."""

_ARGUMENTS = ("preview", "--refresh", "--json")
_PIPE_WIDTH = 1000
_LONGEST_VERSION = 12
_DIAGNOSES = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    environments.add_stack(parser, text="the stack")
    parser.add_argument(
        "--cloud",
        action="store_true",
        help="a stack that was not made here: with the pulumi, the login and the credentials of your shell",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(options: argparse.Namespace) -> int:
    """Refreshes and previews without writing, and prints what differs; 0 for nothing, 2 for something.

    Raises:
        LocalError: there is no such stack, it is not up, or it cannot be looked at.
    """
    stack: str = options.stack
    needs = environments.needs_of(stack)
    drift = _in_the_cloud(stack) if options.cloud else _on_this_machine(stack, needs)
    if options.json:
        document = {
            "stack": stack,
            "compared": drift.compared,
            "drift": [asdict(finding) for finding in drift.findings],
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        _print(stack, drift)
    return FOUND if drift.findings else 0


def _on_this_machine(stack: str, needs: doubles.Needs) -> Drift:
    layout = environments.layout_of(stack)
    try:
        environments.started(stack, layout)
    except LocalError as error:
        raise LocalError(
            error.problem, place=error.place, remedy=f"{error.remedy}; for one in the cloud, add ARGS=--cloud"
        ) from None
    environment = environments.open_environment(stack, needs)
    with environment.exclusive("make drift"):
        stopped = [part.name for part in environment.status() if part.state != "ready"]
        if stopped:
            raise LocalError(
                f"{', '.join(stopped)} {'is' if len(stopped) == 1 else 'are'} not ready",
                place=f"stack {stack}",
                remedy="start everything with `make up`, see `make status`",
            )
        exported = variables.merged(doubles.exports(environment, needs), layout)
        engine = Engine(tools.ensure("pulumi"), exported, layout, stack=stack, redirect=doubles.redirect)
        if not engine.exists:
            raise LocalError("it was never brought up", place=f"stack {stack}", remedy="bring it up with `make up`")
        engine.prepare_stack()
        return _look(engine)


def _in_the_cloud(stack: str) -> Drift:
    found = shutil.which("pulumi", path=programs.search_path(os.environ.get("PATH", os.defpath)))
    if found is None:
        raise LocalError("it is not on the PATH", place="pulumi", remedy="install it, and log in with `pulumi login`")
    return _look(Engine(Path(found), dict(os.environ), Layout.of_project(), stack=stack, in_cloud=True))


def _look(engine: Engine) -> Drift:
    drift = drifting.Drift()
    ended = engine_run.follow(engine, _ARGUMENTS, lambda line: drifting.take(line, drift), previewing.STREAM)
    if ended.code:
        said = drift.problems or ended.complaints or [f"exit code {ended.code}"]
        raise StackError(
            "it cannot be compared:"
            + "".join(f"\n    {line}" for text in said[-_DIAGNOSES:] for line in text.splitlines())
            + "\n",
            place=f"pulumi preview of stack {engine.stack}",
            remedy="mend the cause and run `make drift` again: nothing was changed",
        )
    return drift


def _print(stack: str, drift: Drift) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:  # a pipe has no width to fit into
        console = Console(width=_PIPE_WIDTH, highlight=False)
    if not drift.findings:
        console.print(f"No drift: {drift.compared} resources of stack {stack} are as they were made.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("EXTERNALSECRET OR RESOURCE", "TARGET", "WHAT", "KEYS", "UPSTREAM VERSION", "BY"):
        table.add_column(heading, overflow="fold")
    for finding in drift.findings:
        table.add_row(
            escape(finding.name),
            escape(finding.target),
            f"[yellow]{finding.cause}[/yellow]",
            escape(", ".join(finding.keys)),
            escape("\n".join(map(_change, finding.versions))),
            escape(finding.by),
        )
    console.print(table)
    _print_details(console, drift.findings)
    count = len(drift.findings)
    said = f"{count} difference{'' if count == 1 else 's'} of stack {stack}; nothing was changed."
    console.print(f"\n{said} An update after a refresh puts all of it right.", soft_wrap=True)


def _print_details(console: Console, findings: Sequence[Finding]) -> None:
    for finding in findings:
        if finding.detail:
            console.print(f"{escape(finding.name)}: {escape(finding.detail)}", soft_wrap=True, style="dim")


def _change(version: Version) -> str:
    before, now = (_short(text) for text in (version.before, version.now))
    return f"{version.remote.rpartition(' ')[2]}: {before} → {now}"


def _short(version: str) -> str:
    if not version:
        return "none"
    return version if len(version) <= _LONGEST_VERSION else f"{version[:8]}…"
