"""The language host and the policy host over gRPC."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Self

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from local.pulumi import ENGINE_VERSION, protocol
from local.pulumi.language_host import EXEC_SCRIPT, installed_plugins
from local.tools import catalog
from tests.pulumi_standins.plugin_client import PROJECT, ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pulumi.runtime.proto import language_pb2

pytestmark = pytest.mark.contract

# Stands in for the SDK's exec script: it runs the program with the arguments it got.
SCRIPT = """
import os, runpy, sys
program = sys.argv[-1]
sys.path.insert(0, program)
runpy.run_path(program, run_name="__main__")
"""


class Host(ServerProcess):
    """The language host, for programs below one folder."""

    def __init__(self, folder: Path) -> None:
        (folder / EXEC_SCRIPT).write_text(SCRIPT)
        super().__init__("local.pulumi.language_host", str(folder), "-root=x", "127.0.0.1:1")
        self.folder = folder

    def __enter__(self) -> Self:
        super().__enter__()
        assert self.channel is not None
        self.stub = protocol.language_pb2_grpc.LanguageRuntimeStub(self.channel)
        return self

    def request(self, program: str, **fields: Any) -> language_pb2.RunRequest:
        (self.folder / "__main__.py").write_text(program)
        folder = str(self.folder)
        info = protocol.language_pb2.ProgramInfo(root_directory=folder, program_directory=folder, entry_point=".")
        request: language_pb2.RunRequest = protocol.language_pb2.RunRequest(
            info=info, pwd=folder, project="p", stack="s", **fields
        )
        return request


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with Host(tmp_path) as running:
        yield running


def test_it_tells_its_python_and_version(host: Host) -> None:
    assert host.stub.About(protocol.language_pb2.AboutRequest()).executable == sys.executable
    assert host.stub.GetPluginInfo(Empty()).version == ENGINE_VERSION


def test_it_serves_the_engine_that_is_pinned() -> None:
    assert str(catalog.PULUMI.version) == ENGINE_VERSION


def test_it_names_the_plugins_of_the_installed_sdks(host: Host) -> None:
    answer = host.stub.GetRequiredPackages(protocol.language_pb2.GetRequiredPackagesRequest())
    found = {package.name: package.version for package in answer.packages}
    assert found == {name: f"v{version}" for name, version in installed_plugins().items()}
    assert {"kubernetes", "vault"} <= set(found)
    assert "policy" not in found


def test_it_lists_the_installed_distributions(host: Host) -> None:
    request = protocol.language_pb2.GetProgramDependenciesRequest()
    names = [item.name for item in host.stub.GetProgramDependencies(request).dependencies]
    assert "pulumi" in names
    assert len(names) == len(set(names))


def test_installing_says_who_does_it(host: Host) -> None:
    printed = list(host.stub.InstallDependencies(protocol.language_pb2.InstallDependenciesRequest()))
    assert b"installed by the project's bootstrap" in printed[0].stdout


def test_a_program_gets_its_configuration_and_arguments(host: Host) -> None:
    program = (
        "import json, os, sys\n"
        "a = sys.argv\n"
        "assert json.loads(os.environ['PULUMI_CONFIG']) == {'p:k': 'v'}\n"
        "assert json.loads(os.environ['PULUMI_CONFIG_SECRET_KEYS']) == ['p:k']\n"
        "assert a[a.index('--monitor') + 1] == 'monitor:1' and a[a.index('--engine') + 1] == '127.0.0.1:1'\n"
        "assert a[a.index('--dry_run') + 1] == 'true' and a[a.index('--parallel') + 1] == '7'\n"
    )
    request = host.request(
        program, config={"p:k": "v"}, configSecretKeys=["p:k"], monitor_address="monitor:1", dryRun=True, parallel=7
    )
    answer = host.stub.Run(request)
    assert (answer.error, answer.bail) == ("", False)


@pytest.mark.parametrize(
    ("program", "error", "bail"),
    [
        ("raise SystemExit(3)", "Program exited with non-zero exit code: 3", False),
        ("raise SystemExit(32)", "", True),
        ("import os; os.kill(os.getpid(), 9)", "Program exited with non-zero exit code: -9", False),
    ],
)
def test_a_program_s_end_is_told(host: Host, program: str, error: str, *, bail: bool) -> None:
    answer = host.stub.Run(host.request(program))
    assert (answer.error, answer.bail) == (error, bail)


def test_a_cancelled_call_stops_the_program(host: Host, tmp_path: Path) -> None:
    program = "import os, pathlib, time\npathlib.Path('pid').write_text(str(os.getpid()))\ntime.sleep(60)\n"
    call = host.stub.Run.future(host.request(f"import os; os.chdir({str(tmp_path)!r})\n{program}"))
    pid = _pid(tmp_path / "pid")
    call.cancel()
    _gone(pid)


def test_a_signal_stops_the_program_and_the_host_quietly(host: Host, tmp_path: Path) -> None:
    program = "import os, pathlib, time\npathlib.Path('pid').write_text(str(os.getpid()))\ntime.sleep(60)\n"
    call = host.stub.Run.future(host.request(f"import os; os.chdir({str(tmp_path)!r})\n{program}"))
    pid = _pid(tmp_path / "pid")
    code, seconds, printed = host.interrupt()
    assert code == 0
    assert seconds < 4, "the engine kills after five seconds"
    assert b"Traceback" not in printed
    _gone(pid)
    call.cancel()


def test_a_program_that_ignores_the_signal_is_killed(host: Host, tmp_path: Path) -> None:
    program = (
        "import os, pathlib, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "pathlib.Path('pid').write_text(str(os.getpid()))\ntime.sleep(60)\n"
    )
    call = host.stub.Run.future(host.request(f"import os; os.chdir({str(tmp_path)!r})\n{program}"))
    pid = _pid(tmp_path / "pid")
    _, seconds, _ = host.interrupt()
    assert seconds < 5
    _gone(pid)
    call.cancel()


def test_a_plugin_s_streams_and_exit_code_are_passed_on(host: Host, tmp_path: Path) -> None:
    host.request("import sys\nprint('out ' + sys.argv[1], flush=True)\nprint('err', file=sys.stderr)\nsys.exit(4)\n")
    info = protocol.language_pb2.ProgramInfo(root_directory=str(tmp_path), program_directory=str(tmp_path))
    request = protocol.language_pb2.RunPluginRequest(
        info=info, pwd=str(tmp_path), args=["argument"], env=["A=b"], kind="resource"
    )
    answers = list(host.stub.RunPlugin(request))
    assert b"".join(answer.stdout for answer in answers) == b"out argument\n"
    assert b"".join(answer.stderr for answer in answers) == b"err\n"
    assert answers[-1].exitcode == 4


def test_many_children_start_beside_busy_grpc_threads(host: Host) -> None:
    request = host.request("pass")
    calls = [host.stub.Run.future(request) for _ in range(24)]
    assert {call.result().error for call in calls} == {""}


def test_a_virtual_environment_that_is_not_there_is_named(host: Host) -> None:
    request = host.request("pass")
    request.info.options.update({"virtualenv": "missing"})
    with pytest.raises(grpc.RpcError, match="virtualenv names 'missing'"):
        host.stub.Run(request)


@pytest.mark.parametrize("call", ["GenerateProgram", "GenerateProject", "GeneratePackage", "Pack", "Link", "Template"])
def test_what_is_not_served_names_the_official_host(host: Host, call: str) -> None:
    messages = {"Template": "TemplateRequest", "Pack": "PackRequest", "Link": "LinkRequest"}
    request = getattr(protocol.language_pb2, messages.get(call, f"{call}Request"))()
    with pytest.raises(grpc.RpcError, match="official pulumi-language-python") as caught:
        getattr(host.stub, call)(request)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def _pid(path: Path) -> int:
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        if path.exists() and path.read_text():
            return int(path.read_text())
        time.sleep(0.02)
    pytest.fail("the program did not start")


def _gone(pid: int) -> None:
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    pytest.fail("the program still runs")


PACK = """
import pulumi
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy
print("a line printed while the pack is imported")
def check(args, report):
    report(f"{pulumi.get_stack()} {pulumi.Config('p').get('k')}")
PolicyPack("pack", enforcement_level=EnforcementLevel.MANDATORY,
           policies=[ResourceValidationPolicy("rule", "a rule", check)])
"""


def _pack(folder: Path, program: str) -> str:
    folder.mkdir()
    (folder / "__main__.py").write_text(program)
    (folder / "PulumiPolicy.yaml").write_text("runtime: python\n")
    return str(folder)


def test_a_policy_pack_sees_the_stack_it_judges(tmp_path: Path) -> None:
    with ServerProcess("local.pulumi.policy_host", "127.0.0.1:1", _pack(tmp_path / "pack", PACK)) as server:
        assert server.channel is not None
        stub = protocol.analyzer_pb2_grpc.AnalyzerStub(server.channel)
        messages = protocol.analyzer_pb2
        stub.Handshake(messages.AnalyzerHandshakeRequest(engine_address="127.0.0.1:1"))
        stub.ConfigureStack(
            messages.AnalyzerStackConfigureRequest(stack="the-stack", project="p", config={"p:k": "the-value"})
        )
        assert stub.GetAnalyzerInfo(Empty()).name == "pack"
        stub.Configure(messages.ConfigureAnalyzerRequest())
        answer = stub.Analyze(messages.AnalyzeRequest(type="a:b:C", urn="urn:pulumi:s::p::a:b:C::n", name="n"))
        assert "the-stack the-value" in answer.diagnostics[0].message
        code, seconds, _ = server.interrupt()
    assert code == 0
    assert seconds < 4, "the engine kills after five seconds"


@pytest.mark.parametrize(
    ("program", "told"), [("import nothing_of_this_name", "ModuleNotFoundError"), ("pass", "creates no PolicyPack")]
)
def test_a_pack_that_cannot_be_loaded_says_why(tmp_path: Path, program: str, told: str) -> None:
    with ServerProcess("local.pulumi.policy_host", "127.0.0.1:1", _pack(tmp_path / "pack", program)) as server:
        assert server.channel is not None
        stub = protocol.analyzer_pb2_grpc.AnalyzerStub(server.channel)
        with pytest.raises(grpc.RpcError, match=told):
            stub.GetAnalyzerInfo(Empty())


def test_the_policy_host_ends_though_no_pack_was_wanted(tmp_path: Path) -> None:
    with ServerProcess("local.pulumi.policy_host", "127.0.0.1:1", _pack(tmp_path / "pack", PACK)) as server:
        assert server.interrupt()[0] == 0


def test_the_generated_messages_load_without_the_sdk() -> None:
    code = (
        "import sys; from local.pulumi import protocol; protocol.provider_pb2_grpc; "
        "from local.pulumi.vault import plugin; sys.exit('pulumi' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0
