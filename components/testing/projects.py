"""A whole project as the test runs it: its program, its stack files, and a cluster that does not exist."""

from __future__ import annotations

import json
import runpy
from typing import TYPE_CHECKING, Any

import pulumi
import yaml

from components.settings import PREFIX, Settings, parse
from components.testing.recorder import Recorder, record
from secretsync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pulumi.runtime.mocks import Mocks


def record_project(
    folder: Path,
    *,
    stack: str = "dev",
    secrets: Mapping[str, str] | None = None,
    preview: bool = False,
    answers: Mocks | None = None,
) -> Recorder:
    """Run the ``__main__.py`` of a project, configured by its stack file.

    Args:
        folder: the project; it must be the working directory where manifests are named relative to it.
        stack: name of the stack: ``Pulumi.<stack>.yaml`` is read.
        secrets: secret configuration, by key, e.g. ``external-secrets:fingerprintKey``; the encrypted values of the
            stack file cannot be read and are left out.
        preview: whether the program is to think that this is ``pulumi preview``.
        answers: what resources and functions answer.
    """
    values = {name: value for name, value in _stack_file(folder, stack).items() if not _is_encrypted(value)}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    texts.update(secrets or {})
    pulumi.runtime.set_all_config(texts, list(secrets or ()))
    try:
        return record(
            lambda: runpy.run_path(str(folder / "__main__.py"), run_name="__main__"),
            preview=preview,
            answers=answers,
            stack=stack,
        )
    finally:
        pulumi.runtime.set_all_config({})


def stack_settings(folder: Path, stack: str = "dev", **changes: object) -> Settings:
    """The settings in a stack file, with some of them changed.

    Args:
        folder: the project.
        stack: name of the stack.
        changes: keys without prefix → other values.

    Raises:
        SettingsError: a key is wrong or missing.
    """
    prefix = f"{PREFIX}:"
    plain = {name.removeprefix(prefix): value for name, value in _stack_file(folder, stack).items()}
    return parse(
        {**{name: value for name, value in plain.items() if not _is_encrypted(value)}, **changes},
        place=f"Pulumi.{stack}.yaml",
    )


def _stack_file(folder: Path, stack: str) -> dict[str, Any]:
    path = folder / f"Pulumi.{stack}.yaml"
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}", place=str(path), remedy="name another stack") from None
    return {str(name): value for name, value in (document.get("config") or {}).items()}


def _is_encrypted(value: object) -> bool:
    return isinstance(value, dict) and set(value) == {"secure"}


def invented_kubeconfig(folder: Path) -> Path:
    """A kubeconfig of a cluster that does not exist, for programs that read address and authority from one."""
    path = folder / "kubeconfig"
    cluster = {"server": "https://kubernetes.invalid:6443", "certificate-authority-data": "Q0E="}
    document = {
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": {}}],
    }
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path
