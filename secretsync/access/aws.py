"""AWS: the declarations of a store to the IAM policies with which they can be read, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretsync.access.aws_account import AccessLevel, AWSAccount
from secretsync.access.statements import Statement, document, split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsync.api import ExternalSecret, Store

__all__ = ["AWSAccess", "AWSAccount", "AccessLevel", "compile_aws"]


@dataclass(frozen=True, slots=True)
class AWSAccess:
    """All that one store needs in AWS.

    Attributes:
        store: the store as people name it, e.g. ``SecretStore demo/aws``.
        statements: for the identity that reads: the last role that the store assumes, or else its own credentials.
        assume_statements: for the store's own credentials, where it assumes roles: the first of those; else empty.
        notes: what the statements alone do not tell: what must be allowed elsewhere, and where they admit more than
            the declarations ask for.
    """

    store: str
    statements: tuple[Statement, ...]
    assume_statements: tuple[Statement, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def documents(self) -> tuple[str, ...]:
        """The managed policies of the identity that reads; none where nothing is declared."""
        return tuple(document(part) for part in split(self.statements))

    @property
    def assume_documents(self) -> tuple[str, ...]:
        """The managed policies of the store's own credentials, where it assumes roles."""
        return tuple(document(part) for part in split(self.assume_statements))


def compile_aws(
    store: Store,
    external_secrets: Sequence[ExternalSecret],
    account: AWSAccount,
    *,
    level: AccessLevel = AccessLevel.Secrets,
    versions: bool = False,
    batch: bool = False,
    prefixes: Sequence[str] = (),
) -> AWSAccess:
    """The narrowest statements with which every declared entry of `store` can be read.

    Args:
        store: a store with the provider ``aws``.
        external_secrets: all declarations; those that use other stores are left out.
        account: where the secrets are.
        level: how far to widen; more than the declared secrets only where it is asked for.
        versions: whether versions are read without values too, as the preview of the pulumi lane does.
        batch: whether more than ten secrets may be read in batches, which needs an action on ``*``.
        prefixes: beginnings of names under which everything may be read, in place of single names: fewer and shorter
            policies, at the price of secrets that nobody declared.

    Raises:
        AccessRefused: everything that cannot be granted narrowly, at once.
    """
    _ = store, external_secrets, account, level, versions, batch, prefixes
    return AWSAccess("", ())
