"""SyncedSecret: one ExternalSecret, fetched and written by the program, with rotation and drift in the preview.

`components.dynamic.synchronization` does the work, in the provider's process; the program's own process never imports
it, which saves every `pulumi up` half a second.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi
from pulumi.dynamic import (
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.dynamic.synchronization import Synchronization
    from secretsync.api import ExternalSecret, Store


class SyncedSecretProvider(ResourceProvider):
    """Hands every call to `Synchronization`; holds nothing that would be pickled into state (D4)."""

    _synchronization: Synchronization

    def configure(self, req: ConfigureRequest) -> None:
        """Read what the stack's configuration says about cluster and fingerprints."""
        from components.dynamic.synchronization import Synchronization  # noqa: PLC0415 - see the module's docstring

        self._synchronization = Synchronization(req.config)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Look upstream and at the live Secret."""
        return self._synchronization.check(_olds, news)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compare contents, not versions."""
        return self._synchronization.diff(_olds, _news)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Fetch and write."""
        return self._synchronization.create(props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Fetch and write again."""
        return self._synchronization.update(_news)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Compare the live Secret with what was written."""
        return self._synchronization.read(id_, props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Take back what was written."""
        self._synchronization.delete(_props)


class SyncedSecret(Resource, module="external-secrets", name="SyncedSecret"):
    """A Secret that the program keeps equal to what an ExternalSecret declares, read through one of `stores`."""

    target: pulumi.Output[str]
    """``namespace/name`` of the Secret."""
    keys: pulumi.Output[list[str]]
    """Keys that the declaration gives it."""
    versions: pulumi.Output[dict[str, str]]
    """Store and remote key → the upstream version its value came from."""

    _synced: ClassVar[ResourceProvider] = SyncedSecretProvider()

    def __init__(
        self,
        name: str,
        external_secret: ExternalSecret,
        stores: Sequence[Store],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "declaration": json.dumps(external_secret.to_json(), sort_keys=True),
            "stores": json.dumps([store.to_json() for store in stores], sort_keys=True),
            "target": None,
            "keys": None,
            "versions": None,
            "fingerprint": pulumi.Output.secret(""),
            "drift": None,
            "schemaVersion": None,
        }
        secret = pulumi.ResourceOptions(additional_secret_outputs=["fingerprint"])
        super().__init__(self._synced, name, inputs, pulumi.ResourceOptions.merge(opts, secret))
