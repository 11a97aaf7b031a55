"""SyncedSecretSet: many ExternalSecrets as one resource, fetched and written side by side.

A resource costs the engine tens of milliseconds and a state entry of kilobytes; a thousand declarations in one cost it
as much as one. A failure of one declaration leaves the others written and recorded; the run fails all the same, by
`ReadySyncedSecrets`, which comes with every set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from components.dynamic.synced_secret import text, used

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.dynamic.many import SetSynchronization
    from secretsync.api import ExternalSecret, Store


class SyncedSecretSetProvider(ResourceProvider):
    """Hands every call to `SetSynchronization`; holds nothing that would be pickled into state (D4)."""

    serialize_as_secret_always = False
    """It is a class name, which state need not encrypt."""

    _synchronization: SetSynchronization

    def configure(self, req: ConfigureRequest) -> None:
        """Read what the stack's configuration says about cluster and fingerprints."""
        from components.dynamic.many import SetSynchronization  # noqa: PLC0415 - the program never imports it

        self._synchronization = SetSynchronization(req.config)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Look upstream and at the live Secrets."""
        return self._synchronization.check(_olds, news)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compare contents, not versions."""
        return self._synchronization.diff(_olds, _news)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Fetch and write."""
        return self._synchronization.create(props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Fetch and write what differs; take back what is no longer declared."""
        return self._synchronization.update(_olds, _news)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Compare the live Secrets with what was written."""
        return self._synchronization.read(id_, props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Take back what was written."""
        self._synchronization.delete(_props)


class ReadySyncedSecretsProvider(ResourceProvider):
    """Fails where a set has problems; it makes nothing and removes nothing."""

    serialize_as_secret_always = False
    """It is a class name, which state need not encrypt."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """All problems of the set, as one failure; in a preview those that its check found."""
        given, total = news.get("problems"), news.get("total")
        given = given if isinstance(given, dict) else {}
        # In a preview all of them may be unknown, or some, each an object that is no text.
        problems = {name: text for name, text in given.items() if isinstance(text, str) and text}
        if not problems:
            return CheckResult({"total": total}, [])
        from components.dynamic.synchronization import problems_text  # noqa: PLC0415 - the program never imports it

        count = int(total) if isinstance(total, int | float) else len(problems)
        return CheckResult({"total": total}, [CheckFailure("", problems_text(problems, count))])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """All are synced."""
        return CreateResult("ready", props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """The set tells what changes."""
        return DiffResult(changes=False)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """What was true when the set was written."""
        return ReadResult(id_, props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Nothing was made."""


class ReadySyncedSecrets(Resource, module="external-secrets", name="ReadySyncedSecrets"):
    """Is made when every declaration is synced; fails with all problems where some are not.

    Args:
        name: name of the resource.
        problems: ``namespace/name`` → why it is not synced; empty or None for one that is.
        total: how many declarations there are.
        opts: options of the resource.
    """

    _ready: ClassVar[ResourceProvider] = ReadySyncedSecretsProvider()

    def __init__(
        self,
        name: str,
        problems: pulumi.Input[Mapping[str, pulumi.Input[str | None]]],
        total: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(self._ready, name, {"problems": problems, "total": total}, opts)


class SyncedSecretSet(Resource, module="external-secrets", name="SyncedSecretSet"):
    """Secrets that the program keeps equal to what ExternalSecrets declare, read through some of `stores`.

    Every output is a map from ``namespace/name`` of the ExternalSecret.

    Args:
        name: name of the resource.
        external_secrets: the declarations; no two of the same name.
        stores: the stores they may read; those they do not name are left out.
        places: ``namespace/name`` → path of a field → ``file:line``, the empty path for the declaration; only for
            messages, never in state.
        opts: options of the resource.
        rollout: whether the program restarts the workloads that ask for it, so that no preview warns of them.
    """

    targets: pulumi.Output[dict[str, str]]
    """``namespace/name`` of the Secret."""
    keys: pulumi.Output[dict[str, list[str]]]
    """Keys that the declaration gives it."""
    versions: pulumi.Output[dict[str, dict[str, str]]]
    """Store and remote key → the upstream version its value came from."""
    fingerprints: pulumi.Output[dict[str, str]]
    """Keyed hash of the content, secret; see `components.dynamic.rollout.checksum`."""
    problems: pulumi.Output[dict[str, str]]
    """Why an ExternalSecret is not synced; empty where all are."""
    ready: ReadySyncedSecrets
    """What depends on this depends on all being synced."""

    _synced: ClassVar[ResourceProvider] = SyncedSecretSetProvider()

    def __init__(
        self,
        name: str,
        external_secrets: Sequence[ExternalSecret],
        stores: Sequence[Store],
        opts: pulumi.ResourceOptions | None = None,
        *,
        places: Mapping[str, Mapping[str, str]] | None = None,
        rollout: bool = False,
    ) -> None:
        declarations = {
            f"{each.metadata.namespace}/{each.metadata.name}": text(each.to_json()) for each in external_secrets
        }
        inputs: dict[str, Any] = {
            "declarations": declarations,
            "stores": text([store.to_json() for store in used(stores, external_secrets)]),
            "places": text(places) if places else None,
            "preview": pulumi.runtime.is_dry_run(),
            "rollout": rollout or None,
            "targets": None,
            "keys": None,
            "versions": None,
            "problems": None,
            "fingerprints": pulumi.Output.secret({}),
        }
        secret = pulumi.ResourceOptions(additional_secret_outputs=["fingerprints"])
        super().__init__(self._synced, name, inputs, pulumi.ResourceOptions.merge(opts, secret))
        self.ready = ReadySyncedSecrets(
            f"{name}-ready", self.problems, len(declarations), opts=pulumi.ResourceOptions(parent=self)
        )
