"""Where the API server is and how to speak to it: from a kubeconfig, from inside a pod, or from the environment.

The plain cases of a kubeconfig (certificate, token, token file, password) are read here: the official package's reader
costs over a second of import and writes keys into temporary files. Exec plugins and auth providers go through it.
"""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from secretsync.errors import SettingsError
from secretsync.kube.credentials import Credentials, OfficialClientCredentials, StaticAuthorization, TokenFile

if TYPE_CHECKING:
    from collections.abc import Iterable

SERVICE_ACCOUNT_DIRECTORY: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its token, CA and namespace unless ``KUBERNETES_SERVICE_ACCOUNT_DIRECTORY`` says otherwise."""

_DEFAULT_KUBECONFIG: Final = "~/.kube/config"


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """One API server and one identity.

    Attributes:
        server: base URL without a trailing slash.
        credentials: where the Authorization header comes from.
        namespace: the namespace of the context or of the pod; ``default`` where none is given.
        ca: PEM certificates to trust; empty for the system's.
        client_certificate: PEM client certificate; empty for none.
        client_key: PEM key of it; masked in the repr.
        verify: whether the server's certificate is checked.
        server_name: name to expect in the server's certificate instead of the host; empty for the host.
        proxy: URL of an HTTP proxy; empty for none.
    """

    server: str
    credentials: Credentials = field(default_factory=StaticAuthorization)
    namespace: str = "default"
    ca: bytes = field(default=b"", repr=False)
    client_certificate: bytes = field(default=b"", repr=False)
    client_key: bytes = field(default=b"", repr=False)
    verify: bool = True
    server_name: str = ""
    proxy: str = field(default="", repr=False)


def from_environment() -> ClusterConfig:
    """``KUBECONFIG`` first, then the pod's own identity, then ``~/.kube/config`` (the order of Kubernetes' own tools).

    Raises:
        SettingsError: none of them is there, or the one that is cannot be used.
    """
    if os.environ.get("KUBECONFIG"):
        return from_kubeconfig()
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        return in_cluster()
    return from_kubeconfig()


def in_cluster() -> ClusterConfig:
    """The identity of the pod this process runs in.

    Raises:
        SettingsError: this process runs in no pod, or the service account is not mounted.
    """
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        raise SettingsError(
            "is not set, so this process does not run in a pod",
            place="KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT",
            remedy="set KUBECONFIG to reach a cluster from outside",
        )
    folder = Path(os.environ.get("KUBERNETES_SERVICE_ACCOUNT_DIRECTORY") or SERVICE_ACCOUNT_DIRECTORY)
    token = folder / "token"
    if not token.is_file():
        raise SettingsError(
            "holds no token", place=str(folder), remedy="do not set automountServiceAccountToken to false for this pod"
        )
    ca = folder / "ca.crt"
    namespace = folder / "namespace"
    return ClusterConfig(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        credentials=TokenFile(token),
        namespace=namespace.read_text(encoding="utf-8").strip() if namespace.is_file() else "default",
        ca=ca.read_bytes() if ca.is_file() else b"",
    )


def from_kubeconfig(path: Path | None = None, context: str | None = None) -> ClusterConfig:
    """A context of a kubeconfig.

    Args:
        path: the file; None for those named in ``KUBECONFIG`` (several are merged, the first to say a thing wins), else
            ``~/.kube/config``.
        context: the context's name; None for the current one.

    Raises:
        SettingsError: a file is missing or malformed, or the context is not in it.
    """
    paths = [path] if path else _default_paths()
    return _from_merged(_merge(paths), context, ", ".join(str(each) for each in paths))


def from_kubeconfig_text(text: bytes, *, place: str) -> ClusterConfig:
    """The current context of a kubeconfig held in memory, e.g. in a Secret; files it names are refused.

    Such text comes from people who may write Secrets, not from whoever runs this process: it must not make the process
    read files or run programs.

    Raises:
        SettingsError: it is malformed, or names a file or a program.
    """
    document = _parse(text, place)
    merged = _Merged(str(document.get("current-context") or ""))
    merged.add(document, base=None)
    return _from_merged(merged, None, place)


class _Merged:
    """The union of several kubeconfigs; of equal names the first wins, as in kubectl."""

    def __init__(self, current_context: str = "") -> None:
        self.current_context = current_context
        self.entries: dict[str, dict[str, tuple[dict[str, Any], Path | None]]] = {
            "clusters": {},
            "users": {},
            "contexts": {},
        }

    def add(self, document: dict[str, Any], base: Path | None) -> None:
        """Add a document whose relative paths start from `base`; None forbids files."""
        self.current_context = self.current_context or str(document.get("current-context") or "")
        for section, entries in self.entries.items():
            for entry in document.get(section) or ():
                body = entry.get(section.removesuffix("s")) if isinstance(entry, dict) else None
                if isinstance(body, dict):
                    entries.setdefault(str(entry.get("name")), (body, base))


def _default_paths() -> list[Path]:
    named = [Path(each) for each in os.environ.get("KUBECONFIG", "").split(os.pathsep) if each]
    if not named:
        return [Path(_DEFAULT_KUBECONFIG).expanduser()]
    return [each for each in named if each.is_file()] or named[:1]


def _merge(paths: Iterable[Path]) -> _Merged:
    merged = _Merged()
    for path in paths:
        try:
            text = path.read_bytes()
        except OSError as error:
            raise SettingsError(
                f"the kubeconfig cannot be read ({error.strerror or type(error).__name__})",
                place=str(path),
                remedy="set KUBECONFIG to a file you may read",
            ) from None
        merged.add(_parse(text, str(path)), base=path.resolve().parent)
    return merged


def _parse(text: bytes, place: str) -> dict[str, Any]:
    try:
        document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader
    except (yaml.YAMLError, UnicodeDecodeError):
        raise SettingsError("the kubeconfig is not YAML", place=place, remedy="write it anew") from None
    if not isinstance(document, dict):
        raise SettingsError("the kubeconfig is not a YAML mapping", place=place, remedy="write it anew")
    return document


def _from_merged(merged: _Merged, context: str | None, place: str) -> ClusterConfig:
    name = context or merged.current_context
    chosen = _entry(merged, "contexts", name, place)[0]
    cluster, cluster_base = _entry(merged, "clusters", str(chosen.get("cluster")), place)
    user: dict[str, Any] = {}
    user_base = cluster_base
    if chosen.get("user"):
        user, user_base = _entry(merged, "users", str(chosen["user"]), place)
    server = str(cluster.get("server") or "").rstrip("/")
    if not server:
        raise SettingsError(f"cluster {chosen.get('cluster')!r} has no server", place=place, remedy="add its URL")
    return ClusterConfig(
        server=server,
        credentials=_credentials(merged, user, user_base, name, place),
        namespace=str(chosen.get("namespace") or "default"),
        ca=_content(cluster, "certificate-authority", cluster_base, place),
        client_certificate=_content(user, "client-certificate", user_base, place),
        client_key=_content(user, "client-key", user_base, place),
        verify=not cluster.get("insecure-skip-tls-verify"),
        server_name=str(cluster.get("tls-server-name") or ""),
        proxy=str(cluster.get("proxy-url") or ""),
    )


def _entry(merged: _Merged, section: str, name: str, place: str) -> tuple[dict[str, Any], Path | None]:
    try:
        return merged.entries[section][name]
    except KeyError:
        known = ", ".join(sorted(merged.entries[section])) or "none"
        raise SettingsError(
            f"the kubeconfig has no entry {name!r} in {section}", place=place, remedy=f"choose one of: {known}"
        ) from None


def _credentials(merged: _Merged, user: dict[str, Any], base: Path | None, context: str, place: str) -> Credentials:
    if user.get("exec") or user.get("auth-provider"):
        if base is None:
            raise SettingsError(
                "names a credential plugin, which a kubeconfig from a Secret must not",
                place=place,
                remedy="use a token or a client certificate",
            )
        config: dict[str, object] = {"apiVersion": "v1", "kind": "Config", "current-context": context}
        for section, entries in merged.entries.items():
            config[section] = [
                {"name": name, section.removesuffix("s"): _absolute(body, folder)}
                for name, (body, folder) in entries.items()
            ]
        return OfficialClientCredentials(config, context, str(base))
    if user.get("token"):
        return StaticAuthorization.bearer(str(user["token"]))
    if user.get("tokenFile"):
        return TokenFile(_file(str(user["tokenFile"]), base, place))
    if user.get("username") and user.get("password"):
        return StaticAuthorization.basic(str(user["username"]), str(user["password"]))
    return StaticAuthorization()


def _absolute(body: dict[str, Any], base: Path | None) -> dict[str, Any]:
    """The entry with the files it names made absolute: merged entries may come from different folders."""
    return {
        key: str(base / value)
        if base and key in {"certificate-authority", "client-certificate", "client-key", "tokenFile"}
        else value
        for key, value in body.items()
    }


def _content(entry: dict[str, Any], key: str, base: Path | None, place: str) -> bytes:
    """The PEM of ``key-data`` (base64) or of the file that ``key`` names; empty where neither is there."""
    data, file = entry.get(f"{key}-data"), entry.get(key)
    if data:
        try:
            return base64.b64decode(str(data), validate=True)
        except (binascii.Error, ValueError):
            raise SettingsError(f"{key}-data is not base64", place=place, remedy="write it anew") from None
    if not file:
        return b""
    path = _file(str(file), base, place)
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"{key} cannot be read ({error.strerror or type(error).__name__})",
            place=f"{place}, {path}",
            remedy="check the path in the kubeconfig",
        ) from None


def _file(name: str, base: Path | None, place: str) -> Path:
    if base is None:
        raise SettingsError(
            "names a file, which a kubeconfig from a Secret must not", place=place, remedy="put the data inline"
        )
    return base / name
