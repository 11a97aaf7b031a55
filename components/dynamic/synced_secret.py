"""SyncedSecret: one ExternalSecret, fetched and written by the program, with rotation and drift in the preview.

`components.dynamic.single` does the work, in the provider's process; the program's own process never imports it, which
saves every `pulumi up` half a second.
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
    from collections.abc import Iterable, Mapping, Sequence

    from components.dynamic.single import SingleSynchronization
    from secretsync.api import ExternalSecret, Store


class SyncedSecretProvider(ResourceProvider):
    """Hands every call to `SingleSynchronization`; holds nothing that would be pickled into state (D4)."""

    serialize_as_secret_always = False
    """It is a class name, which state need not encrypt."""

    _synchronization: SingleSynchronization

    def configure(self, req: ConfigureRequest) -> None:
        """Read what the stack's configuration says about cluster and fingerprints."""
        from components.dynamic.single import SingleSynchronization  # noqa: PLC0415 - see the module's docstring

        self._synchronization = SingleSynchronization(req.config)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Look upstream and at the live Secret."""
        return self._synchronization.check(_olds, news)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compare contents, not versions."""
        return self._synchronization.diff(_id, _olds, _news)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Fetch and write."""
        return self._synchronization.create(props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Fetch and write again."""
        return self._synchronization.update(_id, _olds, _news)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Compare the live Secret with what was written."""
        return self._synchronization.read(id_, props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Take back what was written."""
        self._synchronization.delete(_id, _props)


class SyncedSecret(Resource, module="external-secrets", name="SyncedSecret"):
    """A Secret that the program keeps equal to what an ExternalSecret declares, read through one of `stores`.

    Args:
        name: name of the resource.
        external_secret: the declaration.
        stores: the stores it may read; those it does not name are left out.
        places: path of a field → ``file:line``, the empty path for the declaration; only for messages, never in state.
        opts: options of the resource.
        rollout: whether the program restarts the workloads that ask for it, so that no preview warns of them.
        gathered: whether a `ReadySyncedSecrets` is given `problem`. Then a preview fails there, with the problems of
            all, and not at the first of them, where the engine stops. An update stops before it writes anything wrong.
    """

    target: pulumi.Output[str]
    """``namespace/name`` of the Secret."""
    keys: pulumi.Output[list[str]]
    """Keys that the declaration gives it."""
    versions: pulumi.Output[dict[str, str]]
    """Store and remote key → the upstream version its value came from."""
    problem: pulumi.Output[str | None]
    """Why it cannot be synced, in a preview of a `gathered` one."""
    fingerprint: pulumi.Output[str]
    """Keyed hash of the content, secret; see `components.dynamic.rollout.checksum` for what a pod template may show."""

    _synced: ClassVar[ResourceProvider] = SyncedSecretProvider()

    def __init__(
        self,
        name: str,
        external_secret: ExternalSecret,
        stores: Sequence[Store],
        opts: pulumi.ResourceOptions | None = None,
        *,
        places: Mapping[str, str] | None = None,
        rollout: bool = False,
        gathered: bool = False,
    ) -> None:
        identity = f"{external_secret.metadata.namespace}/{external_secret.metadata.name}"
        inputs: dict[str, Any] = {
            "declaration": text(external_secret.to_json()),
            "stores": text([store.to_json() for store in used(stores, [external_secret])]),
            "preview": pulumi.runtime.is_dry_run(),
            "target": None,
            "keys": None,
            "versions": None,
            "problem": None,
            "fingerprint": pulumi.Output.secret(""),
        }
        # Each input costs the program a fraction of a millisecond, and there may be many of these resources.
        inputs |= {"places": text({identity: places})} if places else {}
        inputs |= {"rollout": True} if rollout else {}
        inputs |= {"gathered": True} if gathered else {}
        secret = pulumi.ResourceOptions(additional_secret_outputs=["fingerprint"])
        super().__init__(self._synced, name, inputs, pulumi.ResourceOptions.merge(opts, secret))


def text(document: object) -> str:
    """JSON as inputs hold it: sorted and without spaces, so that only what is said makes a difference."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def used(stores: Sequence[Store], external_secrets: Iterable[ExternalSecret]) -> list[Store]:
    """The stores that declarations name, as far as they are there."""
    named = {reference for each in external_secrets for reference in _references(each)}
    return [
        store
        for store in stores
        if (store.kind, store.metadata.namespace if store.kind == "SecretStore" else "", store.metadata.name) in named
    ]


def _references(external_secret: ExternalSecret) -> Iterable[tuple[str, str, str]]:
    spec, namespace = external_secret.spec, external_secret.metadata.namespace
    sources = [each.source_ref for each in spec.data if each.source_ref is not None]
    sources += [each.source_ref for each in spec.data_from if each.source_ref is not None]
    for reference in (spec.secret_store_ref, *(source.store_ref for source in sources)):
        if reference is not None and reference.name:
            kind = str(reference.kind)
            yield kind, namespace if kind == "SecretStore" else "", reference.name
