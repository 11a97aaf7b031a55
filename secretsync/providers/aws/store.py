"""The backend itself: which service a store reads, values and members, and whether the login works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from secretsync.api import Capabilities, ClusterSecretStore
from secretsync.api.stores.aws import AWSServiceType
from secretsync.errors import PropertyNotFound, SecretSyncError, StoreError, StoreInvalid
from secretsync.providers.aws.connection import Connection
from secretsync.providers.aws.login import Login, is_referent
from secretsync.providers.aws.parameter_store import ParameterStore
from secretsync.providers.aws.secrets_manager import CURRENT, SecretsManager
from secretsync.providers.protocol import Fetched, Invalid, Missing, RemoteKey, Unknown, Valid, Validity
from secretsync.providers.references import store_place
from secretsync.values import members, property_path
from secretsync.values.go_json import NumberStyle
from secretsync.values.property_path import PropertyOrder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsync.api import AWSProvider, Find, RemoteRef, Store
    from secretsync.kube.protocol import Cluster


class _Service(Protocol):
    async def get(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, Fetched | Missing]: ...

    async def find(self, query: Find) -> Mapping[str, Fetched] | Missing: ...

    async def versions(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, str | Missing]: ...


def open_store(store: Store, *, namespace: str, cluster: Cluster) -> AWSStore:
    """The backend of a store with the provider ``aws``.

    Raises:
        StoreInvalid: the specification cannot work.
    """
    place = store_place(store)
    config = store.spec.provider.aws
    if config is None:
        raise StoreInvalid("has no provider aws", place=place, remedy="add spec.provider.aws")
    if config.service is AWSServiceType.CertificateManager:
        raise StoreInvalid(
            "the service CertificateManager is not served here",
            place=place,
            remedy="use SecretsManager or ParameterStore, or let the upstream operator serve this store",
        )
    if not config.region.strip():
        raise StoreInvalid("names no region", place=place, remedy="add spec.provider.aws.region")
    return AWSStore(config, store, namespace, cluster)


class AWSStore:
    """Implements `secretsync.providers.protocol.Provider`.

    Args:
        config: the store's provider.
        store: the store.
        namespace: the namespace of the ExternalSecret.
        cluster: where the store's references are read.
    """

    def __init__(self, config: AWSProvider, store: Store, namespace: str, cluster: Cluster) -> None:
        self._config = config
        self._store = store
        self._place = store_place(store)
        self._manages_secrets = config.service is AWSServiceType.SecretsManager
        login = Login(config, store, namespace, cluster)
        service = "secretsmanager" if self._manages_secrets else "ssm"
        self._connection = Connection(service, config.region, store, login)
        opened = SecretsManager if self._manages_secrets else ParameterStore
        self._service: _Service = opened(self._connection, config.region, config.prefix)

    @property
    def capabilities(self) -> Capabilities:
        """Both."""
        return Capabilities.ReadWrite

    def remote_key(self, ref: RemoteRef) -> RemoteKey:
        """Key, version and whether tags are wanted; properties share one read."""
        metadata = ref.metadata_policy.value == "Fetch"
        version = ref.version
        if self._manages_secrets and (metadata or version == CURRENT):
            version = ""
        return RemoteKey(ref.key, version, metadata)

    def value(self, fetched: Fetched, ref: RemoteRef) -> bytes | Missing:
        """The value as it is, or a property: with its dots as part of a name first, then as a gjson path."""
        if not ref.property:
            return fetched.value
        selected = property_path.select(fetched.value, ref.property, order=PropertyOrder.ExactFirst)
        if selected is None:
            raise PropertyNotFound(
                f"the secret {ref.key!r} has no property {ref.property!r}",
                place=self._place,
                remedy="correct the property, or add it upstream",
            )
        return selected

    def members(self, fetched: Fetched, ref: RemoteRef) -> dict[str, bytes] | Missing:
        """The members of the JSON object, or of the object a property selects; numbers as they are written."""
        value = self.value(fetched, ref)
        return value if isinstance(value, Missing) else members.from_json_object(value, numbers=NumberStyle.Raw)

    async def get(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, Fetched | Missing]:
        """Batched where that helps and is allowed, else concurrently."""
        return await self._service.get(keys)

    async def find(self, query: Find) -> Mapping[str, Fetched] | Missing:
        """The secrets or parameters that match, by their whole name; `prefix` has no part in it."""
        return await self._service.find(query)

    async def versions(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, str | Missing]:
        """Version ids of secrets, version numbers of parameters."""
        return await self._service.versions(keys)

    async def validate(self) -> Validity:
        """Whether there are credentials, roles included; no permission is tried (ESO v2.9.0).

        Raises:
            StoreInvalid: no client can be made: a reference fails, or region or retrySettings are unusable.
        """
        if isinstance(self._store, ClusterSecretStore) and is_referent(self._config):
            return Unknown("the credentials depend on the namespace of the ExternalSecret")
        try:
            problem = await self._connection.credentials_problem()
        except StoreError:
            raise
        except SecretSyncError as error:
            raise StoreInvalid(error.problem, place=error.place or self._place, remedy=error.remedy) from None
        return Valid() if problem is None else Invalid(str(problem))

    async def aclose(self) -> None:
        """Close connections and threads."""
        await self._connection.aclose()
