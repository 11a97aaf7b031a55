"""AWS Secrets Manager and Systems Manager Parameter Store (ESO v2.9.0: ``aws``)."""

from secretsync.providers.aws.store import AWSStore, open_store

__all__ = ["AWSStore", "open_store"]
