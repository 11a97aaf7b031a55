"""What the tests of access share: the judge of IAM policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.access.evaluator import Evaluator, EvaluatorUnavailable, installed

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def iam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluator]:
    """The evaluator; where it cannot be had, the test fails with the reason."""
    try:
        folder = installed()
    except EvaluatorUnavailable as error:
        pytest.fail(str(error), pytrace=False)
    with (tmp_path_factory.mktemp("iam") / "stderr").open("w+") as errors:
        evaluator = Evaluator(folder, errors)
        yield evaluator
        evaluator.close()
