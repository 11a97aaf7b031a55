"""Stand-in for the official host's policy pack proxy.

A policy pack starts its own gRPC server while it is imported, and reads project, stack and configuration from the
environment, which the engine only tells through `ConfigureStack`. So this host serves first, waits for that call,
sets the environment, then runs the pack and passes every call on to the servicer the pack registers. The pack's rules
see the same arguments as under the official host.
"""

# ruff: noqa: N802, ARG002 - the methods of the service have its names and its arguments

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
import threading
import traceback
from concurrent import futures
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import grpc
from google.protobuf.empty_pb2 import Empty

from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc  # isort: skip

from local.pulumi.serving import OPTIONS, wait_for_end  # isort: skip

if TYPE_CHECKING:
    from pulumi.runtime.proto import plugin_pb2

_WORKERS = 8
_TRACEBACK_LINES = 6


class _PackStarted(BaseException):
    """Thrown through the pack's own start: its servicer is known, its server is not wanted."""


class PolicyHost(analyzer_pb2_grpc.AnalyzerServicer):
    """The analyzer service, in front of a pack that is loaded on the first call.

    Attributes:
        wanted: Set when the pack has to be loaded.
        loaded: Set when it is loaded, or could not be.
    """

    def __init__(self) -> None:
        self.wanted = threading.Event()
        self.loaded = threading.Event()
        self.servicer: Any = None
        self.error = ""

    def _pass_on(self, method: str, request: object, context: grpc.ServicerContext) -> Any:  # noqa: ANN401 - the pack's servicer answers with the message of the method
        self.wanted.set()
        self.loaded.wait()
        if self.servicer is None:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, self.error)
        return getattr(self.servicer, method)(request, context)

    def Handshake(
        self, request: analyzer_pb2.AnalyzerHandshakeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerHandshakeResponse:
        """Nothing to agree on."""
        return analyzer_pb2.AnalyzerHandshakeResponse()

    def ConfigureStack(
        self, request: analyzer_pb2.AnalyzerStackConfigureRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerStackConfigureResponse:
        """Give the pack the stack's data, then load it."""
        os.environ.update(
            PULUMI_PROJECT=request.project,
            PULUMI_STACK=request.stack,
            PULUMI_ORGANIZATION=request.organization,
            PULUMI_DRY_RUN=str(request.dry_run).lower(),
            PULUMI_CONFIG=json.dumps(dict(request.config)),
            PULUMI_CONFIG_SECRET_KEYS=json.dumps(list(request.config_secret_keys)),
        )
        answer: analyzer_pb2.AnalyzerStackConfigureResponse = self._pass_on("ConfigureStack", request, context)
        return answer

    def Analyze(
        self, request: analyzer_pb2.AnalyzeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzeResponse:
        """Judge one resource."""
        answer: analyzer_pb2.AnalyzeResponse = self._pass_on("Analyze", request, context)
        return answer

    def AnalyzeStack(
        self, request: analyzer_pb2.AnalyzeStackRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzeResponse:
        """Judge all resources together."""
        answer: analyzer_pb2.AnalyzeResponse = self._pass_on("AnalyzeStack", request, context)
        return answer

    def Remediate(
        self, request: analyzer_pb2.AnalyzeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.RemediateResponse:
        """Mend one resource."""
        answer: analyzer_pb2.RemediateResponse = self._pass_on("Remediate", request, context)
        return answer

    def GetAnalyzerInfo(self, request: Empty, context: grpc.ServicerContext) -> analyzer_pb2.AnalyzerInfo:
        """Describe the pack."""
        answer: analyzer_pb2.AnalyzerInfo = self._pass_on("GetAnalyzerInfo", request, context)
        return answer

    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """Tell the pack's version."""
        answer: plugin_pb2.PluginInfo = self._pass_on("GetPluginInfo", request, context)
        return answer

    def Configure(self, request: analyzer_pb2.ConfigureAnalyzerRequest, context: grpc.ServicerContext) -> Empty:
        """Configure the pack's rules."""
        answer: Empty = self._pass_on("Configure", request, context)
        return answer

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        """Nothing to do: the engine's signal follows."""
        return Empty()

    def load(self, pack: str) -> None:
        """Run the pack's program in this thread, and keep the servicer it registers."""

        def keep(servicer: object, _server: object) -> None:
            self.servicer = servicer
            raise _PackStarted

        analyzer_pb2_grpc.add_AnalyzerServicer_to_server = keep  # type: ignore[assignment]  # never returns
        try:
            _configure_sdk()
            # The rules' modules lie beside the pack's `__main__.py`.
            sys.path.insert(0, str(Path(pack).resolve()))
            runpy.run_path(pack, run_name="__main__")
            self.error = f"{pack} creates no PolicyPack; call pulumi_policy.PolicyPack in its __main__.py"
        except _PackStarted:
            pass
        except BaseException as error:  # noqa: BLE001 - also a SystemExit of the pack has to be told
            lines = traceback.format_exception(error)[-_TRACEBACK_LINES:]
            self.error = f"the policy pack {pack} could not be loaded: " + "".join(lines)
        finally:
            self.loaded.set()


def _configure_sdk() -> None:
    import pulumi  # noqa: PLC0415 - only after ConfigureStack is its environment complete
    from pulumi.runtime.config import get_config_env  # noqa: PLC0415 - see above

    for key, value in get_config_env().items():
        pulumi.runtime.set_config(key, value)
    if "PULUMI_PROJECT" in os.environ:
        pulumi.runtime.configure(
            pulumi.runtime.Settings(
                project=os.environ["PULUMI_PROJECT"],
                stack=os.environ["PULUMI_STACK"],
                dry_run=os.environ["PULUMI_DRY_RUN"] == "true",
                organization=os.environ.get("PULUMI_ORGANIZATION") or "organization",
            )
        )


def main() -> None:
    """Serve the policy pack whose folder is the last argument; does not return."""
    host = PolicyHost()
    server = grpc.server(futures.ThreadPoolExecutor(_WORKERS), options=OPTIONS)
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(host, server)
    stop = threading.Event()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    # What a pack prints while it is imported must not look like a second port.
    sys.stdout = sys.stderr
    threading.Thread(target=_end, args=(stop,), daemon=True).start()
    host.wanted.wait()
    host.load(sys.argv[-1])
    threading.Event().wait()


def _end(stop: threading.Event) -> None:
    wait_for_end(stop)
    os._exit(0)
