"""A resource that restarts the workloads of a Secret when its content changed, and waits for their Pods."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    Config,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)
from pulumi.runtime import rpc

from components.dynamic import background
from components.dynamic.boundary import without_leaks
from components.dynamic.connection import Connection, fingerprint_key
from secretsync.errors import RolloutError, SecretSyncError, SettingsError
from secretsync.kube.resources import SECRETS
from secretsync.values import object_hash
from secretsync.workloads import rollout
from secretsync.workloads.dependents import Workload, find
from secretsync.workloads.kinds import WORKLOAD_KINDS
from secretsync.workloads.marks import checksum_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsync.kube.protocol import Cluster

PATIENCE_SECONDS: Final = 300
"""Seconds that a rollout may take, where the program says nothing else."""

_CONTEXT: Final = b"external-secrets-on-pulumi/checksum/v1\0"
_CHARACTERS: Final = 32
_SLACK_SECONDS: Final = 60.0


def checksum(fingerprint: pulumi.Output[str]) -> pulumi.Output[str]:
    """What a pod template may say of a synced Secret, so that another content makes another template.

    It tells equal from different and nothing else: the fingerprint it is made of needs the stack's key.

    Args:
        fingerprint: of a `SyncedSecret`.
    """
    return pulumi.Output.unsecret(fingerprint.apply(lambda text: _digest(text.encode()) if text else ""))


def _digest(fingerprint: bytes) -> str:
    return hashlib.sha256(_CONTEXT + fingerprint).hexdigest()[:_CHARACTERS]


async def live_checksum(cluster: Cluster, secret: str, key: bytes) -> str:
    """The checksum of a Secret as it is in the cluster, whoever wrote it.

    Args:
        cluster: where it is.
        secret: ``namespace/name``.
        key: the stack's key for fingerprints.

    Raises:
        RolloutError: there is no such Secret.
    """
    namespace, _, name = secret.partition("/")
    live = await cluster.get(SECRETS, name, namespace)
    if live is None:
        raise RolloutError(
            "it does not exist",
            place=f"Secret {secret}",
            remedy="let the rollout depend on what writes it",
        )
    data = live.get("data") or {}
    content = object_hash.data_hash({name: str(value).encode() for name, value in data.items()})
    return _digest(hmac.new(key, content.encode(), hashlib.sha256).digest())


async def chosen(cluster: Cluster, secret: str, named: Sequence[str]) -> tuple[Workload, ...]:
    """The workloads to restart, with what their templates say now.

    Args:
        cluster: where they are.
        secret: ``namespace/name``.
        named: ``Kind/name`` each; none for those that use the Secret and ask for it by their annotation.

    Raises:
        RolloutError: one that is named does not exist or cannot be restarted.
    """
    namespace, _, name = secret.partition("/")
    if not named:
        found = await find(cluster, namespace, name)
        return tuple(each for each in found if each.asks_for_rollout and each.kind != "CronJob")
    return tuple([await _named(cluster, namespace, name, each) for each in sorted(set(named))])


async def _named(cluster: Cluster, namespace: str, secret: str, reference: str) -> Workload:
    kind, _, name = reference.partition("/")
    workload = Workload(kind, name, (), restarts_itself=False, namespace=namespace)
    live = await rollout.restartable(cluster, workload)
    template = (live["spec"].get("template") or {}).get("metadata") or {}
    said = str((template.get("annotations") or {}).get(checksum_of(secret), ""))
    return Workload(kind, name, (), restarts_itself=False, namespace=namespace, checksum=said)


async def roll_out(
    cluster: Cluster, secret: str, content: str, workloads: Sequence[Workload], *, patience: float
) -> None:
    """Restart every workload whose template says another checksum, and wait for all of them.

    Args:
        cluster: where they are.
        secret: name of the Secret.
        content: its checksum.
        workloads: from `chosen`.
        patience: seconds that all rollouts together may take.

    Raises:
        RolloutError: names every workload that is stuck, with its Pods and their reasons.
    """

    async def one(workload: Workload) -> None:
        await rollout.restart(cluster, workload, secret, content)
        await rollout.wait(cluster, workload, patience=patience)

    results = await asyncio.gather(*(one(workload) for workload in workloads), return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    for failure in failures:
        if not isinstance(failure, RolloutError) or len(failures) == 1:
            raise failure
    if failures:
        raise RolloutError("\n  ".join([f"{len(failures)} workloads are stuck:", *map(str, failures)]))


def _references(workloads: Sequence[Workload]) -> list[str]:
    return [f"{workload.kind}/{workload.name}" for workload in workloads]


class RolledOutProvider(ResourceProvider):
    """Restarts and waits; it removes nothing."""

    serialize_as_secret_always = False
    """It is a class name, which state need not encrypt."""

    _connection: Connection
    _config: Config
    _behind: dict[str, list[str]]
    """Secret → workloads that the last check found behind; inputs of a preview only, and so never in state."""

    @without_leaks
    def configure(self, req: ConfigureRequest) -> None:
        """Remember where the cluster is."""
        self._connection = Connection.from_config(req.config)
        self._config = req.config
        self._behind = {}

    @without_leaks
    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Find the workloads that are to be restarted; a preview shows them, or that it is not known yet."""
        inputs = {name: value for name, value in news.items() if name not in ("preview", "restarts")}
        wrong = [
            CheckFailure("workloads", f"{each}: write Kind/name, with a kind whose template restarts its Pods")
            for each in news.get("workloads") or ()
            if not _is_reference(each)
        ]
        if wrong or rpc.UNKNOWN in (news.get("secret"), news.get("checksum")):
            return CheckResult(inputs, wrong)
        try:
            inputs["checksum"], behind = background.run(self._look(news), deadline=_SLACK_SECONDS)
        except SettingsError as error:
            return CheckResult(inputs, [CheckFailure("checksum", str(error))])
        except SecretSyncError as error:
            behind = [f"not known yet: {error}"]
        self._behind[str(news["secret"])] = behind
        return CheckResult({**inputs, "restarts": behind} if behind and news.get("preview") else inputs, [])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """A difference is another content, or a workload whose template says another one."""
        replaces = ["secret"] if olds.get("secret") != news.get("secret") else []
        changed = any(olds.get(name) != news.get(name) for name in ("checksum", "workloads"))
        behind = self._behind.get(str(news.get("secret")))
        return DiffResult(changes=bool(replaces or changed or behind), replaces=replaces)

    @without_leaks
    def create(self, props: dict[str, Any]) -> CreateResult:
        """Restart and wait."""
        return CreateResult(str(props["secret"]), self._rolled_out(props))

    @without_leaks
    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Restart what is behind, and wait."""
        return UpdateResult(self._rolled_out(news))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """What was true when the rollout ended; the next preview compares."""
        return ReadResult(id_, props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """The workloads go on as they are: to take the checksum away would restart them once more."""

    def _rolled_out(self, props: dict[str, Any]) -> dict[str, Any]:
        patience = float(props.get("patienceSeconds") or PATIENCE_SECONDS)
        done = background.run(self._roll_out(props, patience), deadline=patience + _SLACK_SECONDS)
        return {**props, **done}

    async def _look(self, props: Mapping[str, Any]) -> tuple[str, list[str]]:
        secret = str(props["secret"])
        async with self._connection.client() as cluster:
            content = await self._content(cluster, props)
            found = await chosen(cluster, secret, props.get("workloads") or ())
        return content, _references([each for each in found if each.checksum != content])

    async def _roll_out(self, props: Mapping[str, Any], patience: float) -> dict[str, Any]:
        secret = str(props["secret"])
        async with self._connection.client() as cluster:
            content = await self._content(cluster, props)
            found = await chosen(cluster, secret, props.get("workloads") or ())
            await roll_out(cluster, secret.partition("/")[2], content, found, patience=patience)
        return {"checksum": content, "dependents": _references(found)}

    async def _content(self, cluster: Cluster, props: Mapping[str, Any]) -> str:
        given = props.get("checksum")
        return (
            str(given) if given else await live_checksum(cluster, str(props["secret"]), fingerprint_key(self._config))
        )


def _is_reference(text: object) -> bool:
    kind, _, name = str(text).partition("/")
    return bool(name) and kind in WORKLOAD_KINDS and WORKLOAD_KINDS[kind].rolls


class RolledOut(Resource, module="external-secrets", name="RolledOut"):
    """Workloads whose Pods were started with the content that a Secret has.

    At every ``pulumi up`` that finds another content, the workloads get its checksum as an annotation of their pod
    template, which restarts them, and the resource is done when the new Pods are available. `pulumi destroy` leaves
    them running.

    Args:
        name: name of the resource.
        secret: ``namespace/name`` of the Secret.
        opts: options; it should depend on the workloads that the same program makes.
        checksum: `PulumiExternalSecret.checksum` of the Secret, so that a preview tells the restart beforehand; without
            one the Secret in the cluster is looked at, after everything that this resource depends on.
        workloads: ``Kind/name`` each, in the namespace of the Secret; none for those that use the Secret and carry the
            annotation ``external-secrets-on-pulumi/rollout: "true"``.
        patience_seconds: how long all rollouts together may take.
    """

    dependents: pulumi.Output[list[str]]
    """``Kind/name`` of the workloads, sorted."""

    _rollouts: ClassVar[ResourceProvider] = RolledOutProvider()

    def __init__(
        self,
        name: str,
        secret: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
        *,
        checksum: pulumi.Input[str] | None = None,
        workloads: Sequence[str] = (),
        patience_seconds: int = PATIENCE_SECONDS,
    ) -> None:
        inputs = {
            "secret": secret,
            "checksum": checksum,
            "workloads": sorted(set(workloads)),
            "patienceSeconds": patience_seconds,
            "preview": pulumi.runtime.is_dry_run(),
            "dependents": None,
        }
        super().__init__(self._rollouts, name, inputs, opts)
