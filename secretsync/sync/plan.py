"""What one ExternalSecret asks for, in the order in which it counts; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretsync.errors import StoreInvalid

if TYPE_CHECKING:
    from secretsync.api import ExternalSecret, Find, GeneratorRef, RemoteRef, Rewrite, StoreRef


@dataclass(frozen=True, slots=True)
class DataEntry:
    """One item of ``spec.data``.

    Attributes:
        field: its path, e.g. ``spec.data[0]``.
        secret_key: the key of the target it fills.
        ref: what is read.
        store: where it is read.
    """

    field: str
    secret_key: str
    ref: RemoteRef
    store: StoreRef


@dataclass(frozen=True, slots=True)
class ExtractEntry:
    """One ``spec.dataFrom`` item with ``extract``: one key per member of the secret."""

    field: str
    ref: RemoteRef
    store: StoreRef
    rewrite: tuple[Rewrite, ...]


@dataclass(frozen=True, slots=True)
class FindEntry:
    """One ``spec.dataFrom`` item with ``find``: one key per secret found."""

    field: str
    find: Find
    store: StoreRef
    rewrite: tuple[Rewrite, ...]


@dataclass(frozen=True, slots=True)
class GeneratorEntry:
    """One ``spec.dataFrom`` item whose values a generator makes."""

    field: str
    generator: GeneratorRef
    rewrite: tuple[Rewrite, ...]


Entry = DataEntry | ExtractEntry | FindEntry | GeneratorEntry


@dataclass(frozen=True, slots=True)
class Plan:
    """All entries in the order in which they are merged: ``dataFrom`` in list order, then ``data`` over it."""

    entries: tuple[Entry, ...]

    @property
    def stores(self) -> tuple[StoreRef, ...]:
        """Every store that is read, once, in order of first use."""
        seen = {(entry.store.kind, entry.store.name): entry.store for entry in self.store_entries}
        return tuple(seen.values())

    @property
    def store_entries(self) -> tuple[DataEntry | ExtractEntry | FindEntry, ...]:
        """The entries that read a store."""
        return tuple(entry for entry in self.entries if not isinstance(entry, GeneratorEntry))

    @property
    def generators(self) -> tuple[GeneratorRef, ...]:
        """Every generator that is asked, in order."""
        return tuple(entry.generator for entry in self.entries if isinstance(entry, GeneratorEntry))


def plan(external_secret: ExternalSecret) -> Plan:
    """The plan of `external_secret`.

    Where one ``dataFrom`` item names several of find, extract and generatorRef, the first of these counts (ESO v2.9.0).

    Raises:
        StoreInvalid: an entry names no store and the ExternalSecret has none either, or asks for nothing.
    """
    spec = external_secret.spec
    entries: list[Entry] = []
    for index, item in enumerate(spec.data_from):
        field = f"spec.dataFrom[{index}]"
        source = item.source_ref
        own_store = source.store_ref if source is not None else None
        if item.find is not None:
            store = _store(own_store, spec.secret_store_ref, field)
            entries.append(FindEntry(f"{field}.find", item.find, store, tuple(item.rewrite)))
        elif item.extract is not None:
            store = _store(own_store, spec.secret_store_ref, field)
            entries.append(ExtractEntry(f"{field}.extract", item.extract, store, tuple(item.rewrite)))
        elif source is not None and source.generator_ref is not None:
            entries.append(GeneratorEntry(f"{field}.sourceRef.generatorRef", source.generator_ref, tuple(item.rewrite)))
        # an item without any of the three is passed over (ESO v2.9.0); admission refuses it
    for index, datum in enumerate(spec.data):
        field = f"spec.data[{index}]"
        own_store = datum.source_ref.store_ref if datum.source_ref is not None else None
        store = _store(own_store, spec.secret_store_ref, field)
        entries.append(DataEntry(field, datum.secret_key, datum.remote_ref, store))
    return Plan(tuple(entries))


def _store(own: StoreRef | None, default: StoreRef | None, field: str) -> StoreRef:
    if own is not None and own.name:
        return own
    if default is not None and default.name:
        return default
    problem = "no store is named for this entry"
    raise StoreInvalid(problem, place=field, remedy="set spec.secretStoreRef or the sourceRef.storeRef of the entry")
