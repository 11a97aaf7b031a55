"""Stores and declarations for the tests of the compilers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretsync.access.aws import AWSAccount
from secretsync.api import ExternalSecret, PushSecret, SecretStore, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ACCOUNT = "111122223333"
REGION = "us-west-2"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:"
PARAMETER = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def account(**changes: Any) -> AWSAccount:
    return AWSAccount(**{"account": ACCOUNT, **changes})


def store(provider: str, **config: Any) -> SecretStore:
    parsed = parse(
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "SecretStore",
            "metadata": {"name": "s", "namespace": "demo"},
            "spec": {"provider": {provider: config}},
        }
    )
    assert isinstance(parsed, SecretStore)
    return parsed


def secrets_manager(**config: Any) -> SecretStore:
    return store("aws", **{"service": "SecretsManager", "region": REGION, **config})


def parameter_store(**config: Any) -> SecretStore:
    return store("aws", **{"service": "ParameterStore", "region": REGION, **config})


def declared(
    *refs: str | Mapping[str, Any],
    find: Sequence[Mapping[str, Any]] = (),
    extract: Sequence[str] = (),
    name: str = "e",
    **metadata: Any,
) -> ExternalSecret:
    """An ExternalSecret with these keys, or remoteRefs, as data."""
    parsed = parse(
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": name, "namespace": "demo", **metadata},
            "spec": {
                "secretStoreRef": {"name": "s", "kind": "SecretStore"},
                "data": [
                    {"secretKey": f"k{index}", "remoteRef": {"key": ref} if isinstance(ref, str) else dict(ref)}
                    for index, ref in enumerate(refs)
                ],
                "dataFrom": [*({"extract": {"key": key}} for key in extract), *({"find": dict(each)} for each in find)],
            },
        }
    )
    assert isinstance(parsed, ExternalSecret)
    return parsed


def pushed(*keys: str, metadata: Mapping[str, Any] | None = None, **spec: Any) -> PushSecret:
    """A PushSecret that writes these keys to the store of `declared`."""
    match = [{"match": {"secretKey": "k", "remoteRef": {"remoteKey": key}}, "metadata": metadata} for key in keys]
    parsed = parse(
        {
            "apiVersion": "external-secrets.io/v1alpha1",
            "kind": "PushSecret",
            "metadata": {"name": "p", "namespace": "demo"},
            "spec": {
                "secretStoreRefs": [{"name": "s"}],
                "selector": {"secret": {"name": "x"}},
                "data": match,
                **spec,
            },
        }
    )
    assert isinstance(parsed, PushSecret)
    return parsed


def entry(index: int) -> str:
    """The reason of a data entry of `declared`."""
    return f"ExternalSecret demo/e, spec.data[{index}]"
