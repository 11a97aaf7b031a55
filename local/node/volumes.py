"""A pod's volumes as folders, and what keeps them current."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from local.node.environment import ContainerConfigError, Read, content
from local.node.pod import field_value

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from local.node.api import JsonObject

ROOT_CA = "kube-root-ca.crt"
"""The ConfigMap that the controller manager publishes in each namespace; the node has the same certificate itself."""

_RENEW_AFTER = 0.8
_TOKEN_SECONDS = 3600


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """A service-account token.

    Attributes:
        value: The token.
        expires: When it ends.
        issued: When it was issued.
    """

    value: str
    expires: datetime
    issued: datetime

    def __repr__(self) -> str:
        return f"Token(expires={self.expires:%Y-%m-%dT%H:%M:%SZ})"

    def due(self, now: datetime) -> bool:
        """Whether it should be renewed: four fifths of its life are over, as the kubelet does it."""
        return now >= self.issued + (self.expires - self.issued) * _RENEW_AFTER


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the content of volumes comes from.

    Attributes:
        read: Reads Secrets and ConfigMaps of the pod's namespace.
        token: Requests a token for the pod's service account: audiences (none for the API server's), seconds.
        root_ca: PEM of the API server's authority.
        ip: The pod's address.
    """

    read: Read
    token: Callable[[list[str], int], Awaitable[Token]]
    root_ca: str
    ip: str


class Volumes:
    """The volumes of one pod.

    Args:
        pod: The pod.
        folder: Where they lie.
        sources: Where their content comes from.
    """

    def __init__(self, pod: JsonObject, folder: Path, sources: Sources) -> None:
        self._pod = pod
        self._folder = folder
        self._sources = sources
        self._tokens: dict[tuple[str, str], Token] = {}

    def folder(self, volume: str) -> Path:
        """The folder that stands for a volume."""
        return self._folder / volume

    def mounts(self, container: JsonObject) -> dict[str, str]:
        """Mount path → folder, for a container."""
        return {
            mount["mountPath"]: str(self.folder(mount["name"]) / mount.get("subPath", ""))
            for mount in container.get("volumeMounts") or []
        }

    async def write(self) -> None:
        """Makes the folders and brings their files up to date; files that did not change are not touched.

        Raises:
            ContainerConfigError: Something they are made from does not exist and is not optional.
            ApiError: The API server refused or went away.
        """
        for volume in self._pod["spec"].get("volumes") or []:
            folder = self.folder(volume["name"])
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if "emptyDir" in volume:
                continue
            files = await self._files(volume["name"], volume)
            for name, data in files.items():
                _write(folder, name, data)
            for stale in {path.name for path in folder.iterdir()} - {PurePosixPath(name).parts[0] for name in files}:
                if (folder / stale).is_file():
                    (folder / stale).unlink()

    async def _files(self, name: str, volume: dict[str, Any]) -> dict[str, bytes]:
        files: dict[str, bytes] = {}
        for source in (volume.get("projected") or {"sources": [volume]}).get("sources") or []:
            if token := source.get("serviceAccountToken"):
                files[token["path"]] = (await self._token(name, token)).value.encode()
            if items := source.get("downwardAPI"):
                files |= {
                    item["path"]: field_value(self._pod, item["fieldRef"]["fieldPath"], ip=self._sources.ip).encode()
                    for item in items.get("items") or []
                }
            if reference := source.get("configMap"):
                files |= await self._keys("ConfigMap", reference["name"], reference)
            if reference := source.get("secret"):
                files |= await self._keys("Secret", reference.get("secretName") or reference["name"], reference)
        return files

    async def _token(self, volume: str, source: dict[str, Any]) -> Token:
        key = (volume, source["path"])
        held = self._tokens.get(key)
        if held is None or held.due(datetime.now(UTC)):
            audiences = [source["audience"]] if source.get("audience") else []
            held = await self._sources.token(audiences, source.get("expirationSeconds") or _TOKEN_SECONDS)
            self._tokens[key] = held
        return held

    async def _keys(self, kind: str, name: str, reference: Mapping[str, Any]) -> dict[str, bytes]:
        obj = await self._sources.read(kind, name)
        if obj is None and name == ROOT_CA:
            obj = {"kind": kind, "data": {"ca.crt": self._sources.root_ca}}
        if obj is None:
            if reference.get("optional"):
                return {}
            raise ContainerConfigError(f'{kind.lower()} "{name}" not found')
        values = content(obj)
        items = reference.get("items")
        if not items:
            return values
        missing = [item["key"] for item in items if item["key"] not in values]
        if missing and not reference.get("optional"):
            raise ContainerConfigError(f'{kind.lower()} "{name}" has no key {", ".join(missing)}')
        return {item["path"]: values[item["key"]] for item in items if item["key"] in values}


def token_from(answer: JsonObject, *, now: datetime) -> Token:
    """Reads the answer to a TokenRequest."""
    expires = datetime.fromisoformat(answer["status"]["expirationTimestamp"])
    return Token(answer["status"]["token"], expires, min(now, expires - timedelta(seconds=1)))


def _write(folder: Path, name: str, data: bytes) -> None:
    """Writes a file (0600) whole or not at all; a reader sees the old or the new one."""
    if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute():
        raise ContainerConfigError(f"path {name} leaves its volume")
    path = folder / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.is_file() and path.read_bytes() == data:
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    Path(temporary).replace(path)
