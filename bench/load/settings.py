"""What one run of the load test is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is synced.

    Attributes:
        objects: number of ExternalSecrets.
        keys: number of KV secrets they read; object i reads key i modulo this.
        properties: properties of each KV secret, and data entries of each ExternalSecret.
    """

    objects: int
    keys: int
    properties: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """The servers that take part.

    Attributes:
        kubeconfig: the API server and an administrator of it.
        openbao: address of OpenBao or Vault.
        token: a token that may make mounts, policies and tokens.
        audit_log: file of its file audit device; None if requests are not counted.
    """

    kubeconfig: Path
    openbao: str
    token: str = field(repr=False)
    audit_log: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerChoice:
    """The controller that is measured.

    Attributes:
        command: runs it in the foreground, under ``KUBECONFIG``.
        pid: a running one, measured instead of starting one.
        log: where its output goes; None for nowhere.
        shown: how results call it.
    """

    command: tuple[str, ...]
    pid: int | None
    log: Path | None
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSettings:
    """One run.

    Attributes:
        size: how much is synced.
        servers: where.
        controller: by whom.
        namespace: where all objects are.
        mount: the KV v2 mount.
        authentication: ``token`` or ``approle``.
        refresh: refreshInterval of the objects.
        recreate: whether the objects are made anew for a controller that runs already.
        rotations: how many KV secrets `rotate` changes.
        creates: how many ExternalSecrets `latency` adds.
        warm_up: time before the steady window.
        steady: length of the steady window.
        patience: how long all targets may take to appear.
        seed: chooses the rotated keys and the pauses.
        label: name of this configuration in the results; the kind of measurement if empty.
    """

    size: Size
    servers: Servers
    controller: ControllerChoice
    namespace: str
    mount: str
    authentication: str
    refresh: timedelta
    recreate: bool
    rotations: int
    creates: int
    warm_up: timedelta
    steady: timedelta
    patience: timedelta
    seed: int
    label: str
