"""The ways to log in to Vault, in the order they are looked at (ESO v2.9.0), and what of them is referent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from secretsync.errors import StoreInvalid
from secretsync.kube.config import SERVICE_ACCOUNT_DIRECTORY
from secretsync.providers import references
from secretsync.providers.vault.connection import Call

if TYPE_CHECKING:
    from secretsync.api import (
        SecretKeySelector,
        ServiceAccountSelector,
        Store,
        VaultAuth,
        VaultJwtAuth,
        VaultKubernetesAuth,
        VaultProvider,
    )
    from secretsync.kube.protocol import Cluster

_JWT_SECONDS: Final = 600


def is_referent(config: VaultProvider) -> bool:
    """Whether credentials depend on the ExternalSecret's namespace when a ClusterSecretStore is used."""
    auth = config.auth
    if auth is None:
        return False
    selectors: list[SecretKeySelector | ServiceAccountSelector | None] = [auth.token_secret_ref]
    if auth.app_role is not None:
        selectors.append(auth.app_role.secret_ref)
    if auth.kubernetes is not None:
        selectors += [auth.kubernetes.secret_ref, auth.kubernetes.service_account_ref]
    selectors += [method.secret_ref for method in (auth.ldap, auth.user_pass, auth.cert) if method is not None]
    if auth.jwt is not None:
        requested = auth.jwt.kubernetes_service_account_token
        selectors += [auth.jwt.secret_ref, requested.service_account_ref if requested else None]
    return any(selector is not None and selector.namespace is None for selector in selectors)


class Credentials:
    """Resolves what a store's `auth` refers to.

    Args:
        config: the store's provider.
        store: the store.
        namespace: the namespace of the ExternalSecret.
        cluster: where references are read.
    """

    def __init__(self, config: VaultProvider, store: Store, namespace: str, cluster: Cluster) -> None:
        self._config = config
        self._store = store
        self._namespace = namespace
        self._cluster = cluster

    @property
    def auth_namespace(self) -> str:
        """The Vault namespace of the auth methods and of the token; empty for none."""
        auth = self._config.auth
        own = auth.namespace if auth is not None else None
        return (self._config.namespace if own is None else own) or ""

    async def value(self, selector: SecretKeySelector, default_key: str = "") -> bytes:
        """The value of a key of a Secret."""
        return await references.secret_value(
            selector,
            store=self._store,
            namespace=self._namespace,
            cluster=self._cluster,
            default_key=default_key,
        )

    async def text(self, selector: SecretKeySelector, default_key: str = "") -> str:
        """The value as text.

        Raises:
            StoreInvalid: it is not UTF-8.
        """
        value = await self.value(selector, default_key)
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise self._invalid(f"the Secret {selector.name} holds no text", "write the Secret anew") from None

    async def static_token(self) -> str | None:
        """The token where the store names one; None where a login is needed; empty where there is no `auth` at all."""
        auth = self._config.auth
        if auth is None:
            return ""
        if auth.token_secret_ref is None:
            return None
        token = (await self.text(auth.token_secret_ref)).strip("\r\n")
        if not token.isprintable() or not token.isascii():
            raise self._invalid("the token holds characters that no token has", "write the Secret anew")
        return token

    async def login(self) -> Call:
        """The login request of the first method that is set.

        Raises:
            StoreInvalid: none is set, one is set that is not served, or a reference fails.
        """
        auth = self._config.auth
        if auth is None:
            raise self._invalid("has no auth", "add spec.provider.vault.auth")
        path, body = await self._request(auth)
        return Call("POST", f"auth/{path}", "", body=body, namespace=self.auth_namespace)

    async def _request(self, auth: VaultAuth) -> tuple[str, dict[str, str]]:
        if auth.app_role is not None:
            role = auth.app_role
            if role.role_id:
                role_id = role.role_id
            elif role.role_ref is not None:
                role_id = await self.text(role.role_ref)
            else:
                raise self._invalid("appRole has neither roleId nor roleRef", "add one of them")
            return f"{_mount(role.path)}/login", {"role_id": role_id, "secret_id": await self.text(role.secret_ref)}
        if auth.kubernetes is not None:
            jwt = await self._kubernetes_token(auth.kubernetes)
            return f"{_mount(auth.kubernetes.mount_path)}/login", {"jwt": jwt, "role": auth.kubernetes.role}
        for method in (auth.ldap, auth.user_pass):
            if method is not None:
                user = method.username.strip()
                return f"{_mount(method.path)}/login/{user}", {"password": await self.text(method.secret_ref)}
        if auth.jwt is not None:
            return f"{_mount(auth.jwt.path)}/login", {"role": auth.jwt.role, "jwt": await self._jwt(auth.jwt)}
        if auth.cert is not None:
            role_name = {"name": auth.cert.vault_role} if auth.cert.vault_role else {}
            return f"{_mount(auth.cert.path)}/login", role_name
        unserved = "iam" if auth.iam is not None else "gcp" if auth.gcp is not None else ""
        if unserved:
            raise self._invalid(f"the login method {unserved} is not served here", "use another login method")
        raise self._invalid("auth names no login method", "add one, e.g. kubernetes")

    async def _kubernetes_token(self, auth: VaultKubernetesAuth) -> str:
        if auth.service_account_ref is not None:
            token = await references.service_account_token(
                auth.service_account_ref,
                store=self._store,
                namespace=self._namespace,
                cluster=self._cluster,
                expiration_seconds=_JWT_SECONDS,
            )
            return token.value
        if auth.secret_ref is not None:
            return (await self.text(auth.secret_ref, "token")).strip()
        folder = Path(os.environ.get("KUBERNETES_SERVICE_ACCOUNT_DIRECTORY") or SERVICE_ACCOUNT_DIRECTORY)
        try:
            return (folder / "token").read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise self._invalid(
                f"the login uses the token of this pod, and there is none in {folder}",
                "add auth.kubernetes.serviceAccountRef",
            ) from None

    async def _jwt(self, auth: VaultJwtAuth) -> str:
        if auth.secret_ref is not None:
            return (await self.text(auth.secret_ref)).strip()
        requested = auth.kubernetes_service_account_token
        if requested is None:
            raise self._invalid("auth.jwt has neither secretRef nor kubernetesServiceAccountToken", "add one of them")
        audiences = ("vault",) if requested.audiences is None else requested.audiences
        token = await references.service_account_token(
            requested.service_account_ref,
            store=self._store,
            namespace=self._namespace,
            cluster=self._cluster,
            audiences=audiences,
            expiration_seconds=requested.expiration_seconds or _JWT_SECONDS,
        )
        return token.value

    async def ca(self) -> bytes:
        """The PEM certificates the server is checked against."""
        return await references.ca_bundle(
            self._config.ca_bundle,
            self._config.ca_provider,
            store=self._store,
            namespace=self._namespace,
            cluster=self._cluster,
        )

    async def client_certificate(self) -> tuple[bytes, bytes]:
        """PEM certificate and key for the connection; empty for none. The login by certificate uses its own."""
        cert = self._config.auth.cert if self._config.auth else None
        if cert is not None:
            return await self.value(cert.client_cert, "tls.crt"), await self.value(cert.secret_ref, "tls.key")
        tls = self._config.tls
        if tls.cert_secret_ref is None or tls.key_secret_ref is None:
            return b"", b""
        return await self.value(tls.cert_secret_ref, "tls.crt"), await self.value(tls.key_secret_ref, "tls.key")

    def _invalid(self, problem: str, remedy: str) -> StoreInvalid:
        return StoreInvalid(problem, place=references.store_place(self._store), remedy=remedy)


def _mount(path: str) -> str:
    return path.strip("/")
