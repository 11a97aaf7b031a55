"""The fake backend: the values stand in the store itself (ESO v2.9.0: ``fake``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsync.api import Capabilities
from secretsync.errors import ProviderRefused, StoreInvalid
from secretsync.providers.protocol import Fetched, Invalid, Missing, RemoteKey, Unknown, Valid, Validity
from secretsync.providers.references import store_place
from secretsync.values import conversion, gjson, go_regexp, members
from secretsync.values.go_json import NumberStyle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsync.api import FakeProvider, Find, RemoteRef, Store
    from secretsync.kube.protocol import Cluster


def open_store(store: Store, *, namespace: str, cluster: Cluster) -> FakeStore:  # noqa: ARG001 - as all backends
    """The backend of a store with the provider ``fake``."""
    config = store.spec.provider.fake
    if config is None:
        raise StoreInvalid("has no provider fake", place=store_place(store), remedy="add spec.provider.fake")
    return FakeStore(config, store_place(store))


class FakeStore:
    """Implements `secretsync.providers.protocol.Provider`."""

    def __init__(self, config: FakeProvider, place: str) -> None:
        self._config = config
        self._place = place
        # Upstream joins key and version without a mark between them; of entries that then collide the last one counts.
        self._entries = {entry.key + entry.version: entry for entry in config.data}

    @property
    def capabilities(self) -> Capabilities:
        """Both, as upstream says."""
        return Capabilities.ReadWrite

    def remote_key(self, ref: RemoteRef) -> RemoteKey:
        """Key and version."""
        return RemoteKey(ref.key, ref.version)

    def value(self, fetched: Fetched, ref: RemoteRef) -> bytes | Missing:
        """The value or its property, a gjson path; a missing property is a missing secret here."""
        if not ref.property:
            return fetched.value
        result = gjson.get(fetched.value, ref.property)
        if not result.exists:
            return Missing(f"the secret {ref.key!r} has no property {ref.property!r}")
        return result.string

    def members(self, fetched: Fetched, ref: RemoteRef) -> dict[str, bytes] | Missing:
        """The members of the value, written as they are."""
        value = self.value(fetched, ref)
        if isinstance(value, Missing):
            return value
        return members.from_json_object(value, numbers=NumberStyle.Raw)

    async def get(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, Fetched | Missing]:
        """From memory."""
        return {key: self._get(key) for key in keys}

    def _get(self, key: RemoteKey) -> Fetched | Missing:
        entry = self._entries.get(key.key + key.version)
        if entry is None or entry.version != key.version:
            version = f" in version {key.version!r}" if key.version else ""
            return Missing(f"the store holds no secret {key.key!r}{version}")
        return Fetched(entry.value.encode(), entry.version)

    async def find(self, query: Find) -> Mapping[str, Fetched] | Missing:
        """By name only, the greatest version of each by text comparison; names come converted, as upstream.

        Raises:
            SecretKeyError: two names become the same one.
            ProviderRefused: the search is not by name.
        """
        if query.name is None:
            raise ProviderRefused(
                "find by path or tags is not supported", place=self._place, remedy="use find.name.regexp"
            )
        pattern = go_regexp.compile(query.name.regexp)
        latest: dict[str, Fetched] = {}
        for entry in self._entries.values():
            known = latest.get(entry.key)
            if pattern.search(entry.key) and (known is None or known.version < entry.version):
                latest[entry.key] = Fetched(entry.value.encode(), entry.version)
        names = {name: name.encode() for name in sorted(latest)}
        converted = conversion.convert_keys(names, query.conversion_strategy)
        return {name: latest[original.decode()] for name, original in converted.items()}

    async def versions(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, str | Missing]:
        """The version each entry states."""
        found = {key: self._get(key) for key in keys}
        return {key: each if isinstance(each, Missing) else each.version for key, each in found.items()}

    async def validate(self) -> Validity:
        """What ``validationResult`` asks for."""
        match self._config.validation_result:
            case None | 0:
                return Valid()
            case 1:
                return Unknown("validationResult asks for it")
            case _:
                return Invalid("validationResult asks for it")

    async def aclose(self) -> None:
        """Nothing is open."""
