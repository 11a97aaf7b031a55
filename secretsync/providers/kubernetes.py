"""Secrets of another namespace or cluster as a backend (ESO v2.9.0: ``kubernetes``)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final, TypeVar

from secretsync.api import Capabilities, ClusterSecretStore
from secretsync.errors import (
    ClusterDenied,
    ClusterError,
    PropertyNotFound,
    ProviderDenied,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    SecretSyncError,
    SettingsError,
    StoreError,
    StoreInvalid,
    ValueRuleError,
)
from secretsync.kube.client import KubeClient
from secretsync.kube.config import ClusterConfig, from_kubeconfig_text
from secretsync.kube.credentials import Credentials, StaticAuthorization
from secretsync.kube.resources import SECRETS, SELF_SUBJECT_ACCESS_REVIEWS, SELF_SUBJECT_RULES_REVIEWS
from secretsync.providers import references
from secretsync.providers.concurrency import concurrently
from secretsync.providers.protocol import Fetched, Invalid, Missing, RemoteKey, Unknown, Valid, Validity
from secretsync.values import gjson, go_json, go_regexp, property_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsync.api import Find, JsonObject, KubernetesProvider, RemoteRef, SecretKeySelector, Store
    from secretsync.kube.protocol import Cluster, Token

_CONCURRENT_READS: Final = 16
_TOKEN_SECONDS: Final = 3600
_KEPT_CONNECTIONS: Final = 2
"""One in use, and the one before it, which requests that are under way may still use."""
_FIELD_MANAGER: Final = "external-secrets"
_LABEL_VALUE: Final = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_LABEL_KEY: Final = re.compile(r"(?:[a-z0-9.-]{1,253}/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")

Found = TypeVar("Found")
Connect = Callable[[ClusterConfig, AsyncExitStack], Awaitable["Cluster"]]


def open_store(store: Store, *, namespace: str, cluster: Cluster) -> KubernetesStore:
    """The backend of a store with the provider ``kubernetes``.

    Raises:
        StoreInvalid: the specification cannot work.
    """
    config = store.spec.provider.kubernetes
    if config is None:
        raise StoreInvalid(
            "has no provider kubernetes", place=references.store_place(store), remedy="add spec.provider.kubernetes"
        )
    return KubernetesStore(config, store, namespace, cluster)


async def _client(config: ClusterConfig, stack: AsyncExitStack) -> Cluster:
    return await stack.enter_async_context(KubeClient(config))


class KubernetesStore:
    """Implements `secretsync.providers.protocol.Provider`.

    What is read is the Secret's data (base64), labels and annotations as one JSON object, so that values, metadata and
    properties of one Secret share one read.

    Args:
        config: the store's provider.
        store: the store.
        namespace: the namespace of the ExternalSecret.
        cluster: where the store's references are read.
        connect: opens the cluster that is read; a parameter for tests.
    """

    def __init__(
        self, config: KubernetesProvider, store: Store, namespace: str, cluster: Cluster, connect: Connect = _client
    ) -> None:
        self._config = config
        self._store = store
        self._place = references.store_place(store)
        self._namespace = namespace
        self._cluster = cluster
        self._connect = connect
        self._opening = asyncio.Lock()
        self._stacks: list[AsyncExitStack] = []
        self._remote: Cluster | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Both."""
        return Capabilities.ReadWrite

    def remote_key(self, ref: RemoteRef) -> RemoteKey:
        """The Secret's name; it has no versions, and its metadata comes along."""
        return RemoteKey(ref.key)

    def value(self, fetched: Fetched, ref: RemoteRef) -> bytes | Missing:
        """The whole data as a JSON object of texts, one key of it, or metadata."""
        found = go_json.loads_object(fetched.value)
        if ref.metadata_policy.value == "Fetch":
            return self._metadata_value(found, ref)
        data = _data(found)
        if not ref.property:
            return go_json.dumps(data, escape_html=False)
        selected = property_path.select_entry(data, ref.property)
        if selected is None:
            raise self._no_property(ref, "data")
        return selected

    def _metadata_value(self, found: Mapping[str, Any], ref: RemoteRef) -> bytes:
        if not ref.property:
            metadata = {"labels": found["labels"], "annotations": found["annotations"]}
            return go_json.dumps(metadata, escape_html=False)
        kind, *rest = ref.property.split(".")
        if kind not in {"labels", "annotations"}:
            raise self._no_property(ref, "metadata")
        entries = found[kind]
        if not rest:
            return go_json.dumps(entries, escape_html=False)
        value = (entries or {}).get(rest[0])
        if value is None:
            raise self._no_property(ref, "metadata")
        if len(rest) == 1:
            return str(value).encode()
        result = gjson.get(str(value), "".join(rest[1:]))  # upstream joins the steps without dots
        if not result.exists:
            raise self._no_property(ref, "metadata")
        return result.string

    def members(self, fetched: Fetched, ref: RemoteRef) -> dict[str, bytes] | Missing:
        """The keys of the data or of the metadata, or the members of the JSON object that a property selects."""
        found = go_json.loads_object(fetched.value)
        if ref.metadata_policy.value == "Fetch":
            data = {kind: go_json.dumps(found[kind], escape_html=False) for kind in ("labels", "annotations")}
        else:
            data = _data(found)
        if not ref.property:
            return data
        encoded = go_json.dumps({key: base64.b64encode(value).decode() for key, value in data.items()})
        escaped = ref.property.replace(".", "\\.")
        result = gjson.get(encoded, escaped)
        if not result.exists:
            result = gjson.get(encoded, ref.property)
        if not result.exists:
            raise self._no_property(ref, "data")
        try:
            value = base64.b64decode(result.string, validate=True)
        except (binascii.Error, ValueError):
            raise ValueRuleError(
                f"the property {ref.property!r} of the Secret {ref.key!r} is not one key of it",
                remedy="name one key that holds a JSON object",
            ) from None
        return {key: go_json.dumps(member, escape_html=False) for key, member in go_json.loads_object(value).items()}

    def _no_property(self, ref: RemoteRef, where: str) -> PropertyNotFound:
        return PropertyNotFound(
            f"the {where} of the Secret {ref.key!r} have no property {ref.property!r}",
            place=self._place,
            remedy="correct the property, or add it to the Secret",
        )

    async def get(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, Fetched | Missing]:
        """One request for each Secret, some at a time."""
        distinct = list(dict.fromkeys(keys))

        async def get(key: RemoteKey) -> Fetched | Missing:
            namespace = self._config.remote_namespace
            found = await self._ask(lambda remote: remote.get(SECRETS, key.key, namespace)) if key.key else None
            if found is None:
                where = f"{self._config.remote_namespace}/{key.key}"
                return Missing(f"there is no Secret {where}", data_is_error=True)
            return Fetched(_reduced(found), _version(found))

        return dict(zip(distinct, await concurrently(get, distinct, limit=_CONCURRENT_READS), strict=True))

    async def find(self, query: Find) -> Mapping[str, Fetched] | Missing:
        """By labels where tags are given, else by name; each Secret as one JSON object of texts."""
        tags = query.tags if "tags" in query.model_fields_set else None
        if tags is None and query.name is None:
            raise ProviderRefused(
                "find needs tags or a name", place=self._place, remedy="add find.name.regexp or find.tags"
            )
        selector = self._selector(tags or {})
        pattern = go_regexp.compile(query.name.regexp) if tags is None and query.name is not None else None
        namespace = self._config.remote_namespace
        listing = await self._ask(lambda remote: remote.list(SECRETS, namespace, label_selector=selector))
        found: dict[str, Fetched] = {}
        for secret in listing.items:
            name = str(secret["metadata"]["name"])
            if pattern is None or pattern.search(name):
                data = _data({"data": secret.get("data")})
                found[name] = Fetched(go_json.dumps(data, escape_html=False), _version(secret))
        return found

    def _selector(self, tags: Mapping[str, str]) -> str:
        for key, value in tags.items():
            if not (_LABEL_KEY.fullmatch(key) and _LABEL_VALUE.fullmatch(value)):
                raise ProviderRefused(
                    f"find.tags: {key!r} is no label, or its value is none", place=self._place, remedy="correct the tag"
                )
        return ",".join(f"{key}={value}" for key, value in sorted(tags.items()))

    async def versions(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, str | Missing]:
        """The resource version of each Secret; the API server gives it with the data only."""
        found = await self.get(keys)
        return {key: each if isinstance(each, Missing) else each.version for key, each in found.items()}

    async def validate(self) -> Validity:
        """Whether the credentials may get Secrets in the remote namespace, as the remote API server says.

        Raises:
            StoreInvalid: no client can be made: a reference fails.
        """
        if isinstance(self._store, ClusterSecretStore) and _is_referent(self._config):
            return Unknown("the credentials depend on the namespace of the ExternalSecret")
        try:
            remote = await self._open()
        except StoreError:
            raise
        except SecretSyncError as error:
            raise StoreInvalid(error.problem, place=error.place or self._place, remedy=error.remedy) from None
        namespace = self._config.remote_namespace
        attributes = {"resource": "secrets", "namespace": namespace, "verb": "get"}
        try:
            rules = await remote.create(
                SELF_SUBJECT_RULES_REVIEWS,
                {"metadata": {}, "spec": {"namespace": namespace}},
                field_manager=_FIELD_MANAGER,
            )
            if any(_allows(rule) for rule in (rules.get("status") or {}).get("resourceRules") or ()):
                return Valid()
            access = await remote.create(
                SELF_SUBJECT_ACCESS_REVIEWS,
                {"metadata": {}, "spec": {"resourceAttributes": attributes}},
                field_manager=_FIELD_MANAGER,
            )
        except ClusterError as error:
            return Unknown(f"{self._place}: it could not be verified: {error.problem}")
        if (access.get("status") or {}).get("allowed"):
            return Valid()
        return Invalid(f"{self._place}: the credentials may not get Secrets in the namespace {namespace}")

    async def _ask(self, question: Callable[[Cluster], Awaitable[Found]]) -> Found:
        """An answer of the remote cluster; where it refuses the credentials, they are read again once."""
        remote = await self._open()
        try:
            try:
                return await question(remote)
            except ClusterDenied as error:
                if error.status != 401:  # noqa: PLR2004 - unauthorized
                    raise
            return await question(await self._open(refused=remote))
        except ClusterError as error:
            raise self._failed(error) from None

    async def _open(self, *, refused: Cluster | None = None) -> Cluster:
        """The remote cluster, connected at first use, and anew where its credentials were refused."""
        if self._remote is None or self._remote is refused:
            async with self._opening:
                if self._remote is None or self._remote is refused:
                    await self._reconnect()
        if self._remote is None:
            raise ProviderUnavailable("the store is closed", place=self._place, remedy="open it again")
        return self._remote

    async def _reconnect(self) -> None:
        config = await self._cluster_config()
        stack = AsyncExitStack()
        try:
            self._remote = await self._connect(config, stack)
        except SettingsError as error:
            raise StoreInvalid(error.problem, place=self._place, remedy=error.remedy) from None
        self._stacks.append(stack)
        while len(self._stacks) > _KEPT_CONNECTIONS:
            await self._stacks.pop(0).aclose()

    async def _cluster_config(self) -> ClusterConfig:
        if self._config.auth_ref is not None:
            text = await self._secret_value(self._config.auth_ref)
            try:
                return from_kubeconfig_text(text, place=f"{self._place}, authRef")
            except SettingsError as error:
                raise StoreInvalid(error.problem, place=error.place, remedy=error.remedy) from None
        server = self._config.server
        if not server.url:
            raise StoreInvalid("server has no url", place=self._place, remedy="add server.url")
        ca = await references.ca_bundle(
            server.ca_bundle,
            server.ca_provider,
            store=self._store,
            namespace=self._namespace,
            cluster=self._cluster,
        )
        url = server.url if "://" in server.url else f"https://{server.url}"
        auth = self._config.auth
        credentials: Credentials = StaticAuthorization()
        certificate = key = b""
        if auth is not None and auth.token is not None:
            token = await self._secret_value(auth.token.bearer_token)
            credentials = StaticAuthorization.bearer(token.decode("ascii", "replace").strip())
        elif auth is not None and auth.service_account is not None:
            credentials = _RequestedToken(self._service_account_token)
            await credentials.authorization()
        elif auth is not None and auth.cert is not None:
            certificate = await self._secret_value(auth.cert.client_cert)
            key = await self._secret_value(auth.cert.client_key)
        return ClusterConfig(url.rstrip("/"), credentials, ca=ca, client_certificate=certificate, client_key=key)

    async def _secret_value(self, selector: SecretKeySelector) -> bytes:
        return await references.secret_value(
            selector, store=self._store, namespace=self._namespace, cluster=self._cluster
        )

    async def _service_account_token(self) -> Token:
        auth = self._config.auth
        if auth is None or auth.service_account is None:
            raise StoreInvalid("names no service account", place=self._place, remedy="add auth.serviceAccount")
        return await references.service_account_token(
            auth.service_account,
            store=self._store,
            namespace=self._namespace,
            cluster=self._cluster,
            expiration_seconds=_TOKEN_SECONDS,
        )

    def _failed(self, error: ClusterError) -> ProviderError:
        kind: type[ProviderError] = ProviderRefused
        if error.retryable:
            kind = ProviderUnavailable
        elif isinstance(error, ClusterDenied):
            kind = ProviderDenied
        return kind(error.problem, place=f"{self._place}, {error.place}", remedy=error.remedy)

    async def aclose(self) -> None:
        """Close the connection to the remote cluster."""
        self._remote = None
        while self._stacks:
            await self._stacks.pop().aclose()


class _RequestedToken:
    """A service account token that is requested anew when four fifths of its life are over."""

    def __init__(self, request: Callable[[], Awaitable[Token]]) -> None:
        self._request = request
        self._value = ""
        self._renew_at = float("-inf")

    async def authorization(self) -> str:
        """The header's value."""
        if time.monotonic() >= self._renew_at:
            await self.refresh()
        return self._value

    async def refresh(self) -> bool:
        """Request another token."""
        token = await self._request()
        self._value = f"Bearer {token.value}"
        self._renew_at = time.monotonic() + max(0.0, token.expires.timestamp() - time.time()) * 0.8
        return True


def _is_referent(config: KubernetesProvider) -> bool:
    auth = config.auth
    if auth is None:
        return False
    selectors = [auth.service_account]
    named = [selector.namespace for selector in selectors if selector is not None]
    if auth.cert is not None:
        named += [auth.cert.client_cert.namespace, auth.cert.client_key.namespace]
    if auth.token is not None:
        named.append(auth.token.bearer_token.namespace)
    return None in named


def _reduced(secret: JsonObject) -> bytes:
    metadata = secret["metadata"]
    kept = {
        "data": secret.get("data") or {},
        "labels": metadata.get("labels"),
        "annotations": metadata.get("annotations"),
    }
    return go_json.dumps(kept)


def _data(found: Mapping[str, Any]) -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}


def _version(secret: JsonObject) -> str:
    return str(secret["metadata"].get("resourceVersion") or "")


def _allows(rule: Mapping[str, Any]) -> bool:
    """Whether a rule of a SelfSubjectRulesReview allows to get Secrets."""
    groups = rule.get("apiGroups") or []
    return (
        bool({"secrets", "*"} & set(rule.get("resources") or ()))
        and bool({"get", "*"} & set(rule.get("verbs") or ()))
        and (not groups or bool({"", "*"} & set(groups)))
    )
