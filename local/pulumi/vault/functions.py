"""The package's functions."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Final

from local.pulumi.json_text import canonical
from local.pulumi.vault.kv_secrets import as_strings, version_two_mount
from local.pulumi.vault.resource_type import snake
from local.pulumi.wire import PropertyMap, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.pulumi.vault.connection import VaultConnection


def _policy_document(api: VaultConnection, arguments: PropertyMap) -> PropertyMap:
    """A policy in HCL from its rules; no server is asked."""
    del api
    text = ""
    for rule in arguments.get("rules") or []:
        if rule.get("description"):
            text += f"# {rule['description']}\n"
        text += f"path {json.dumps(rule['path'])} {{\n  capabilities = {json.dumps(rule['capabilities'])}\n"
        if rule.get("requiredParameters"):
            text += f"  required_parameters = {json.dumps(rule['requiredParameters'])}\n"
        for name in ("allowedParameters", "deniedParameters"):
            if rule.get(name):
                entries = "".join(
                    f"    {json.dumps(entry['key'])} = {json.dumps(entry['values'])}\n" for entry in rule[name]
                )
                text += f"  {snake(name)} = {{\n{entries}  }}\n"
        for name in ("minWrappingTtl", "maxWrappingTtl"):
            if rule.get(name):
                text += f"  {snake(name)} = {json.dumps(rule[name])}\n"
        text += "}\n\n"
    return {**arguments, "hcl": text, "id": str(zlib.crc32(text.encode()))}


def _secret_v2(api: VaultConnection, arguments: PropertyMap) -> PropertyMap:
    path = f"{arguments['mount']}/data/{arguments['name']}"
    data = api.call("GET", path, what=f"read of {arguments['mount']}/{arguments['name']}")["data"]
    return {
        **arguments,
        "id": path,
        "path": path,
        "data": Secret(as_strings(data["data"])),
        "dataJson": Secret(canonical(data["data"])),
        "version": data["metadata"]["version"],
        "createdTime": data["metadata"]["created_time"],
        "deletionTime": data["metadata"]["deletion_time"],
        "destroyed": data["metadata"]["destroyed"],
        "customMetadata": data["metadata"].get("custom_metadata") or {},
    }


def _secret(api: VaultConnection, arguments: PropertyMap) -> PropertyMap:
    path = arguments["path"]
    mount = version_two_mount(api, path)
    target = path if mount is None else f"{mount}data/{path.removeprefix(mount)}"
    data = api.call("GET", target, what=f"read of {path}")["data"]
    values = data if mount is None else data["data"]
    return {
        **arguments,
        "id": path,
        "data": Secret(as_strings(values)),
        "dataJson": Secret(canonical(values)),
        "leaseId": "",
        "leaseDuration": 0,
        "leaseRenewable": False,
        "leaseStartTime": "",
    }


FUNCTIONS: Final[Mapping[str, Callable[[VaultConnection, PropertyMap], PropertyMap]]] = {
    "vault:index/getPolicyDocument:getPolicyDocument": _policy_document,
    "vault:kv/getSecretV2:getSecretV2": _secret_v2,
    "vault:generic/getSecret:getSecret": _secret,
}
