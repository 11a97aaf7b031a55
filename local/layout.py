"""Every path of the embedded environment, named once.

All of it lies in one folder (``.local/`` of the project, or any other one for a throw-away environment), which belongs
to its owner alone (0700) and never enters version control. Files with credentials are 0600.
"""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from local.errors import DiskFull, LocalError

FOLDER = ".local"
"""Name of the folder inside the project."""

ROOT_VARIABLE = "ESP_LOCAL_ROOT"
"""Environment variable with another folder for the project's environment; tests and second environments use it."""

PROJECT = Path(__file__).resolve().parent.parent
"""The checkout this code belongs to."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below one root.

    Attributes:
        root: the folder that holds everything, absolute.
    """

    root: Path

    @classmethod
    def of_project(cls, project: Path = PROJECT) -> Self:
        """The layout of a checkout's own environment; the variable ``ESP_LOCAL_ROOT`` puts it elsewhere."""
        elsewhere = os.environ.get(ROOT_VARIABLE)
        return cls(Path(elsewhere).expanduser().absolute() if elsewhere else project / FOLDER)

    @property
    def pki(self) -> Path:
        """Certificate authority, certificates and keys of the control plane."""
        return self.root / "pki"

    @property
    def kubeconfig(self) -> Path:
        """Kubeconfig of the cluster's administrator (0600)."""
        return self.root / "kubeconfig"

    @property
    def controller_manager_kubeconfig(self) -> Path:
        """Kubeconfig of kube-controller-manager, which is no administrator (0600)."""
        return self.root / "controller-manager.kubeconfig"

    @property
    def etcd_data(self) -> Path:
        """What etcd stores."""
        return self.root / "etcd"

    @property
    def openbao(self) -> Path:
        """Everything of OpenBao."""
        return self.root / "openbao"

    @property
    def openbao_data(self) -> Path:
        """OpenBao's raft storage."""
        return self.openbao / "data"

    @property
    def openbao_configuration(self) -> Path:
        """OpenBao's configuration file, written anew at each start."""
        return self.openbao / "configuration.hcl"

    @property
    def openbao_seal_key(self) -> Path:
        """32 random bytes that unseal OpenBao (0600)."""
        return self.openbao / "seal.key"

    @property
    def openbao_recovery(self) -> Path:
        """What OpenBao answered when it was initialised: root token and recovery key (0600)."""
        return self.openbao / "initialised.json"

    @property
    def openbao_initialising(self) -> Path:
        """Exists while OpenBao is being initialised; found at a start, the storage is made anew."""
        return self.openbao / "initialising"

    @property
    def openbao_token(self) -> Path:
        """OpenBao's root token (0600)."""
        return self.openbao / "token"

    @property
    def openbao_audit(self) -> Path:
        """OpenBao's audit log, values hashed by OpenBao."""
        return self.openbao / "audit.log"

    @property
    def moto_account(self) -> Path:
        """The AWS account that moto was last started as."""
        return self.run / "moto-account"

    @property
    def bytecode(self) -> Path:
        """Compiled Python of the engine's processes, where the machine wants none beside the sources."""
        return self.root / "bytecode"

    @property
    def node_data(self) -> Path:
        """What the node keeps: tokens and logs of pods."""
        return self.root / "node"

    @property
    def stacks(self) -> Path:
        """Environments of the other stacks that were brought up here, one folder each."""
        return self.root / "stacks"

    def of_stack(self, stack: str) -> Layout:
        """The environment of another stack, beside this one: its own cluster, backend and state."""
        return Layout(self.stacks / stack)

    @property
    def preview(self) -> Layout:
        """The environment of previews: started for each, its state empty before and after."""
        return Layout(self.root / "preview")

    @property
    def stack_kubeconfig(self) -> Path:
        """The administrator's kubeconfig once more, with a context of the name that a stack uses (0600)."""
        return self.root / "kubeconfig-of-stack"

    @property
    def logs(self) -> Path:
        """One log file per part."""
        return self.root / "logs"

    def log(self, part: str) -> Path:
        """Log file of a part."""
        return self.logs / f"{part}.log"

    @property
    def run(self) -> Path:
        """What runs now."""
        return self.root / "run"

    @property
    def run_state(self) -> Path:
        """Ports, process ids and start times of the parts."""
        return self.run / "state.json"

    @property
    def lock(self) -> Path:
        """Held while the environment is started, stopped or removed."""
        return self.run / "lock"

    @property
    def bin(self) -> Path:
        """The programs of the environment under their plain names; first on the PATH that ``make env`` exports."""
        return self.root / "bin"

    @property
    def pulumi_home(self) -> Path:
        """Project-local PULUMI_HOME; the user's own is never touched."""
        return self.root / "pulumi-home"

    @property
    def pulumi_state(self) -> Path:
        """Folder of Pulumi's file backend."""
        return self.root / "pulumi-state"

    @property
    def passphrase(self) -> Path:
        """Passphrase that encrypts secrets in Pulumi's state (0600)."""
        return self.root / "pulumi-passphrase"

    def stack_configuration(self, stack: str) -> Path:
        """Configuration file of a stack: the committed one plus what only this machine has, encrypted (0600)."""
        return self.root / f"Pulumi.{stack}.yaml"

    def prepare(self) -> None:
        """Makes the folders, each for its owner alone.

        Raises:
            LocalError: the root is a symbolic link or a file, or may not be written.
            DiskFull: there is no room left.
        """
        if self.root.is_symlink() or (self.root.exists() and not self.root.is_dir()):
            raise LocalError(
                "it is not a folder of its own", place=str(self.root), remedy="move it away and start again"
            )
        for folder in (
            self.root,
            self.pki,
            self.etcd_data,
            self.openbao,
            self.openbao_data,
            self.node_data,
            self.logs,
            self.run,
            self.bin,
            self.pulumi_state,
        ):
            try:
                folder.mkdir(mode=0o700, parents=folder == self.root, exist_ok=True)
                folder.chmod(0o700)
            except OSError as error:
                raise explain(error, folder) from error


def write_private(path: Path, content: str | bytes) -> None:
    """Writes a file that only its owner may read, all of it or nothing.

    Raises:
        LocalError: the file may not be written.
        DiskFull: there is no room left.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        with suppress(OSError):
            Path(temporary).unlink()
        raise explain(error, path) from error


def explain(error: OSError, path: Path) -> LocalError:
    """The error of this environment that says what an operating system's error means for its user."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFull(
            "no room left on the device", place=str(path), remedy="free some space and run the command again"
        )
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return LocalError(
            "it may not be written by this user",
            place=str(path),
            remedy=f"look at its owner with `ls -ld {path}`, give it back to yourself or remove it",
        )
    return LocalError(
        error.strerror or type(error).__name__, place=str(path), remedy="mend the cause and run the command again"
    )
