"""AWS Secrets Manager: reads, searches and versions."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final

from secretsync.errors import ProviderDenied, ProviderRefused, SecretNotFound
from secretsync.providers.aws.answers import tags, utf8
from secretsync.providers.aws.connection import CONCURRENT_CALLS, Connection
from secretsync.providers.aws.failures import Call, CredentialsRefused
from secretsync.providers.concurrency import concurrently
from secretsync.providers.protocol import Fetched, Missing, RemoteKey
from secretsync.values import go_regexp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsync.api import Find

log = logging.getLogger(__name__)

CURRENT: Final = "AWSCURRENT"
"""The version stage that is read where none is asked for."""
BATCH_FROM: Final = CONCURRENT_CALLS + 1
"""Number of secrets from which on a batch is tried: fewer are read at once anyway, and need no permission on ``*``."""
_BATCH_SIZE: Final = 20
_PAGE_SIZE: Final = 100
_BATCH_DENIED_SECONDS: Final = 3600.0
_VERSION_ID: Final = "uuid/"
_VALUES: Final = ("SecretString", "SecretBinary")


class SecretsManager:
    """Reads secrets by name or ARN.

    Args:
        connection: the service.
        region: AWS region, for the remedies of errors.
        prefix: put before every key.
    """

    def __init__(self, connection: Connection, region: str, prefix: str) -> None:
        self._connection = connection
        self._region = region
        self._prefix = prefix
        self._batch_denied_until = float("-inf")

    async def get(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, Fetched | Missing]:
        """Current values in batches of 20 where there are many and the credentials allow it, others one by one."""
        distinct = list(dict.fromkeys(keys))
        current = {key: self._prefix + key.key for key in distinct if not key.metadata and not key.version}
        batched = await self._batches(list(current.values()))
        found = {key: batched[name] for key, name in current.items() if name in batched}
        rest = [key for key in distinct if key not in found]
        read = await concurrently(self._get, rest, limit=CONCURRENT_CALLS)
        return {**found, **dict(zip(rest, read, strict=True))}

    async def _get(self, key: RemoteKey) -> Fetched | Missing:
        name = self._prefix + key.key
        if key.metadata:
            description = await self._describe(name)
            return Fetched(tags(description.get("Tags") or ()), _changed(description))
        return await self._value(name, key.version or CURRENT)

    async def _value(self, name: str, version: str = CURRENT) -> Fetched | Missing:
        by_id = version.startswith(_VERSION_ID)
        selector = {"VersionId": version.removeprefix(_VERSION_ID)} if by_id else {"VersionStage": version}
        subject = _secret(name) if version == CURRENT else f"{_secret(name)} in version {version!r}"
        try:
            answer = await self._connection.send(self._call("GetSecretValue", name, subject, selector, _VALUES))
        except SecretNotFound as error:
            return Missing(error.problem)
        return _fetched(answer)

    async def _describe(self, name: str) -> dict[str, Any]:
        return await self._connection.send(self._call("DescribeSecret", name, _secret(name), {}, ("ARN",)))

    def _call(
        self, operation: str, name: str, subject: str, parameters: Mapping[str, Any], expected: tuple[str, ...]
    ) -> Call:
        arn = name if name.startswith("arn:") else f"arn:*:secretsmanager:{self._region}:*:secret:{name}-??????"
        return Call("secretsmanager", operation, subject, arn, {"SecretId": name, **parameters}, expected)

    async def _batches(self, names: Sequence[str]) -> dict[str, Fetched | Missing]:
        """What batches give of the current values; names they do not answer for are left to be read one by one."""
        if len(names) < BATCH_FROM or time.monotonic() < self._batch_denied_until:
            return {}
        chunks = [names[start : start + _BATCH_SIZE] for start in range(0, len(names), _BATCH_SIZE)]
        found: dict[str, Fetched | Missing] = {}
        for chunk in await concurrently(self._batch, chunks, limit=CONCURRENT_CALLS):
            found |= chunk
        return found

    async def _batch(self, names: Sequence[str]) -> dict[str, Fetched | Missing]:
        if time.monotonic() < self._batch_denied_until:
            return {}
        subject = f"{len(names)} secrets"
        parameters = {"SecretIdList": list(names)}
        expected = ("SecretValues", "Errors")
        call = Call("secretsmanager", "BatchGetSecretValue", subject, "*", parameters, expected)
        try:
            answer = await self._connection.send(call)
        except CredentialsRefused:
            raise
        except ProviderDenied:
            self._batch_denied_until = time.monotonic() + _BATCH_DENIED_SECONDS
            return {}
        except (ProviderRefused, SecretNotFound):
            return {}  # one name may spoil it for all
        entries = answer.get("SecretValues") or ()
        by_name = {str(entry.get(field)): entry for field in ("ARN", "Name") for entry in entries}
        found: dict[str, Fetched | Missing] = {
            name: _fetched(by_name[name]) for name in names if name in by_name and _has_value(by_name[name])
        }
        for error in answer.get("Errors") or ():
            if error.get("ErrorCode") == "ResourceNotFoundException" and error.get("SecretId") in names:
                found[error["SecretId"]] = Missing(f"there is no such thing as {_secret(error['SecretId'])}")
        return found

    async def find(self, query: Find) -> Mapping[str, Fetched] | Missing:
        """By name, by tags or by both, below a path that is a prefix of names.

        As upstream, tag keys and tag values are filters of AWS: each matches by its beginning, and any value of the
        secret may match. What the credentials may not read is an error where names alone are searched, and left
        out with a path or tags (ESO v2.9.0).
        """
        if query.name is None and not query.tags:
            raise ProviderRefused("find has neither name nor tags", remedy="add name.regexp or tags")
        pattern = go_regexp.compile(query.name.regexp) if query.name is not None else None
        names = await self._list(_filters(query))
        if pattern is not None:
            names = [name for name in names if pattern.search(name)]
        found = await self._batches(names)
        rest = [name for name in names if name not in found]
        read = self._value_or_none if query.path is not None or query.name is None else self._value
        values = dict(zip(rest, await concurrently(read, rest, limit=CONCURRENT_CALLS), strict=True))
        denied = sum(value is None for value in values.values())
        if denied:
            log.warning("find leaves out %d of %d secrets that the credentials may not read", denied, len(names))
        values |= found
        ordered = ((name, values[name]) for name in names)
        return {name: value for name, value in ordered if isinstance(value, Fetched)}

    async def _value_or_none(self, name: str) -> Fetched | Missing | None:
        try:
            return await self._value(name)
        except CredentialsRefused:
            raise  # all of it is denied, and nothing of it is left out
        except ProviderDenied:
            return None

    async def _list(self, filters: Sequence[Mapping[str, Any]]) -> list[str]:
        """The names of all secrets that pass the filters and are not marked for deletion, sorted."""
        parameters: dict[str, Any] = {"MaxResults": _PAGE_SIZE, **({"Filters": list(filters)} if filters else {})}
        call = Call("secretsmanager", "ListSecrets", "the secrets of the account", "*", parameters, ("SecretList",))
        names: set[str] = set()
        async for page in self._connection.pages(call):
            names |= {entry["Name"] for entry in page.get("SecretList") or ()}
        return sorted(names)

    async def versions(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, str | Missing]:
        """From DescribeSecret, without a value; where that is denied, or does not list the version, from the value."""
        distinct = list(dict.fromkeys(keys))
        found = await concurrently(self._version, distinct, limit=CONCURRENT_CALLS)
        return dict(zip(distinct, found, strict=True))

    async def _version(self, key: RemoteKey) -> str | Missing:
        name = self._prefix + key.key
        try:
            description = await self._describe(name)
        except SecretNotFound as error:
            return Missing(error.problem)
        except ProviderDenied:
            if key.metadata:
                raise
            description = {}
        if description.get("DeletedDate"):
            return Missing(f"{_secret(name)} is marked for deletion")
        if key.metadata:
            return _changed(description)
        wanted = key.version or CURRENT
        for version, stages in (description.get("VersionIdsToStages") or {}).items():
            if wanted in stages or wanted == _VERSION_ID + version:
                return str(version)
        if description and not wanted.startswith(_VERSION_ID):
            return Missing(f"there is no such thing as {_secret(name)} in version {wanted!r}")
        fetched = await self._value(name, wanted)  # versions without a stage are not described
        return fetched if isinstance(fetched, Missing) else fetched.version


def _filters(query: Find) -> list[dict[str, Any]]:
    filters: list[dict[str, Any]] = []
    for key, value in query.tags.items():
        filters += [{"Key": "tag-key", "Values": [key]}, {"Key": "tag-value", "Values": [value]}]
    if query.path is not None:
        filters.append({"Key": "name", "Values": [query.path]})
    return filters


def _has_value(entry: Mapping[str, Any]) -> bool:
    return any(entry.get(member) is not None for member in _VALUES)


def _fetched(answer: Mapping[str, Any]) -> Fetched:
    text = answer.get("SecretString")
    value = utf8(text) if text is not None else bytes(answer["SecretBinary"])
    return Fetched(value, str(answer.get("VersionId") or ""))


def _changed(description: Mapping[str, Any]) -> str:
    changed = description.get("LastChangedDate")
    return changed.isoformat() if changed is not None else ""


def _secret(name: str) -> str:
    return f"the secret {name!r}"
