"""Any HTTP interface as a backend: requests made from templates (ESO v2.9.0: ``webhook``)."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, quote_plus, urlsplit

from yarl import URL

from secretsync.api import Capabilities, ClusterSecretStore
from secretsync.errors import (
    ProviderDenied,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    SecretSyncError,
    StoreError,
    StoreInvalid,
    TemplateError,
    ValueRuleError,
)
from secretsync.kube import tls
from secretsync.providers import references
from secretsync.providers.concurrency import concurrently
from secretsync.providers.http import BackendSession, Limits
from secretsync.providers.protocol import Fetched, Invalid, Missing, RemoteKey, Valid, Validity
from secretsync.providers.webhook import json_path
from secretsync.providers.webhook.json_path import JSONPathError
from secretsync.providers.webhook.templates import render
from secretsync.values import go_json, members

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsync.api import Find, RemoteRef, Store, WebhookProvider, WebhookSecret
    from secretsync.kube.protocol import Cluster
    from secretsync.providers.http import Answer

_CONCURRENT_READS: Final = 16
_DIAL_SECONDS: Final = 15.0
_DEFAULT_TIMEOUT: Final = 30.0
_LABEL: Final = "external-secrets.io/type"
_URL_CHARACTERS: Final = "%/:?#[]@!$&'()*+,;=~"
"""What a rendered url keeps as it is: the template escapes what has to be escaped."""
_PORTS: Final = {"http": 80, "https": 443}
_UNAVAILABLE: Final = frozenset({408, 425, 429, 500, 502, 503, 504})

Data = dict[str, dict[str, str]]
"""What templates see: ``remoteRef`` and the named Secrets, each a map of texts."""


def open_store(store: Store, *, namespace: str, cluster: Cluster) -> WebhookStore:
    """The backend of a store with the provider ``webhook``.

    Raises:
        StoreInvalid: the specification cannot work.
    """
    config = store.spec.provider.webhook
    place = references.store_place(store)
    if config is None:
        raise StoreInvalid("has no provider webhook", place=place, remedy="add spec.provider.webhook")
    if config.auth is not None:
        raise StoreInvalid("NTLM is not served here", place=place, remedy="use headers to log in")
    return WebhookStore(config, store, namespace, cluster)


class WebhookStore:
    """Implements `secretsync.providers.protocol.Provider`.

    What is read is the rendered JSONPath, a NUL byte and the answer's body: the path is a template over Secrets, which
    only a read may resolve. Upstream does not apply `property` to the result; it reaches the templates only.

    Args:
        config: the store's provider.
        store: the store.
        namespace: the namespace of the ExternalSecret.
        cluster: where the store's references are read.
    """

    def __init__(self, config: WebhookProvider, store: Store, namespace: str, cluster: Cluster) -> None:
        self._config = config
        self._store = store
        self._place = references.store_place(store)
        self._namespace = namespace
        self._cluster = cluster
        self._opening = asyncio.Lock()
        self._session: BackendSession | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Both, as upstream says."""
        return Capabilities.ReadWrite

    def remote_key(self, ref: RemoteRef) -> RemoteKey:
        """Everything that templates see."""
        return RemoteKey(ref.key, ref.version, property=ref.property)

    def value(self, fetched: Fetched, ref: RemoteRef) -> bytes | Missing:
        """The body, or what the JSONPath finds in it: of a list its first element, of an object its JSON."""
        path, body = _unpacked(fetched)
        if not path:
            return body
        return self._extracted(self._found(path, go_json.loads(body), ref), ref)

    def members(self, fetched: Fetched, ref: RemoteRef) -> dict[str, bytes] | Missing:
        """The members of the object that the body is or the JSONPath finds; a text is read as JSON once more."""
        path, body = _unpacked(fetched)
        found = go_json.loads(body)
        if path:
            found = self._found(path, found, ref)
        if isinstance(found, str):
            found = go_json.loads(found.encode())
        if not isinstance(found, dict):
            raise ValueRuleError(
                f"the answer for {ref.key!r} is not a JSON object",
                place=self._place,
                remedy="let result.jsonPath lead to an object, or read the value with data instead of dataFrom",
            )
        return {key: members.value_bytes(value) for key, value in found.items()}

    def _found(self, path: str, document: Any, ref: RemoteRef) -> Any:  # noqa: ANN401 - JSON values
        try:
            return json_path.find(path, document)
        except JSONPathError as error:
            raise ProviderRefused(
                str(error), place=f"{self._place}, key {ref.key!r}", remedy="correct result.jsonPath"
            ) from None

    def _extracted(self, found: Any, ref: RemoteRef) -> bytes:  # noqa: ANN401 - a JSON value
        while isinstance(found, list):
            if not found:
                raise ProviderRefused(
                    "result.jsonPath finds an empty list",
                    place=f"{self._place}, key {ref.key!r}",
                    remedy="correct result.jsonPath, or add the value upstream",
                )
            found = found[0]
        if isinstance(found, float):
            return f"{found:.0f}".encode()  # upstream writes numbers without decimals
        return members.value_bytes(found)

    async def get(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, Fetched | Missing]:
        """One request for each key, some at a time; the store's Secrets are read once for all of them."""
        distinct = list(dict.fromkeys(keys))
        session, secrets = await self._open(), await self._secrets()

        async def get(key: RemoteKey) -> Fetched | Missing:
            return await self._get(session, key, secrets)

        return dict(zip(distinct, await concurrently(get, distinct, limit=_CONCURRENT_READS), strict=True))

    async def _get(self, session: BackendSession, key: RemoteKey, secrets: Data) -> Fetched | Missing:
        raw = {"remoteRef": self._remote_ref(key), **secrets}
        escaped = {"remoteRef": self._remote_ref(key, escape=True), **secrets}
        url = self._url(self._rendered("url", self._config.url, escaped))
        headers = {
            name: self._header(name, self._rendered(f"headers.{name}", template, raw))
            for name, template in self._config.headers.items()
        }
        body = self._rendered("body", self._config.body, raw)
        path = self._rendered("result.jsonPath", self._config.result.json_path, raw)
        method = (self._config.method or "GET").upper()
        answer = await session.request(
            method, url, headers=headers, body=body or None, repeatable=method in {"GET", "HEAD"}
        )
        if answer.status == 404:  # noqa: PLR2004 - not found
            return Missing(f"the endpoint knows no secret {key.key!r}")
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - success
            raise self._failed(answer, key)
        return Fetched(path + b"\0" + answer.body)

    def _remote_ref(self, key: RemoteKey, *, escape: bool = False) -> dict[str, str]:
        """What templates see of the reference; in a URL it is escaped as in a query, which Secrets are not."""
        values = {"key": key.key, "version": key.version, "property": key.property}
        if escape:
            values = {name: quote_plus(value) for name, value in values.items()}
        return {**values, "namespace": self._namespace}

    def _rendered(self, field: str, template: str, data: Data) -> bytes:
        if not template:
            return b""
        try:
            return render(template, data, name=field)
        except TemplateError as error:
            raise error.at(self._place) from None

    def _url(self, rendered: bytes) -> URL:
        try:
            url = URL(quote(rendered.decode("utf-8").strip(), safe=_URL_CHARACTERS), encoded=True)
        except ValueError:
            url = URL()
        if url.scheme not in _PORTS or not url.host:
            raise StoreInvalid(
                "the url does not become an http or https address", place=self._place, remedy="correct the template"
            )
        return url

    def _header(self, name: str, rendered: bytes) -> str:
        text = rendered.decode("utf-8", "replace")
        if any(character in text or character in name for character in "\r\n\0"):
            raise StoreInvalid(
                f"the header {name!r} would hold a line break",
                place=self._place,
                remedy="trim the value in the template",
            )
        return text

    def _failed(self, answer: Answer, key: RemoteKey) -> ProviderError:
        problem = f"the endpoint answers {answer.status} for the key {key.key!r}"
        if answer.status in _UNAVAILABLE:
            return ProviderUnavailable(problem, place=self._place, remedy="it is tried again")
        if answer.status in {401, 403}:
            return ProviderDenied(problem, place=self._place, remedy="check the credentials in the store's headers")
        return ProviderRefused(problem, place=self._place, remedy="check url, method and body of the store")

    async def find(self, query: Find) -> Mapping[str, Fetched] | Missing:  # noqa: ARG002 - the protocol's signature
        """Not supported, as upstream."""
        raise ProviderRefused("find is not supported", place=self._place, remedy="use extract or data")

    async def versions(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, str | Missing]:
        """An HTTP interface has no versions; whether a secret is missing, only reading it tells."""
        found = await self.get(keys)
        return {key: each if isinstance(each, Missing) else "" for key, each in found.items()}

    async def validate(self) -> Validity:
        """Whether the url's host takes connections (ESO v2.9.0).

        Raises:
            StoreInvalid: no client can be made: a reference fails.
        """
        try:
            await self._open()
        except StoreError:
            raise
        except SecretSyncError as error:
            raise StoreInvalid(error.problem, place=error.place or self._place, remedy=error.remedy) from None
        try:
            parts = urlsplit(self._config.url)
            host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme)
        except ValueError:
            host, port = None, None
        if not host or not port:
            return Invalid(f"{self._place}: the url names no host and port")
        try:
            async with asyncio.timeout(_DIAL_SECONDS):
                _, writer = await asyncio.open_connection(host, port)
        except (OSError, ValueError) as error:
            return Invalid(f"{self._place}: {host}:{port} takes no connection ({type(error).__name__})")
        writer.close()
        return Valid()

    async def _secrets(self) -> Data:
        """The named Secrets; each needs the opt-in label."""
        found = await asyncio.gather(*(self._secret(each) for each in self._config.secrets))
        data: Data = {}
        for each, values in zip(self._config.secrets, found, strict=True):
            data.setdefault(each.name, {}).update(values)
        return data

    async def _secret(self, named: WebhookSecret) -> dict[str, str]:
        selector = named.secret_ref
        if isinstance(self._store, ClusterSecretStore) and not selector.namespace:
            raise StoreInvalid(
                f"the Secret {named.name!r} names no namespace",
                place=self._place,
                remedy="add secretRef.namespace: a ClusterSecretStore needs it",
            )
        found = await references.secret(
            selector.name, selector.namespace, store=self._store, namespace=self._namespace, cluster=self._cluster
        )
        if (found["metadata"].get("labels") or {}).get(_LABEL) != "webhook":
            raise StoreInvalid(
                f"the Secret {selector.name} does not carry the label {_LABEL}: webhook",
                place=self._place,
                remedy="add the label, if the Secret is meant to be sent to this endpoint",
            )
        return {
            key: base64.b64decode(value).decode("utf-8", "surrogateescape")
            for key, value in (found.get("data") or {}).items()
        }

    async def _open(self) -> BackendSession:
        if self._session is None:
            async with self._opening:
                if self._session is None:
                    self._session = await self._connected()
        return self._session

    async def _connected(self) -> BackendSession:
        ca = await references.ca_bundle(
            self._config.ca_bundle,
            self._config.ca_provider,
            store=self._store,
            namespace=self._namespace,
            cluster=self._cluster,
        )
        try:
            context = tls.client_context(ca=ca) if ca else None
        except ValueError as error:
            raise StoreInvalid(str(error), place=self._place, remedy="give PEM") from None
        timeout = self._config.timeout
        seconds = timeout.total_seconds() if timeout else 0.0
        limits = Limits(deadline=seconds if seconds > 0 else _DEFAULT_TIMEOUT, connections=_CONCURRENT_READS)
        return BackendSession(self._place, "the endpoint", context, limits)

    async def aclose(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.aclose()


def _unpacked(fetched: Fetched) -> tuple[str, bytes]:
    path, _, body = fetched.value.partition(b"\0")
    return path.decode("utf-8", "replace"), body
