"""What mocked resources and functions answer."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsync.api import JsonObject

ACCOUNT: Final = "123456789012"
REGION: Final = "eu-central-1"

_DYNAMIC: Final = "pulumi-python:dynamic/external-secrets:"
_WEBHOOK: Final = "validate.externalsecret.external-secrets.io"
_CALLS: Final[Mapping[str, Mapping[str, Any]]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT, "userId": "U", "id": ACCOUNT},
    "aws:index/getRegion:getRegion": {"name": REGION, "region": REGION, "id": REGION},
    "aws:index/getPartition:getPartition": {"partition": "aws", "dnsSuffix": "amazonaws.com", "id": "aws"},
}


class Answers(Mocks):
    """Answers as the providers would: with the inputs, and with the outputs that the components go on to use.

    Args:
        outputs: more outputs, by the end of a type token or by the name of a resource; they win.
        calls: answers to provider functions, by token.
    """

    def __init__(
        self,
        outputs: Mapping[str, Mapping[str, Any]] | None = None,
        calls: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._outputs = dict(outputs or {})
        self._calls = {**_CALLS, **(calls or {})}

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Id and outputs of a resource."""
        known = {**args.inputs, **_usual(args)}
        for key, outputs in self._outputs.items():
            if key == args.name or args.typ.endswith(key):
                known.update(outputs)
        return str(known.pop("id", f"{args.name}-id")), known

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Answer of a provider function; empty where nobody gave one."""
        return dict(self._calls.get(args.token, {})), None


def _usual(args: MockResourceArgs) -> dict[str, Any]:
    """Outputs that a provider adds to the inputs."""
    inputs, token = args.inputs, args.typ
    if token.startswith("aws:"):
        service, _, path = token.removeprefix("aws:").partition("/")
        kind = path.partition(":")[2].lower()
        return {"arn": f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}/{inputs.get('name') or args.name}"}
    if token.startswith("kubernetes:") and isinstance(inputs.get("metadata"), dict):
        uid = hashlib.sha256(args.name.encode()).hexdigest()[:32]
        return {"metadata": {"generation": 1, "uid": uid, "name": args.name, **inputs["metadata"]}}
    if token == f"{_DYNAMIC}SyncedSecret":
        return _synced(json.loads(inputs["declaration"]))
    if token == f"{_DYNAMIC}SyncedSecretSet":
        declarations = inputs.get("declarations") or {}
        return _synced_set({name: _synced(json.loads(text)) for name, text in declarations.items()})
    if token == f"{_DYNAMIC}ReadyExternalSecrets":
        return {"ready": sorted(inputs.get("generations") or ())}
    if token == f"{_DYNAMIC}EstablishedDefinitions":
        return {"established": inputs.get("names") or []}
    if token == f"{_DYNAMIC}AnsweringWebhook":
        return {"answered": [_WEBHOOK]}
    if token == f"{_DYNAMIC}RolledOut":
        return {"dependents": inputs.get("workloads") or []}
    return {}


def _synced(declaration: JsonObject) -> dict[str, Any]:
    metadata, spec = declaration["metadata"], declaration["spec"]
    name = f"{metadata['namespace']}/{(spec.get('target') or {}).get('name') or metadata['name']}"
    keys = sorted(entry["secretKey"] for entry in spec.get("data") or ())
    digest = hashlib.sha256(json.dumps(declaration, sort_keys=True).encode()).hexdigest()
    return {"target": name, "keys": keys, "versions": {}, "fingerprint": digest, "drift": ""}


def _synced_set(made: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The same field by field, each a map by ``namespace/name``."""
    fields = {"targets": "target", "keys": "keys", "versions": "versions", "fingerprints": "fingerprint"}
    maps = {field: {name: each[one] for name, each in made.items()} for field, one in fields.items()}
    return {**maps, "problems": {}}
