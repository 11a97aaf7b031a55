"""From a kubeconfig to an HTTP connection: CA, client certificates, tokens, token files and exec plugins."""

from __future__ import annotations

import base64
import binascii
import json
import os
import ssl
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import grpc

from local.pulumi.http_connection import HttpConnection
from local.pulumi.plugin_errors import PluginError

_TOKEN_FILE_SECONDS = 60.0
"""How long a token file's content is used before it is read again; mounted tokens change hourly."""
_EXEC_TIMEOUT = 60.0
_REFUSED = ("auth-provider", "username", "password", "as-uid", "as-groups", "as-user-extra")
_INVALID = grpc.StatusCode.INVALID_ARGUMENT


@dataclass(frozen=True, slots=True)
class ClusterAccess:
    """A connection to one API server, and the namespace for objects that name none."""

    http: HttpConnection
    namespace: str


@dataclass(slots=True, repr=False)
class _Token:
    """A bearer token that is fetched again when it is due."""

    fetch: Any
    value: str = ""
    due: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self) -> str:
        with self.lock:
            if time.time() >= self.due:
                self.value, self.due = self.fetch()
            return self.value


def _parse(text: str, source: str) -> dict[str, Any]:
    try:
        if text.lstrip().startswith("{"):
            document = json.loads(text)
        else:
            import yaml  # noqa: PLC0415 - a kubeconfig in JSON does not need it

            document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
    except ValueError:
        document = None
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "yaml":
            raise
        document = None
    if not isinstance(document, dict):
        raise PluginError(f"{source} is not a kubeconfig; it has to be a YAML or JSON object", _INVALID)
    return document


def _load(kubeconfig: str) -> tuple[dict[str, Any], Path]:
    """The kubeconfig and the folder its relative paths start from."""
    if "\n" in kubeconfig or kubeconfig.lstrip().startswith("{"):
        return _parse(kubeconfig, "the provider's kubeconfig"), Path.cwd()
    path = Path(kubeconfig).expanduser()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PluginError(
            f"configured Kubernetes cluster is unreachable: the kubeconfig {path} cannot be read "
            f"({type(error).__name__}); set the provider's kubeconfig or KUBECONFIG"
        ) from None
    return _parse(text, str(path)), path.resolve().parent


def _named(config: dict[str, Any], section: str, name: str | None) -> dict[str, Any]:
    for entry in config.get(section) or []:
        if entry.get("name") == name:
            return dict(entry.get(section.removesuffix("s")) or {})
    if name and section != "users":
        raise PluginError(f"the kubeconfig has no {section.removesuffix('s')} {name!r}", _INVALID)
    return {}


def _blob(entry: dict[str, Any], key: str, base: Path) -> bytes | None:
    """Inline data, or the file's content."""
    if entry.get(f"{key}-data"):
        try:
            return base64.b64decode(entry[f"{key}-data"], validate=False)
        except binascii.Error:
            raise PluginError(f"the kubeconfig's {key}-data is not base64", _INVALID) from None
    if not entry.get(key):
        return None
    try:
        return (base / Path(entry[key]).expanduser()).read_bytes()
    except OSError as error:
        raise PluginError(f"the kubeconfig's {key} {entry[key]} cannot be read: {error.strerror}", _INVALID) from None


def _exec_credential(plugin: dict[str, Any]) -> dict[str, Any]:
    """Run an exec plugin; its `status`, which may hold a token, a client certificate, or both."""
    environment = {**os.environ, **{entry["name"]: entry["value"] for entry in plugin.get("env") or []}}
    info = {
        "apiVersion": plugin.get("apiVersion", "client.authentication.k8s.io/v1"),
        "kind": "ExecCredential",
        "spec": {"interactive": False},
    }
    environment["KUBERNETES_EXEC_INFO"] = json.dumps(info)
    command = [plugin["command"], *(plugin.get("args") or [])]
    try:
        run = subprocess.run(
            command, env=environment, capture_output=True, timeout=_EXEC_TIMEOUT, check=True, stdin=subprocess.DEVNULL
        )
        status = json.loads(run.stdout)["status"]
    except FileNotFoundError:
        hint = plugin.get("installHint") or "install it, or choose another user"
        raise PluginError(f"the kubeconfig's exec plugin {command[0]!r} is not installed: {hint}", _INVALID) from None
    except (subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        # What the plugin printed may hold a credential.
        raise PluginError(
            f"the kubeconfig's exec plugin {command[0]!r} gave no credential ({type(error).__name__}); "
            "run it by hand to see why",
            grpc.StatusCode.UNAUTHENTICATED,
        ) from None
    return dict(status)


def _expires(status: dict[str, Any]) -> float:
    text = status.get("expirationTimestamp")
    return datetime.fromisoformat(text).timestamp() - 10 if text else float("inf")


def _token(user: dict[str, Any], base: Path, first: dict[str, Any]) -> _Token | None:
    """The user's bearer token; `first` is the exec plugin's answer, where there is one."""
    if user.get("token"):
        return _Token(lambda: None, str(user["token"]), float("inf"))
    if user.get("tokenFile"):
        path = base / Path(user["tokenFile"]).expanduser()

        def read() -> tuple[str, float]:
            try:
                return path.read_text(encoding="utf-8").strip(), time.time() + _TOKEN_FILE_SECONDS
            except OSError as error:
                raise PluginError(
                    f"the token file {path} cannot be read: {error.strerror}", grpc.StatusCode.UNAUTHENTICATED
                ) from None

        return _Token(read)
    if first.get("token"):

        def run() -> tuple[str, float]:
            status = _exec_credential(user["exec"])
            return str(status.get("token", "")), _expires(status)

        return _Token(run, str(first["token"]), _expires(first))
    return None


def _tls(cluster: dict[str, Any], user: dict[str, Any], first: dict[str, Any], base: Path) -> ssl.SSLContext:
    authority = _blob(cluster, "certificate-authority", base)
    try:
        context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    except (ssl.SSLError, UnicodeDecodeError):
        raise PluginError("the kubeconfig's certificate-authority is not a PEM certificate", _INVALID) from None
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = _blob(user, "client-certificate", base), _blob(user, "client-key", base)
    if first.get("clientCertificateData"):
        certificate, key = first["clientCertificateData"].encode(), first.get("clientKeyData", "").encode()
    if certificate:
        # The standard library takes a certificate chain only from a file; this one is ours alone and gone at once.
        with tempfile.NamedTemporaryFile() as file:
            file.write(certificate + b"\n" + (key or b""))
            file.flush()
            try:
                context.load_cert_chain(file.name)
            except ssl.SSLError:
                raise PluginError(
                    "the kubeconfig's client certificate and key do not belong together or are not PEM", _INVALID
                ) from None
    return context


def connect(
    kubeconfig: str | None, *, context: str | None = None, cluster: str | None = None, namespace: str | None = None
) -> ClusterAccess:
    """Read a kubeconfig; the API server is not contacted.

    Args:
        kubeconfig: Its text or path; None means KUBECONFIG, then `~/.kube/config`.
        context: Context instead of the current one.
        cluster: Cluster instead of the context's.
        namespace: Namespace instead of the context's.

    Raises:
        PluginError: Where it cannot be read, names nothing that exists, or asks for what is not served.
    """
    source = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    if not kubeconfig and os.pathsep in source:
        source = next((path for path in source.split(os.pathsep) if path and Path(path).exists()), source)
    config, base = _load(source)
    selected = _named(config, "contexts", context or config.get("current-context"))
    server = _named(config, "clusters", cluster or selected.get("cluster"))
    user = _named(config, "users", selected.get("user"))
    if not server.get("server"):
        raise PluginError("the kubeconfig names no server for the selected context", _INVALID)
    refused = [key for key in _REFUSED if user.get(key)] + [key for key in ("proxy-url",) if server.get(key)]
    if refused:
        raise PluginError(
            f"the kubeconfig uses {', '.join(refused)}, which the local stand-in of the kubernetes plugin does not "
            "serve; it needs the official plugin",
            grpc.StatusCode.UNIMPLEMENTED,
        )
    first = _exec_credential(user["exec"]) if user.get("exec") and not user.get("token") else {}
    token = _token(user, base, first)
    fixed: dict[str, str] = {}
    if user.get("as"):
        fixed["Impersonate-User"] = user["as"]

    def headers() -> dict[str, str]:
        return {**fixed, "Authorization": f"Bearer {token.get()}"} if token else fixed

    https = str(server["server"]).startswith("https")
    http = HttpConnection(
        server["server"],
        context=_tls(server, user, first, base) if https else None,
        headers=headers,
        server_name=server.get("tls-server-name", ""),
    )
    return ClusterAccess(http, namespace or selected.get("namespace") or "default")
