"""AWS: the declarations of a store to the IAM policies with which they can be read, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from secretsync.access import aws_pushes, kms, parameter_store, secrets_manager
from secretsync.access.assumed_roles import RoleStep, role_chain
from secretsync.access.aws_account import (
    AccessLevel,
    AWSAccount,
    Location,
    account_problem,
    parse_arn,
    partition_problem,
    region_problem,
)
from secretsync.access.needs import needs_of, store_name
from secretsync.access.parameter_store import ParameterStoreAccess
from secretsync.access.pushes import Push, pushes_of
from secretsync.access.refusals import Refusals
from secretsync.access.requirements import Needed, as_statements
from secretsync.access.secrets_manager import SecretsManagerAccess
from secretsync.access.statements import (
    MOST_POLICIES_PER_ROLE,
    POLICIES_PER_ROLE,
    Statement,
    document,
    split,
)
from secretsync.api.stores.aws import AWSServiceType
from secretsync.errors import StoreInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsync.access.needs import RemoteNeed
    from secretsync.api import AWSProvider, ExternalSecret, PushSecret, Store

__all__ = ["AWSAccess", "AWSAccount", "AccessLevel", "compile_aws"]


@dataclass(frozen=True, slots=True)
class AWSAccess:
    """All that one store needs in AWS.

    Attributes:
        store: the store as people name it, e.g. ``SecretStore demo/aws``.
        statements: for the identity that reads: the last role that the store assumes, or else its own credentials.
        roles: the roles that the store assumes, each with what the identity before it needs for that; empty where its
            own credentials read.
        notes: what the statements alone do not tell: what must be allowed elsewhere, and where they admit more than
            the declarations ask for.
    """

    store: str
    statements: tuple[Statement, ...]
    roles: tuple[RoleStep, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def documents(self) -> tuple[str, ...]:
        """The managed policies of the identity that reads; none where nothing is declared."""
        return tuple(document(part) for part in split(self.statements))

    @property
    def assume_statements(self) -> tuple[Statement, ...]:
        """For the store's own credentials, where it assumes roles; else none."""
        return self.roles[0].statements if self.roles else ()

    @property
    def assume_documents(self) -> tuple[str, ...]:
        """The managed policies of the store's own credentials, where it assumes roles."""
        return tuple(document(part) for part in split(self.assume_statements))

    def attachable(self, most: int = POLICIES_PER_ROLE) -> tuple[str, ...]:
        """The documents, if a role can have so many.

        Args:
            most: managed policies that fit on the role: 10 without a raised quota, 20 at most.

        Raises:
            AccessRefused: there are more.
        """
        documents = self.documents
        if len(documents) > most:
            refusals = Refusals()
            refusals.add(self.store, f"needs {len(documents)} managed policies, and a role has at most {most}", _FEWER)
            refusals.raise_any()
        return documents


_FEWER = (
    "divide the ExternalSecrets among several stores with a role each, or widen on purpose: "
    'by common beginnings of names (prefixes) or with the level "region"'
)


def compile_aws(
    store: Store,
    external_secrets: Sequence[ExternalSecret],
    account: AWSAccount,
    *,
    level: AccessLevel = AccessLevel.Secrets,
    versions: bool = False,
    batch: bool = False,
    upstream: bool = False,
    prefixes: Sequence[str] = (),
    push_secrets: Sequence[PushSecret] = (),
) -> AWSAccess:
    """The narrowest statements with which every declared entry of `store` can be read, or written.

    Args:
        store: a store with the provider ``aws``.
        external_secrets: all declarations; those that use other stores are left out.
        account: where the secrets are.
        level: how far to widen; more than the declared secrets only where it is asked for.
        versions: whether versions are read without values too, as the preview of the pulumi lane does.
        batch: whether more than ten secrets may be read in batches, which needs an action on ``*``.
        upstream: whether ESO's own operator syncs. It reads what a search with a path or tags finds in Secrets Manager
            in batches, and in no other way.
        prefixes: beginnings of names under which everything may be read, in place of single names: fewer and shorter
            policies, at the price of secrets that nobody declared.
        push_secrets: what is written, by name whatever the level; those that use other stores are left out.

    Raises:
        AccessRefused: everything that cannot be granted narrowly, at once.
        StoreInvalid: the store is not one of AWS, or of a service that is not served.
    """
    name = store_name(store)
    config = store.spec.provider.aws
    if config is None:
        raise StoreInvalid("is not an aws store", place=name, remedy="compile it with its own backend's compiler")
    if config.service is AWSServiceType.CertificateManager:
        remedy = "use SecretsManager or ParameterStore, or write this one policy by hand"
        raise StoreInvalid("reads CertificateManager, for which no policy is compiled", place=name, remedy=remedy)
    refusals = Refusals()
    roles = role_chain(config, name, account.partition, refusals)
    location = _location(config, account, roles, name, refusals)
    refusals.raise_any()  # without these nothing else can be judged
    needs, pushes = needs_of(store, external_secrets), pushes_of(store, push_secrets)
    needed, statements = _compiled(
        config,
        needs,
        pushes,
        location,
        refusals,
        account=account,
        level=AccessLevel(level),
        versions=versions,
        batch=batch,
        upstream=upstream,
        prefixes=prefixes,
    )
    refusals.raise_any()
    notes = [note for step in roles for note in step.notes] if needs or pushes else []
    access = AWSAccess(name, statements, roles if needs or pushes else (), (*notes, *dict.fromkeys(needed.notes)))
    count = len(split(statements))
    if count > POLICIES_PER_ROLE:
        limit = f"a role has {POLICIES_PER_ROLE}, and {MOST_POLICIES_PER_ROLE} after its quota is raised"
        access = replace(access, notes=(*access.notes, f"{name} needs {count} managed policies: {limit}; {_FEWER}"))
    return access


def _location(
    config: AWSProvider, account: AWSAccount, roles: Sequence[RoleStep], name: str, refusals: Refusals
) -> Location:
    partition = account.partition
    if problem := partition_problem(partition):
        refusals.add(name, problem, "use aws, aws-cn or aws-us-gov")
        refusals.raise_any()
    if problem := account_problem(account.account):
        refusals.add(name, problem, "give the account that the store's credentials belong to")
    region = config.region.strip() or account.region
    if problem := region_problem(region, partition):
        refusals.add(name, problem, "correct spec.provider.aws.region, or the Region or partition that is given")
    last = parse_arn(roles[-1].role) if roles else None
    return Location(partition, region, last.account if last is not None else account.account)


def _compiled(
    config: AWSProvider,
    needs: Sequence[RemoteNeed],
    pushes: Sequence[Push],
    location: Location,
    refusals: Refusals,
    *,
    account: AWSAccount,
    level: AccessLevel,
    versions: bool,
    batch: bool,
    upstream: bool,
    prefixes: Sequence[str],
) -> tuple[Needed, tuple[Statement, ...]]:
    service: SecretsManagerAccess | ParameterStoreAccess
    if config.service is AWSServiceType.SecretsManager:
        service = SecretsManagerAccess(
            location, prefix=config.prefix, level=level, prefixes=prefixes, refusals=refusals
        )
        needed = service.needed(needs, versions=versions, batch=batch, upstream=upstream)
        keys, decrypts = dict(account.kms_keys), kms.SECRETS_MANAGER
        words, alone, valid = secrets_manager.WORDS, secrets_manager.ALONE, secrets_manager.NAME
        written = aws_pushes.pushed_secrets(pushes, location, config.prefix, keys, refusals)
        words = {**words, **aws_pushes.SECRET_WORDS}
    else:
        service = ParameterStoreAccess(
            location, prefix=config.prefix, level=level, prefixes=prefixes, refusals=refusals
        )
        needed = service.needed(needs)
        keys = {key.removeprefix("/"): arn for key, arn in account.kms_keys.items()}
        decrypts = kms.PARAMETER_STORE
        words, alone, valid = parameter_store.WORDS, parameter_store.ALONE, parameter_store.NAME
        written = aws_pushes.pushed_parameters(pushes, location, config.prefix, keys, refusals)
        words = {**words, **aws_pushes.PARAMETER_WORDS}
        prefixes = [prefix.removeprefix("/") for prefix in prefixes]
    for prefix in prefixes:
        if not valid.fullmatch(prefix) or not any(each.startswith(prefix) for each in service.names):
            remedy = "give the beginning of a name that is declared"
            refusals.add(f"the prefix {prefix!r}", "no declared name begins with it", remedy)
        elif level is AccessLevel.Secrets:
            needed.notes.append(f"everything that begins with {prefix} may be read, declared or not")
    needed.encrypted += written.encrypted
    needed.notes += written.notes
    statements = as_statements([*needed.requirements, *written.requirements], words, alone=alone)
    decryption = kms.decryption(
        needed.encrypted,
        keys,
        service.arn_of,
        service=decrypts,
        location=location,
        refusals=refusals,
        notes=needed.notes,
    )
    return needed, (*statements, *written.creation(location), *decryption)
