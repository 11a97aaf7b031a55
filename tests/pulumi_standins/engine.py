"""The real engine, with a home, a state and a copy of the test program of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local import tools
from local.layout import Layout, write_private
from local.pulumi.home import PulumiHome, environment, prepare

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = Path(__file__).with_name("program")
_TIMEOUT = 120


@dataclass(frozen=True, slots=True)
class Finished:
    """A command's end."""

    code: int
    output: str
    seconds: float


@dataclass
class Stack:
    """One stack of the test program."""

    home: PulumiHome
    directory: Path
    variables: Mapping[str, str]
    seconds: dict[str, float] = field(default_factory=dict)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command, in a process group of its own."""
        return subprocess.Popen(
            [str(self.home.engine), *arguments, "--non-interactive"],
            cwd=self.directory,
            env=dict(self.variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )

    def run(self, *arguments: str) -> Finished:
        """Run a command to its end."""
        began = time.monotonic()
        process = self.start(*arguments)
        try:
            output, _ = process.communicate(timeout=_TIMEOUT)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        return Finished(process.returncode, output, time.monotonic() - began)

    def succeed(self, *arguments: str) -> Finished:
        """Run a command that has to succeed."""
        finished = self.run(*arguments)
        assert finished.code == 0, finished.output
        return finished

    def export(self) -> dict[str, Any]:
        """The state, secrets encrypted."""
        text = self.succeed("stack", "export").output
        document: dict[str, Any] = json.loads(text)
        return document


def make_stack(root: Path, configuration: Mapping[str, str], secrets: Mapping[str, str]) -> Stack:
    """A new stack `dev` of a copy of the program."""
    layout = Layout(root / ".local")
    layout.prepare()
    write_private(layout.passphrase, "only for this test")
    home = prepare(layout, engine=tools.ensure("pulumi"), install=False, user_home=root / "no-home")
    directory = root / "program"
    shutil.copytree(PROGRAM, directory)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "VAULT_", "KUBECONFIG"))}
    # A tripwire: whatever reaches for the network fails at once.
    wire = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1,localhost"}
    stack = Stack(home, directory, {**kept, **wire, **environment(home, layout)})
    stack.succeed("stack", "init", "dev")
    for key, value in configuration.items():
        stack.succeed("config", "set", key, value)
    for key, value in secrets.items():
        stack.succeed("config", "set", "--secret", key, value)
    return stack
