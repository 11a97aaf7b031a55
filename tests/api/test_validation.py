"""Our warnings: what works as in ESO, but not as it looks. The errors are in test_admission.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from secretsync import api
from tests.api.objects import FAKE, JsonObject, external_secret, minimal_spec, store, vault

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit


def entry(**reference: Any) -> list[JsonObject]:
    return [{"secretKey": "a", "remoteRef": {"key": "k", **reference}}]


def generator(kind: str, **spec: Any) -> JsonObject:
    return {"dataFrom": [{"sourceRef": {"generatorRef": {"kind": kind, "name": "g"}}}], **spec}


def from_entry(**fields: Any) -> JsonObject:
    return {"secretStoreRef": {"name": "vault"}, "dataFrom": [fields]}


WINDOW = {"schedule": "@daily", "duration": "1h"}
BAD_REGEXP = {"regexp": {"source": "(", "target": ""}}
REGEXP = {"regexp": {"source": "a", "target": "b"}}

CASES: dict[str, tuple[JsonObject, JsonObject, str, str]] = {
    "interval 0": (
        minimal_spec(refreshInterval="0"),
        minimal_spec(refreshInterval="1m"),
        "refreshInterval",
        "never again",
    ),
    "interval below 0": (minimal_spec(refreshInterval="-1s"), minimal_spec(), "refreshInterval", "never again"),
    "busy": (minimal_spec(refreshInterval="1ms"), minimal_spec(refreshInterval="10s"), "refreshInterval", "very often"),
    "interval without Periodic": (
        minimal_spec(refreshPolicy="OnChange", refreshInterval="1h"),
        minimal_spec(refreshPolicy="OnChange", refreshInterval="0"),
        "refreshInterval",
        "no effect with refreshPolicy OnChange",
    ),
    "windows without Periodic": (
        minimal_spec(refreshPolicy="CreatedOnce", syncWindows={"kind": "allow", "windows": [WINDOW]}),
        minimal_spec(syncWindows={"kind": "allow", "windows": [WINDOW]}),
        "syncWindows",
        "no effect",
    ),
    "no windows": (
        minimal_spec(syncWindows={"kind": "allow", "windows": []}),
        minimal_spec(syncWindows={"kind": "deny", "windows": [WINDOW]}),
        "syncWindows.windows",
        "allows every time",
    ),
    "window of no length": (
        minimal_spec(syncWindows={"kind": "allow", "windows": [WINDOW | {"duration": "0"}]}),
        minimal_spec(syncWindows={"kind": "allow", "windows": [WINDOW]}),
        "syncWindows.windows[0].duration",
        "no time",
    ),
    "Auto": (
        minimal_spec(data=entry(decodingStrategy="Auto")),
        minimal_spec(data=entry(decodingStrategy="Base64")),
        "data[0].remoteRef.decodingStrategy",
        "look like base64",
    ),
    "Auto in find": (
        from_entry(find={"path": "p", "decodingStrategy": "Auto"}),
        from_entry(find={"path": "p"}),
        "dataFrom[0].find.decodingStrategy",
        "look like base64",
    ),
    "Orphan with Delete": (
        minimal_spec(target={"creationPolicy": "Orphan", "deletionPolicy": "Delete"}),
        minimal_spec(target={"creationPolicy": "Orphan", "deletionPolicy": "Merge"}),
        "target.deletionPolicy",
        "not owned",
    ),
    "None": (
        minimal_spec(target={"creationPolicy": "None"}),
        minimal_spec(target={"creationPolicy": "Merge"}),
        "target.creationPolicy",
        "writes no data",
    ),
    "immutable": (
        minimal_spec(target={"immutable": True}),
        minimal_spec(target={"immutable": True}, refreshPolicy="CreatedOnce"),
        "target.immutable",
        "not retried",
    ),
    "other kinds": (
        minimal_spec(target={"manifest": {"apiVersion": "v1", "kind": "ConfigMap"}}),
        minimal_spec(),
        "target.manifest",
        "ConfigMap",
    ),
    "generator in data": (
        minimal_spec(data=[entry()[0] | {"sourceRef": {"generatorRef": {"kind": "UUID", "name": "g"}}}]),
        minimal_spec(data=[entry()[0] | {"sourceRef": {"storeRef": {"name": "s"}}}]),
        "data[0].sourceRef.generatorRef",
        "never been implemented",
    ),
    "no store": ({"data": entry()}, minimal_spec(), "data[0]", "no store"),
    "no store in dataFrom": ({"dataFrom": [{"extract": {"key": "k"}}]}, minimal_spec(), "dataFrom[0]", "no store"),
    "store without a name": (
        minimal_spec(secretStoreRef={"kind": "SecretStore"}),
        minimal_spec(),
        "data[0]",
        "no store",
    ),
    "store alone": (
        from_entry(sourceRef={"storeRef": {"name": "s"}}),
        from_entry(sourceRef={"storeRef": {"name": "s"}}, find={"path": "p"}),
        "dataFrom[0]",
        "fetches nothing",
    ),
    "later entry wins": (
        minimal_spec(data=entry() * 2, target={"deletionPolicy": "Delete"}),
        minimal_spec(target={"deletionPolicy": "Delete"}),
        "data[1].secretKey",
        "the later entry wins",
    ),
    "rewrite without conversion": (
        from_entry(extract={"key": "k", "conversionStrategy": "Unicode"}, rewrite=[REGEXP]),
        from_entry(extract={"key": "k"}, rewrite=[REGEXP]),
        "dataFrom[0].extract.conversionStrategy",
        "because of rewrite",
    ),
    "rotating generator": (
        generator("Password"),
        generator("Password", refreshPolicy="CreatedOnce"),
        "dataFrom[0].sourceRef.generatorRef",
        "at every refresh (each 1h0m0s)",
    ),
    "foreign generator": (
        {"dataFrom": [{"sourceRef": {"generatorRef": {"apiVersion": "x/v1", "kind": "Fake", "name": "g"}}}]},
        generator("Fake"),
        "dataFrom[0].sourceRef.generatorRef.apiVersion",
        "not the apiVersion of any generator",
    ),
    "bad find": (
        from_entry(find={"name": {"regexp": "(?<=a)"}}),
        from_entry(find={"name": {"regexp": "^a"}}),
        "dataFrom[0].find.name.regexp",
        "RE2",
    ),
    "bad rewrite": (
        from_entry(extract={"key": "k"}, rewrite=[{"regexp": {"source": "(", "target": ""}}]),
        from_entry(extract={"key": "k"}, rewrite=[REGEXP]),
        "dataFrom[0].rewrite[0].regexp.source",
        "RE2",
    ),
    "merge into nowhere": (
        from_entry(extract={"key": "k"}, rewrite=[{"merge": {"strategy": "JSON"}}]),
        from_entry(extract={"key": "k"}, rewrite=[{"merge": {"strategy": "JSON", "into": "x"}}]),
        "dataFrom[0].rewrite[0].merge.into",
        "needed with strategy JSON",
    ),
    "merge ignoring into": (
        from_entry(extract={"key": "k"}, rewrite=[{"merge": {"into": "x"}}]),
        from_entry(extract={"key": "k"}, rewrite=[{"merge": {}}]),
        "dataFrom[0].rewrite[0].merge.into",
        "no effect with strategy Extract",
    ),
}


def warnings(obj: JsonObject) -> list[api.Problem]:
    return [problem for problem in api.validate(api.parse(obj)) if problem.severity is api.Severity.warning]


@pytest.mark.parametrize("case", CASES)
def test_a_surprise_is_told_with_a_way_out(case: str) -> None:
    surprising, plain, field, message = CASES[case]
    (found,) = [problem for problem in warnings(external_secret(surprising)) if problem.field == f"spec.{field}"]
    assert message in found.message
    assert found.remedy
    assert not any(problem.field == f"spec.{field}" for problem in warnings(external_secret(plain)))


def test_a_plain_external_secret_gives_no_warning() -> None:
    assert api.validate(api.parse(external_secret(minimal_spec()))) == []


STORES: dict[str, tuple[JsonObject, JsonObject, str, str]] = {
    "plain HTTP": (
        store(vault(server="http://vault.example:8200")),
        store(vault(server="http://127.0.0.1:8200")),
        "spec.provider.vault.server",
        "unencrypted",
    ),
    "plain HTTP webhook": (
        store({"webhook": {"url": "http://h.example/{{ .remoteRef.key }}"}}),
        store({"webhook": {"url": "https://h.example"}}),
        "spec.provider.webhook.url",
        "unencrypted",
    ),
    "forward alone": (
        store(vault(forwardInconsistent=True)),
        store(vault(forwardInconsistent=True, readYourWrites=True)),
        "spec.provider.vault.forwardInconsistent",
        "without readYourWrites",
    ),
    "two ways in": (
        store(vault(auth={"tokenSecretRef": {"name": "t"}, "kubernetes": {"role": "r"}})),
        store(vault(auth={"kubernetes": {"role": "r"}})),
        "spec.provider.vault.auth.kubernetes",
        "tokenSecretRef comes first",
    ),
    "no way in": (store(vault(auth={})), store(vault()), "spec.provider.vault.auth", "no way to log in"),
    "no auth": (store({"vault": {"server": "https://v"}}), store(vault()), "spec.provider.vault.auth", "is missing"),
    "tags unused": (
        store({"aws": {"service": "SecretsManager", "region": "r", "customSessionTags": {"a": "b"}}}),
        store({"aws": {"service": "SecretsManager", "region": "r"}}),
        "spec.provider.aws.customSessionTags",
        "no effect",
    ),
    "values in the manifest": (store(FAKE), store(vault()), "spec.provider.fake", "readable to all"),
    "conditions of a SecretStore": (
        store(vault(), conditions=[{"namespaces": ["a"]}]),
        store(vault(), kind="ClusterSecretStore", conditions=[{"namespaces": ["a"]}]),
        "spec.conditions",
        "no effect on a SecretStore",
    ),
    "empty condition": (
        store(vault(), kind="ClusterSecretStore", conditions=[{}]),
        store(vault(), kind="ClusterSecretStore", conditions=[{"namespaceSelector": {}}]),
        "spec.conditions[0]",
        "admits no namespace",
    ),
}


@pytest.mark.parametrize("case", STORES)
def test_a_surprise_about_a_store_is_told(case: str) -> None:
    surprising, plain, field, message = STORES[case]
    (found,) = [problem for problem in warnings(surprising) if problem.field == field]
    assert message in found.message
    assert found.remedy
    assert not any(problem.field == field for problem in warnings(plain))


def test_a_push_secret_is_judged() -> None:
    spec = {
        "secretStoreRefs": [{"name": "a"}],
        "selector": {"secret": {"name": "s"}},
        "dataTo": [
            {"storeRef": {}},
            {"storeRef": {"name": "b"}},
            {"storeRef": {"name": "a"}, "remoteKey": "r", "rewrite": [REGEXP]},
            {
                "storeRef": {"name": "a"},
                "match": {"regexp": "("},
                "rewrite": [{"regexp": {"source": "(", "target": ""}}],
            },
        ],
    }
    obj = {"apiVersion": "external-secrets.io/v1alpha1", "kind": "PushSecret", "metadata": {"name": "p"}, "spec": spec}
    assert [problem.field for problem in api.validate(api.parse(obj))] == [
        "spec.dataTo[0].storeRef",
        "spec.dataTo[1].storeRef.name",
        "spec.dataTo[2].rewrite",
        "spec.dataTo[3].match.regexp",
        "spec.dataTo[3].rewrite[0].regexp.source",
    ]
    obj["spec"] = {"secretStoreRefs": [], "selector": {"secret": {"name": "s"}}}
    assert [problem.field for problem in api.validate(api.parse(obj))] == ["spec.secretStoreRefs"]


def remarks(folder: Path, *objects: JsonObject) -> list[str]:
    (folder / "all.json").write_text("\n".join(json.dumps(obj) for obj in objects))
    return [str(remark) for remark in api.load_manifests(["all.json"], root=folder).warnings]


def shared(name: str, policy: str, **target: str) -> JsonObject:
    return external_secret(minimal_spec(target={"name": "shared", "creationPolicy": policy, **target}), name=name)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("Owner", "Owner", "the other is refused"),
        ("Owner", "Merge", "the other is refused"),
        ("Orphan", "Orphan", "each refresh replaces"),
        ("Merge", "Merge", ""),
        ("CreateOrMerge", "Merge", ""),
    ],
)
def test_objects_that_write_the_same_secret_are_told(tmp_path: Path, first: str, second: str, message: str) -> None:
    found = remarks(tmp_path, shared("one", first), shared("two", second))
    assert [message in line and "one writes the same Secret shared" in line for line in found] == [True] * bool(message)


def test_targets_of_other_namespaces_do_not_meet(tmp_path: Path) -> None:
    other = shared("two", "Owner")
    other["metadata"]["namespace"] = "elsewhere"
    assert remarks(tmp_path, shared("one", "Owner"), other) == []


def test_overwriting_the_credentials_of_a_store_is_told(tmp_path: Path) -> None:
    login = store(vault(auth={"tokenSecretRef": {"name": "shared", "key": "token"}}))
    (found,) = remarks(tmp_path, login, shared("one", "Owner"))
    assert "is the Secret that store vault logs in with; Owner takes it over" in found
    assert remarks(tmp_path, login, shared("one", "Merge")) == []
