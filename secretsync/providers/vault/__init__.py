"""HashiCorp Vault and OpenBao, KV engine versions 1 and 2 (ESO v2.9.0: ``vault``)."""

from secretsync.providers.vault.store import VaultStore, open_store

__all__ = ["VaultStore", "open_store"]
