"""The API of OpenBao or Vault, with errors that carry no value."""

from __future__ import annotations

import http
import json
import os
import ssl
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import grpc

from local.pulumi.http_connection import HttpConnection
from local.pulumi.plugin_errors import PluginError, scrub
from local.pulumi.wire import PropertyMap, Secret

if TYPE_CHECKING:
    from local.pulumi.provider_plugin import ProviderPlugin

_CODES: Final = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
}
_STILL_UPGRADING: Final = "Upgrading from non-versioned to versioned data"
"""What a version 2 KV engine answers, having done nothing, for a moment after it was mounted."""
_COMING_UP: Final = 15.0
"""Seconds that such an engine is waited for."""


class VaultConnection:
    """One server with one token.

    Args:
        http: The connection, whose prefix is the API's `/v1`.
    """

    def __init__(self, http: HttpConnection) -> None:
        self._http = http

    def call(self, method: str, path: str, body: PropertyMap | None = None, *, what: str = "") -> dict[str, Any]:
        """One request that has to succeed; see `find` for the arguments.

        Raises:
            PluginError: With the server's message, without any text of the body.
        """
        limit = time.monotonic() + _COMING_UP
        while True:
            answer = self._http.request(method, "/" + quote(path), body)
            told = "; ".join(answer.body.get("errors") or []) or str(answer.body.get("message", ""))
            if not answer.failed or _STILL_UPGRADING not in told or time.monotonic() > limit:
                break
            time.sleep(0.1)
        if answer.failed:
            # Whatever was sent may be a secret; which of it is, only the caller's types know.
            told = scrub(told, [Secret(body)] if body else [])
            code = _CODES.get(answer.status, grpc.StatusCode.UNAVAILABLE)
            said = f"{what or f'{method} {path}'}: HTTP {answer.status}: {told}".rstrip(": ")
            if answer.status == http.HTTPStatus.FORBIDDEN and not what:
                said += "; the token (the provider's, else VAULT_TOKEN) is wrong, has ended, or may not do this"
            raise PluginError(said, code)
        return answer.body

    def find(self, method: str, path: str, body: PropertyMap | None = None) -> dict[str, Any] | None:
        """One request; None where the server has nothing there.

        Args:
            method: The HTTP method.
            path: Path below `/v1/`, not quoted.
            body: JSON to send.
        """
        try:
            return self.call(method, path, body)
        except PluginError as error:
            if error.code == grpc.StatusCode.NOT_FOUND:
                return None
            raise


def _context(arguments: PropertyMap) -> ssl.SSLContext:
    authority = arguments.get("caCertFile") or os.environ.get("VAULT_CACERT")
    try:
        context = ssl.create_default_context(cafile=authority, capath=arguments.get("caCertDir"))
    except OSError as error:
        raise PluginError(
            f"the CA certificate {authority} cannot be read ({type(error).__name__})", grpc.StatusCode.INVALID_ARGUMENT
        ) from None
    if str(arguments.get("skipTlsVerify")).lower() == "true":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _login(plugin: ProviderPlugin, name: str, given: PropertyMap | str) -> tuple[str, PropertyMap]:
    """Path and body of a login."""
    parameters: PropertyMap = json.loads(given) if isinstance(given, str) else given
    if name == "authLogin":
        return parameters["path"], parameters.get("parameters") or {}
    if name == "authLoginUserpass":
        path = f"auth/{parameters.get('mount', 'userpass')}/login/{parameters['username']}"
        return path, {"password": parameters["password"]}
    if name == "authLoginJwt":
        path = f"auth/{parameters.get('mount', 'jwt')}/login"
        return path, {"role": parameters["role"], "jwt": parameters["jwt"]}
    raise plugin.not_served(f"the provider argument {name}")


def connect(plugin: ProviderPlugin, arguments: PropertyMap) -> VaultConnection:
    """Connect as the provider's arguments say; a login is the only request made here.

    Raises:
        PluginError: Where no address is given, or the login fails.
    """
    # As in the API's own client: where an agent or proxy is named, all goes through it, whatever address is configured.
    agent = os.environ.get("VAULT_AGENT_ADDR") or os.environ.get("BAO_AGENT_ADDR")
    address = agent or arguments.get("address") or os.environ.get("VAULT_ADDR") or os.environ.get("BAO_ADDR")
    if not address:
        raise PluginError(
            "no address of the server: set the provider's address or VAULT_ADDR", grpc.StatusCode.INVALID_ARGUMENT
        )
    headers = {"X-Vault-Request": "true"}
    namespace = arguments.get("namespace") or os.environ.get("VAULT_NAMESPACE")
    if namespace:
        headers["X-Vault-Namespace"] = namespace
    context = _context(arguments) if address.startswith("https") else None
    connection = VaultConnection(HttpConnection(address.rstrip("/") + "/v1", context=context, headers=lambda: headers))
    login = next(
        (key for key in arguments if key.startswith("authLogin") and arguments[key] not in (None, "", "{}", "null")), ""
    )
    token = arguments.get("token") or os.environ.get("VAULT_TOKEN") or os.environ.get("BAO_TOKEN")
    if login:
        path, body = _login(plugin, login, arguments[login])
        answer = connection.call("POST", path, body, what=f"login at {path}")
        if not answer.get("auth"):
            raise PluginError(f"login at {path} gave no token", grpc.StatusCode.UNAUTHENTICATED)
        token = answer["auth"]["client_token"]
    if token:
        headers["X-Vault-Token"] = token
    return connection
