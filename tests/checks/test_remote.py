"""What is read: permission, key, version, property, value, generator; all problems at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from secretsync.access.aws import AWSAccount
from secretsync.api import SecretStore, parse
from secretsync.checks import Check, Options, Severity
from secretsync.errors import ClusterUnavailable, ProviderDenied, ProviderRefused, VersionNotFound
from tests.checks.scenarios import SETTLED, entries, vault_store
from tests.checks.stage import Stage, declared, of, only

if TYPE_CHECKING:
    from secretsync.api import Store

pytestmark = pytest.mark.unit

DENIED = ProviderDenied("the token does not allow read on secret/data/app/db", remedy="add a policy")


async def test_every_entry_is_told_of() -> None:
    missing = {"secretKey": "p", "remoteRef": {"key": "k", "property": "none"}}
    stage = Stage(declared(data=[*entries("app/db", "gone"), missing], dataFrom=[{"extract": {"key": "other"}}]))
    stage.backend.values["k"] = b"user=u"
    stage.backend.errors["app/db"] = DENIED
    examined = await stage.first(SETTLED)
    places = {(finding.check, finding.place.rpartition(", ")[2]) for finding in examined.findings}
    assert places == {
        (Check.Permission, "spec.data[0]"),
        (Check.Key, "spec.data[1]"),
        (Check.Property, "spec.data[2]"),
        (Check.Key, "spec.dataFrom[0].extract"),
    }
    assert examined.observation is None


@pytest.mark.parametrize("check", [Check.Permission, Check.Key])
async def test_what_the_program_may_make_first_is_unknown_with_the_reason(check: Check) -> None:
    stage = Stage(declared(data=entries("k", "a")))
    if check is Check.Permission:
        stage.backend.errors["a"] = DENIED
    found = only(await stage.first(), check, Severity.Unknown)
    assert found.problem.endswith("unless this program makes it first")
    stage.options = Options(makes_first=False)
    only(await stage.first(), check, Severity.Error)


async def test_a_search_that_is_denied_names_both_statements() -> None:
    stage = Stage(declared(dataFrom=[{"find": {"path": "app", "name": {"regexp": "x"}}}]))
    stage.backend.find_error = DENIED
    stage.options = Options(stores=(vault_store(),))
    found = only(await stage.first(SETTLED), Check.Permission, Severity.Error)
    assert 'path "secret/metadata/app/*" { capabilities = ["list"] }' in found.remedy
    assert 'path "secret/data/app/*" { capabilities = ["read"] }' in found.remedy


async def test_only_the_statement_of_the_denied_entry_is_named() -> None:
    stage = Stage(declared(data=entries("k", "app/db")))
    stage.backend.errors["app/db"] = DENIED
    stage.options = Options(stores=(vault_store(),))
    remedy = only(await stage.first(SETTLED), Check.Permission, Severity.Error).remedy
    assert remedy == 'grant it with path "secret/data/app/db" { capabilities = ["read"] }'


async def test_without_the_store_the_backend_s_own_remedy_counts() -> None:
    stage = Stage(declared(data=entries("k", "app/db")))
    stage.backend.errors["app/db"] = DENIED
    assert only(await stage.first(SETTLED), Check.Permission, Severity.Error).remedy == "add a policy"


async def test_a_key_that_no_policy_can_grant_narrowly_says_so() -> None:
    stage = Stage(declared(data=[*entries("k"), {"secretKey": "a", "remoteRef": {"key": "app/*"}}]))
    stage.backend.errors["app/*"] = DENIED
    stage.options = Options(stores=(vault_store(),))
    remedy = only(await stage.first(SETTLED), Check.Permission, Severity.Error).remedy
    assert "which a policy reads as a prefix" in remedy
    assert "rename the secret in the backend" in remedy


@pytest.mark.parametrize("policy", ["Merge", "Delete"])
async def test_a_missing_secret_that_may_be_missing_is_a_warning(policy: str) -> None:
    stage = Stage(declared(data=entries("k", "gone"), target={"deletionPolicy": policy}))
    examined = await stage.first()
    found = only(examined, Check.Key, Severity.Warning)
    assert f"with deletionPolicy {policy} its keys are left out" in found.problem
    assert examined.observation is not None
    assert examined.observation.keys == ("k",)


async def test_a_missing_version_names_the_current_one_and_a_missing_secret_does_not() -> None:
    data = [
        {"secretKey": "a", "remoteRef": {"key": "k", "version": "9"}},
        {"secretKey": "b", "remoteRef": {"key": "gone", "version": "9"}},
    ]
    examined = await Stage(declared(data=data)).first(SETTLED)
    version, key = only(examined, Check.Version, Severity.Error), only(examined, Check.Key, Severity.Error)
    assert "its current version is 7" in version.problem
    assert key.problem == "no gone"


async def test_a_version_error_of_the_backend_is_one_without_further_knowledge() -> None:
    stage = Stage(declared(data=[*entries("k"), {"secretKey": "a", "remoteRef": {"key": "gone", "version": "9"}}]))
    stage.backend.errors["gone"] = VersionNotFound("there is no such version", remedy="mend it")
    stage.backend.fail_versions = True
    assert only(await stage.first(), Check.Version, Severity.Error).problem == "there is no such version"


async def test_a_fixed_version_is_noted_and_a_moving_name_is_not() -> None:
    data = [
        {"secretKey": "a", "remoteRef": {"key": "k", "version": "3"}},
        {"secretKey": "b", "remoteRef": {"key": "k", "version": "AWSCURRENT"}},
        {"secretKey": "c", "remoteRef": {"key": "k", "version": "AWSPENDING"}},
    ]
    stage = Stage(declared(data=data))
    stage.backend.values |= {"k@3": b"x", "k@AWSCURRENT": b"x", "k@AWSPENDING": b"y"}
    found = of(await stage.first(), Check.Version)
    assert [(each.severity, each.place.rpartition(", ")[2]) for each in found] == [
        (Severity.Warning, "spec.data[2]"),
        (Severity.Note, "spec.data[0]"),
    ]


async def test_a_property_is_a_certain_error_even_of_a_new_declaration() -> None:
    stage = Stage(declared(data=[{"secretKey": "a", "remoteRef": {"key": "k", "property": "zzz"}}]))
    stage.backend.values["k"] = b"user=hunter2"
    found = only(await stage.first(), Check.Property, Severity.Error)
    assert found.remedy == "correct it", "nothing resembles it, so nothing is suggested"


async def test_keys_that_a_rewrite_makes_collide_are_named() -> None:
    rewrite = [{"regexp": {"source": ".*", "target": "same"}}]
    stage = Stage(declared(data=[], dataFrom=[{"extract": {"key": "k"}, "rewrite": rewrite}]))
    stage.backend.values["k"] = b"user=u,password=hunter2"
    found = only(await stage.first(), Check.Collision, Severity.Error)
    assert "'user' and 'password' both become 'same'" in found.problem


async def test_keys_with_foreign_characters_after_a_rewrite_are_named() -> None:
    rewrite = [{"regexp": {"source": "user", "target": "a b"}}]
    stage = Stage(declared(data=[], dataFrom=[{"extract": {"key": "k"}, "rewrite": rewrite}]))
    stage.backend.values["k"] = b"user=u"
    assert "'a b'" in only(await stage.first(), Check.Keys, Severity.Error).problem


async def test_data_over_data_from_is_meant_and_data_from_over_data_from_is_told() -> None:
    stage = Stage(
        declared(
            data=[{"secretKey": "user", "remoteRef": {"key": "k"}}],
            dataFrom=[{"extract": {"key": "a"}}, {"extract": {"key": "b"}}, {"extract": {"key": "a"}}],
        )
    )
    stage.backend.values = {"k": b"w", "a": b"user=u,same=s", "b": b"user=v,same=s"}
    found = of(await stage.first(), Check.Collision)
    assert [each.place.rpartition(", ")[2] for each in found] == [
        "spec.dataFrom[1].extract",
        "spec.dataFrom[2].extract",
    ]
    assert all(each.problem.startswith("user of spec.dataFrom[") for each in found), "equal values hide nothing"


async def test_a_refusal_of_another_kind_is_told_of_its_key() -> None:
    stage = Stage(declared(data=entries("k", "a")))
    stage.backend.errors["a"] = ProviderRefused("what is at a is not of a KV engine of version 2", remedy="mend it")
    only(await stage.first(SETTLED), Check.Key, Severity.Error)


async def test_a_generator_out_of_reach_is_unknown() -> None:
    ref = {"apiVersion": "generators.external-secrets.io/v1alpha1", "kind": "Password", "name": "random"}
    stage = Stage(declared(data=[], dataFrom=[{"sourceRef": {"generatorRef": ref}}]))

    def fail(verb: str, plural: str, name: str) -> None:
        if plural == "passwords":
            raise ClusterUnavailable("the API server does not answer", remedy="mend it")

    stage.cluster.before = fail
    only(await stage.first(SETTLED), Check.Generator, Severity.Unknown)
    stage.cluster.before = lambda _verb, _plural, _name: None
    only(await stage.first(), Check.Generator, Severity.Unknown)
    only(await stage.first(SETTLED), Check.Generator, Severity.Error)


async def test_the_remedy_of_an_entry_among_many_is_its_own() -> None:
    sources = [{"extract": {"key": "k"}}, {"extract": {"key": "app/one"}}, {"extract": {"key": "app/two"}}]
    stage = Stage(declared(data=[], dataFrom=sources))
    stage.backend.values["k"] = b"user=u"
    stage.backend.errors = {"app/one": DENIED, "app/two": DENIED}
    stage.options = Options(stores=(vault_store("another"), vault_store()))
    remedies = [finding.remedy for finding in of(await stage.first(SETTLED), Check.Permission)]
    assert ["app/one" in remedy for remedy in remedies] == [True, False]
    assert ["app/two" in remedy for remedy in remedies] == [False, True]


async def test_stores_of_a_cluster_and_of_a_namespace_are_two() -> None:
    shared = {"kind": "ClusterSecretStore", "name": "store"}
    stage = Stage(declared(data=entries("k", "app/db"), secretStoreRef=shared))
    stage.backend.errors["app/db"] = DENIED
    stage.options = Options(stores=(vault_store(),))
    assert only(await stage.first(SETTLED), Check.Permission, Severity.Error).remedy == "add a policy"
    stage.options = Options(stores=(vault_store(), vault_store(kind="ClusterSecretStore")))
    assert "secret/data/app/db" in only(await stage.first(SETTLED), Check.Permission, Severity.Error).remedy


async def test_a_missing_property_that_may_be_missing_is_a_warning_about_it() -> None:
    entry = {"secretKey": "own", "remoteRef": {"key": "k", "property": "absent"}}
    stage = Stage(declared(data=[*entries("l"), entry], target={"deletionPolicy": "Merge"}))
    stage.backend.values |= {"k": b"user=u", "l": b"1"}
    stage.backend.missing_properties = True
    found = only(await stage.first(), Check.Property, Severity.Warning)
    assert found.problem == "no such property; with deletionPolicy Merge its keys are left out"
    stage.declared = (declared(data=[*entries("l"), entry]),)
    assert only(await stage.first(), Check.Property, Severity.Error).problem == "no such property"


async def test_with_delete_the_end_of_the_secret_is_told() -> None:
    stage = Stage(declared(data=entries("k", "gone"), target={"deletionPolicy": "Delete"}))
    assert "without any data the Secret is deleted" in only(await stage.first(), Check.Key, Severity.Warning).problem


async def test_keys_that_a_conversion_makes_collide_are_named() -> None:
    stage = Stage(declared(data=[], dataFrom=[{"extract": {"key": "k"}}]))
    stage.backend.values["k"] = b"a b=1,a c=2,a_b=3"
    found = only(await stage.first(), Check.Collision, Severity.Error)
    assert found.problem == "conversionStrategy Default makes keys collide: 'a b' and 'a_b' both become 'a_b'"


async def test_a_rewrite_whose_template_fails_is_told_of_its_step() -> None:
    rewrite = [{"transform": {"template": '{{ fail "no" }}'}}]
    stage = Stage(declared(data=[], dataFrom=[{"extract": {"key": "k"}, "rewrite": rewrite}]))
    stage.backend.values["k"] = b"user=u"
    found = only(await stage.first(), Check.Template, Severity.Error)
    assert found.place == "ExternalSecret team/app, spec.dataFrom[0].extract"
    assert found.problem.startswith("rewrite[0], template template, line 1: ")


async def test_a_missing_secret_costs_no_further_call() -> None:
    stage = Stage(declared(data=entries("k", "gone")))
    await stage.first()
    assert stage.backend.upstream_calls == 1


def aws_store() -> Store:
    aws = {"service": "SecretsManager", "region": "eu-west-1"}
    document = {**vault_store().to_json(), "spec": {"provider": {"aws": aws}}}
    made = parse(document)
    assert isinstance(made, SecretStore)
    return made


@pytest.mark.parametrize(
    ("who", "account"),
    [
        ("arn:aws:sts::123456789012:assumed-role/eso/s", None),
        ("the credentials", AWSAccount("123456789012")),
    ],
    ids=["told by the denial", "told by the program"],
)
async def test_a_denial_of_aws_names_the_statement_with_the_account(who: str, account: AWSAccount | None) -> None:
    stage = Stage(declared(data=entries("k", "app/db")))
    problem = f"{who} may not do secretsmanager:GetSecretValue for the secret 'app/db'"
    stage.backend.errors["app/db"] = ProviderDenied(problem, remedy="allow it")
    stage.options = Options(stores=(aws_store(),), aws=account)
    assert only(await stage.first(SETTLED), Check.Permission, Severity.Error).remedy == (
        "grant it with secretsmanager:GetSecretValue on "
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-??????"
    )


@pytest.mark.parametrize(
    ("problem", "remedy"),
    [
        ("the credentials may not do secretsmanager:GetSecretValue for it", "allow it on some account"),
        ("arn:aws:sts::123456789012:assumed-role/eso/s may not do kms:Decrypt for it", "allow kms:Decrypt on the key"),
        (
            "arn:aws:sts::123456789012:assumed-role/eso/s may not do secretsmanager:GetSecretValue for it",
            "an explicit deny forbids it: exempt it",
        ),
    ],
    ids=["an account that is not known", "a key", "an explicit deny"],
)
async def test_where_a_statement_would_not_mend_it_the_backend_s_remedy_counts(problem: str, remedy: str) -> None:
    stage = Stage(declared(data=entries("k", "app/db")))
    stage.backend.errors["app/db"] = ProviderDenied(problem, remedy=remedy)
    stage.options = Options(stores=(aws_store(),))
    assert only(await stage.first(SETTLED), Check.Permission, Severity.Error).remedy == remedy
