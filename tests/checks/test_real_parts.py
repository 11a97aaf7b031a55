"""The checks before a real OpenBao and the AWS API: what is denied, and that the statement they name is what lacks."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from secretsync.api import ExternalSecret, parse
from secretsync.checks import Check, Examined, Options, Previous, Severity, examine
from secretsync.kube.fake import MemoryCluster
from secretsync.sync.fetching import FetchWindow
from secretsync.sync.stores import ClusterProviders
from tests.checks.stage import KEY, of, only
from tests.providers import vault_server
from tests.providers.vault_server import TOKEN_AUTH, Bao
from tests.providers_aws import cloud

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from secretsync.api import JsonObject, Store
    from tests.fixtures.local_parts import OpenBaoServer

pytestmark = pytest.mark.contract

SETTLED = {"ns/app": Previous(settled=True)}


@dataclass
class Preview:
    """A store and one declaration that uses it, in the namespace ``ns``."""

    store: Store
    credentials: JsonObject
    spec: dict[str, Any] = field(default_factory=dict)

    async def examine(self) -> Examined:
        metadata = {"name": "app", "namespace": "ns"}
        raw = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": metadata}
        declared = parse({**raw, "spec": {"secretStoreRef": {"name": "store"}, **self.spec}})
        assert isinstance(declared, ExternalSecret)
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns"}}
        cluster = MemoryCluster([namespace, self.credentials, self.store.to_json()])
        async with _opened(cluster) as fetches:
            examined = await examine(
                [declared],
                cluster=cluster,
                fetches=fetches,
                key=KEY,
                not_before=fetches.now(),
                previous=SETTLED,
                options=Options(stores=(self.store,)),
            )
        return examined["ns/app"]


@asynccontextmanager
async def _opened(cluster: MemoryCluster) -> AsyncIterator[FetchWindow]:
    providers = ClusterProviders(cluster)
    try:
        yield FetchWindow(providers)
    finally:
        await providers.aclose()


@pytest.fixture(scope="module")
def bao(openbao: OpenBaoServer) -> Bao:
    return Bao(openbao.address, openbao.token)


@pytest.fixture(scope="module")
def mount(bao: Bao) -> str:
    """A KV engine with three secrets, one of them in two versions."""
    mount = bao.mount()
    for name in ("app/db", "app/web", "other"):
        bao.put(mount, name, {"user": "u", "password": "hunter2"})
    bao.put(mount, "app/db", {"user": "u", "password": "hunter3"})
    return mount


def on_bao(bao: Bao, mount: str, policy: str, *data: dict[str, Any], **spec: Any) -> Preview:
    token = bao.limited_token(policy)
    store = vault_server.store(bao.address, mount, TOKEN_AUTH)
    entries = [{"secretKey": f"k{number}", "remoteRef": ref} for number, ref in enumerate(data)]
    return Preview(store, vault_server.secret("token", token=token), {"data": entries, **spec})


def granted(remedy: str) -> str:
    """The statements that a remedy names, as a policy."""
    prefix = "grant it with "
    assert remedy.startswith(prefix), remedy
    return remedy.removeprefix(prefix).replace(", path", "\npath")


def reading(mount: str, key: str) -> str:
    return f'path "{mount}/data/{key}" {{ capabilities = ["read"] }}'


async def test_one_path_is_denied_and_the_statement_named_is_the_one_that_is_missing(bao: Bao, mount: str) -> None:
    refs = ({"key": "app/db"}, {"key": "other"})
    examined = await on_bao(bao, mount, reading(mount, "app/db"), *refs).examine()
    found = only(examined, Check.Permission, Severity.Error)
    assert found.place.endswith("spec.data[1]")
    statement = granted(found.remedy)
    assert statement == reading(mount, "other")
    mended = await on_bao(bao, mount, f"{reading(mount, 'app/db')}\n{statement}", *refs).examine()
    assert not mended.findings
    assert mended.observation is not None


async def test_a_token_that_may_read_but_not_list_fails_a_search_only(bao: Bao, mount: str) -> None:
    search = [{"find": {"path": "app", "name": {"regexp": ".*"}}}]
    read = f'path "{mount}/data/app/*" {{ capabilities = ["read"] }}'
    rewrite = [{"regexp": {"source": "/", "target": "_"}}]
    search[0]["rewrite"] = rewrite  # type: ignore[assignment]
    examined = await on_bao(bao, mount, read, {"key": "app/db"}, dataFrom=search).examine()
    found = only(examined, Check.Permission, Severity.Error)
    assert found.place.endswith("spec.dataFrom[0].find")
    mended = await on_bao(bao, mount, granted(found.remedy), {"key": "app/db"}, dataFrom=search).examine()
    assert [finding.problem for finding in mended.findings] == ["matches 2: app/db, app/web"]


async def test_everything_else_that_is_wrong_comes_with_it(bao: Bao, mount: str) -> None:
    refs = (
        {"key": "app/db", "property": "pasword"},
        {"key": "app/db", "version": "9"},
        {"key": "app/none"},
        {"key": "other"},
    )
    policy = f'path "{mount}/data/app/*" {{ capabilities = ["read"] }}\n'
    policy += f'path "{mount}/metadata/app/*" {{ capabilities = ["read"] }}'
    examined = await on_bao(bao, mount, policy, *refs).examine()
    assert only(examined, Check.Property, Severity.Error).remedy == "did you mean password?"
    assert "its current version is 2" in only(examined, Check.Version, Severity.Error).problem
    assert f"{mount}/data/app/none" in only(examined, Check.Key, Severity.Error).problem
    only(examined, Check.Permission, Severity.Error)
    assert "hunter" not in repr(examined.findings)


async def test_a_token_that_the_server_does_not_know_is_one_finding_about_the_store(bao: Bao, mount: str) -> None:
    preview = on_bao(bao, mount, reading(mount, "other"), {"key": "app/db"}, {"key": "other"})
    preview.credentials = vault_server.secret("token", token="s.unknown")
    examined = await preview.examine()
    assert "refuses the token" in only(examined, Check.Store, Severity.Error).problem
    assert not of(examined, Check.Permission)


async def test_a_server_that_is_not_there_is_unknown(free_port: Callable[[], int]) -> None:
    store = vault_server.store(f"http://127.0.0.1:{free_port()}", "secret", TOKEN_AUTH)
    document = store.to_json()
    document["spec"]["retrySettings"] = {"maxRetries": 0}
    unreachable = type(store).from_json(document)
    spec = {"data": [{"secretKey": "k", "remoteRef": {"key": "x"}}]}
    examined = await Preview(unreachable, vault_server.secret("token", token="t"), spec).examine()
    only(examined, Check.Store, Severity.Unknown)
    assert examined.observation is None


async def test_the_aws_api_tells_keys_versions_and_properties(moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRETSMANAGER_ENDPOINT", moto)
    cloud.secrets_manager(moto).create_secret(Name="app/db", SecretString='{"password": "hunter2"}')
    refs = ({"key": "app/db", "property": "pasword"}, {"key": "app/db", "version": "AWSPREVIOUS"}, {"key": "none"})
    entries = [{"secretKey": f"k{number}", "remoteRef": ref} for number, ref in enumerate(refs)]
    credentials = cloud.secret("aws", id=cloud.KEY_ID, secret=cloud.SECRET_KEY)
    examined = await Preview(cloud.store(), credentials, {"data": entries}).examine()
    assert only(examined, Check.Property, Severity.Error).remedy == "did you mean password?"
    assert "the secret is there, its current version is" in only(examined, Check.Version, Severity.Error).problem
    assert "'none'" in only(examined, Check.Key, Severity.Error).problem
    assert "hunter" not in repr(examined.findings)


async def test_a_denial_of_aws_names_the_action_and_the_arn(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(operation: str, request: dict[str, Any]) -> tuple[int, object]:
        if operation != "GetSecretValue" or request["SecretId"] != "app/db":
            return 200, cloud.current(request)
        message = (
            "User: arn:aws:sts::123456789012:assumed-role/eso/session is not authorized to perform: "
            "secretsmanager:GetSecretValue on resource: app/db because no identity-based policy allows it"
        )
        return 400, cloud.error("AccessDeniedException", message)

    entries = [{"secretKey": f"k{number}", "remoteRef": {"key": key}} for number, key in enumerate(("app/db", "free"))]
    async with cloud.tricking(monkeypatch, answer):
        credentials = cloud.secret("aws", id=cloud.KEY_ID, secret=cloud.SECRET_KEY)
        examined = await Preview(cloud.store(), credentials, {"data": entries}).examine()
    remedy = only(examined, Check.Permission, Severity.Error).remedy
    assert remedy == (
        "grant it with secretsmanager:GetSecretValue on "
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-??????"
    )
