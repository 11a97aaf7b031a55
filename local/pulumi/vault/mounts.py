"""Secret engines and auth methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from local.pulumi.vault.resource_type import ResourceType, Written, snake

if TYPE_CHECKING:
    from local.pulumi.vault.connection import VaultConnection
    from local.pulumi.wire import PropertyMap

_JWT_FIELDS: Final = (
    "oidcDiscoveryUrl",
    "oidcDiscoveryCaPem",
    "jwksUrl",
    "jwksCaPem",
    "boundIssuer",
    "jwtValidationPubkeys",
    "defaultRole",
)


def _given(values: PropertyMap) -> PropertyMap:
    return {key: value for key, value in values.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Mount(ResourceType):
    """A secret engine under `sys/mounts`."""

    def write(self, api: VaultConnection, inputs: PropertyMap, old_inputs: PropertyMap | None) -> Written:
        """Mount, or tune."""
        path = inputs["path"]
        settings = _given(
            {
                "default_lease_ttl": inputs.get("defaultLeaseTtlSeconds"),
                "max_lease_ttl": inputs.get("maxLeaseTtlSeconds"),
                "listing_visibility": inputs.get("listingVisibility"),
                "audit_non_hmac_request_keys": inputs.get("auditNonHmacRequestKeys"),
                "audit_non_hmac_response_keys": inputs.get("auditNonHmacResponseKeys"),
                "passthrough_request_headers": inputs.get("passthroughRequestHeaders"),
                "allowed_response_headers": inputs.get("allowedResponseHeaders"),
            }
        )
        if old_inputs is None:
            body = {
                "type": inputs["type"],
                "description": inputs.get("description"),
                "options": inputs.get("options"),
                "local": inputs.get("local"),
                "seal_wrap": inputs.get("sealWrap"),
                "config": settings,
            }
            api.call("POST", f"sys/mounts/{path}", _given(body), what=f"mount of {path}")
        else:
            body = {**settings, "description": inputs.get("description") or ""}
            if inputs.get("options"):
                body["options"] = inputs["options"]
            api.call("POST", f"sys/mounts/{path}/tune", body, what=f"tuning of {path}")
        return Written(path)

    def fetch(self, api: VaultConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Read from the table of mounts."""
        del inputs
        data = api.call("GET", "sys/mounts")["data"].get(f"{id_}/")
        if not data:
            return None
        settings = data["config"]
        return {
            "path": id_,
            "type": data["type"],
            "description": data["description"] or None,
            "options": data["options"],
            "accessor": data["accessor"],
            "local": data["local"],
            "sealWrap": data["seal_wrap"],
            "defaultLeaseTtlSeconds": settings["default_lease_ttl"],
            "maxLeaseTtlSeconds": settings["max_lease_ttl"],
            "listingVisibility": settings.get("listing_visibility") or None,
        }

    def delete(self, api: VaultConnection, id_: str, outputs: PropertyMap) -> None:
        """Unmount; the secrets in it are lost, as with the official plugin."""
        del outputs
        api.find("DELETE", f"sys/mounts/{id_}")

    def imported(self) -> tuple[str, ...]:
        """What a program would write."""
        return ("path", "type", "description", "options")


@dataclass(frozen=True, kw_only=True)
class AuthBackend(ResourceType):
    """An auth method under `sys/auth`."""

    def write(self, api: VaultConnection, inputs: PropertyMap, old_inputs: PropertyMap | None) -> Written:
        """Enable, or tune."""
        path = inputs["path"]
        if old_inputs is None:
            body = {"type": inputs["type"], "description": inputs.get("description"), "local": inputs.get("local")}
            api.call("POST", f"sys/auth/{path}", _given(body), what=f"auth method {path}")
        else:
            body = {"description": inputs.get("description") or ""}
            api.call("POST", f"sys/auth/{path}/tune", body, what=f"tuning of the auth method {path}")
        return Written(path)

    def fetch(self, api: VaultConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Read from the table of auth methods."""
        del inputs
        data = api.call("GET", "sys/auth")["data"].get(f"{id_}/")
        if not data:
            return None
        return {
            "path": id_,
            "type": data["type"],
            "description": data["description"] or None,
            "accessor": data["accessor"],
            "local": data["local"],
        }

    def delete(self, api: VaultConnection, id_: str, outputs: PropertyMap) -> None:
        """Disable."""
        del outputs
        api.find("DELETE", f"sys/auth/{id_}")

    def imported(self) -> tuple[str, ...]:
        """What a program would write."""
        return ("path", "type", "description")


@dataclass(frozen=True, kw_only=True)
class JwtAuthBackend(AuthBackend):
    """A JWT or OIDC auth method with its configuration."""

    def write(self, api: VaultConnection, inputs: PropertyMap, old_inputs: PropertyMap | None) -> Written:
        """Enable or tune, then configure."""
        written = super().write(api, inputs, old_inputs)
        body = {snake(name): inputs[name] for name in _JWT_FIELDS if inputs.get(name) is not None}
        api.call("POST", f"auth/{written.id}/config", body, what=f"configuration of the auth method {written.id}")
        return written

    def fetch(self, api: VaultConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Read the method and its configuration."""
        live = super().fetch(api, id_, inputs)
        if live is None:
            return None
        data = (api.find("GET", f"auth/{id_}/config") or {}).get("data") or {}
        return {**live, **{name: data.get(snake(name)) or None for name in _JWT_FIELDS}}

    def imported(self) -> tuple[str, ...]:
        """What a program would write."""
        return (*super().imported(), *_JWT_FIELDS)
