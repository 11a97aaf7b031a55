"""A copy of the project with an environment of its own, driven as its user drives it: by commands.

Everything a command prints is kept, for the search for values at the end.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from local.environment import Environment, api_server, certificates, programs
from local.environment.parts import Answer, ask
from local.layout import PROJECT, Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

NAMESPACE = "demo"
OPERATOR_SECRET = "mysecretfoobar"
PULUMI_SECRET = "mysecretfoobar-pulumi"
KEY = "foobar"

_FILES = ("__main__.py", "Pulumi.yaml")
_FOLDERS = ("components", "policies", "secretsync", "local", "manifests")
_FOREIGN = ("PULUMI_", "VAULT_", "BAO_", "AWS_", "KUBE", "ESP_", "PYTHON")
_TRIPWIRE = "http://127.0.0.1:9"
_SECONDS = 240
_ENDING_SECONDS = 30
_POLL_SECONDS = 0.1
_UNPROXIED = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Finished:
    """A command's end.

    Attributes:
        command: what was run.
        code: its exit code.
        output: standard output.
        errors: standard error.
        seconds: how long it took.
    """

    command: str
    code: int
    output: str
    errors: str
    seconds: float

    @property
    def text(self) -> str:
        """All that was printed."""
        return f"{self.output}\n{self.errors}"

    def document(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.output)


@dataclass(slots=True)
class Checkout:
    """A project folder with its environment.

    Attributes:
        folder: the project.
        finished: every command that came to its end, in order.
        canaries: what no file, log or answer may hold, by what it is.
    """

    folder: Path
    finished: list[Finished] = field(default_factory=list)
    canaries: dict[str, str] = field(default_factory=dict, repr=False)
    _environment: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def make(cls, folder: Path) -> Checkout:
        """Copies what the platform consists of; the virtual environment is shared."""
        folder.mkdir()
        for path in (*(PROJECT / name for name in _FILES), *PROJECT.glob("Pulumi.*.yaml")):
            shutil.copy2(path, folder / path.name)
        for name in _FOLDERS:
            shutil.copytree(PROJECT / name, folder / name)
        (folder / ".venv").symlink_to(sys.prefix)
        return cls(folder)

    @property
    def layout(self) -> Layout:
        """The paths of its environment."""
        return Layout(self.folder / ".local")

    @property
    def parts(self) -> Environment:
        """Its parts, to be looked at."""
        return Environment(self.layout.root)

    def remove(self) -> None:
        """Stops everything, whatever state it is in; the folder stays for whoever looks for a cause."""
        self.parts.stop()

    # ------------------------------------------------------------------ commands

    def local(self, *arguments: str, check: bool = True, wrapper: tuple[str, ...] = (), **extra: str) -> Finished:
        """``python -m local …``, as ``make …`` calls it.

        Args:
            arguments: command and options.
            check: whether a failure fails the test, with what was printed.
            wrapper: a command it runs under.
            extra: variables put over the others.
        """
        words = [*wrapper, sys.executable, "-m", "local", *arguments]
        return self._finish(words, {**self._outside(), **extra}, check=check)

    def pulumi(self, *arguments: str, check: bool = True, **extra: str) -> Finished:
        """``pulumi …`` typed by hand, under what ``make env`` exports."""
        words = [str(self.layout.bin / "pulumi"), *arguments, "--non-interactive"]
        return self._finish(words, {**self.variables(), **extra}, check=check)

    def configured(self, key: str) -> str:
        """A secret value of the stack's configuration; what it prints is not kept."""
        kept = len(self.finished)
        value = self.pulumi("config", "get", key).output.strip()
        del self.finished[kept:]
        return value

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """``python -m local …`` in a process group of its own, to be interrupted."""
        return subprocess.Popen(
            [sys.executable, "-u", "-m", "local", *arguments],
            cwd=self.folder,
            env=self._outside(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )

    def ended(self, process: subprocess.Popen[str], said: str, began: float) -> Finished:
        """Waits for a command that was begun; `said` is what was read from it so far."""
        try:
            rest, _ = process.communicate(timeout=_SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        done = Finished("local up", process.returncode, said + rest, "", time.monotonic() - began)
        self.finished.append(done)
        return done

    def variables(self) -> dict[str, str]:
        """The environment of a shell that evaluated ``make env``."""
        if not self._environment:
            answer = subprocess.run(
                [sys.executable, "-m", "local", "env", "--json"],
                cwd=self.folder, env=self._outside(), capture_output=True, text=True, check=True,
            )  # fmt: skip
            self._environment.update({**self._outside(), **json.loads(answer.stdout), "PWD": str(self.folder)})
        return dict(self._environment)

    def forget_variables(self) -> None:
        """Ports changed: the next command asks ``make env`` again."""
        self._environment.clear()

    def _outside(self) -> dict[str, str]:
        """A user's shell: nothing of ours in it, and no way to the network."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        path = programs.search_path(os.environ.get("PATH", os.defpath))
        return {**kept, "PATH": path, "HTTP_PROXY": _TRIPWIRE, "HTTPS_PROXY": _TRIPWIRE, "NO_PROXY": "127.0.0.1"}

    def _finish(self, words: list[str], environment: Mapping[str, str], *, check: bool) -> Finished:
        began = time.monotonic()
        process = subprocess.Popen(
            words, cwd=self.folder, env=dict(environment), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0,
        )  # fmt: skip
        try:
            output, errors = process.communicate(timeout=_SECONDS)
        except BaseException:
            process.terminate()  # a clean end, with what it started, also where the tests are interrupted
            try:
                process.communicate(timeout=_ENDING_SECONDS)
            finally:
                process.kill()
            raise
        named = " ".join(word.rpartition("/")[2] for word in words)
        done = Finished(named, process.returncode, output, errors, time.monotonic() - began)
        self.finished.append(done)
        if check and done.code:
            pytest.fail(f"{named} ended with {done.code} after {done.seconds:.1f} s:\n{done.text}", pytrace=False)
        return done

    # ------------------------------------------------------------------ the cluster and the backend

    def kubernetes(self, method: str, path: str, payload: dict[str, Any] | None = None) -> Answer:
        """One request as the cluster's administrator."""
        tls = api_server.tls_context(certificates.at(self.layout.pki))
        return ask(self.parts.api_server + path, tls=tls, method=method, payload=payload, seconds=30)

    def secret(self, name: str) -> dict[str, Any] | None:
        """A Secret of the demo namespace; None where there is none."""
        answer = self.kubernetes("GET", f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}")
        return answer.document() if answer.status == 200 else None

    def value(self, name: str) -> str | None:
        """What the key ``foobar`` of a Secret holds, decoded."""
        encoded = ((self.secret(name) or {}).get("data") or {}).get(KEY)
        return None if encoded is None else base64.b64decode(encoded).decode()

    def edit_secret(self, name: str, value: str) -> None:
        """Somebody edits the Secret by hand."""
        self.canaries[f"value edited into {name}"] = value
        live = self.secret(name)
        assert live is not None
        live["data"][KEY] = base64.b64encode(value.encode()).decode()
        path = f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}?fieldManager=kubectl-edit"
        assert self.kubernetes("PUT", path, live).status == 200

    def delete_secret(self, name: str) -> None:
        """Somebody deletes the Secret by hand."""
        assert self.kubernetes("DELETE", f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}").status == 200

    def backend(self, method: str, path: str, payload: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request to OpenBao with the root token; an empty object where it answers with no content."""
        token = self.layout.openbao_token.read_text()
        request = urllib.request.Request(
            f"{self.parts.openbao}/v1/{path}",
            method=method,
            headers={"X-Vault-Token": token},
            data=None if payload is None else json.dumps(payload).encode(),
        )
        with _UNPROXIED.open(request, timeout=30) as answer:
            document: dict[str, Any] = json.loads(answer.read() or b"{}")
        return document

    def stored_value(self) -> str:
        """The sample's value, as the backend holds it."""
        value: str = self.backend("GET", "secret/data/foo")["data"]["data"]["my-value"]
        self.canaries.setdefault("the sample's first value", value)
        return value

    def rotate(self) -> str:
        """Somebody writes a new value upstream; it is returned."""
        value = f"rotated/{secrets.token_urlsafe(18)}+é"
        self.canaries[f"value of rotation {len(self.canaries)}"] = value
        self.backend("POST", "secret/data/foo", {"data": {"my-value": value}})
        return value

    # ------------------------------------------------------------------ files of the project

    def manifest(self, text: str) -> Path:
        """Adds a manifest to the dev stack; ``unlink`` takes it away."""
        path = self.folder / "manifests" / "dev" / "added.yaml"
        path.write_text(text)
        return path


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> float:
    """How long it took until the condition held; fails the test when it does not come to hold."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            pytest.fail(f"not within {seconds:.0f} s: {what}", pytrace=False)
        time.sleep(_POLL_SECONDS)
    return time.monotonic() - began


def bring_up(folder: Path) -> Iterator[Checkout]:
    """A checkout that is up; stopped at the end, also after a failure or Ctrl-C."""
    made = Checkout.make(folder)
    try:
        made.local("up")
        made.stored_value()
        yield made
    finally:
        made.remove()
