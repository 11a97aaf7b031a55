"""The project's own PULUMI_HOME: official plugins where they can be had, stand-ins where not, decided anew each time.

The user's Pulumi home, PATH and `Pulumi.yaml` are never touched. For each provider plugin, in the exact version of the
installed SDK: the official one in the user's plugin folder is linked or copied; else the engine installs it, with a
deadline of seconds, and a refusal is remembered so that the next bootstraps do not wait for it; else a stand-in is
written, with a file `LOCAL_STANDIN` beside it. Stand-ins of an earlier bootstrap are removed first, because an existing
folder would keep `pulumi plugin install` from doing anything.

The Python language host is the official one where it lies beside the engine. Else a stand-in goes into the plugin
folder, too, and the engine is told to leave PATH alone (PULUMI_IGNORE_AMBIENT_PLUGINS), which also keeps it from
warning about plugins of other versions there.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Final

from local.errors import LocalError
from local.layout import PROJECT, Layout, explain, write_private
from local.pulumi import ENGINE_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

MARK: Final = "LOCAL_STANDIN"
"""Name of the file that marks a plugin folder as a stand-in's."""
NO_DOWNLOAD: Final = "ESP_TOOLS_NO_DOWNLOAD"
"""With this variable set to 1 nothing is installed from the network."""
INSTALL_DEADLINE: Final = 20.0
"""Seconds one `pulumi plugin install` may take to begin to succeed; a plugin is one archive of about 30 MB."""
REFUSAL_LASTS: Final = 24 * 3600.0
"""Seconds for which a failed install is not tried again."""
_STAND_INS: Final = {
    "aws": "local.pulumi.aws.plugin",
    "kubernetes": "local.pulumi.kubernetes.plugin",
    "vault": "local.pulumi.vault.plugin",
}
_LANGUAGE: Final = "pulumi-language-python"
_DYNAMIC: Final = "pulumi-resource-pulumi-python"
_REFUSED: Final = "install-refused.json"
_LOGS: Final = "logs"
_NO_LOGS: Final = """\
A file where the engine would make a folder keeps it from writing a log of each command by itself.
Such a log holds whatever is handed to plugins, begins unencrypted, and costs a third of the time of an update.
For a log of one command: pulumi up --logtostderr -v=5
"""


class Origin(StrEnum):
    """Where a part comes from."""

    OFFICIAL = "official"
    STAND_IN = "stand-in"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of Pulumi as it will be used.

    Attributes:
        name: `language python`, or `resource` with the package's name.
        version: Its version; for a stand-in the version it stands in for.
        origin: Official or stand-in.
        path: Its program.
        told: How it was had, as a short phrase.
    """

    name: str
    version: str
    origin: Origin
    path: Path
    told: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}: {self.origin}, {self.told}"


@dataclass(frozen=True, slots=True)
class PulumiHome:
    """A prepared home.

    Attributes:
        path: The folder, for PULUMI_HOME.
        engine: The `pulumi` program.
        python: The Python that runs programs.
        parts: The language host and the provider plugins.
    """

    path: Path
    engine: Path
    python: Path
    parts: tuple[Part, ...]

    @property
    def stand_ins(self) -> tuple[Part, ...]:
        """The parts that are not official ones."""
        return tuple(part for part in self.parts if part.origin is Origin.STAND_IN)


def sdk_version(package: str) -> str:
    """Version of the provider plugin that an installed SDK package asks for.

    Raises:
        LocalError: Where the package is not installed.
    """
    spec = PathFinder.find_spec(f"pulumi_{package}")
    if spec is None or spec.origin is None:
        raise LocalError(
            "it is not installed",
            place=f"the Python package pulumi-{package}",
            remedy="install the project's requirements.txt",
        )
    description = json.loads(Path(spec.origin).with_name("pulumi-plugin.json").read_text(encoding="utf-8"))
    return str(description["version"]).lstrip("v")


def _launcher(python: Path, module: str, *arguments: str) -> str:
    """A shell script that runs a module's `main` of this checkout; `-P` keeps the working directory off the path."""
    code = f"import sys; sys.path.insert(0, {str(PROJECT)!r}); from {module} import main; main()"
    command = " ".join(shlex.quote(word) for word in (str(python), "-P", "-u", "-c", code, *arguments))
    return f'#!/bin/sh\n# Stand-in of this project: {module}\nexec {command} "$@"\n'


def _write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, text)
    path.chmod(0o700)


def _link_or_copy(source: Path, target: Path) -> None:
    """A real folder with the same files: linked where both lie on one file system. Links to folders are ignored."""

    def place(name: str, into: str) -> str:
        try:
            os.link(name, into)
        except OSError:
            shutil.copy2(name, into)
        return into

    partial = target.with_name(target.name + ".new")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial, copy_function=place)
    partial.rename(target)


def _complete(folder: Path, program: str) -> bool:
    """Whether a plugin folder holds an official plugin whose install was not cut short."""
    ended = not folder.with_name(folder.name + ".partial").exists()
    return ended and os.access(folder / program, os.X_OK) and not (folder / MARK).exists()


class _Refusals:
    """Installs that failed lately, by plugin; kept in the home so that a warm bootstrap does not wait again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._times: dict[str, float] = {}
        with suppress(OSError, ValueError, AttributeError):
            found = json.loads(path.read_text(encoding="utf-8"))
            self._times = {key: float(value) for key, value in found.items()}

    def holds(self, key: str) -> bool:
        """Whether the plugin was refused within the last day."""
        return 0 <= time.time() - self._times.get(key, float("-inf")) < REFUSAL_LASTS

    def add(self, key: str) -> None:
        """Remember a refusal."""
        with self._lock:
            self._times[key] = time.time()
            write_private(self._path, json.dumps(self._times))


@dataclass(frozen=True, slots=True)
class _Preparation:
    """What deciding about one plugin needs."""

    home: Path
    user_home: Path
    engine: Path
    python: Path
    install: bool
    refusals: _Refusals

    @property
    def plugins(self) -> Path:
        return self.home / "plugins"

    def resource(self, package: str) -> Part:
        """The provider plugin of one package."""
        version = sdk_version(package)
        folder = self.plugins / f"resource-{package}-v{version}"
        program = f"pulumi-resource-{package}"
        part = f"resource {package}"
        if _complete(folder, program):
            return Part(part, version, Origin.OFFICIAL, folder / program, "already in the project's home")
        shutil.rmtree(folder, ignore_errors=True)
        users = self.user_home / "plugins" / folder.name
        if _complete(users, program):
            _link_or_copy(users, folder)
            return Part(part, version, Origin.OFFICIAL, folder / program, f"taken from {users.parent}")
        why = self._install(package, version)
        if not why and _complete(folder, program):
            return Part(part, version, Origin.OFFICIAL, folder / program, "installed")
        shutil.rmtree(folder, ignore_errors=True)
        told = f"the official plugin is not in {users.parent} and {why or 'its install left no program'}"
        return Part(part, version, Origin.STAND_IN, self._stand_in(folder, program, package, version), told)

    def _stand_in(self, folder: Path, program: str, package: str, version: str) -> Path:
        path = folder / program
        _write_program(path, _launcher(self.python, _STAND_INS[package], version))
        write_private(folder / MARK, f"stand-in for the official {package} plugin {version}\n")
        return path

    def _install(self, package: str, version: str) -> str:
        """Try the engine's own installer; why it did not work, or nothing."""
        key = f"{package} {version}"
        if not self.install:
            return "installing is switched off"
        if self.refusals.holds(key):
            return f"installing it failed within the last day (remove {self.home / _REFUSED} to try again)"
        environment = {**os.environ, "PULUMI_HOME": str(self.home), "PULUMI_SKIP_UPDATE_CHECK": "true"}
        command = [str(self.engine), "plugin", "install", "resource", package, version]
        try:
            subprocess.run(
                command,
                env=environment,
                timeout=INSTALL_DEADLINE,
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except (OSError, subprocess.SubprocessError) as error:
            self.refusals.add(key)
            late = isinstance(error, subprocess.TimeoutExpired)
            return f"installing it took more than {INSTALL_DEADLINE:.0f} s" if late else "installing it failed"
        return ""

    def language(self, scripts: Path | None) -> Part:
        """The Python language host, and the launcher of dynamic providers that belongs to it."""
        beside = self.engine.resolve().parent / _LANGUAGE
        folder = self.plugins / f"language-python-v{ENGINE_VERSION}"
        dynamic = self.plugins / f"resource-pulumi-python-v{ENGINE_VERSION}"
        for old in (folder, dynamic):
            shutil.rmtree(old, ignore_errors=True)
        if os.access(beside, os.X_OK):
            return Part("language python", ENGINE_VERSION, Origin.OFFICIAL, beside, "beside the engine")
        if scripts is None:
            from local.tools import language_host_scripts  # noqa: PLC0415 - not needed with an official host

            scripts = language_host_scripts()
        _write_program(folder / _LANGUAGE, _launcher(self.python, "local.pulumi.language_host", str(scripts)))
        _write_program(dynamic / _DYNAMIC, (scripts / _DYNAMIC).read_text(encoding="utf-8"))
        for made in (folder, dynamic):
            write_private(made / MARK, f"stand-in that serves the engine {ENGINE_VERSION}\n")
        return Part(
            "language python", ENGINE_VERSION, Origin.STAND_IN, folder / _LANGUAGE, f"none lies beside {self.engine}"
        )


def prepare(
    layout: Layout,
    *,
    engine: Path,
    scripts: Path | None = None,
    python: Path | None = None,
    user_home: Path | None = None,
    install: bool | None = None,
) -> PulumiHome:
    """Make the project's home anew.

    Args:
        layout: Where it goes.
        engine: The `pulumi` program.
        scripts: Folder with the SDK's helper programs; `local.tools` is asked for it where it is needed.
        python: The Python of the project's virtual environment; the running one by default.
        user_home: The user's own Pulumi home, only ever read; `$PULUMI_HOME` or `~/.pulumi` by default.
        install: Whether official plugins may be installed from the network; by default unless
            `ESP_TOOLS_NO_DOWNLOAD=1`.

    Returns:
        The home, with one part for the language host and each provider plugin.

    Raises:
        LocalError: Where an SDK package is missing or the folder cannot be written.
    """
    home = layout.pulumi_home
    users = user_home or Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    if users.resolve() == home.resolve():
        users = Path.home() / ".pulumi"
    # Not resolved: a virtual environment's python is a link, and its place is what makes it one.
    interpreter = python or Path(sys.executable)
    allowed = install if install is not None else os.environ.get(NO_DOWNLOAD) != "1"
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / "plugins").mkdir(mode=0o700, exist_ok=True)
        _keep_logs_away(home / _LOGS)
        work = _Preparation(home, users, engine, interpreter, allowed, _Refusals(home / _REFUSED))
        with ThreadPoolExecutor(len(_STAND_INS)) as pool:
            resources = list(pool.map(work.resource, _STAND_INS))
        return PulumiHome(home, engine, interpreter, (work.language(scripts), *resources))
    except OSError as error:
        raise explain(error, home) from error


def _keep_logs_away(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    write_private(place, _NO_LOGS)


def environment(home: PulumiHome, layout: Layout) -> Mapping[str, str]:
    """The PULUMI_* variables: the project's home and state, and nothing that reaches for the network.

    The folder of the state and the file with the passphrase belong to the layout; this only names them.
    """
    return {
        "PULUMI_HOME": str(home.path),
        "PULUMI_BACKEND_URL": layout.pulumi_state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(layout.passphrase),
        "PULUMI_PYTHON_CMD": str(home.python),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_DISABLE_REGISTRY_RESOLVE": "true",
        "PULUMI_SUPPRESS_NEO_LINK": "true",
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
        "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
        "PULUMI_ERROR_OUTPUT_STRING": "true",
        "PULUMI_PARALLEL_DIFF": "true",
    }
