"""Stand-in for the official Python language host (`pulumi-language-python`).

It runs programs through the SDK's own `pulumi-language-python-exec`, so that a program behaves as it does under the
official host: printed text, tracebacks and exit codes reach the user in the same form. It does not create virtual
environments, install packages or generate code; those calls are refused.

The engine starts one host for `About` and another for the run, stops both with SIGINT, and calls `Cancel` at every
normal end too, so `Cancel` stops nothing.
"""

# ruff: noqa: N802, ARG002 - the methods of the service have its names and its arguments

from __future__ import annotations

import json
import os
import platform
import queue
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict

from local.pulumi import ENGINE_VERSION, protocol
from local.pulumi.child_processes import ChildProcesses
from local.pulumi.plugin_errors import PluginError
from local.pulumi.serving import serve

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from typing import IO

    from pulumi.runtime.proto import language_pb2, plugin_pb2

EXEC_SCRIPT = "pulumi-language-python-exec"
_SHOWN_ALREADY = 32
"""Exit code of the exec script where the program's error has been shown."""
_WORKERS = 16
lp = protocol.language_pb2


def installed_plugins() -> dict[str, str]:
    """Provider plugins that the installed SDK packages want: version by name.

    Only `pulumi-plugin.json` beside each package is read; asking the packages' metadata for it would parse their file
    lists, which costs seconds for the large ones.
    """
    found: dict[str, str] = {}
    for folder in dict.fromkeys(sys.path):
        for description in sorted(Path(folder).glob("pulumi_*/pulumi-plugin.json")):
            plugin = json.loads(description.read_text(encoding="utf-8"))
            if plugin.get("resource"):
                found.setdefault(plugin["name"], plugin["version"].lstrip("v"))
    return found


def _pump(stream: IO[bytes], name: str, into: queue.Queue[tuple[str, bytes]]) -> None:
    with stream:
        while chunk := stream.read1(65536):  # type: ignore[attr-defined]  # pipes of Popen are buffered readers
            into.put((name, chunk))
    into.put((name, b""))


class LanguageHost(protocol.language_pb2_grpc.LanguageRuntimeServicer):
    """The language runtime service.

    Args:
        engine: Address of the engine.
        scripts: Folder with the SDK's exec script.
    """

    def __init__(self, engine: str, scripts: Path) -> None:
        self.engine = engine
        self.scripts = scripts
        self.children = ChildProcesses()

    def _python(self, info: language_pb2.ProgramInfo) -> str:
        """The project's own virtual environment where its options name one, else the Python this host runs on."""
        name = MessageToDict(info.options).get("virtualenv")
        if isinstance(name, str) and name:
            candidate = Path(info.root_directory, name, "bin", "python")
            if not candidate.exists():
                raise PluginError(
                    f"the runtime option virtualenv names {name!r}, which holds no bin/python; "
                    "create the environment, or take the option out of Pulumi.yaml"
                )
            return str(candidate)
        return sys.executable

    def _refuse(self, call: str) -> NoReturn:
        raise PluginError(
            f"{call} is not served by the local stand-in of the Python language host; it needs the official "
            "pulumi-language-python, which the Pulumi download holds",
            grpc.StatusCode.UNIMPLEMENTED,
        )

    def Handshake(
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        """Take the engine's address, where the engine attaches to a running host."""
        self.engine = request.engine_address or self.engine
        return lp.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """Tell the version."""
        return protocol.plugin_pb2.PluginInfo(version=ENGINE_VERSION)

    def About(self, request: language_pb2.AboutRequest, context: grpc.ServicerContext) -> language_pb2.AboutResponse:
        """The Python that runs programs."""
        return lp.AboutResponse(
            executable=sys.executable, version=platform.python_version(), metadata={"host": "local stand-in"}
        )

    def GetRequiredPlugins(
        self, request: language_pb2.GetRequiredPluginsRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPluginsResponse:
        """Superseded by GetRequiredPackages."""
        return lp.GetRequiredPluginsResponse()

    def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        """Name the provider plugins of the installed SDK packages; the engine starts those that are used."""
        packages = [
            protocol.plugin_pb2.PackageDependency(name=name, kind="resource", version=f"v{version}")
            for name, version in installed_plugins().items()
        ]
        return lp.GetRequiredPackagesResponse(packages=packages)

    def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        """The distributions installed beside the program."""
        from importlib.metadata import distributions  # noqa: PLC0415 - only `pulumi about` asks

        found = {distribution.name: distribution.version for distribution in distributions()}
        return lp.GetProgramDependenciesResponse(
            dependencies=[lp.DependencyInfo(name=name, version=version) for name, version in sorted(found.items())]
        )

    def InstallDependencies(
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        """Install nothing: the project's own bootstrap does, from its pinned requirements."""
        text = f"packages are installed by the project's bootstrap; programs run on {sys.executable}\n"
        yield lp.InstallDependenciesResponse(stdout=text.encode())

    def RuntimeOptionsPrompts(
        self, request: language_pb2.RuntimeOptionsRequest, context: grpc.ServicerContext
    ) -> language_pb2.RuntimeOptionsResponse:
        """Ask nothing."""
        return lp.RuntimeOptionsResponse()

    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:
        """Run the program; its output becomes messages on the stack."""
        info = request.info
        environment = {
            **os.environ,
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        arguments = [self._python(info), "-u", str(self.scripts / EXEC_SCRIPT)]
        for option, value in (
            ("--monitor", request.monitor_address),
            ("--engine", self.engine),
            ("--project", request.project),
            ("--root_directory", info.root_directory),
            ("--stack", request.stack),
            ("--pwd", request.pwd or info.program_directory),
            ("--dry_run", "true" if request.dryRun else "false"),
            ("--parallel", str(request.parallel)),
            ("--organization", request.organization),
        ):
            arguments += [option, value]
        arguments += [str(Path(info.program_directory, info.entry_point)), *request.args]
        child = self.children.start(arguments, environment=environment)
        context.add_callback(lambda: self.children.stop_soon(child))
        code = self.children.wait(child)
        if code == 0:
            return lp.RunResponse()
        if code == _SHOWN_ALREADY:
            return lp.RunResponse(bail=True)
        if self.children.stopping or code == -signal.SIGTERM:
            return lp.RunResponse(error="the program was interrupted")
        return lp.RunResponse(error=f"Program exited with non-zero exit code: {code}")

    def RunPlugin(
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Run a policy pack, or another plugin written in Python, and pass on what it prints."""
        environment = {**os.environ, **dict(pair.split("=", 1) for pair in request.env if "=" in pair)}
        try:
            python = self._python(request.info)
        except PluginError as error:
            context.abort(error.code, str(error))
        program = request.info.program_directory
        if request.kind == "analyzer":
            root = str(Path(__file__).resolve().parents[2])
            code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from local.pulumi.policy_host import main; main()"
            arguments = [python, "-P", "-u", "-c", code, root, *request.args, program]
        else:
            arguments = [python, "-u", program, *request.args]
        child = self.children.start(arguments, environment=environment, directory=request.pwd or None, piped=True)
        context.add_callback(lambda: self.children.stop_soon(child))
        yield from self._output(child)
        yield lp.RunPluginResponse(exitcode=self.children.wait(child))

    @staticmethod
    def _output(child: subprocess.Popen[bytes]) -> Iterator[language_pb2.RunPluginResponse]:
        chunks: queue.Queue[tuple[str, bytes]] = queue.Queue()
        streams = {"stdout": child.stdout, "stderr": child.stderr}
        for name, stream in streams.items():
            threading.Thread(target=_pump, args=(stream, name, chunks), daemon=True).start()
        still_open = len(streams)
        while still_open:
            name, chunk = chunks.get()
            if not chunk:
                still_open -= 1
            elif name == "stdout":
                yield lp.RunPluginResponse(stdout=chunk)
            else:
                yield lp.RunPluginResponse(stderr=chunk)

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        """Nothing to do: the engine's signal or the end of a call stops programs."""
        return Empty()

    def Template(
        self, request: language_pb2.TemplateRequest, context: grpc.ServicerContext
    ) -> language_pb2.TemplateResponse:
        """Refused."""
        self._refuse("Template")

    def GenerateProgram(
        self, request: language_pb2.GenerateProgramRequest, context: grpc.ServicerContext
    ) -> language_pb2.GenerateProgramResponse:
        """Refused."""
        self._refuse("GenerateProgram")

    def GenerateProject(
        self, request: language_pb2.GenerateProjectRequest, context: grpc.ServicerContext
    ) -> language_pb2.GenerateProjectResponse:
        """Refused."""
        self._refuse("GenerateProject")

    def GeneratePackage(
        self, request: language_pb2.GeneratePackageRequest, context: grpc.ServicerContext
    ) -> language_pb2.GeneratePackageResponse:
        """Refused."""
        self._refuse("GeneratePackage")

    def Pack(self, request: language_pb2.PackRequest, context: grpc.ServicerContext) -> language_pb2.PackResponse:
        """Refused."""
        self._refuse("Pack")

    def Link(self, request: language_pb2.LinkRequest, context: grpc.ServicerContext) -> language_pb2.LinkResponse:
        """Refused."""
        self._refuse("Link")


def main() -> None:
    """Serve the engine whose address is the last argument; the first is the folder of the SDK's scripts."""
    scripts = Path(sys.argv[1])
    engine = [argument for argument in sys.argv[2:] if not argument.startswith("-")][-1]
    host = LanguageHost(engine, scripts)

    def register(server: grpc.Server) -> None:
        protocol.language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)

    serve(register, workers=_WORKERS, stopped=host.children.stop_all)
