"""``preview``: whole stacks, made of nothing, over doubles of their cloud, and judged by the policy pack.

The doubles and the state are this command's own, so it does not matter whether a stack is up on this machine: nothing
of it is looked at, and nothing is kept but the made-up values of secret settings.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from local import tools
from local.commands import doubles, previewing
from local.commands.stack import Engine, committed_configuration, committed_stacks, ensure_passphrase
from local.commands.steps import Step, Steps
from local.environment import Environment, programs, variables
from local.layout import PROJECT, Layout
from local.pulumi import home

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from local.commands.previewing import Preview
    from local.pulumi.home import Part

_PIPE_WIDTH = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--stack", metavar="STACK", help="only this one, with the list of its resources (default: all)")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def run(options: argparse.Namespace) -> int:
    """Previews the stacks; 0 if all of them would be let through, 1 otherwise.

    Raises:
        LocalError: there is no such stack, or a double did not come up.
    """
    stacks = (options.stack,) if options.stack else committed_stacks(PROJECT)
    needs = {stack: doubles.needs_of(committed_configuration(PROJECT, stack)) for stack in stacks}
    steps = Steps()
    layout = Layout.of_project().preview
    with Environment(layout.root).exclusive("make preview"):
        try:
            with steps.step("tools and pulumi home") as step:
                found = tools.ensure_all()
                programs.place(layout, found)
                ensure_passphrase(layout)
                stand_ins = home.prepare(layout, engine=found["pulumi"]).stand_ins
                step.detail = _served(stand_ins)
            previews = [_preview(layout, stack, needs[stack], found["pulumi"], steps) for stack in stacks]
        finally:
            Environment(layout.root).stop()
    if options.json:
        document = {
            "passed": all(preview.passed for preview in previews),
            "seconds": round(steps.seconds, 2),
            "standIns": [f"{part.name} {part.version}" for part in stand_ins],
            "stacks": [_row(preview) for preview in previews],
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        _print(previews, steps, listed=options.stack is not None)
        if stand_ins:
            sys.stdout.write(f"warning: {_served(stand_ins)}, which refuse less than the official plugins\n")
    return 0 if all(preview.passed for preview in previews) else 1


def _served(stand_ins: Sequence[Part]) -> str:
    names = ", ".join(part.name.removeprefix("resource ") for part in stand_ins)
    return f"local stand-ins serve for {names}" if names else "official plugins"


def _preview(layout: Layout, stack: str, needs: doubles.Needs, program: Path, steps: Steps) -> Preview:
    environment = Environment(
        layout.root,
        durable=False,
        parts=needs.to_preview,
        account=needs.account,
        progress=lambda part, event, seconds: steps.finished(Step(part, event, seconds)) if event == "ready" else None,
    )
    environment.start()
    doubles.furnish(environment, needs)
    exported = doubles.exports(environment, needs)
    engine = Engine(program, variables.merged(exported, layout), layout, stack=stack, redirect=doubles.redirect)
    with steps.step(f"preview of {stack}") as step:
        engine.prepare_stack()
        preview = previewing.run(engine, previewing.pack_arguments(PROJECT, needs.environment))
        if preview.problems:
            environment.check()  # a double that crashed is the better explanation
        step.detail = str(preview)
    return preview


def _row(preview: Preview) -> dict[str, Any]:
    return {
        "stack": preview.stack,
        "passed": preview.passed,
        "resources": sum(preview.changes.values()),
        "changes": preview.changes,
        "rules": len(preview.rules),
        "violations": [
            {"policy": each.policy, "level": each.level, "resource": each.resource, "message": each.message}
            for each in preview.violations
        ],
        "problems": preview.problems,
        "warnings": preview.warnings,
        "seconds": round(preview.seconds, 2),
    }


def _print(previews: Sequence[Preview], steps: Steps, *, listed: bool) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:  # a pipe has no width to fit into
        console = Console(width=_PIPE_WIDTH, highlight=False)
    for preview in previews:
        if listed:
            for operation, name in preview.resources:
                console.print(f"  {operation:<8} {escape(name)}", soft_wrap=True)
        for text in preview.warnings:
            console.print(f"[yellow]warning[/yellow] {preview.stack}: {escape(text)}", soft_wrap=True)
        for violation in preview.violations:
            colour = "red" if violation.blocks else "yellow"
            place = f"{preview.stack}: {violation.resource or 'the whole stack'}"
            console.print(f"[{colour}]{violation.level}[/] {violation.policy}  {escape(place)}", soft_wrap=True)
            console.print("".join(f"    {escape(line)}\n" for line in violation.message.splitlines()), end="")
        for text in preview.problems:
            console.print(f"[red]error[/red] {preview.stack}: {escape(text)}", soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    table.add_column("STACK")
    for heading in ("RESOURCES", "CREATE", "UPDATE", "SAME", "VIOLATIONS", "SECONDS"):
        table.add_column(heading, justify="right")
    table.add_column("RESULT")
    for preview in previews:
        counts = [preview.changes.get(operation, 0) for operation in ("create", "update", "same")]
        result = "[green]passed[/green]" if preview.passed else "[red]failed[/red]"
        numbers = (sum(preview.changes.values()), *counts, len(preview.violations))
        table.add_row(preview.stack, *map(str, numbers), f"{preview.seconds:.1f}", result)
    console.print()
    console.print(table)
    console.print(f"\nOver local doubles, after {steps.seconds:.1f} s. Nothing was made.", soft_wrap=True)
