"""The provider's arguments, read and checked."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import grpc

from local.pulumi.plugin_errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.pulumi.wire import PropertyMap, PropertyValue

ENDPOINT: Final = "AWS_ENDPOINT_URL"
"""Variable with the address of every service; with the service's name behind it, of that one."""
UNSERVED: Final = ("assumeRoleWithWebIdentity", "ignoreTags", "httpProxy", "httpsProxy", "customCaBundle")
"""Arguments whose meaning would be lost; the rest of those not read here change nothing at a local endpoint."""
_REGION: Final = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d{1,2}")
_AWS_HOSTS: Final = re.compile(r"(^|\.)(amazonaws\.(com|com\.cn|eu)|api\.aws|(c2s|csp)\.[a-z.]+|sc2s\.sgov\.gov)$")


@dataclass(frozen=True, slots=True)
class AssumedRole:
    """A role to take on before the first call."""

    arn: str
    session_name: str
    external_id: str | None


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """Whom to talk to, as whom.

    Attributes:
        region: Region of resources that name none.
        endpoint: Address of every service that `endpoints` has none for; may be empty.
        endpoints: Address by service.
        access_key: Key id, empty for the SDK's own search.
        secret_key: The key.
        token: Session token.
        profile: Profile of the shared files, where no key is given.
        roles: Roles to take on, one after the other.
        allowed_accounts: The accounts it may work in; empty for any.
        forbidden_accounts: The accounts it must not work in.
        default_tags: Tags of everything that has tags.
    """

    region: str
    endpoint: str
    endpoints: Mapping[str, str]
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str | None = field(repr=False)
    profile: str | None
    roles: tuple[AssumedRole, ...]
    allowed_accounts: tuple[str, ...]
    forbidden_accounts: tuple[str, ...]
    default_tags: Mapping[str, str]

    def endpoint_of(self, service: str) -> str:
        """Address of a service.

        Raises:
            PluginError: None is given.
        """
        found = self.endpoints.get(service) or os.environ.get(f"{ENDPOINT}_{service.upper()}") or self.endpoint
        if not found:
            raise _wrong(f"no endpoint is given for {service}: name it in the provider's endpoints, or set {ENDPOINT}")
        return found


def read(arguments: PropertyMap) -> AwsSettings:
    """Settings from the arguments, which are texts; lists and objects are JSON.

    Raises:
        PluginError: No Region, no endpoint, an endpoint of AWS, or accounts that are both allowed and forbidden.
    """
    given = {key: _parsed(value) for key, value in arguments.items()}
    region = given.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    if not _REGION.fullmatch(region):
        said = f"{region!r} is no Region" if region else "no Region is given"
        raise _wrong(f"{said}: set aws:region, the provider's region, or AWS_REGION")
    endpoints = _endpoints(given.get("endpoints"))
    settings = AwsSettings(
        region=region,
        endpoint=os.environ.get(ENDPOINT, ""),
        endpoints=endpoints,
        access_key=str(given.get("accessKey") or ""),
        secret_key=str(given.get("secretKey") or ""),
        token=given.get("token"),
        profile=given.get("profile"),
        roles=tuple(
            AssumedRole(role["roleArn"], role.get("sessionName") or "pulumi", role.get("externalId"))
            for role in _list(given.get("assumeRoles"))
            if role.get("roleArn")
        ),
        allowed_accounts=tuple(str(account) for account in _list(given.get("allowedAccountIds"))),
        forbidden_accounts=tuple(str(account) for account in _list(given.get("forbiddenAccountIds"))),
        default_tags={
            str(key): str(value) for key, value in ((given.get("defaultTags") or {}).get("tags") or {}).items()
        },
    )
    if settings.allowed_accounts and settings.forbidden_accounts:
        raise _wrong("allowedAccountIds and forbiddenAccountIds exclude each other")
    addresses = [*endpoints.values(), settings.endpoint, *_endpoint_variables()]
    if not any(addresses):
        raise _wrong(
            f"the local stand-in of the aws plugin talks to an explicit endpoint only: name one in the provider's "
            f"endpoints or in {ENDPOINT}; for AWS itself the official plugin is needed"
        )
    for address in addresses:
        if _AWS_HOSTS.search(urlsplit(address).hostname or ""):
            raise _wrong(f"{address} is an endpoint of AWS, which only the official plugin may talk to")
    return settings


def _endpoint_variables() -> list[str]:
    return [value for name, value in os.environ.items() if name.startswith(f"{ENDPOINT}_")]


def _parsed(value: PropertyValue) -> PropertyValue:
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _list(value: PropertyValue) -> list[PropertyValue]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _endpoints(value: PropertyValue) -> dict[str, str]:
    return {service: address for each in _list(value) for service, address in each.items() if address}


def _wrong(problem: str) -> PluginError:
    return PluginError(problem, grpc.StatusCode.INVALID_ARGUMENT)
