"""Declarations run without a cluster or a backend: from manifests, and values of a file or placeholders for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from secretsync.api import Capabilities, ClusterSecretStore, StoreKind, parse
from secretsync.errors import ManifestError, SecretSyncError
from secretsync.kube.fake import MemoryCluster
from secretsync.providers.protocol import Fetched, Missing, Valid
from secretsync.providers.registry import open_provider
from secretsync.sync import target
from secretsync.sync.assembling import Answer, assemble
from secretsync.sync.plan import DataEntry, ExtractEntry, FindEntry, GeneratorEntry, plan
from secretsync.sync.synchronize import fetch
from secretsync.sync.templating import apply_template, read_sources
from secretsync.values import go_json, go_regexp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from secretsync.api import ExternalSecret, Find, JsonObject, RemoteRef, Store, StoreRef
    from secretsync.providers.protocol import Provider, RemoteKey, Validity
    from secretsync.sync.fetching import FetchWindow

DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class Values:
    """Values by remote key, from a file; masked in the repr.

    Attributes:
        by_key: remote key → the secret: text as it is, anything else as JSON.
        given: whether there is a file at all; without one placeholders stand in.
    """

    by_key: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    given: bool = False


def read_values(path: Path | None) -> Values:
    """The values file: a YAML mapping from remote key to text or to a mapping of properties.

    Raises:
        ManifestError: the file cannot be read or is no mapping.
    """
    if path is None:
        return Values()
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ManifestError(f"cannot be read: {error.strerror}", place=str(path)) from None
    except (yaml.YAMLError, UnicodeDecodeError):  # the error quotes the line, and with it maybe a value
        raise ManifestError("is not YAML", place=str(path), remedy="write `remote/key: value` lines") from None
    if not isinstance(document, Mapping):
        remedy = "write `remote/key: value` lines, with a mapping as the value for a secret with properties"
        raise ManifestError("is not a mapping", place=str(path), remedy=remedy)
    return Values({str(key): _bytes(value) for key, value in document.items()}, given=True)


def _bytes(value: Any) -> bytes:  # noqa: ANN401 - any YAML value
    return value.encode() if isinstance(value, str) else go_json.dumps(value, escape_html=False)


@dataclass(frozen=True, slots=True, eq=False)
class OfflineProvider:
    """A store whose values come from a file; what is made of them is what its real provider makes.

    Attributes:
        values: the file's values.
        inner: the provider of the store; used for its pure functions only, unless it holds the values itself (fake).
        reads: whether `inner` is asked for values: only a fake store holds them itself.
    """

    values: Values
    inner: Provider
    reads: bool

    @property
    def capabilities(self) -> Capabilities:
        """Reading is all that is done here."""
        return Capabilities.ReadOnly

    def remote_key(self, ref: RemoteRef) -> RemoteKey:
        """As the store reads it."""
        return self.inner.remote_key(ref)

    def value(self, fetched: Fetched, ref: RemoteRef) -> bytes | Missing:
        """As the store reads it; a placeholder stays one."""
        return fetched.value if not self._is_known() else self.inner.value(fetched, ref)

    def members(self, fetched: Fetched, ref: RemoteRef) -> dict[str, bytes] | Missing:
        """As the store reads it; of a placeholder the keys are not known."""
        return {} if not self._is_known() else self.inner.members(fetched, ref)

    async def get(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, Fetched | Missing]:
        """From the file; without a file a placeholder for each."""
        asked = await self.inner.get(keys) if self.reads else {}
        return {key: self._get(key, asked.get(key)) for key in keys}

    async def find(self, query: Find) -> Mapping[str, Fetched] | Missing:
        """What the file holds under matching names; none are known without one."""
        if self.reads and not self.values.given:
            return await self.inner.find(query)
        pattern = go_regexp.compile(query.name.regexp) if query.name is not None else None
        found = ((key, value) for key, value in self.values.by_key.items() if key.startswith(query.path or ""))
        return {key: Fetched(value) for key, value in found if pattern is None or pattern.search(key)}

    async def versions(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, str | Missing]:
        """There are none offline."""
        return dict.fromkeys(keys, "")

    async def validate(self) -> Validity:
        """Nothing can be wrong with a file."""
        return Valid()

    async def aclose(self) -> None:
        """Nothing is open."""

    def _is_known(self) -> bool:
        return self.values.given or self.reads

    def _get(self, key: RemoteKey, asked: Fetched | Missing | None) -> Fetched | Missing:
        if key.key in self.values.by_key:
            return Fetched(self.values.by_key[key.key])
        if asked is not None:
            return asked
        if self.values.given:
            return Missing(f"the values file has no key {key.key!r}")
        return Fetched(f"<{key.key}>".encode())


class OfflineProviders:
    """Opens the stores of manifests; those that are not among them read as a store of the fake provider does."""

    def __init__(self, stores: Sequence[Store], values: Values) -> None:
        self._stores = {(store.kind, store.metadata.namespace, store.metadata.name): store for store in stores}
        self._values = values
        self._cluster = MemoryCluster()
        self._opened: dict[str, OfflineProvider] = {}
        self.absent: set[str] = set()

    async def open(self, ref: StoreRef, namespace: str) -> Provider:
        """The provider of a store."""
        identity = f"{ref.kind}/{ref.name}"
        if identity not in self._opened:
            store = self._find(ref, namespace)
            if store is None:
                self.absent.add(identity)
                store = _stand_in(ref)
            reads = store.spec.provider.fake is not None and identity not in self.absent
            inner = open_provider(store, namespace=namespace, cluster=self._cluster)
            self._opened[identity] = OfflineProvider(self._values, inner, reads)
        return self._opened[identity]

    def _find(self, ref: StoreRef, namespace: str) -> Store | None:
        if ref.kind is StoreKind.ClusterSecretStore:
            return self._stores.get(("ClusterSecretStore", "", ref.name or ""))
        for home in (namespace, ""):
            found = self._stores.get(("SecretStore", home, ref.name or ""))
            if found is not None:
                return found
        return None


def _stand_in(ref: StoreRef) -> Store:
    raw = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterSecretStore",
        "metadata": {"name": ref.name or "absent"},
        "spec": {"provider": {"fake": {"data": []}}},
    }
    store = parse(raw)
    if not isinstance(store, ClusterSecretStore):
        raise TypeError(store.kind)
    return store


@dataclass(frozen=True, slots=True)
class Read:
    """One upstream read that a declaration needs.

    Attributes:
        field: path of the entry.
        store: kind and name.
        what: key, property and version, or the search, in one line.
    """

    field: str
    store: str
    what: str


@dataclass(frozen=True, slots=True)
class Rendering:
    """What came of one declaration; the Secret's values are masked in the repr.

    Attributes:
        external_secret: the declaration.
        reads: what it needs upstream.
        secret: the Secret that would be written; None where that fails or none is written.
        remarks: what is worth knowing about this rendering.
        error: why there is no Secret.
    """

    external_secret: ExternalSecret
    reads: tuple[Read, ...]
    secret: JsonObject | None = field(repr=False)
    remarks: tuple[str, ...] = ()
    error: str = ""


def reads(external_secret: ExternalSecret) -> tuple[Read, ...]:
    """What a declaration reads, in order."""
    found = []
    for entry in plan(external_secret).entries:
        match entry:
            case GeneratorEntry():
                found.append(
                    Read(entry.field, f"generator {entry.generator.kind}/{entry.generator.name}", "new values")
                )
            case FindEntry():
                wanted = entry.find.model_dump(mode="json", exclude_unset=True, exclude_none=True)
                found.append(Read(entry.field, _store(entry.store), f"all that match {wanted}"))
            case DataEntry() | ExtractEntry():
                ref = entry.ref
                parts = [ref.key, f"property {ref.property}" if ref.property else ""]
                parts.append(f"version {ref.version}" if ref.version else "")
                parts.append("metadata" if str(ref.metadata_policy) == "Fetch" else "")
                found.append(Read(entry.field, _store(entry.store), ", ".join(filter(None, parts))))
    return tuple(found)


async def render(
    external_secret: ExternalSecret, *, objects: Sequence[JsonObject], fetches: FetchWindow, values: Values
) -> Rendering:
    """Render one declaration.

    Args:
        external_secret: the declaration.
        objects: ConfigMaps, Secrets and generators among the manifests: templates and generatorRefs read them.
        fetches: over `OfflineProviders`.
        values: from the file.
    """
    try:
        needed = reads(external_secret)
    except SecretSyncError as error:
        return Rendering(external_secret, (), None, error=str(error))
    cluster = MemoryCluster(_placed(objects, external_secret.metadata.namespace))
    remarks = [] if values.given else list(_placeholder_remarks(external_secret))
    try:
        planned = plan(external_secret)
        answers: dict[str, Answer] = await fetch(external_secret, planned, cluster=cluster, fetches=fetches)
        assembled = assemble(external_secret, planned, answers)
        remarks += [f"{missing.message}: skipped, as the deletionPolicy says" for missing in assembled.missing]
        content = apply_template(external_secret, assembled.data, await read_sources(external_secret, cluster))
        secret = target.desired(external_secret, content, None)
    except SecretSyncError as error:
        return Rendering(external_secret, needed, None, tuple(remarks), str(error))
    return Rendering(external_secret, needed, secret, tuple(remarks))


def _placeholder_remarks(external_secret: ExternalSecret) -> Sequence[str]:
    remarks = ["placeholders stand for the values: give --values to see what is made of real ones"]
    if external_secret.spec.data_from:
        remarks.append("which keys dataFrom gives is known only with --values")
    return remarks


def _placed(objects: Sequence[JsonObject], namespace: str) -> list[JsonObject]:
    placed = []
    for obj in objects:
        metadata = {"namespace": namespace, **obj["metadata"]}
        if obj["kind"].startswith("Cluster"):
            metadata.pop("namespace")
        placed.append({**obj, "metadata": metadata})
    return placed


def _store(ref: StoreRef) -> str:
    return f"{ref.kind}/{ref.name}"
