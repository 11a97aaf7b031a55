"""Secrets of the KV engines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from local.pulumi.json_text import canonical
from local.pulumi.plugin_errors import PluginError
from local.pulumi.vault.resource_type import ResourceType, Written

if TYPE_CHECKING:
    from local.pulumi.vault.connection import VaultConnection
    from local.pulumi.wire import PropertyMap, PropertyValue


def as_strings(data: PropertyMap | None) -> PropertyMap:
    """Values as the official plugin's `data` output has them: a map of strings, everything else as JSON."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in (data or {}).items()}


def _values(inputs: PropertyMap) -> PropertyMap:
    """The values to write, from `data` or `dataJson`."""
    if inputs.get("data") is not None:
        values: PropertyValue = inputs["data"]
    else:
        try:
            values = json.loads(inputs.get("dataJson") or "")
        except ValueError:
            values = None
    if not isinstance(values, dict):
        raise PluginError("dataJson has to be a JSON object", grpc.StatusCode.INVALID_ARGUMENT)
    return values


def version_two_mount(api: VaultConnection, path: str) -> str | None:
    """The mount, with its slash, that serves a path, where it is a KV version 2 one; else None."""
    answer = api.find("GET", f"sys/internal/ui/mounts/{path}")
    data = (answer or {}).get("data") or {}
    return str(data["path"]) if (data.get("options") or {}).get("version") == "2" else None


@dataclass(frozen=True, kw_only=True)
class SecretV2(ResourceType):
    """`kv.SecretV2`: a secret of a version 2 engine, named by mount and name."""

    def write(self, api: VaultConnection, inputs: PropertyMap, old_inputs: PropertyMap | None) -> Written:
        """Write a new version, and the metadata where the program gives some."""
        del old_inputs
        mount, name = inputs["mount"], inputs["name"]
        body: PropertyMap = {"data": _values(inputs)}
        options = inputs.get("options") or {}
        if inputs.get("cas") is not None:
            options = {**options, "cas": inputs["cas"]}
        if options:
            body["options"] = options
        api.call("POST", f"{mount}/data/{name}", body, what=f"write of {mount}/{name}")
        custom = inputs.get("customMetadata")
        if custom:
            body = {
                "max_versions": custom.get("maxVersions"),
                "cas_required": custom.get("casRequired"),
                "delete_version_after": custom.get("deleteVersionAfter"),
                "custom_metadata": custom.get("data"),
            }
            body = {key: value for key, value in body.items() if value is not None}
            api.call("POST", f"{mount}/metadata/{name}", body, what=f"metadata of {mount}/{name}")
        return Written(f"{mount}/data/{name}")

    def fetch(self, api: VaultConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Read the newest version; a deleted one is gone."""
        data = (api.find("GET", id_) or {}).get("data") or {}
        if data.get("data") is None:
            return None
        mount, _, name = id_.partition("/data/")
        live: PropertyMap = {
            "mount": mount,
            "name": name,
            "path": id_,
            "data": as_strings(data["data"]),
            "metadata": {
                key: str(value).lower() if isinstance(value, bool) else str(value)
                for key, value in data["metadata"].items()
                if value is not None and not isinstance(value, dict)
            },
        }
        if "dataJson" in inputs or not inputs:
            live["dataJson"] = canonical(data["data"])
        return live

    def delete(self, api: VaultConnection, id_: str, outputs: PropertyMap) -> None:
        """Delete the newest version, or all of them."""
        everything = outputs.get("deleteAllVersions")
        api.find("DELETE", id_.replace("/data/", "/metadata/", 1) if everything else id_)

    def imported(self) -> tuple[str, ...]:
        """What a program would write."""
        return ("mount", "name", "dataJson")


@dataclass(frozen=True, kw_only=True)
class PathSecret(ResourceType):
    """`kv.Secret` and `generic.Secret`: a secret named by its path.

    Attributes:
        any_version: Whether the path may lie in a version 2 engine; then the path is the one a person would write.
    """

    any_version: bool

    def _paths(self, api: VaultConnection, path: str) -> tuple[str, str, bool]:
        """Paths of the data and of all versions, and whether the engine wraps the data."""
        mount = version_two_mount(api, path) if self.any_version else None
        if mount is None:
            return path, path, False
        rest = path.removeprefix(mount)
        return f"{mount}data/{rest}", f"{mount}metadata/{rest}", True

    def write(self, api: VaultConnection, inputs: PropertyMap, old_inputs: PropertyMap | None) -> Written:
        """Write the values."""
        del old_inputs
        path = inputs["path"]
        target, _, wrapped = self._paths(api, path)
        values = _values(inputs)
        api.call("POST", target, {"data": values} if wrapped else values, what=f"write of {path}")
        return Written(path)

    def fetch(self, api: VaultConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Read the values."""
        del inputs
        target, _, wrapped = self._paths(api, id_)
        data = (api.find("GET", target) or {}).get("data")
        values = (data or {}).get("data") if wrapped else data
        return None if values is None else {"path": id_, "data": as_strings(values), "dataJson": canonical(values)}

    def delete(self, api: VaultConnection, id_: str, outputs: PropertyMap) -> None:
        """Delete the secret, in a version 2 engine its newest version or all of them."""
        newest, everything, _ = self._paths(api, id_)
        api.find("DELETE", everything if outputs.get("deleteAllVersions") else newest)

    def imported(self) -> tuple[str, ...]:
        """What a program would write."""
        return ("path", "dataJson")
