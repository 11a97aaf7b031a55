"""ESO's ``ObjectHash``: hexadecimal SHA3-224 over the text that Go's ``%+v`` prints (ESO v2.9.0).

A byte slice is printed as decimal numbers in brackets, a map as ``map[key:value …]`` with its keys in byte order.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def data_hash(data: Mapping[str, bytes]) -> str:
    """The hash in the annotation ``reconcile.external-secrets.io/data-hash`` of a target with this data."""
    digest = hashlib.sha3_224(b"map[")
    separator = ""
    for key in sorted(data):
        numbers = str(list(data[key])).replace(",", "")
        digest.update(f"{separator}{key}:{numbers}".encode("utf-8", "surrogateescape"))
        separator = " "
    digest.update(b"]")
    return digest.hexdigest()


def meta_hash(labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    """The hash of an object's labels and annotations: the part of ``syncedResourceVersion`` after the generation."""
    return name_hash(f"{{annotations:{_map_text(annotations.items())} labels:{_map_text(labels.items())}}}")


def name_hash(text: str) -> str:
    """The hash of a text: ``namespace/name`` in the created-by label, a long name in a field manager."""
    return hashlib.sha3_224(text.encode("utf-8", "surrogateescape")).hexdigest()


def _map_text(items: Iterable[tuple[str, str]]) -> str:
    return f"map[{' '.join(f'{key}:{value}' for key, value in sorted(items))}]"
