"""What waiting resources share: made once something holds, looked at again only when something else is asked."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from pulumi.dynamic import ConfigureRequest, CreateResult, DiffResult, ReadResult, ResourceProvider, UpdateResult

from components.dynamic import background
from components.dynamic.boundary import without_leaks
from components.dynamic.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsync.kube.protocol import Cluster


class WaitingProvider(ResourceProvider):
    """Waits; it makes nothing and removes nothing."""

    serialize_as_secret_always = False
    """It is a class name, which state need not encrypt."""

    _deadline: ClassVar[float]
    """Seconds after which a wait is given up from outside; `_until` ends earlier, with a reason."""
    _connection: Connection

    @without_leaks
    def configure(self, req: ConfigureRequest) -> None:
        """Remember where the cluster is."""
        self._connection = Connection.from_config(req.config)

    @without_leaks
    def create(self, props: dict[str, Any]) -> CreateResult:
        """Wait."""
        return CreateResult("ready", self._wait(props))

    @without_leaks
    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Wait again, because something else is asked."""
        return UpdateResult(self._wait(news))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Only another question is a reason to wait again."""
        return DiffResult(changes=self._asked(olds) != self._asked(news))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """What was true when the wait ended; what becomes of it later is for others to report."""
        return ReadResult(id_, props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Nothing was made."""

    def _wait(self, props: dict[str, Any]) -> dict[str, Any]:
        async def wait() -> dict[str, Any]:
            async with self._connection.client() as cluster:
                return await self._until(cluster, props)

        return background.run(wait(), deadline=self._deadline)

    @abstractmethod
    def _asked(self, props: Mapping[str, Any]) -> object:
        """What is waited for, of inputs or of outputs."""

    @abstractmethod
    async def _until(self, cluster: Cluster, props: Mapping[str, Any]) -> dict[str, Any]:
        """Wait; gives the outputs."""
