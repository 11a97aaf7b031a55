from __future__ import annotations

from typing import Any

import pytest

from secretsync.errors import SecretSyncError
from tests.values.recorded_cases import cases, expected_data, is_about_values, values_of

pytestmark = pytest.mark.unit

_PLAIN_AREAS = cases(
    *("data_property_vault", "data_property_fake", "data_property_aws", "data_whole", "extract"),
    *("decoding", "conversion", "rewrite"),
)
_KUBERNETES = [
    case
    for case in cases("kubernetes")
    if case["name"].startswith(("kubernetes-property-", "kubernetes-whole-", "kubernetes-extract-"))
]
_VAULT = [
    case for case in cases("vault") if case["name"].startswith(("vault-extract-", "vault-property-", "vault-null"))
]
_CASES = [case for case in [*_PLAIN_AREAS, *_KUBERNETES, *_VAULT] if is_about_values(case)]


def test_most_recorded_cases_are_about_values_alone() -> None:
    assert len(_CASES) >= 280


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in _CASES])
def test_recorded_case_gives_the_recorded_bytes(case: dict[str, Any]) -> None:
    expected = expected_data(case)
    if expected is None:
        with pytest.raises(SecretSyncError):
            values_of(case)
    else:
        assert values_of(case) == expected
