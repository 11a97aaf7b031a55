"""What every backend offers, and the value types that travel between it and the sync."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsync.api import Capabilities, Find, RemoteRef


@dataclass(frozen=True, slots=True)
class RemoteKey:
    """One upstream read.

    Attributes:
        key: the backend's path or name, as the remoteRef writes it.
        version: the backend's version; empty for the latest.
        metadata: read tags, labels or custom metadata instead of the value (``metadataPolicy: Fetch``).
        property: set only where the backend itself is asked for it (webhook), so that it belongs to the read.
    """

    key: str
    version: str = ""
    metadata: bool = False
    property: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Fetched:
    """What one upstream read gave.

    Attributes:
        value: the bytes as the backend's `value` and `members` understand them; masked in the repr.
        version: the backend's identifier of this version; empty where it has none.
    """

    value: bytes
    version: str = ""

    def __repr__(self) -> str:
        return f"Fetched(value=***, version={self.version!r})"


@dataclass(frozen=True, slots=True)
class Missing:
    """The backend holds no such secret: an outcome, not an error, because the deletionPolicy decides what follows.

    Attributes:
        reason: one sentence that names what was looked for, never a value.
        data_is_error: the backend counts this as a hard error where a ``data`` entry asks, whatever the deletionPolicy
            (kubernetes, ESO v2.9.0); ``extract`` is not affected.
    """

    reason: str
    data_is_error: bool = False


@dataclass(frozen=True, slots=True)
class Valid:
    """The store works."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Whether the store works cannot be told without an ExternalSecret, e.g. with referent authentication.

    Attributes:
        reason: why it cannot be told.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Invalid:
    """The store does not work.

    Attributes:
        reason: why, without a value or a backend's answer.
    """

    reason: str


Validity = Valid | Unknown | Invalid


class Provider(Protocol):
    """One opened store: its credentials are resolved at first use and shared by everything read through it.

    `remote_key`, `value` and `members` are pure. The asynchronous methods raise `ProviderUnavailable` (never to be
    read as missing), `ProviderDenied` or `ProviderRefused`, and `StoreInvalid` where a reference of the store fails.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What the store can do."""
        ...

    def remote_key(self, ref: RemoteRef) -> RemoteKey:
        """Which upstream read answers this reference; equal references to one secret share one read."""
        ...

    def value(self, fetched: Fetched, ref: RemoteRef) -> bytes | Missing:
        """The value of one ``data`` entry from what was read (ESO's ``GetSecret``).

        Raises:
            PropertyNotFound: the secret has no such property.
        """
        ...

    def members(self, fetched: Fetched, ref: RemoteRef) -> dict[str, bytes] | Missing:
        """The keys of one ``extract`` from what was read (ESO's ``GetSecretMap``).

        Raises:
            PropertyNotFound: the secret has no such property.
            ValueRuleError: the value is not a JSON object.
        """
        ...

    async def get(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, Fetched | Missing]:
        """Read all `keys`, batched or concurrently as the backend allows; one entry for each.

        Raises:
            SecretNotFound: what is missing here is a hard error upstream, e.g. metadata of a secret that is not there.
        """
        ...

    async def find(self, query: Find) -> Mapping[str, Fetched] | Missing:
        """The secrets that match, by name, before conversion of the names; `Missing` where the path is not there."""
        ...

    async def versions(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, str | Missing]:
        """The current version of each key; no value is read where the backend allows that."""
        ...

    async def validate(self) -> Validity:
        """Whether the store works, as far as that can be told without an ExternalSecret.

        Upstream tells two failures apart (both ``InvalidProviderConfig``): a client that cannot be made ("unable to
        create client") is raised here, a client that does not pass ("unable to validate store") is `Invalid`.

        Raises:
            StoreInvalid: no client can be made: a reference cannot be resolved, or the login fails.
        """
        ...

    async def aclose(self) -> None:
        """Give back what was opened: connections, and a login that this provider made itself."""
        ...
