"""One situation for each check, in which it has something to say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from secretsync.api import ExternalSecret, parse
from secretsync.checks import Check, Examined, Options, Previous, conflicts
from secretsync.errors import (
    ProviderDenied,
    ProviderUnavailable,
    StoreNotAllowed,
)
from secretsync.kube.resources import SECRETS
from tests.checks.stage import NAMESPACE, Stage, declared, secret

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from secretsync.api import Store

SETTLED: Final = Previous("team/app", ("own",), {"SecretStore/store k": "1"}, settled=True)


def entries(*names: str) -> list[dict[str, Any]]:
    """A ``data`` entry for each remote key, under the last part of its path."""
    return [{"secretKey": name.rpartition("/")[2], "remoteRef": {"key": name}} for name in names]


def template(**parts: Any) -> dict[str, Any]:
    """A target with a template."""
    return {"template": parts}


def vault_store(name: str = "store", kind: str = "SecretStore") -> Store:
    """A declared store of the vault provider."""
    vault = {"server": "https://vault.example", "path": "secret", "auth": {"tokenSecretRef": {"name": "t", "key": "t"}}}
    store = parse(
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": kind,
            "metadata": {"name": name, **({"namespace": NAMESPACE} if kind == "SecretStore" else {})},
            "spec": {"provider": {"vault": vault}},
        }
    )
    assert not isinstance(store, ExternalSecret)
    return store  # type: ignore[return-value]


def deployment() -> dict[str, Any]:
    """A workload that takes the Secret ``app`` into its environment."""
    container = {"name": "web", "image": "web", "envFrom": [{"secretRef": {"name": "app"}}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": NAMESPACE},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


async def declaration() -> Examined:
    return await Stage(declared(secretStoreRef=None)).first()


async def store() -> Examined:
    stage = Stage()
    stage.backend.open_error = StoreNotAllowed(
        "its conditions do not admit the namespace team",
        place="SecretStore team/store",
        remedy="add the namespace to spec.conditions of the store",
    )
    return await stage.first()


async def permission() -> Examined:
    stage = Stage(declared(data=entries("app/db", "k")))
    denied = ProviderDenied(
        "the token does not allow read on secret/data/app/db", place="SecretStore team/store", remedy="mend it"
    )
    stage.backend.errors["app/db"] = denied
    stage.options = Options(stores=(vault_store(),))
    return await stage.first(SETTLED)


async def key() -> Examined:
    return await Stage(declared(data=entries("app/db", "k"))).first(SETTLED)


async def property_() -> Examined:
    remote = {"key": "k", "property": "pasword"}
    stage = Stage(declared(data=[{"secretKey": "own", "remoteRef": remote}]))
    stage.backend.values["k"] = b"user=u,password=hunter2"
    return await stage.first()


async def version() -> Examined:
    return await Stage(declared(data=[{"secretKey": "own", "remoteRef": {"key": "k", "version": "9"}}])).first()


async def value() -> Examined:
    return await Stage(
        declared(data=[{"secretKey": "own", "remoteRef": {"key": "k", "decodingStrategy": "Base64"}}])
    ).first()


async def generator() -> Examined:
    ref = {"apiVersion": "generators.external-secrets.io/v1alpha1", "kind": "Password", "name": "random"}
    return await Stage(declared(dataFrom=[{"sourceRef": {"generatorRef": ref}}])).first(SETTLED)


async def find() -> Examined:
    stage = Stage(declared(data=[], dataFrom=[{"find": {"name": {"regexp": "^app-"}}}]))
    stage.backend.values = {"app-a": b"1", "app-c": b"2"}
    before = {"SecretStore/store app-a": "1", "SecretStore/store app-b": "1"}
    return await stage.first(Previous("team/app", ("app-a", "app-b"), before, settled=True))


async def template_() -> Examined:
    return await Stage(declared(target=template(data={"url": "host={{ .host }}\npassword={{ .pasword }}"}))).first()


async def keys() -> Examined:
    return await Stage(declared(target=template(data={"größe": "{{ .own }}"}))).first()


async def collision() -> Examined:
    stage = Stage(declared(data=[], dataFrom=[{"extract": {"key": "a"}}, {"extract": {"key": "b"}}]))
    stage.backend.values = {"a": b"user=u,password=p", "b": b"password=q"}
    return await stage.first()


async def size() -> Examined:
    stage = Stage()
    stage.backend.values["k"] = b"x" * (1024 * 1024 + 1)
    return await stage.first()


async def type_() -> Examined:
    return await Stage(declared(target=template(type="kubernetes.io/tls", data={"tls.crt": "{{ .own }}"}))).first()


async def immutable() -> Examined:
    stage = Stage()
    await stage.write()
    await stage.cluster.merge_patch(SECRETS, "app", NAMESPACE, {"immutable": True}, field_manager="kubectl-edit")
    stage.backend.values["k"] = b"another"
    return await stage.first()


async def namespace() -> Examined:
    stage = Stage()
    stage.cluster = type(stage.cluster)([])
    return await stage.first(SETTLED)


async def target() -> Examined:
    return await Stage(declared(target={"creationPolicy": "Merge"})).first()


async def owner() -> Examined:
    reference = {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "name": "sealed",
        "uid": "u",
        "controller": True,
    }
    return await Stage(objects=[secret("app", {"own": b"x"}, ownerReferences=[reference])]).first()


async def takeover() -> Examined:
    helm = {"meta.helm.sh/release-name": "shop"}
    return await Stage(objects=[secret("app", {"license": b"x"}, annotations=helm)]).first()


async def conflict() -> Examined:
    findings = conflicts([declared("app"), declared("other", target={"name": "app"})])
    return Examined(findings, None)


async def volatile() -> Examined:
    return await Stage(declared(target=template(data={"id": "{{ .own }}-{{ uuidv4 }}"}))).first()


async def deletion() -> Examined:
    stage = Stage(declared(target={"deletionPolicy": "Delete"}))
    await stage.write()
    stage.backend.values.clear()
    return await stage.first()


async def workloads() -> Examined:
    stage = Stage(objects=[deployment()])
    await stage.write()
    stage.backend.values["k"] = b"rotated"
    return await stage.first()


async def unreachable() -> Examined:
    stage = Stage()
    stage.backend.errors["k"] = ProviderUnavailable(
        "the server does not answer", place="SecretStore team/store", remedy="mend it"
    )
    return await stage.first(SETTLED)


SCENARIOS: Final[dict[Check, Callable[[], Awaitable[Examined]]]] = {
    Check.Declaration: declaration,
    Check.Store: store,
    Check.Permission: permission,
    Check.Key: key,
    Check.Property: property_,
    Check.Version: version,
    Check.Value: value,
    Check.Generator: generator,
    Check.Find: find,
    Check.Template: template_,
    Check.Keys: keys,
    Check.Collision: collision,
    Check.Size: size,
    Check.Type: type_,
    Check.Immutable: immutable,
    Check.Namespace: namespace,
    Check.Target: target,
    Check.Owner: owner,
    Check.Takeover: takeover,
    Check.Conflict: conflict,
    Check.Volatile: volatile,
    Check.Deletion: deletion,
    Check.Workloads: workloads,
}
