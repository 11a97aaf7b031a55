"""What the examinations of one preview, or of one update, ask only once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from secretsync.errors import ProviderError, SecretSyncError
from secretsync.kube.resources import NAMESPACES, SECRETS
from secretsync.providers.protocol import Valid
from secretsync.sync.names import CREATED_BY_LABEL
from secretsync.workloads.dependents import Dependents

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from secretsync.kube.protocol import Cluster
    from secretsync.providers.protocol import Provider, Validity

_K = TypeVar("_K")
_V = TypeVar("_V")


class Once(Generic[_K, _V]):
    """Asks once per key: who comes meanwhile waits for the same answer, who comes later gets it if it is final.

    Args:
        ask: the question.
        final: whether an answer stays; others, and errors, are asked for again: an update may have changed them.
    """

    def __init__(self, ask: Callable[[_K], Awaitable[_V]], final: Callable[[_V], bool]) -> None:
        self._ask = ask
        self._final = final
        self._answers: dict[_K, asyncio.Future[_V | SecretSyncError]] = {}

    async def __call__(self, key: _K) -> _V | SecretSyncError:
        """The answer, or the error in its place."""
        known = self._answers.get(key)
        if known is None or (known.done() and not self._stays(known)):
            known = self._answers[key] = asyncio.ensure_future(self._asked(key))
        return await asyncio.shield(known)

    async def _asked(self, key: _K) -> _V | SecretSyncError:
        try:
            return await self._ask(key)
        except SecretSyncError as error:
            return error

    def _stays(self, known: asyncio.Future[_V | SecretSyncError]) -> bool:
        if known.cancelled() or known.exception() is not None:
            return False
        answer = known.result()
        return not isinstance(answer, SecretSyncError) and self._final(answer)


class Shared:
    """Answers about stores, namespaces and what runs in them; one for all examinations of an engine operation.

    Args:
        cluster: who is asked.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.dependents = Dependents(cluster)
        self.validity: Once[Provider, Validity] = Once(_validity, lambda answer: isinstance(answer, Valid))
        self.namespace_exists: Once[str, bool] = Once(self._namespace_exists, bool)
        self.created_secrets: Once[str, Mapping[str, tuple[str, ...]]] = Once(self._created_secrets, lambda _: True)

    async def _namespace_exists(self, name: str) -> bool:
        return await self.cluster.get(NAMESPACES, name) is not None

    async def _created_secrets(self, namespace: str) -> Mapping[str, tuple[str, ...]]:
        """Created-by label → names of the Secrets that carry it."""
        listing = await self.cluster.list(SECRETS, namespace, label_selector=CREATED_BY_LABEL, metadata_only=True)
        names: dict[str, tuple[str, ...]] = {}
        for item in listing.items:
            label = item["metadata"]["labels"][CREATED_BY_LABEL]
            names[label] = (*names.get(label, ()), item["metadata"]["name"])
        return names


async def _validity(provider: Provider) -> Validity:
    try:
        return await provider.validate()
    except SecretSyncError:
        raise
    except Exception as error:  # noqa: BLE001 - a defect of one backend must not hide what is known of the others
        problem = f"the backend client failed with {type(error).__name__}"  # its text may quote what it choked on
        raise ProviderError(problem, remedy="check the spec of the store") from None
