"""Any HTTP interface as a backend (ESO v2.9.0: ``webhook``)."""

from secretsync.providers.webhook.store import WebhookStore, open_store

__all__ = ["WebhookStore", "open_store"]
