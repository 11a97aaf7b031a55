"""Stores: one finding stands for all that cannot be read through them."""

from __future__ import annotations

import pytest

from secretsync.checks import Check, Options, Previous, Severity
from secretsync.errors import (
    ClusterUnavailable,
    ProviderDenied,
    ProviderUnavailable,
    SecretNotFound,
    StoreInvalid,
    StoreNotAllowed,
    StoreNotFound,
)
from secretsync.providers.protocol import Invalid
from tests.checks.scenarios import SETTLED, entries, unreachable, vault_store
from tests.checks.stage import Stage, declared, of, only

pytestmark = pytest.mark.unit

NOT_FOUND = StoreNotFound("there is no such store", place="SecretStore team/store", remedy="create it")
NOT_ALLOWED = StoreNotAllowed(
    "its conditions do not admit the namespace team", place="ClusterSecretStore shared", remedy="mend it"
)
DENIED = ProviderDenied(
    "the token does not allow read on secret/data/k", place="SecretStore team/store", remedy="mend it"
)


@pytest.mark.parametrize(
    ("previous", "options", "severity"),
    [
        (None, Options(), Severity.Unknown),
        (SETTLED, Options(), Severity.Error),
        (None, Options(makes_first=False), Severity.Error),
        (None, Options(stores=(vault_store("another"),)), Severity.Error),
    ],
    ids=["new", "settled", "nothing is made first", "all declared stores are known"],
)
async def test_a_store_that_is_not_there(previous: Previous | None, options: Options, severity: Severity) -> None:
    stage = Stage(declared(data=entries("a", "b")))
    stage.backend.open_error = NOT_FOUND
    stage.options = options
    examined = await stage.first(previous)
    found = only(examined, Check.Store, severity)
    assert found.problem.startswith("SecretStore team/store: there is no such store")
    assert found.remedy == "create it"
    assert not of(examined, Check.Key), "the store explains its entries"
    assert examined.observation is None


async def test_conditions_refuse_for_certain_only_where_the_labels_of_the_namespace_are_known() -> None:
    stage = Stage()
    stage.backend.open_error = NOT_ALLOWED
    only(await stage.first(), Check.Store, Severity.Error)
    stage.cluster = type(stage.cluster)([])
    only(await stage.first(), Check.Store, Severity.Unknown)


async def test_one_store_out_of_reach_hides_nothing_of_the_other() -> None:
    other = {"secretKey": "o", "remoteRef": {"key": "gone"}, "sourceRef": {"storeRef": {"name": "other"}}}
    stage = Stage(declared(data=[*entries("k"), other]))
    stage.backend.refused["store"] = NOT_FOUND
    examined = await stage.first(SETTLED)
    assert only(examined, Check.Store, Severity.Error).place.endswith("spec.data[0]")
    assert only(examined, Check.Key, Severity.Error).place.endswith("spec.data[1]")


async def test_a_backend_that_does_not_answer_is_unknown_and_is_not_asked_again() -> None:
    examined = await unreachable()
    found = only(examined, Check.Store, Severity.Unknown)
    assert found.problem == "SecretStore team/store: the server does not answer, so nothing of it is known"
    assert examined.observation is None, "no answer is no observation"
    assert not [finding for finding in examined.findings if finding.severity is Severity.Error]


async def test_validate_is_asked_where_no_read_is_answered_and_speaks_for_all_entries() -> None:
    stage = Stage(declared(data=entries("a", "b")))
    stage.backend.errors = {"a": DENIED, "b": DENIED}
    stage.backend.validity = Invalid("the server refuses the token")
    examined = await stage.first(SETTLED)
    found = only(examined, Check.Store, Severity.Error)
    assert "the server refuses the token" in found.problem
    assert not of(examined, Check.Permission)
    assert stage.backend.validated == 1


async def test_a_client_that_cannot_be_made_is_the_store_s_fault() -> None:
    stage = Stage()
    stage.backend.errors["k"] = DENIED
    stage.backend.validity = StoreInvalid("the login at auth/kubernetes is refused", remedy="check the role")
    found = only(await stage.first(SETTLED), Check.Store, Severity.Error)
    assert "the login at auth/kubernetes is refused" in found.problem
    assert found.remedy == "check the role"


async def test_a_defect_of_a_backend_is_a_finding_without_its_text() -> None:
    stage = Stage()
    stage.backend.errors = {"k": ValueError("hunter2")}
    stage.backend.validity = ValueError("hunter2")
    found = only(await stage.first(), Check.Store, Severity.Unknown)
    assert "the backend client failed with ValueError" in found.problem
    assert "hunter2" not in str(found)


async def test_a_valid_store_leaves_the_single_entries_to_blame() -> None:
    stage = Stage(declared(data=entries("a", "b")))
    stage.backend.errors = {"a": DENIED, "b": DENIED}
    examined = await stage.first(SETTLED)
    assert len(of(examined, Check.Permission)) == 2
    assert not of(examined, Check.Store)


async def test_a_store_that_answers_is_proven_by_that() -> None:
    stage = Stage(declared(data=entries("k", "a")))
    stage.backend.errors = {"a": DENIED}
    stage.backend.validity = Invalid("this is not asked")
    examined = await stage.first(SETTLED)
    assert stage.backend.validated == 0
    only(examined, Check.Permission, Severity.Error)


async def test_declarations_share_the_answer_about_their_store() -> None:
    stage = Stage(*(declared(f"app-{number}", data=entries(f"k{number}")) for number in range(20)))
    stage.backend.errors = {f"k{number}": DENIED for number in range(20)}
    stage.backend.validity = Invalid("the server refuses the token")
    examined = await stage.examine()
    assert stage.backend.validated == 1
    assert all(of(each, Check.Store) for each in examined.values())


async def test_a_store_that_cannot_be_looked_up_is_unknown() -> None:
    stage = Stage()
    stage.backend.open_error = ClusterUnavailable("the API server does not answer", remedy="mend it")
    found = only(await stage.first(SETTLED), Check.Store, Severity.Unknown)
    assert "cannot be looked at" in found.problem


async def test_an_outage_of_one_read_only_is_told_of_that_read() -> None:
    stage = Stage(declared(dataFrom=[{"find": {"name": {"regexp": "x"}}}]))
    stage.backend.find_error = ProviderUnavailable("throttled", remedy="mend it")
    examined = await stage.first(SETTLED)
    assert only(examined, Check.Find, Severity.Unknown).problem == "cannot be told: throttled"
    assert not of(examined, Check.Store)


async def test_that_there_is_no_such_secret_is_an_answer_and_proves_the_store() -> None:
    stage = Stage(declared(data=entries("a")))
    stage.backend.errors["a"] = SecretNotFound("there is no metadata of the secret 'a'", remedy="create it")
    only(await stage.first(SETTLED), Check.Key, Severity.Error)
    assert stage.backend.validated == 0


async def test_each_store_has_a_finding_of_its_own() -> None:
    other = {"secretKey": "o", "remoteRef": {"key": "k"}, "sourceRef": {"storeRef": {"name": "other"}}}
    shared = {"kind": "ClusterSecretStore", "name": "store"}
    wide = {"secretKey": "w", "remoteRef": {"key": "k"}, "sourceRef": {"storeRef": shared}}
    stage = Stage(declared(data=[*entries("k", "l"), other, wide]))
    refused = StoreNotFound("there is no such store", remedy="create it")
    stage.backend.refused = {"store": refused, "other": refused}
    found = [finding.problem.partition(":")[0] for finding in of(await stage.first(), Check.Store)]
    assert found == ["SecretStore team/store", "SecretStore team/other", "ClusterSecretStore store"]
