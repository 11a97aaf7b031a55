"""A stack on this machine: its configuration file, its secrets, its state.

The committed ``Pulumi.<stack>.yaml`` holds no secret that this machine could open. Beside it, in ``.local/``, stands
the stack file that is really used: the committed values plus the secret ones made on this machine, encrypted with this
machine's passphrase.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from local.errors import LocalError
from local.layout import PROJECT, Layout, explain, write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Redirect = Callable[[Mapping[str, Any]], dict[str, Any]]

STACK = "dev"
"""The stack that the embedded environment brings up where none is named."""

SAMPLE_KEY = "external-secrets:sampleSecrets"
FINGERPRINT_KEY = "external-secrets:fingerprintKey"

_FINGERPRINT_BYTES = 48
_ENCRYPTION_FIELDS = ("secretsprovider", "encryptedkey", "encryptionsalt")


class StackError(LocalError):
    """Pulumi refused something about the stack."""


def ensure_passphrase(layout: Layout) -> bool:
    """Makes the passphrase once.

    Returns:
        Whether it was made now.

    Raises:
        LocalError: it is gone though state exists that only it opens, or it may not be written.
    """
    if layout.passphrase.is_file():
        return False
    if layout.pulumi_state.is_dir() and any(layout.pulumi_state.rglob("*.json")):
        raise LocalError(
            "the passphrase of the Pulumi state is gone",
            place=str(layout.passphrase),
            remedy="put it back, or begin anew with `make clean`",
        )
    write_private(layout.passphrase, secrets.token_urlsafe(32))
    return True


def committed_stacks(project: Path = PROJECT) -> tuple[str, ...]:
    """The stacks that have a committed file, by name."""
    files = project.glob("Pulumi.*.yaml")
    return tuple(sorted(file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in files))


def committed_path(project: Path, stack: str) -> Path:
    """The committed file of a stack.

    Raises:
        LocalError: there is none.
    """
    path = project / f"Pulumi.{stack}.yaml"
    if stack not in committed_stacks(project):
        known = ", ".join(committed_stacks(project))
        raise LocalError(f"there is no stack {stack!r}", place=str(path), remedy=f"the stacks are {known}")
    return path


def committed_configuration(project: Path, stack: str) -> dict[str, Any]:
    """What the committed file of a stack configures, without what is encrypted.

    Raises:
        LocalError: there is no such file, or it is not YAML.
    """
    config = _read_yaml(committed_path(project, stack)).get("config") or {}
    return {key: value for key, value in config.items() if not is_encrypted(value)}


def merge_configuration(
    layout: Layout, project: Path = PROJECT, stack: str = STACK, redirect: Redirect | None = None
) -> Path:
    """Brings the stack file of this machine up to date with the committed one; its own encrypted values stay.

    What is encrypted in the committed file is left out: only the stack's real home can open it.

    Args:
        layout: where the stack file of this machine is.
        project: where the committed one is.
        stack: the stack.
        redirect: changes the committed values, for a run over doubles.

    Returns:
        The file's path.

    Raises:
        LocalError: one of the two is not YAML, or may not be read or written.
    """
    own_path = layout.stack_configuration(stack)
    committed = _read_yaml(committed_path(project, stack))
    own = _read_yaml(own_path) if own_path.exists() else {}
    encrypted = {key: value for key, value in (own.get("config") or {}).items() if is_encrypted(value)}
    values = committed_configuration(project, stack)
    merged = {
        **{name: value for name, value in committed.items() if name not in _ENCRYPTION_FIELDS},
        **{name: own[name] for name in _ENCRYPTION_FIELDS if name in own},
        "config": {**(redirect(values) if redirect else values), **encrypted},
    }
    if merged != own:
        write_private(own_path, _dump(merged))
    return own_path


def is_encrypted(value: object) -> bool:
    """Whether a configuration value is one that Pulumi encrypted."""
    return isinstance(value, dict) and set(value) == {"secure"}


def missing_secrets(configuration: Path, committed: Path | None = None) -> dict[str, Callable[[], str]]:
    """The secret keys the stack file lacks, each with what makes a value for it.

    A value is made once and then kept: it is new on every machine, and nobody has to think of one.

    Args:
        configuration: the stack file of this machine.
        committed: the committed one, for the keys whose values are encrypted there and cannot be opened here.
    """
    present = _read_yaml(configuration).get("config") or {}
    elsewhere = (_read_yaml(committed).get("config") or {}) if committed is not None else {}
    makers: Mapping[str, Callable[[], str]] = {
        **{key: _invented for key, value in elsewhere.items() if is_encrypted(value)},
        SAMPLE_KEY: lambda: json.dumps(_samples(present)),
        FINGERPRINT_KEY: lambda: secrets.token_urlsafe(_FINGERPRINT_BYTES),
    }
    return {key: make for key, make in makers.items() if key not in present}


def _samples(config: Mapping[str, Any]) -> dict[str, str | dict[str, str]]:
    """A value for each sample that a stack file lists: an object, or a text where that is asked for."""
    vault, aws = (config.get(f"external-secrets:{section}") for section in ("vault", "aws"))
    found: dict[str, str | dict[str, str]] = {}
    for path in (vault.get("samples") or ()) if isinstance(vault, dict) else ():
        found[path] = {"my-value": _invented()}
    provisioned = aws if isinstance(aws, dict) else {}
    for each in (*(provisioned.get("secrets") or ()), *(provisioned.get("parameters") or ())):
        wanted = each.get("sample")
        if wanted:
            found[each["name"]] = _invented() if wanted == "text" else {key: _invented() for key in wanted}
    return found


def _invented() -> str:
    return secrets.token_urlsafe(18)


@dataclass(frozen=True, slots=True)
class Engine:
    """The Pulumi command line on this machine's stack.

    Attributes:
        program: path of the engine.
        environment: all variables it runs under.
        layout: the environment's paths.
        project: folder of ``Pulumi.yaml``.
        stack: the stack.
        redirect: changes the committed values, for a run over doubles.
        in_cloud: whether it is a stack that was not made here: its committed file is used as it is, and login and
            credentials are those of the environment.
    """

    program: Path
    environment: Mapping[str, str]
    layout: Layout
    project: Path = PROJECT
    stack: str = STACK
    redirect: Redirect | None = None
    in_cloud: bool = False

    @property
    def configuration(self) -> Path:
        """The stack file in force."""
        if self.in_cloud:
            return committed_path(self.project, self.stack)
        return self.layout.stack_configuration(self.stack)

    @property
    def exists(self) -> bool:
        """Whether the stack was made on this machine."""
        return self._state_file().is_file()

    def prepare_stack(self) -> bool:
        """Makes the stack and its secret values where they are missing.

        Returns:
            Whether anything was made.

        Raises:
            StackError: Pulumi refused.
            LocalError: a file may not be read or written.
        """
        merge_configuration(self.layout, self.project, self.stack, self.redirect)
        made = False
        if not self.exists:
            self._initialise()
            made = True
        for key, make in missing_secrets(self.configuration, committed_path(self.project, self.stack)).items():
            self._run(
                "config", "set", "--secret", key, "--stack", self.stack, "--config-file", str(self.configuration),
                "--non-interactive", given=make(), place=f"configuration {key}",
            )  # fmt: skip
            made = True
        self._select()
        self._drop_stale_locks()
        self._mend_pending_creations()
        return made

    def _initialise(self) -> None:
        """Makes the stack from a copy of the project file: ``stack init`` writes the encryption salt beside it."""
        with tempfile.TemporaryDirectory(dir=self.layout.run) as folder:
            copy = Path(folder)
            shutil.copy(self.project / "Pulumi.yaml", copy)
            self._run(
                "stack",
                "init",
                self.stack,
                "--no-select",
                "--non-interactive",
                place=f"stack {self.stack}",
                folder=copy,
            )
            made = _read_yaml(copy / f"Pulumi.{self.stack}.yaml")
        own = {key: value for key, value in _read_yaml(self.configuration).items() if key not in _ENCRYPTION_FIELDS}
        config = {key: value for key, value in (own.get("config") or {}).items() if not is_encrypted(value)}
        write_private(self.configuration, _dump({**own, **made, "config": config}))

    def _state_file(self) -> Path:
        return self.layout.pulumi_state / ".pulumi" / "stacks" / _project_name(self.project) / f"{self.stack}.json"

    def _select(self) -> None:
        workspaces = self.layout.pulumi_home / "workspaces"
        for file in workspaces.glob("*-workspace.json") if workspaces.is_dir() else ():
            if selection(file, self.layout):
                return  # somebody selected one, maybe another one: leave it so
        self._run("stack", "select", self.stack, "--non-interactive", place=f"stack {self.stack}")

    def _drop_stale_locks(self) -> None:
        """Frees the state from runs that were killed.

        The caller holds the environment's lock, and their processes are gone.
        """
        for lock in (self.layout.pulumi_state / ".pulumi" / "locks").rglob("*.json"):
            try:
                pid = int(json.loads(lock.read_text())["pid"])
                os.kill(pid, 0)
            except ProcessLookupError:
                lock.unlink(missing_ok=True)
            except (OSError, ValueError, KeyError, TypeError):
                continue

    def _mend_pending_creations(self) -> None:
        """Takes over what a killed run was creating: the object may exist by now, but the state does not know it.

        Kubernetes objects are read back under the names they were given; whatever else was being created is dropped
        from the state, for the next update to create.
        """
        pending = _pending_creations(self._state_file())
        if not pending:
            return
        common = (
            "refresh", "--yes", "--skip-preview", "--non-interactive", "--stack", self.stack,
            "--config-file", str(self.configuration),
        )  # fmt: skip
        known = {urn: identity for urn, identity in pending.items() if identity}
        if known:
            pairs = [word for pair in known.items() for part in pair for word in ("--import-pending-creates", part)]
            with suppress(StackError):  # the object was not made after all
                self._run(*common, *pairs, place=f"refresh of stack {self.stack}")
        if _pending_creations(self._state_file()):
            self._run(*common, "--clear-pending-creates", place=f"refresh of stack {self.stack}")

    def _run(self, *arguments: str, place: str, given: str | None = None, folder: Path | None = None) -> str:
        """Runs one short command.

        Args:
            arguments: after the program's name.
            place: what it is about, for the error.
            given: text for its standard input: secrets are never arguments.
            folder: where it runs; the project if None.

        Raises:
            StackError: it failed.
        """
        answer = subprocess.run(
            [str(self.program), *arguments],
            input="" if given is None else given,
            capture_output=True,
            text=True,
            cwd=folder or self.project,
            env=dict(self.environment),
            check=False,
        )
        if answer.returncode:
            said = (answer.stderr or answer.stdout).strip()
            raise StackError(
                said.removeprefix("error: ").replace(given, "[secret]") if given else said.removeprefix("error: "),
                place=place,
                remedy="mend the cause and run `make up` again",
            )
        return answer.stdout


def selection(file: Path, layout: Layout) -> str:
    """The stack that a workspace file of the engine says is selected in this environment's state; empty if none."""
    try:
        document = json.loads(file.read_text())
        # Selections are kept by the address of the state; earlier engines kept one for all.
        found = (document.get("stacks") or {}).get(layout.pulumi_state.as_uri()) or document.get("stack")
    except (OSError, ValueError, AttributeError):
        return ""
    return found if isinstance(found, str) else ""


def _pending_creations(state_file: Path) -> dict[str, str]:
    """What was being created when a run was killed: URN → id, where the inputs tell it, else an empty string."""
    try:
        latest = json.loads(state_file.read_text())["checkpoint"].get("latest") or {}
        operations = latest.get("pending_operations") or ()
        return {
            each["resource"]["urn"]: _identity(each["resource"]) for each in operations if each["type"] == "creating"
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _identity(resource: Mapping[str, Any]) -> str:
    if not str(resource.get("type", "")).startswith("kubernetes:"):
        return ""
    metadata = (resource.get("inputs") or {}).get("metadata") or {}
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if not isinstance(name, str):
        return ""
    return f"{namespace}/{name}" if isinstance(namespace, str) else name


def _project_name(project: Path) -> str:
    return str(_read_yaml(project / "Pulumi.yaml").get("name", ""))


def _dump(document: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise explain(error, path) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise LocalError(
            f"it is not YAML: {getattr(error, 'problem', None) or 'not UTF-8'}", place=where, remedy="mend the line"
        ) from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise LocalError("it is not a mapping", place=str(path), remedy="compare with the committed file")
    return document
