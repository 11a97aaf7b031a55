"""Tools that are built from their released Go modules."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from local.tools import catalog, versions
from local.tools.running import Command, run

if TYPE_CHECKING:
    from local.tools.catalog import GoModule, Tool
    from local.tools.progress import Step
    from local.tools.stop import Stop


def environment(toolchain: Path, work: Path) -> dict[str, str]:
    """The environment Go runs in.

    The user's proxy, module cache and build cache hold; what would change the result does not: flags, workspaces,
    another toolchain, cross-compilation.

    Args:
        toolchain: The ``go`` program.
        work: A folder for temporary files, so that a full /tmp does not matter and nothing stays behind.
    """
    dropped = {"GOFLAGS", "GOOS", "GOARCH", "GOROOT", "GOEXPERIMENT", "GODEBUG", "GOBIN"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | {
        "PATH": f"{toolchain.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GO111MODULE": "on",
        "GOFLAGS": "-mod=readonly",
        "CGO_ENABLED": "0",
        "GOTMPDIR": str(work),
        "GIT_TERMINAL_PROMPT": "0",
    }


def on_path() -> Path | None:
    """A Go on PATH that is new enough for every module; None if there is none."""
    found = shutil.which("go")
    if found is None:
        return None
    path = Path(found).resolve()
    version = versions.ask(path, catalog.GO.version_arguments)
    return path if version is not None and catalog.GO.accept.admits(version, catalog.GO.oldest) else None


def build(tool: Tool, source: GoModule, toolchain: Path, work: Path, *, step: Step, stop: Stop) -> Path:
    """Builds a tool.

    Args:
        tool: The tool.
        source: Its module.
        toolchain: The ``go`` program.
        work: An empty folder to work in.
        step: Where progress is shown.
        stop: Asks to give up.

    Returns:
        A folder inside ``work`` that holds the finished program.

    Raises:
        LocalError: As in `running.run`.
    """
    made = work / "made"
    made.mkdir()
    temporary = work / "tmp"
    temporary.mkdir()
    settings = " ".join(f"-X {variable}={value}" for variable, value in source.variables)
    arguments: list[str | Path] = [toolchain, "build", "-v", "-trimpath", "-buildvcs=false"]
    if source.tags:
        arguments += ["-tags", ",".join(source.tags)]
    arguments += ["-ldflags", f"-s -w {settings}".rstrip(), "-o", made / tool.program, source.package]
    command = Command(arguments, catalog.MODULES / source.module, environment(toolchain, temporary))
    run(command, place=tool.name, step=step, stop=stop)
    return made
