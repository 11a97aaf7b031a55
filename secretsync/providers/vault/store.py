"""The backend itself: reads, searches and versions of the KV engine."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from secretsync.api import Capabilities, ClusterSecretStore, VaultKVStoreVersion
from secretsync.api.stores.vault_paths import data_path, metadata_path
from secretsync.errors import (
    PropertyNotFound,
    ProviderDenied,
    ProviderError,
    ProviderRefused,
    SecretNotFound,
    SecretSyncError,
    StoreError,
    StoreInvalid,
)
from secretsync.kube import tls
from secretsync.providers.concurrency import concurrently
from secretsync.providers.http import Limits
from secretsync.providers.protocol import Fetched, Invalid, Missing, RemoteKey, Unknown, Valid, Validity
from secretsync.providers.references import store_place
from secretsync.providers.vault.connection import Call, Connection
from secretsync.providers.vault.login import Credentials, is_referent
from secretsync.providers.vault.token import TokenKeeper
from secretsync.values import go_json, go_regexp, members, property_path
from secretsync.values.go_json import Number, NumberStyle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsync.api import Find, RemoteRef, Store, VaultProvider
    from secretsync.kube.protocol import Cluster

_CONCURRENT_READS: Final = 32
_SYSTEM_METADATA: Final = ("created_time", "current_version", "delete_version_after")
_NOT_FOUND: Final = 404


def open_store(store: Store, *, namespace: str, cluster: Cluster) -> VaultStore:
    """The backend of a store with the provider ``vault``.

    Raises:
        StoreInvalid: the specification cannot work.
    """
    config = store.spec.provider.vault
    if config is None:
        raise StoreInvalid("has no provider vault", place=store_place(store), remedy="add spec.provider.vault")
    if (config.tls.cert_secret_ref is None) != (config.tls.key_secret_ref is None):
        raise StoreInvalid(
            "tls needs certSecretRef and keySecretRef", place=store_place(store), remedy="add the missing one"
        )
    return VaultStore(config, store, namespace, cluster)


class VaultStore:
    """Implements `secretsync.providers.protocol.Provider`.

    Args:
        config: the store's provider.
        store: the store.
        namespace: the namespace of the ExternalSecret.
        cluster: where the store's references are read.
    """

    def __init__(self, config: VaultProvider, store: Store, namespace: str, cluster: Cluster) -> None:
        self._config = config
        self._store = store
        self._place = store_place(store)
        self._credentials = Credentials(config, store, namespace, cluster)
        self._v2 = config.version is VaultKVStoreVersion.v2
        self._opening = asyncio.Lock()
        self._opened: tuple[Connection, TokenKeeper] | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Both."""
        return Capabilities.ReadWrite

    def remote_key(self, ref: RemoteRef) -> RemoteKey:
        """Key, version and whether metadata is wanted; properties share one read."""
        metadata = ref.metadata_policy.value == "Fetch"
        return RemoteKey(ref.key, "" if metadata else ref.version, metadata)

    def value(self, fetched: Fetched, ref: RemoteRef) -> bytes | Missing:
        """The whole object as JSON, or a property: an exact member first, then a gjson path."""
        if not ref.property:
            return fetched.value
        data = go_json.loads_object(fetched.value, numbers=NumberStyle.Raw)
        selected = property_path.select_decoded(data, ref.property)
        if selected is None:
            raise PropertyNotFound(
                f"the secret {ref.key!r} has no property {ref.property!r}",
                place=self._place,
                remedy="correct the property, or add it upstream",
            )
        return selected

    def members(self, fetched: Fetched, ref: RemoteRef) -> dict[str, bytes] | Missing:
        """The members of the object, or of the object a property selects; numbers go through a double."""
        value = self.value(fetched, ref)
        return value if isinstance(value, Missing) else members.from_json_object(value, numbers=NumberStyle.Float64)

    async def get(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, Fetched | Missing]:
        """One request for each key, up to 32 at a time over kept connections, under one login."""
        distinct = list(dict.fromkeys(keys))
        found = await concurrently(self._get, distinct, limit=_CONCURRENT_READS)
        return dict(zip(distinct, found, strict=True))

    async def _get(self, key: RemoteKey) -> Fetched | Missing:
        if key.metadata:
            return await self._get_metadata(key)
        parameters = (("version", key.version),) if key.version else ()
        call = Call("GET", data_path(self._config, key.key), parameters=parameters)
        status, body = await self._read(call)
        data = body.get("data")
        if status == _NOT_FOUND and not (data or body.get("warnings")):
            return _missing(key, call)
        version = ""
        if self._v2:
            if data is None:
                return _missing(key, call)
            if not isinstance(data, dict) or "data" not in data:
                raise ProviderRefused(
                    f"what is at {call.path} is not of a KV engine of version 2",
                    place=self._place,
                    remedy="set version in the store to that of the engine",
                )
            version = str((data.get("metadata") or {}).get("version") or "")
            data = data["data"]
        if data is None:
            return _missing(key, call)
        if not isinstance(data, dict):
            raise ProviderRefused(
                f"what is at {call.path} is not a JSON object",
                place=self._place,
                remedy="set version in the store to that of the engine",
            )
        return Fetched(go_json.dumps(data), version)

    async def _get_metadata(self, key: RemoteKey) -> Fetched:
        metadata = await self._metadata(key.key)
        if metadata is None:
            raise SecretNotFound(
                f"there is no metadata of the secret {key.key!r}",
                place=self._place,
                remedy="create the secret, or correct the key",
            )
        return Fetched(go_json.dumps(_metadata_values(metadata)), str(metadata.get("updated_time") or ""))

    async def _metadata(self, key: str) -> dict[str, Any] | None:
        if not self._v2:
            raise ProviderRefused(
                "a KV engine of version 1 has no metadata",
                place=self._place,
                remedy="leave metadataPolicy away, or use an engine of version 2",
            )
        status, body = await self._read(Call("GET", metadata_path(self._config, key)))
        data = body.get("data")
        return None if status == _NOT_FOUND or not isinstance(data, dict) else data

    async def find(self, query: Find) -> Mapping[str, Fetched] | Missing:
        """All secrets below a path, by name or by custom metadata (name wins); deleted ones are left out."""
        by_tags = "tags" in query.model_fields_set
        if not self._v2 and by_tags:
            raise ProviderRefused(
                "find by tags needs a KV engine of version 2", place=self._place, remedy="use find.name.regexp"
            )
        pattern = go_regexp.compile(query.name.regexp) if query.name is not None else None
        names = await self._list(f"{query.path}/" if query.path is not None else "")
        if names is None:
            return Missing(f"there is nothing at the path {query.path or '/'!r}")
        if pattern is not None:
            names = [name for name in names if pattern.search(name)]
        elif query.tags:
            described = await concurrently(self._metadata, names, limit=_CONCURRENT_READS)
            names = [
                name
                for name, metadata in zip(names, described, strict=True)
                if metadata is not None and query.tags.items() <= _metadata_values(metadata).items()
            ]
        found = await self.get([RemoteKey(name) for name in names])
        return {key.key: each for key, each in found.items() if isinstance(each, Fetched)}

    async def _list(self, top: str) -> list[str] | None:
        """The names of all secrets below a folder (with its slash), level by level; None where it is not there."""
        names: list[str] = []
        folders = [top]
        while folders:
            listed = await concurrently(self._entries, folders, limit=_CONCURRENT_READS)
            level: list[str] = []
            for folder, entries in zip(folders, listed, strict=True):
                if entries is None and folder == top:
                    return None
                for entry in entries or ():
                    (level if entry.endswith("/") else names).append(folder + entry)
            folders = level
        return sorted(names)

    async def _entries(self, folder: str) -> list[str] | None:
        call = Call("GET", metadata_path(self._config, folder), "list", (("list", "true"),))
        status, body = await self._read(call)
        data = body.get("data")
        if status == _NOT_FOUND or not isinstance(data, dict):
            return None
        return [entry for entry in data.get("keys") or () if isinstance(entry, str) and entry]

    async def versions(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, str | Missing]:
        """From the metadata where the token may read it, else from the value; version 1 of the engine has none."""
        distinct = list(dict.fromkeys(keys))
        found = await concurrently(self._version, distinct, limit=_CONCURRENT_READS)
        return dict(zip(distinct, found, strict=True))

    async def _version(self, key: RemoteKey) -> str | Missing:
        if self._v2:
            try:
                metadata = await self._metadata(key.key)
            except ProviderDenied:
                pass
            else:
                return _version_of(key, metadata)
        fetched = await self._get(key)
        return fetched if isinstance(fetched, Missing) else fetched.version

    async def validate(self) -> Validity:
        """Whether the login works and the server knows the token; no permission on secrets is tried (ESO v2.9.0).

        Raises:
            StoreInvalid: no client can be made: a reference fails, or the login does.
        """
        if isinstance(self._store, ClusterSecretStore) and is_referent(self._config):
            return Unknown("the credentials depend on the namespace of the ExternalSecret")
        try:
            _, keeper = await self._open()
            token = await keeper.token()
        except StoreError:
            raise
        except SecretSyncError as error:
            raise StoreInvalid(error.problem, place=error.place or self._place, remedy=error.remedy) from None
        try:
            known = await keeper.known(token)
        except ProviderError as error:
            return Invalid(str(error))
        return Valid() if known else Invalid(f"{self._place}: the server {self._config.server} refuses the token")

    async def _read(self, call: Call) -> tuple[int, dict[str, Any]]:
        """Status and body of a read; a denied one is repeated once where a new token may help."""
        connection, keeper = await self._open()
        token = await keeper.token()
        answer = await connection.send(call, token)
        if answer.status == 403 and await keeper.replaced(token):  # noqa: PLR2004 - forbidden
            answer = await connection.send(call, await keeper.token())
        if answer.status == 403:  # noqa: PLR2004 - forbidden
            raise connection.failure(call, answer)
        return answer.status, connection.json(call, answer)

    async def _open(self) -> tuple[Connection, TokenKeeper]:
        """The connection and its token keeper, made at first use from what the store refers to."""
        if self._opened is None:
            async with self._opening:
                if self._opened is None:
                    self._opened = await self._connect()
        return self._opened

    async def _connect(self) -> tuple[Connection, TokenKeeper]:
        if not self._config.server.startswith(("http://", "https://")):
            raise StoreInvalid(
                "the server is no http or https address", place=self._place, remedy="write it with its scheme"
            )
        ca = await self._credentials.ca()
        certificate, key = await self._credentials.client_certificate()
        try:
            context = tls.client_context(ca=ca, certificate=certificate, key=key) if ca or certificate else None
        except ValueError as error:
            raise StoreInvalid(str(error), place=self._place, remedy="give PEM") from None
        settings = self._store.spec.retry_settings
        retries = settings.max_retries if settings and settings.max_retries is not None else Limits().retries
        limits = Limits(retries=max(0, min(retries, 10)), connections=_CONCURRENT_READS)
        connection = Connection(self._config, self._place, context, self._config.headers, limits)
        return connection, TokenKeeper(connection, self._credentials)

    async def aclose(self) -> None:
        """Revoke a token of our own login and close the connections."""
        opened, self._opened = self._opened, None
        if opened is not None:
            connection, keeper = opened
            try:
                await keeper.revoke()
            finally:
                await connection.aclose()


def _missing(key: RemoteKey, call: Call) -> Missing:
    version = f" in version {key.version}" if key.version else ""
    return Missing(f"there is no secret at {call.path}{version}")


def _metadata_values(metadata: Mapping[str, Any]) -> dict[str, str]:
    """System and custom metadata as text; custom metadata wins."""
    values = {name: _text(metadata[name]) for name in _SYSTEM_METADATA if metadata.get(name) is not None}
    custom = metadata.get("custom_metadata")
    if isinstance(custom, dict):
        values |= {name: _text(value) for name, value in custom.items()}
    return values


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | Number) else go_json.dumps(value).decode()


def _version_of(key: RemoteKey, metadata: Mapping[str, Any] | None) -> str | Missing:
    if metadata is None:
        return Missing(f"there is no secret {key.key!r}")
    if key.metadata:
        return str(metadata.get("updated_time") or "")
    version = key.version or str(metadata.get("current_version") or "")
    state = (metadata.get("versions") or {}).get(version)
    if not isinstance(state, dict) or _has_passed(state.get("deletion_time")) or state.get("destroyed"):
        return Missing(f"the secret {key.key!r} has no version {version}, or it is deleted")
    return version


def _has_passed(time: object) -> bool:
    """Whether a deletion time is over: ``delete_version_after`` sets it ahead."""
    try:
        return datetime.fromisoformat(str(time)) <= datetime.now(UTC) if time else False
    except ValueError:
        return True
