"""Stores that the stack's AWS account serves: completed, and their access compiled."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from components.declarations.declared import identity
from secretsync.access import AccessLevel, AWSAccount, compile_aws
from secretsync.access.statements import POLICIES_PER_ROLE, document, split
from secretsync.api import AWSAuth, AWSJWTAuth, AWSProvider, ServiceAccountSelector
from secretsync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.settings import AWSSettings
    from secretsync.api import ExternalSecret, Store

NEW_KEY: Final = "00000000-0000-0000-0000-000000000000"
"""Id of a KMS key that the stack is about to make, in documents compiled before it exists. Real ids are as long, so a
document keeps its size when the real one takes its place."""
_LONGEST_ROLE_NAME: Final = 64
_DIGEST: Final = 8


@dataclass(frozen=True, slots=True)
class AWSStoreAccess:
    """What one AWS store needs to be able to read what is declared.

    Attributes:
        store: the store, completed.
        namespace: namespace of the ServiceAccount that logs in; empty with Pod Identity.
        service_account: its name; empty with Pod Identity, where the operator logs in.
        role_name: physical name of the role where the store itself names it; else empty, and the engine names it.
        documents: the compiled managed policies, as far as nothing in them is still to be made.
        new_key_documents: managed policies that name the key `new_key_arn`.
    """

    store: Store
    namespace: str
    service_account: str
    role_name: str
    documents: tuple[str, ...]
    new_key_documents: tuple[str, ...]


def new_key_arn(settings: AWSSettings) -> str:
    """What stands in compiled documents for the ARN of the key that the stack makes."""
    return f"arn:{settings.partition}:kms:{settings.region}:{settings.account_id}:key/{NEW_KEY}"


def role_arn(settings: AWSSettings, name: str) -> str:
    """ARN of a role of this stack whose name is known."""
    return f"arn:{settings.partition}:iam::{settings.account_id}:role{settings.role_path}{name}"


def shortened(name: str, limit: int) -> str:
    """A name within a limit: a longer one ends in a digest of the whole, so that two of them stay two."""
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{name[: limit - _DIGEST - 1]}-{digest}"


def complete(store: Store, settings: AWSSettings) -> Store:
    """The store with the Region of the stack, and with its login.

    With IRSA that is a ServiceAccount: the one that the store names, else one of the store's own name. With Pod
    Identity it is the store's role, which the operator assumes.

    Raises:
        SettingsError: it is no store of AWS, or it says of its login what the stack is to say.
    """
    config = store.spec.provider.aws
    if config is None:
        raise _refused(store, "has another provider than aws", "take it off the list")
    if config.role or config.additional_roles:
        raise _refused(store, "assumes roles of its own", "take role and additionalRoles out, or take it off the list")
    if config.auth.secret_ref is not None:
        raise _refused(store, "logs in with static credentials", "take auth.secretRef out, or take it off the list")
    changes: dict[str, object] = {"region": settings.region}
    if settings.identity is not None and settings.identity.kind == "podIdentity":
        if config.auth.jwt is not None:
            raise _refused(
                store,
                "names a ServiceAccount, which Pod Identity does not log in",
                "take auth.jwt out, or set aws.identity.kind to irsa",
            )
        changes["role"] = role_arn(settings, _role_name(store, settings.identity.cluster))
    else:
        account = _account(store, config)
        changes["auth"] = AWSAuth(jwt=AWSJWTAuth(service_account_ref=account))
    provider = store.spec.provider.model_copy(update={"aws": config.model_copy(update=changes)})
    return store.model_copy(update={"spec": store.spec.model_copy(update={"provider": provider})})


def _account(store: Store, config: AWSProvider) -> ServiceAccountSelector:
    named = config.auth.jwt.service_account_ref if config.auth.jwt is not None else None
    account = named or ServiceAccountSelector(name=store.metadata.name)
    if not store.metadata.namespace and not account.namespace:
        raise _refused(
            store,
            "names no namespace for its ServiceAccount",
            "set provider.aws.auth.jwt.serviceAccountRef with name and namespace",
        )
    return account


def _refused(store: Store, problem: str, remedy: str) -> SettingsError:
    return SettingsError(
        f"{store.kind} {identity(store)} {problem}", place="stack configuration, aws.stores", remedy=remedy
    )


def _role_name(store: Store, cluster: str) -> str:
    where = store.metadata.namespace or "cluster"
    return shortened(f"{cluster}-{where}-{store.metadata.name}", _LONGEST_ROLE_NAME)


def _kms_keys(settings: AWSSettings) -> Mapping[str, str]:
    """Name of a secret or parameter → ARN of the key that encrypts it; ``*`` for those without one of their own."""
    keys = {each.name: each.kms_key for each in (*settings.secrets, *settings.parameters) if each.kms_key is not None}
    if settings.kms_key is not None:
        keys["*"] = settings.kms_key.arn or new_key_arn(settings)
    return keys


def access(
    store: Store,
    external_secrets: Sequence[ExternalSecret],
    settings: AWSSettings,
    *,
    versions: bool,
    upstream: bool = False,
) -> AWSStoreAccess:
    """The access of a completed store.

    Args:
        store: the store.
        external_secrets: all declarations; those that use other stores are left out.
        settings: the account.
        versions: whether one of them is in the pulumi lane, whose preview reads versions without values.
        upstream: whether ESO's own operator syncs any of them.

    Raises:
        AccessRefused: everything that cannot be granted narrowly, at once; or more policies than a role can have.
    """
    account = AWSAccount(settings.account_id, settings.region, settings.partition, _kms_keys(settings))
    level = AccessLevel(settings.level)
    compiled = compile_aws(store, external_secrets, account, level=level, versions=versions, upstream=upstream)
    new_key = new_key_arn(settings)
    decrypting = [statement for statement in compiled.statements if new_key in statement.resources]
    reading = [statement for statement in compiled.statements if new_key not in statement.resources]
    documents, new_key_documents = (
        tuple(document(part) for part in split(statements)) for statements in (reading, decrypting)
    )
    if len(documents) + len(new_key_documents) > POLICIES_PER_ROLE:
        compiled.attachable(POLICIES_PER_ROLE - 1)  # tells how many, and the ways out
    config = store.spec.provider.aws
    jwt = config.auth.jwt if config is not None else None
    selector = jwt.service_account_ref if jwt is not None else None
    name = config.role.rpartition("/")[2] if config is not None else ""
    return AWSStoreAccess(
        store=store,
        namespace=(store.metadata.namespace or selector.namespace or "") if selector is not None else "",
        service_account=selector.name if selector is not None else "",
        role_name=name,
        documents=documents,
        new_key_documents=new_key_documents,
    )
