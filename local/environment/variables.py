"""Environment variables under which ``pulumi``, ``bao``, ``kubectl`` and the program meet the embedded environment."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local.environment import programs
from local.pulumi import home

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.layout import Layout

_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")

UNSET = (
    *("PULUMI_CONFIG_PASSPHRASE", "VAULT_NAMESPACE", "VAULT_AGENT_ADDR"),
    *("BAO_ADDR", "BAO_AGENT_ADDR", "BAO_TOKEN", "BAO_NAMESPACE"),
)
"""Variables that would win over ours or redirect them."""

UNSET_WITH_AWS = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
"""Likewise, where a local AWS API is among ours."""

_AWS_ENDPOINT = "AWS_ENDPOINT_URL"


def pulumi(layout: Layout) -> dict[str, str]:
    """Variables of the engine: project-local home, file backend, passphrase file, no network."""
    prepared = home.PulumiHome(layout.pulumi_home, layout.bin / "pulumi", Path(sys.executable), ())
    return dict(home.environment(prepared, layout))


def exports(layout: Layout, *, vault_address: str, vault_token: str) -> dict[str, str]:
    """Every variable that differs from the caller's own environment, by name.

    Args:
        layout: the environment's paths.
        vault_address: OpenBao's URL; empty where there is none.
        vault_token: OpenBao's root token. A secret.
    """
    own = os.environ
    path = programs.search_path(own.get("PATH", os.defpath)).split(os.pathsep)
    excepted = [name for name in own.get("NO_PROXY", own.get("no_proxy", "")).split(",") if name.strip()]
    no_proxy = ",".join([*excepted, *(name for name in _LOOPBACK_NAMES if name not in excepted)])
    return {
        "KUBECONFIG": str(layout.kubeconfig),
        **({"VAULT_ADDR": vault_address, "VAULT_TOKEN": vault_token} if vault_address else {}),
        **pulumi(layout),
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "PATH": os.pathsep.join([str(layout.bin), *path]),
    }


def merged(variables: Mapping[str, str], layout: Layout) -> dict[str, str]:
    """The caller's environment with ours put over it, for child processes."""
    kept = {name: value for name, value in os.environ.items() if name not in _in_the_way(variables)}
    return with_bytecode({**kept, **variables}, layout)


def with_bytecode(environment: Mapping[str, str], layout: Layout) -> dict[str, str]:
    """The environment of an engine whose Python processes keep what they compiled.

    Every operation starts half a dozen of them. Where PYTHONDONTWRITEBYTECODE is set, each would compile the Pulumi
    SDKs anew, for seconds; so theirs goes below the layout's root, and nothing is written beside the sources.
    """
    if not environment.get("PYTHONDONTWRITEBYTECODE"):
        return dict(environment)
    kept = {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {"PYTHONPYCACHEPREFIX": str(layout.bytecode), **kept}


def shell_lines(variables: Mapping[str, str]) -> list[str]:
    """Lines for ``eval``: quoted for a POSIX shell; what would win over them is emptied only where it is set."""
    emptied = [f"unset {name}" for name in _in_the_way(variables) if name in os.environ and name not in variables]
    return [*emptied, *(f"export {name}={shlex.quote(value)}" for name, value in variables.items())]


def _in_the_way(variables: Mapping[str, str]) -> tuple[str, ...]:
    return (*UNSET, *UNSET_WITH_AWS) if _AWS_ENDPOINT in variables else UNSET
