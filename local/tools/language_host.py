"""The two helper programs of Pulumi's Python language host.

They start a Python program and a Python dynamic provider under the engine. Pulumi's release archive carries them
beside the engine; where the engine was built here, they come out of the released ``sdk/v3`` module, which go.sum pins.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from local.errors import BuildFailed
from local.tools import catalog, go
from local.tools.running import Command, run
from local.tools.stop import ended_like_an_interrupt

if TYPE_CHECKING:
    from local.tools.supply import Supply

EXEC = "pulumi-language-python-exec"
DYNAMIC = "pulumi-resource-pulumi-python"
_MODULE = "github.com/pulumi/pulumi/sdk/v3"
_INSIDE = (("python/cmd", EXEC), ("python/dist", DYNAMIC))
_NAME = "language-host"


def scripts(supply: Supply) -> Path:
    """A folder that holds both programs, executable.

    In this order: beside the engine on PATH or in the cache (an official release has them there); the cache; the
    ``sdk/v3`` module by ``go mod download``. Where Go is missing it is fetched into the cache as for a build.

    Raises:
        LocalError: They could not be had.
    """
    engine = supply.look_up(catalog.PULUMI)
    if engine is not None:
        beside = engine.path.resolve().parent
        if all((beside / name).is_file() for _, name in _INSIDE):
            return beside
    key = f"{_NAME}-{catalog.PULUMI.version}"
    cached = supply.cache.find(key, EXEC)
    if cached is not None:
        return cached.parent
    with ended_like_an_interrupt(), supply.cache.turn(key, name=_NAME, progress=supply.progress, stop=supply.stop):
        cached = supply.cache.find(key, EXEC)
        if cached is not None:
            return cached.parent
        toolchain = supply.toolchain()
        doing = f"taking the helper programs out of {_MODULE} {catalog.PULUMI.version}"
        with supply.cache.workshop(key) as work, supply.progress.step(_NAME, doing) as step:
            command = Command(
                (toolchain, "mod", "download", "-json", _MODULE),
                catalog.MODULES / "pulumi",
                go.environment(toolchain, work),
                merge_errors=False,
            )
            answer = json.loads(run(command, place=_NAME, step=step, stop=supply.stop))
            made = work / "made"
            made.mkdir()
            for folder, name in _INSIDE:
                source = Path(answer["Dir"], folder, name)
                if not source.is_file():
                    raise BuildFailed(f"the module holds no {folder}/{name}", place=_NAME)
                shutil.copyfile(source, made / name)
                (made / name).chmod(0o755)
            return supply.cache.install(key, made, EXEC, source="build", detail=doing).parent
