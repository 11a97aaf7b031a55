"""``up``: a stack from nothing, or from whatever is there, to the table of synced secrets."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from rich.console import Console

from local import tools
from local.commands import doubles, environments, updating
from local.commands.stack import STACK, Engine, ensure_passphrase
from local.commands.steps import Step, Steps
from local.environment import programs, variables
from local.environment.parts import MOTO
from local.errors import LocalError
from local.layout import PROJECT
from local.pulumi import home

if TYPE_CHECKING:
    import argparse

    from local.environment import Environment

_TABLE_SECONDS = 60
_RECOVERY_SECONDS = 60.0
_POLL_SECONDS = 1.0
_NEXT = (
    ('eval "$(make -s env)"', "puts pulumi, bao and this environment's addresses into your shell; then:"),
    ("bao kv put secret/foo my-value=changed", "rotate the secret: the operator follows within its interval"),
    ("pulumi preview", "see the pulumi lane notice the rotation: keys and versions, never a value"),
)
_NEXT_ELSEWHERE = (
    ('eval "$(make -s env STACK={stack})"', "puts pulumi and this environment's addresses into your shell; then:"),
    ("pulumi preview", "see the pulumi lane notice what was rotated upstream: keys and versions, never a value"),
    ("make drift STACK={stack}", "the same as a table, with what was edited or taken over"),
)
_UPDATED_HERE = "dev"
"""Environment of the stacks that are made on this machine; those of others are made in the cloud."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    environments.add_stack(parser, text="the stack to bring up, of the environment dev")
    parser.add_argument(
        "--refresh", action="store_true", help="look first what of it was changed by others, and put that back as well"
    )
    parser.add_argument("--no-stack", action="store_true", help="stop after the parts run: no Pulumi, no table")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON instead of the table")


def run(options: argparse.Namespace) -> int:
    """Brings everything up.

    Raises:
        LocalError: something is wrong that the message names.
    """
    stack: str = options.stack
    needs = environments.needs_of(stack)
    if needs.environment != _UPDATED_HERE:
        raise LocalError(
            f"it is of the environment {needs.environment or 'that it does not say'}, which is made in the cloud",
            place=f"stack {stack}",
            remedy=f"see what it would make with `make preview STACK={stack}`",
        )
    steps = Steps()
    environment = environments.open_environment(
        stack, needs, lambda part, event, seconds: _tell_part(steps, part, event, seconds)
    )
    with environment.exclusive("make up"):
        with steps.step("tools") as step:
            found = tools.ensure_all()
            programs.place(environment.layout, found)
            step.detail = ", ".join(found)
        started = environment.start()
        doubles.furnish(environment, needs)
        update = None
        if not options.no_stack:
            exported = variables.merged(doubles.exports(environment, needs), environment.layout)
            engine = Engine(found["pulumi"], exported, environment.layout, stack=stack, redirect=doubles.redirect)
            update = _bring_up_stack(environment, engine, steps, refresh=options.refresh, forgotten=MOTO in started)
            if MOTO in started:
                _await_operator(environment, steps)
    secrets = _secrets(environment) if update is not None and options.json else None
    if options.json:
        sys.stdout.write(json.dumps(_summary(steps, started, update, secrets), indent=2) + "\n")
        return 0
    code = 0 if update is None else _print_table(environment)
    _print_end(steps, update, stack)
    return code


def _tell_part(steps: Steps, part: str, event: str, seconds: float) -> None:
    if event in {"ready", "running"}:
        steps.finished(Step(part, "ready" if event == "ready" else "already running", seconds))


def _bring_up_stack(
    environment: Environment, engine: Engine, steps: Steps, *, refresh: bool, forgotten: bool
) -> updating.Update:
    """Brings the stack up.

    Args:
        environment: the parts, which run.
        engine: the engine and its stack.
        steps: told about each step.
        refresh: whether it is first looked what of the stack is still as it was made.
        forgotten: whether the cloud's double was started anew, and so has forgotten what the state says is in it.
    """
    layout = environment.layout
    with steps.step("pulumi home") as step:
        first = ensure_passphrase(layout)
        prepared = home.prepare(layout, engine=engine.program)
        step.detail = f"{len(prepared.parts)} plugins, {len(prepared.stand_ins)} of them local stand-ins"
    if prepared.stand_ins:
        names = ", ".join(f"{part.name.removeprefix('resource ')} {part.version}" for part in prepared.stand_ins)
        steps.note(f"local stand-ins serve for {names}: the official ones are not to be had here")
    for part in prepared.stand_ins if first else ():
        steps.note(str(part))
    with steps.step(f"stack {engine.stack}") as step:
        made = engine.prepare_stack()
        step.detail = "made, with secret values of its own" if made else "as it was"
    if forgotten and not made:
        refresh = True
        steps.note(f"{MOTO} keeps all in memory: what it has forgotten is made again, with the same values")
    with steps.step("pulumi up") as step:
        try:
            update = updating.run(engine, steps.note, refresh=refresh)
        except LocalError:
            environment.check()  # a part that crashed is the better explanation
            raise
        step.detail = str(update)
    return update


def _status_command(environment: Environment, *arguments: str) -> list[str]:
    kubeconfig = str(environment.layout.kubeconfig)
    return [sys.executable, "-m", "secretsync", "status", "--kubeconfig", kubeconfig, *arguments]


def _await_operator(environment: Environment, steps: Steps) -> None:
    """Lets the operator notice that what it could not read for a moment is there again."""
    with steps.step("operator") as step:
        ends = time.monotonic() + _RECOVERY_SECONDS
        while time.monotonic() < ends:
            answer = subprocess.run(
                _status_command(environment), cwd=PROJECT, timeout=_TABLE_SECONDS, check=False, capture_output=True
            )
            if not answer.returncode:
                step.detail = "all is synced"
                return
            time.sleep(_POLL_SECONDS)
        step.detail = "not all is synced yet"


def _print_table(environment: Environment) -> int:
    sys.stdout.write("\n")
    sys.stdout.flush()
    shown = subprocess.run(_status_command(environment), cwd=PROJECT, timeout=_TABLE_SECONDS, check=False)
    return 1 if shown.returncode else 0


def _secrets(environment: Environment) -> Any:  # noqa: ANN401  another command's JSON, handed on as it is
    answer = subprocess.run(
        _status_command(environment, "--json"),
        cwd=PROJECT, timeout=_TABLE_SECONDS, check=False, capture_output=True, text=True,
    )  # fmt: skip
    try:
        return json.loads(answer.stdout)
    except ValueError:
        raise LocalError(
            answer.stderr.strip() or "it printed no JSON", place="secretsync status", remedy="run it by hand"
        ) from None


def _summary(steps: Steps, started: tuple[str, ...], update: updating.Update | None, secrets: object) -> dict[str, Any]:
    return {
        "seconds": round(steps.seconds, 2),
        "steps": [{"name": step.name, "detail": step.detail, "seconds": round(step.seconds, 2)} for step in steps.done],
        "started": list(started),
        "changes": None if update is None else update.changes,
        "unchanged": None if update is None else update.unchanged,
        "secrets": secrets,
    }


def _print_end(steps: Steps, update: updating.Update | None, stack: str) -> None:
    console = Console(highlight=False)
    if update is None:
        console.print(f"\nThe parts run, after {steps.seconds:.1f} s.", soft_wrap=True)
        return
    state = "Everything is unchanged" if update.unchanged else "Everything is up"
    console.print(f"\n[bold]{state}[/bold], after {steps.seconds:.1f} s. Try next:\n", soft_wrap=True)
    for template, meaning in _NEXT if stack == STACK else _NEXT_ELSEWHERE:
        command = template.format(stack=stack)
        console.print(f"  [cyan]{command:<40}[/cyan]  [dim]# {meaning}[/dim]", soft_wrap=True)
