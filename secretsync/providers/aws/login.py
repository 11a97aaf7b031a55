"""Where a store's credentials come from, in the order they are looked at (ESO v2.9.0), and the roles they assume."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from secretsync.api.stores.aws import SessionTagsPolicy
from secretsync.errors import StoreInvalid
from secretsync.kube.resources import SERVICE_ACCOUNTS
from secretsync.providers import references
from secretsync.providers.references import store_place

if TYPE_CHECKING:
    from secretsync.api import AWSProvider, SecretKeySelector, ServiceAccountSelector, Store
    from secretsync.kube.protocol import Cluster

ROLE_ANNOTATION: Final = "eks.amazonaws.com/role-arn"
"""Annotation of a ServiceAccount: the role its token is exchanged for."""
AUDIENCE_ANNOTATION: Final = "eks.amazonaws.com/audience"
"""Annotation of a ServiceAccount: the audience of that token."""
_AUDIENCE: Final = "sts.amazonaws.com"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """Static credentials; no part of them is in the repr.

    Attributes:
        id: access key id.
        secret: secret access key.
        token: session token; empty for none.
    """

    id: str = field(repr=False)
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """The token of a ServiceAccount and what it is exchanged for.

    Attributes:
        role: ARN of the role.
        token: JWT; not in the repr.
    """

    role: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AssumedRole:
    """One step of a chain of roles.

    Attributes:
        arn: of the role.
        external_id: empty for none.
        tags: session tags.
        transitive_tag_keys: session tags that go along to further roles.
    """

    arn: str
    external_id: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    transitive_tag_keys: tuple[str, ...] = ()


def is_referent(config: AWSProvider) -> bool:
    """Whether credentials depend on the ExternalSecret's namespace when a ClusterSecretStore is used."""
    selectors: list[SecretKeySelector | ServiceAccountSelector | None] = []
    secret_ref, jwt = config.auth.secret_ref, config.auth.jwt
    if secret_ref is not None:
        selectors += [secret_ref.access_key_id, secret_ref.secret_access_key, secret_ref.session_token]
    if jwt is not None:
        selectors.append(jwt.service_account_ref)
    return any(selector is not None and selector.namespace is None for selector in selectors)


def roles(config: AWSProvider, store: Store, namespace: str) -> tuple[AssumedRole, ...]:
    """The roles that are assumed one after the other; external id and session tags belong to the last, ``role``.

    Args:
        config: the store's provider.
        store: the store, whose name and kind are session tags with ``sessionTagsPolicy``.
        namespace: the namespace of the ExternalSecret, a session tag too.
    """
    chain = [AssumedRole(arn) for arn in config.additional_roles]
    if config.role:
        tags = {tag.key: tag.value for tag in config.session_tags}
        if config.session_tags_policy is SessionTagsPolicy.Custom:
            tags |= config.custom_session_tags
        if config.session_tags_policy is not SessionTagsPolicy.None_:
            # last, so that no custom tag can pretend to be another tenant
            tags |= {"esoNamespace": namespace, "esoStoreName": store.metadata.name, "esoStoreKind": store.kind}
        chain.append(AssumedRole(config.role, config.external_id, tuple(tags.items()), config.transitive_tag_keys))
    return tuple(chain)


class Login:
    """Resolves what a store's `auth` refers to.

    Args:
        config: the store's provider.
        store: the store.
        namespace: the namespace of the ExternalSecret.
        cluster: where references are read.
    """

    def __init__(self, config: AWSProvider, store: Store, namespace: str, cluster: Cluster) -> None:
        self._config = config
        self._store = store
        self._namespace = namespace
        self._cluster = cluster

    @property
    def roles(self) -> tuple[AssumedRole, ...]:
        """The chain of roles."""
        return roles(self._config, self._store, self._namespace)

    @property
    def by_web_identity(self) -> bool:
        """Whether a ServiceAccount's token is the credential; it goes before static ones."""
        return self._config.auth.jwt is not None

    async def access_key(self) -> AccessKey | None:
        """The static credentials; None where the store names none, or a ServiceAccount.

        Raises:
            StoreInvalid: a reference fails, or what it leads to cannot be a key.
            ClusterError: a Secret cannot be read.
        """
        secret_ref = self._config.auth.secret_ref
        if secret_ref is None or self.by_web_identity:
            return None
        token = secret_ref.session_token
        return AccessKey(
            await self._text(secret_ref.access_key_id),
            await self._text(secret_ref.secret_access_key),
            await self._text(token) if token is not None else "",
        )

    async def service_account_role(self) -> str:
        """The role that the ServiceAccount's annotation names.

        Raises:
            StoreInvalid: there is no such ServiceAccount, or no annotation.
            ClusterError: it cannot be read.
        """
        role, _ = await self._annotated(self._selector())
        return role

    async def web_identity(self) -> WebIdentity:
        """A fresh token of the ServiceAccount.

        Raises:
            StoreInvalid: there is no such ServiceAccount, or no annotation.
            ClusterError: it cannot be read, or no token can be had.
        """
        selector = self._selector()
        role, audience = await self._annotated(selector)
        token = await references.service_account_token(
            selector,
            store=self._store,
            namespace=self._namespace,
            cluster=self._cluster,
            audiences=(audience,),
        )
        return WebIdentity(role, token.value)

    def _selector(self) -> ServiceAccountSelector:
        jwt = self._config.auth.jwt
        if jwt is None or jwt.service_account_ref is None:
            raise self._invalid("auth.jwt names no ServiceAccount", "add auth.jwt.serviceAccountRef")
        return jwt.service_account_ref

    async def _annotated(self, selector: ServiceAccountSelector) -> tuple[str, str]:
        where = references.resolve_namespace(selector.namespace, store=self._store, namespace=self._namespace)
        found = await self._cluster.get(SERVICE_ACCOUNTS, selector.name, where)
        if found is None:
            raise self._invalid(
                f"refers to the ServiceAccount {where}/{selector.name}, which does not exist",
                "create it or correct the reference",
            )
        annotations = found["metadata"].get("annotations") or {}
        role = annotations.get(ROLE_ANNOTATION)
        if not role:
            raise self._invalid(
                f"the ServiceAccount {where}/{selector.name} has no role", f"annotate it with {ROLE_ANNOTATION}"
            )
        return str(role), str(annotations.get(AUDIENCE_ANNOTATION) or _AUDIENCE)

    async def _text(self, selector: SecretKeySelector) -> str:
        value = await references.secret_value(
            selector, store=self._store, namespace=self._namespace, cluster=self._cluster
        )
        text = value.decode("ascii", "replace").strip()
        if not text or not text.isascii() or not text.isprintable():
            raise self._invalid(
                f"the key {selector.key!r} of the Secret {selector.name} holds no AWS credential", "write it anew"
            )
        return text

    def _invalid(self, problem: str, remedy: str) -> StoreInvalid:
        return StoreInvalid(problem, place=store_place(self._store), remedy=remedy)
