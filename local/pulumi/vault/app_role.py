"""Secret ids of AppRoles: the server tells one only once, when it is made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from local.pulumi.plugin_errors import PluginError
from local.pulumi.vault.resource_type import ResourceType, Written

if TYPE_CHECKING:
    from local.pulumi.vault.connection import VaultConnection
    from local.pulumi.wire import PropertyMap


def _parts(id_: str) -> tuple[str, str, str]:
    parts = dict(part.split("=", 1) for part in id_.split("::") if "=" in part)
    try:
        return parts["backend"], parts["role"], parts["accessor"]
    except KeyError:
        raise PluginError(
            f"the id {id_!r} does not look like backend=<path>::role=<name>::accessor=<accessor>",
            grpc.StatusCode.INVALID_ARGUMENT,
        ) from None


@dataclass(frozen=True, kw_only=True)
class SecretId(ResourceType):
    """`appRole.AuthBackendRoleSecretId`; every change makes a new one."""

    def write(self, api: VaultConnection, inputs: PropertyMap, old_inputs: PropertyMap | None) -> Written:
        """Make one, with the program's own value where it gives one."""
        del old_inputs
        backend, role = inputs["backend"], inputs["roleName"]
        metadata = inputs.get("metadata")
        body = {
            "metadata": metadata if isinstance(metadata, str) else json.dumps(metadata or {}),
            "cidr_list": inputs.get("cidrLists"),
            "secret_id": inputs.get("secretId"),
            "ttl": inputs.get("ttl"),
            "num_uses": inputs.get("numUses"),
        }
        call = "custom-secret-id" if inputs.get("secretId") else "secret-id"
        path = f"auth/{backend}/role/{role}/{call}"
        sent = {key: value for key, value in body.items() if value}
        data = api.call("POST", path, sent, what=f"secret id of the role {role}")["data"]
        accessor = data["secret_id_accessor"]
        return Written(
            f"backend={backend}::role={role}::accessor={accessor}",
            {"secretId": data["secret_id"], "accessor": accessor},
        )

    def fetch(self, api: VaultConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Look up the accessor; the id itself is not told again."""
        del inputs
        backend, role, accessor = _parts(id_)
        path = f"auth/{backend}/role/{role}/secret-id-accessor/lookup"
        try:
            found = api.find("POST", path, {"secret_id_accessor": accessor})
        except PluginError as error:
            # Servers before 2.0 answer 500 for an accessor that is gone.
            if "secret_id" in str(error) or "accessor" in str(error):
                return None
            raise
        if not (found or {}).get("data"):
            return None
        return {"backend": backend, "roleName": role, "accessor": accessor}

    def delete(self, api: VaultConnection, id_: str, outputs: PropertyMap) -> None:
        """Destroy it, unless it or its role is gone."""
        if self.fetch(api, id_, outputs) is not None:
            backend, role, accessor = _parts(id_)
            path = f"auth/{backend}/role/{role}/secret-id-accessor/destroy"
            api.find("POST", path, {"secret_id_accessor": accessor})
