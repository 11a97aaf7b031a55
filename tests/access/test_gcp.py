"""The compiler for Google Cloud Secret Manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from secretsync.access.gcp import ACCESSOR, VIEWER, GCPAccess, compile_gcp
from secretsync.access.refusals import AccessRefused
from secretsync.errors import StoreInvalid
from tests.access.builders import declared, entry, secrets_manager, store

if TYPE_CHECKING:
    from secretsync.api import ExternalSecret

pytestmark = pytest.mark.unit

PROJECT = "projects/my-project"
DB = f"{PROJECT}/secrets/db"
OF_DB = 'resource.name.extract("/secrets/{name}/versions/") == "db"'
FIND = "ExternalSecret demo/e, spec.dataFrom[0].find"


def compiled(external_secret: ExternalSecret, *, config: dict[str, Any] | None = None, **options: Any) -> GCPAccess:
    return compile_gcp(store("gcpsm", **{"projectID": "my-project", **(config or {})}), [external_secret], **options)


def bound(external_secret: ExternalSecret, **options: Any) -> list[tuple[str, str, str]]:
    return [(each.secret, each.role, each.condition) for each in compiled(external_secret, **options).bindings]


def refused(external_secret: ExternalSecret, **options: Any) -> dict[str, str]:
    with pytest.raises(AccessRefused) as caught:
        compiled(external_secret, **options)
    return {refusal.place: refusal.problem for refusal in caught.value.refusals}


def test_a_key_is_bound_to_its_secret() -> None:
    access = compiled(declared("db", {"key": "db", "property": "user"}))
    (binding,) = access.bindings
    assert (binding.secret, binding.role, binding.condition) == (DB, ACCESSOR, OF_DB)
    assert binding.reasons == (entry(0), entry(1))


def test_a_pinned_version_is_bound_to_that_version() -> None:
    pinned = 'resource.name.endsWith("/secrets/db/versions/5")'
    assert bound(declared({"key": "db", "version": "5"})) == [(DB, ACCESSOR, pinned)]


@pytest.mark.parametrize("version", ["latest", "stable"])
def test_what_moves_from_version_to_version_is_bound_to_the_secret(version: str) -> None:
    assert bound(declared({"key": "db", "version": version})) == [(DB, ACCESSOR, OF_DB)]


def test_a_version_of_a_secret_that_is_bound_anyway_needs_nothing_more() -> None:
    access = compiled(declared("db", {"key": "db", "version": "5"}))
    assert [each.condition for each in access.bindings] == [OF_DB]
    assert access.bindings[0].reasons == (entry(0), entry(1))


def test_metadata_is_viewed_and_not_accessed() -> None:
    assert bound(declared({"key": "db", "metadataPolicy": "Fetch"})) == [(DB, VIEWER, "")]


def test_an_older_version_that_stands_in_has_to_be_listed() -> None:
    found = bound(declared("db"), config={"secretVersionSelectionPolicy": "LatestOrFetch"})
    assert found == [(DB, ACCESSOR, OF_DB), (DB, VIEWER, "")]


def test_regional_secrets_have_their_location_in_the_name() -> None:
    (binding,) = bound(declared("db"), config={"location": "europe-west3"})
    assert binding[0] == f"{PROJECT}/locations/europe-west3/secrets/db"


def test_the_project_may_be_given_where_the_store_names_none() -> None:
    assert bound(declared("db"), config={"projectID": ""}, project="other-1")[0][0] == "projects/other-1/secrets/db"


def test_a_search_needs_the_scope_of_the_project() -> None:
    external_secret = declared("other", find=[{"name": {"regexp": "^team-"}}])
    assert "secrets are listed in a whole project" in refused(external_secret)[FIND]
    begins = 'resource.name.extract("/secrets/{name}/versions/").startsWith("team-")'
    assert bound(external_secret, project_scope=True) == [
        (PROJECT, ACCESSOR, begins),
        (PROJECT, VIEWER, ""),
        (f"{PROJECT}/secrets/other", ACCESSOR, OF_DB.replace('"db"', '"other"')),
    ]


def test_a_search_that_has_no_beginning_opens_the_project_and_says_so() -> None:
    access = compiled(declared("db", find=[{"name": {"regexp": "db"}}]), project_scope=True)
    assert [(each.secret, each.role) for each in access.bindings] == [(PROJECT, ACCESSOR), (PROJECT, VIEWER)]
    assert set(access.bindings[0].reasons) == {entry(0), FIND}
    assert access.notes == (f"{FIND}: every secret of {PROJECT} may be read",)


@pytest.mark.parametrize(
    ("find", "begins", "notes"),
    [
        ({"name": {"regexp": "^team-"}}, "team-", 0),
        ({"path": "team-", "name": {"regexp": ".*"}}, "team-", 0),
        ({"path": "team-", "name": {"regexp": "db"}}, "team-", 1),
        ({"path": "team-", "tags": {"a": "b"}}, "team-", 1),
        ({"name": {"regexp": "^team-[0-9]"}}, "team-", 1),
        ({"name": {"regexp": "^team-.*-db$"}}, "team-", 1),
    ],
)
def test_a_search_is_narrowed_by_how_names_begin(find: dict[str, Any], begins: str, notes: int) -> None:
    access = compiled(declared(find=[find]), project_scope=True)
    assert access.bindings[0].condition.endswith(f'.startsWith("{begins}")')
    assert len(access.notes) == notes


def test_a_search_for_single_names_opens_just_those() -> None:
    access = compiled(declared(find=[{"name": {"regexp": "^db$"}}]), project_scope=True)
    assert [(each.role, each.condition) for each in access.bindings] == [(ACCESSOR, OF_DB), (VIEWER, "")]
    assert not access.notes


@pytest.mark.parametrize(
    "find",
    [
        {"path": "a", "name": {"regexp": "^b"}},
        {"path": 'a"', "name": {"regexp": ".*"}},
        {"name": {"regexp": '^a"'}},
    ],
)
def test_a_search_that_finds_nothing_is_refused(find: dict[str, Any]) -> None:
    assert "no name can match" in refused(declared(find=[find]), project_scope=True)[FIND]


def test_a_search_that_is_no_regular_expression_is_refused() -> None:
    found = refused(declared(find=[{"name": {"regexp": "("}}]), project_scope=True)
    assert found == {FIND: '"(" is not a regular expression'}


def test_all_keys_that_cannot_be_granted_are_refused_at_once() -> None:
    found = refused(declared("good", "a/b", 'a"b', "*", {"key": "db", "version": '5"'}))
    assert list(found) == [entry(1), entry(2), entry(3), entry(4)]


@pytest.mark.parametrize("config", [{"projectID": ""}, {"projectID": "x/y"}, {"location": "*"}])
def test_a_store_without_a_place_is_refused(config: dict[str, str]) -> None:
    assert list(refused(declared("db"), config=config)) == ["SecretStore demo/s"]


def test_other_stores_are_sent_elsewhere() -> None:
    with pytest.raises(StoreInvalid, match="is not a gcpsm store"):
        compile_gcp(secrets_manager(), [])
