"""Vault and OpenBao: declarations to one read-only ACL policy per store.

Sources: the ACL policy syntax (``path``, ``+`` and a trailing ``*`` as wildcards, ``{{…}}`` templating) of the OpenBao
documentation, and the requests ESO v2.9.0 makes: ``data`` and ``extract`` read ``<mount>/data/<key>`` (KV v2) or
``<mount>/<key>`` (KV v1); ``metadataPolicy: Fetch`` reads ``<mount>/metadata/<key>``; ``find`` lists the metadata
recursively and reads what it found.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from secretsync.access.grants import Grant, StoreAccess, merge_grants
from secretsync.access.needs import RemoteNeed, needs_of, store_name
from secretsync.access.refusals import Refusals
from secretsync.api import MetadataPolicy, VaultKVStoreVersion
from secretsync.api.stores.vault_paths import data_path, metadata_path, request_path
from secretsync.errors import StoreInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsync.api import ExternalSecret, Store, VaultProvider

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def compile_vault(store: Store, external_secrets: Sequence[ExternalSecret]) -> StoreAccess:
    """The narrowest grants with which every declared entry of `store` can still be read.

    Raises:
        AccessRefused: keys would act as wildcards or templates in a policy and so grant more than themselves; all such
            keys at once.
        StoreInvalid: the store is not a Vault store.
    """
    name = store_name(store)
    config = store.spec.provider.vault
    if config is None:
        raise StoreInvalid("is not a vault store", place=name, remedy="compile it with its own backend's compiler")
    refusals = Refusals()
    needs = needs_of(store, external_secrets)
    if needs and (problem := _problem(config.path or "")):
        what = f"the mount {json.dumps(config.path)} {problem}, so granting what is in it would grant more"
        refusals.add(name, what, "correct spec.provider.vault.path")
        refusals.raise_any()
    for need in needs:
        _refuse_wildcards(_key(need), need.reason, refusals)
    refusals.raise_any()
    grants = [grant for need in needs for grant in _grants(config, need)]
    return StoreAccess(name, merge_grants(grants))


def _grants(config: VaultProvider, need: RemoteNeed) -> list[Grant]:
    reasons = (need.reason,)
    if need.ref is not None:
        fetch = need.ref.metadata_policy == MetadataPolicy.Fetch
        path = metadata_path(config, need.ref.key) if fetch else data_path(config, need.ref.key)
        return [Grant(request_path(path), ("read",), reasons)]
    folder = _key(need)
    listed = request_path(metadata_path(config, folder))
    v1 = config.version is VaultKVStoreVersion.v1
    reads_what_it_lists = v1 or (need.find is not None and bool(need.find.tags))
    found = [Grant(f"{listed}/*", ("list", "read") if reads_what_it_lists else ("list",), reasons)]
    if not v1:
        found.append(Grant(f"{request_path(data_path(config, folder))}/*", ("read",), reasons))
    return found


def _key(need: RemoteNeed) -> str:
    """The key of a reference, or the folder of a search."""
    if need.ref is not None:
        return need.ref.key
    return need.find.path if need.find is not None and need.find.path is not None else ""


def _problem(path: str) -> str:
    """What a policy would read a path as that it is not; empty where it is read as it stands."""
    segments = path.split("/")
    named = [segment for segment in segments if segment not in {"", "."}]  # the others are no part of the request
    if named and named[-1].endswith("*"):
        return "ends with `*`, which a policy reads as a prefix"
    if "+" in segments:
        return "has the segment `+`, which a policy reads as any segment"
    if "{{" in path:
        return "holds `{{`, which a policy reads as a template"
    if _CONTROL.search(path):
        return "holds a control character"
    return "has the segment `..`, which leads elsewhere" if ".." in segments else ""


def _refuse_wildcards(key: str, reason: str, refusals: Refusals) -> None:
    if problem := _problem(key):
        refusals.add(
            reason,
            f"the key {json.dumps(key)} {problem}, so granting it would grant more than it",
            "rename the secret in the backend, or write this one policy by hand",
        )


def policy_document(access: StoreAccess) -> str:
    """The grants as an ACL policy in HCL, each rule under a comment that names who needs it."""
    if not access.grants:
        return f"# {access.store}: nothing is declared, so nothing is granted\n"
    rules = []
    for grant in access.grants:
        comment = "".join(f"# {reason}\n" for reason in grant.reasons)
        capabilities = ", ".join(f'"{capability}"' for capability in grant.capabilities)
        rules.append(f"{comment}path {_quoted(grant.path)} {{\n  capabilities = [{capabilities}]\n}}\n")
    return "\n".join(rules)


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
