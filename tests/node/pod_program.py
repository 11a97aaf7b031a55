"""What the tests' pods run: a small server whose behaviour its arguments choose. Standard library only."""

from __future__ import annotations

import argparse
import json
import os
import signal
import ssl
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def _who_am_i() -> dict[str, Any]:
    """Asks the API server who this pod is, with nothing but what a pod is given."""
    folder = Path(os.environ["KUBERNETES_SERVICE_ACCOUNT_DIRECTORY"])
    address = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    request = urllib.request.Request(
        f"{address}/apis/authentication.k8s.io/v1/selfsubjectreviews",
        data=json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}).encode(),
        headers={"Authorization": f"Bearer {(folder / 'token').read_text()}", "Content-Type": "application/json"},
    )
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    with urllib.request.urlopen(request, context=context, timeout=10) as answer:
        review: dict[str, Any] = json.load(answer)
    return {"user": review["status"]["userInfo"], "namespace": (folder / "namespace").read_text()}


class _Handler(BaseHTTPRequestHandler):
    healthy = True
    ready = True

    def do_GET(self) -> None:
        if self.path == "/healthz":
            self._answer(200 if _Handler.healthy else 500, {})
        elif self.path == "/readyz":
            self._answer(200 if _Handler.ready else 503, {})
        elif self.path == "/environment":
            self._answer(200, dict(os.environ) | {"arguments": sys.argv[1:]})
        elif self.path == "/whoami":
            self._answer(200, _who_am_i())
        elif self.path == "/break":
            _Handler.healthy = False
            self._answer(200, {})
        elif self.path == "/unready":
            _Handler.ready = False
            self._answer(200, {})
        else:
            self._answer(404, {})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--exit", type=int)
    parser.add_argument("--after", type=float, default=0.0)
    parser.add_argument("--ignore-sigterm", action="store_true")
    parser.add_argument("--unready", action="store_true")
    parser.add_argument("--say", default="started")
    options, _ = parser.parse_known_args()
    sys.stdout.write(f"{options.say}\n")
    sys.stdout.flush()
    if options.exit is not None:
        threading.Event().wait(options.after)
        return int(options.exit)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if options.ignore_sigterm else lambda *_: os._exit(0))
    _Handler.ready = not options.unready
    if options.port:
        ThreadingHTTPServer((os.environ["POD_IP"], options.port), _Handler).serve_forever()
    threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
