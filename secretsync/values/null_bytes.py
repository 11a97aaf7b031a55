"""``nullBytePolicy``: whether a value may hold a NUL byte (ESO v2.9.0)."""

from __future__ import annotations

from secretsync.api.enums import NullBytePolicy
from secretsync.errors import NullByteError


def check(key: str, value: bytes, policy: NullBytePolicy) -> None:
    """Refuse a value with a NUL byte where the policy is ``Fail``.

    Args:
        key: the Secret's key, for the message.
        value: the decoded value.
        policy: ``Ignore`` lets every value pass.

    Raises:
        NullByteError: the value holds a NUL byte and the policy is ``Fail``.
    """
    if policy is NullBytePolicy.Fail and b"\0" in value:
        raise NullByteError(
            f"the value of key {key!r} holds a NUL byte and nullBytePolicy is Fail",
            remedy="store a text-safe form such as PEM or Base64 upstream, or set nullBytePolicy to Ignore",
        )
