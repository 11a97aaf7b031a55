"""AWS Systems Manager Parameter Store: reads, searches and versions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from secretsync.errors import ProviderDenied, ProviderRefused, SecretNotFound, VersionNotFound
from secretsync.providers.aws.answers import tags, utf8
from secretsync.providers.aws.connection import CONCURRENT_CALLS, Connection
from secretsync.providers.aws.failures import Call
from secretsync.providers.concurrency import concurrently
from secretsync.providers.protocol import Fetched, Missing, RemoteKey
from secretsync.values import go_regexp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsync.api import Find

BATCH_FROM: Final = 2
"""Number of parameters from which on a batch is tried: it needs no wider permission, and the quota is small."""
_BATCH_SIZE: Final = 10
_PATH_PAGE_SIZE: Final = 10
_PAGE_SIZE: Final = 50
_BATCH_DENIED_SECONDS: Final = 3600.0


class ParameterStore:
    """Reads parameters by name or ARN, decrypted.

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

    def _name(self, key: RemoteKey) -> str:
        name = self._prefix + key.key
        return f"{name}:{key.version}" if key.version else name

    async def get(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, Fetched | Missing]:
        """Values in batches of 10; versions, tags, and what no batch answers for, one by one."""
        distinct = list(dict.fromkeys(keys))
        values = await self._values([self._name(key) for key in distinct if not key.metadata])
        tagged = [key for key in distinct if key.metadata]
        described = dict(zip(tagged, await concurrently(self._tags, tagged, limit=CONCURRENT_CALLS), strict=True))
        return {key: described[key] if key.metadata else values[self._name(key)] for key in distinct}

    async def _tags(self, key: RemoteKey) -> Fetched:
        name = self._name(key)
        parameters = {"ResourceType": "Parameter", "ResourceId": name}
        call = Call(
            "ssm", "ListTagsForResource", f"the tags of {_parameter(name)}", self._arn(name), parameters, ("TagList",)
        )
        answer = await self._connection.send(call)
        return Fetched(tags(answer["TagList"]))

    async def _values(self, names: Sequence[str], *, decrypted: bool = True) -> dict[str, Fetched | Missing]:
        """The values of parameters, by name.

        Raises:
            VersionNotFound: a parameter has no such version: a hard error, unlike a missing parameter (ESO v2.9.0).
        """
        distinct = list(dict.fromkeys(names))
        latest = [name for name in distinct if ":" not in name]  # an answer does not always say which version it is
        size = _BATCH_SIZE if len(latest) >= BATCH_FROM else 1
        chunks = [latest[start : start + size] for start in range(0, len(latest), size)]
        chunks += [[name] for name in distinct if ":" in name]

        async def read(chunk: Sequence[str]) -> dict[str, Fetched | Missing]:
            return await self._chunk(chunk, decrypted=decrypted)

        found: dict[str, Fetched | Missing] = {}
        for chunk in await concurrently(read, chunks, limit=CONCURRENT_CALLS):
            found |= chunk
        return found

    async def _chunk(self, names: Sequence[str], *, decrypted: bool) -> dict[str, Fetched | Missing]:
        found: dict[str, Fetched | Missing] = {}
        denied = False
        if len(names) > 1 and time.monotonic() >= self._batch_denied_until:
            try:
                found = await self._batch(names, decrypted=decrypted)
            except ProviderDenied:
                denied = True
            except (ProviderRefused, SecretNotFound):
                pass  # one name may spoil it for all
        for name in names:
            if name not in found:
                found[name] = await self._value(name, decrypted=decrypted)
        if denied:  # no single one was: it is the action that is not allowed, not one of the parameters
            self._batch_denied_until = time.monotonic() + _BATCH_DENIED_SECONDS
        return found

    async def _batch(self, names: Sequence[str], *, decrypted: bool) -> dict[str, Fetched | Missing]:
        parameters = {"Names": list(names), "WithDecryption": decrypted}
        call = Call("ssm", "GetParameters", f"{len(names)} parameters", self._arn("*"), parameters, ("Parameters",))
        answer = await self._connection.send(call)
        entries = {str(entry.get("Name")): entry for entry in answer.get("Parameters") or ()}
        found: dict[str, Fetched | Missing] = {name: _fetched(entries[name]) for name in names if name in entries}
        gone = set(names).intersection(answer.get("InvalidParameters") or ())
        return found | {name: Missing(f"there is no such thing as {_parameter(name)}") for name in gone}

    async def _value(self, name: str, *, decrypted: bool) -> Fetched | Missing:
        parameters = {"Name": name, "WithDecryption": decrypted}
        try:
            answer = await self._connection.send(
                Call("ssm", "GetParameter", _parameter(name), self._arn(name), parameters, ("Parameter",))
            )
        except SecretNotFound as error:
            return Missing(error.problem)
        return _fetched(answer["Parameter"])

    def _arn(self, name: str) -> str:
        if name.startswith("arn:"):
            return name
        return f"arn:*:ssm:{self._region}:*:parameter/{name.partition(':')[0].removeprefix('/')}"

    async def find(self, query: Find) -> Mapping[str, Fetched] | Missing:
        """By name below a path, or by tags that a parameter has all of; name wins (ESO v2.9.0)."""
        if query.name is not None:
            pattern = go_regexp.compile(query.name.regexp)
            path = query.path if query.path is not None else "/"
            try:
                found = await self._by_path(path)
            except ProviderDenied:
                names = await self._described([_below(path)])
                return await self._existing([name for name in names if pattern.search(name)])
            return {name: fetched for name, fetched in found.items() if pattern.search(name)}
        if "tags" not in query.model_fields_set:
            raise ProviderRefused("find has neither name nor tags", remedy="add name.regexp or tags")
        filters = [{"Key": f"tag:{key}", "Option": "Equals", "Values": [tag]} for key, tag in query.tags.items()]
        if query.path is not None:
            filters.append(_below(query.path))
        return await self._existing(await self._described(filters))

    async def _by_path(self, path: str) -> dict[str, Fetched]:
        parameters = {"Path": path, "Recursive": True, "WithDecryption": True, "MaxResults": _PATH_PAGE_SIZE}
        call = Call("ssm", "GetParametersByPath", f"the path {path!r}", self._arn(path), parameters, ("Parameters",))
        found: dict[str, Fetched] = {}
        async for page in self._connection.pages(call):
            found |= {entry["Name"]: _fetched(entry) for entry in page.get("Parameters") or ()}
        return found

    async def _described(self, filters: Sequence[Mapping[str, Any]]) -> list[str]:
        parameters: dict[str, Any] = {"ParameterFilters": list(filters), "MaxResults": _PAGE_SIZE}
        call = Call("ssm", "DescribeParameters", "the parameters of the account", "*", parameters, ("Parameters",))
        names: set[str] = set()
        async for page in self._connection.pages(call):
            names |= {entry["Name"] for entry in page.get("Parameters") or ()}
        return sorted(names)

    async def _existing(self, names: Sequence[str]) -> dict[str, Fetched]:
        values = await self._values(names)
        return {name: value for name, value in values.items() if isinstance(value, Fetched)}

    async def versions(self, keys: Sequence[RemoteKey]) -> Mapping[RemoteKey, str | Missing]:
        """From the parameters as they are stored: SecureStrings stay encrypted, plain ones come along and are dropped.

        The one call that names versions without any value, DescribeParameters, is allowed on all parameters or none.
        Tags have no version.
        """
        distinct = list(dict.fromkeys(keys))
        latest = {key: self._name(key) for key in distinct if not key.version and not key.metadata}
        values = await self._values(list(latest.values()), decrypted=False)
        found = {key: _version_of(values[name]) for key, name in latest.items()}
        rest = [key for key in distinct if key not in found]
        return {
            **found,
            **dict(zip(rest, await concurrently(self._version, rest, limit=CONCURRENT_CALLS), strict=True)),
        }

    async def _version(self, key: RemoteKey) -> str | Missing:
        try:
            fetched = await (self._tags(key) if key.metadata else self._value(self._name(key), decrypted=False))
        except (SecretNotFound, VersionNotFound) as error:
            return Missing(error.problem)
        return _version_of(fetched)


def _version_of(fetched: Fetched | Missing) -> str | Missing:
    return fetched if isinstance(fetched, Missing) else fetched.version


def _below(path: str) -> dict[str, Any]:
    return {"Key": "Path", "Option": "Recursive", "Values": [path]}


def _fetched(entry: Mapping[str, Any]) -> Fetched:
    return Fetched(utf8(entry["Value"]), str(entry.get("Version") or ""))


def _parameter(name: str) -> str:
    return f"the parameter {name!r}"
