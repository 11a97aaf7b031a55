"""Any HTTP interface as a backend."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from secretsync.api.base import Base64Bytes, Items, Model
from secretsync.api.go_duration import Duration
from secretsync.api.references import CAProvider, SecretKeySelector


class NTLMProtocol(Model):
    """Windows authentication."""

    username_secret: SecretKeySelector
    """The user name."""
    password_secret: SecretKeySelector
    """The password."""


class AuthorizationProtocol(Model):
    """How to log in."""

    ntlm: NTLMProtocol | None = None
    """By NTLM."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if self.ntlm is None:
            raise PydanticCustomError("exactly_one", "needs exactly one of ntlm")
        return self


class WebhookResult(Model):
    """Where the value is in the answer."""

    json_path: str = ""
    """JSONPath of the value, a template; empty means the whole answer."""


class WebhookSecret(Model):
    """A Secret that templates may use."""

    name: str
    """Its name in templates."""
    secret_ref: SecretKeySelector
    """The Secret; it needs the label external-secrets.io/type: webhook."""


class WebhookProvider(Model):
    """Reads secrets by HTTP requests made from templates."""

    method: str = ""
    """HTTP method; empty means GET."""
    url: str
    """Address, a template."""
    headers: dict[str, str] = Field(default={}, repr=False)
    """Headers, templates."""
    auth: AuthorizationProtocol | None = None
    """How to log in."""
    body: str = Field(default="", repr=False)
    """Body of the request, a template."""
    timeout: Duration | None = None
    """How long to wait for an answer."""
    result: WebhookResult = Field(default_factory=WebhookResult)
    """Where the value is in the answer."""
    secrets: Items[WebhookSecret] = ()
    """Secrets that templates may use."""
    ca_bundle: Base64Bytes = b""
    """PEM certificates the server is checked against, base64 on the wire."""
    ca_provider: CAProvider | None = None
    """The same, kept in a Secret or ConfigMap."""
