"""What a preview does not know yet: no rule fails on it or takes it for a fault, none overlooks what is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pulumi_policy.proxy import UNKNOWN_OBJECT_VALUE

from policies.inputs import UNKNOWN
from tests.policy.cases import CASES
from tests.policy.places import changed, dotted, everywhere
from tests.policy.resources import VAULT as VAULT_PROVIDER
from tests.policy.resources import Given, external_secret, store, violations
from tests.policy.test_rules import BY_NAME

if TYPE_CHECKING:
    from pulumi_policy import ResourceValidationPolicy

pytestmark = pytest.mark.policy

NAMES = sorted(CASES)


def _unknown(_value: object) -> str:
    return UNKNOWN


def _findings(policy: ResourceValidationPolicy, given: Given) -> dict[str, list[str]]:
    """What a rule says where one place after the other is unknown, by the place."""
    found = {dotted(path): violations(policy, changed(given, path, _unknown)) for path in everywhere(given.inputs)}
    return {place: messages for place, messages in found.items() if messages}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_complies_is_flagged_wherever_something_is_unknown(name: str) -> None:
    found = {index: _findings(BY_NAME[name], given) for index, given in enumerate(CASES[name].compliant)}
    assert {index: each for index, each in found.items() if each} == {}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_broken_never_gets_more_findings_by_what_is_unknown(name: str) -> None:
    for each in CASES[name].broken:
        for place, messages in _findings(BY_NAME[name], each.given).items():
            assert len(messages) == 1, f"{each.how}, {place} unknown: {messages}"
            assert UNKNOWN not in messages[0], f"{each.how}, {place} unknown"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_known_is_judged_beside_what_is_unknown(name: str) -> None:
    for each in CASES[name].broken:
        given = Given(**{**_fields(each.given), "inputs": {**each.given.inputs, "elsewhere": UNKNOWN_OBJECT_VALUE}})
        messages = violations(BY_NAME[name], given)
        expected = 2 if name == "synced-secret-state" else 1  # it knows every input by name
        assert len(messages) == expected, each.how


def _fields(given: Given) -> dict[str, Any]:
    return {name: getattr(given, name) for name in given.__slots__}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        (
            "vault-address-https",
            store({"vault": {**VAULT_PROVIDER, "server": "http://vault.test", "caBundle": UNKNOWN}}),
        ),
        ("vault-address-https", store({"vault": {**VAULT_PROVIDER, "server": "http://v.test", "auth": UNKNOWN}})),
        (
            "cluster-store-conditions",
            store({"vault": {**VAULT_PROVIDER, "auth": UNKNOWN}}, kind="ClusterSecretStore"),
        ),
        (
            "refresh-interval-floor",
            external_secret(refreshInterval="1s", data=[{"secretKey": "k", "remoteRef": UNKNOWN}, UNKNOWN]),
        ),
        ("refresh-interval-floor", external_secret(refreshInterval="1s", target=UNKNOWN, secretStoreRef=UNKNOWN)),
        (
            "declarations-admissible",
            external_secret(target={"creationPolicy": "Merge", "deletionPolicy": "Delete"}, data=UNKNOWN),
        ),
        (
            "secret-type-allow-list",
            external_secret(refreshInterval=UNKNOWN, target={"template": {"type": "own/type", "data": {"a": UNKNOWN}}}),
        ),
    ],
)
def test_a_declaration_with_a_fault_is_found_beside_an_unknown_field(name: str, given: Given) -> None:
    assert len(violations(BY_NAME[name], given)) == 1
