"""Documents, their size, and how they are split."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.access.refusals import AccessRefused
from secretsync.access.requirements import Requirement, as_statements
from secretsync.access.statements import MANAGED_POLICY_LIMIT, Statement, document, size, split

pytestmark = pytest.mark.unit

READ = Statement("Read", ("s:Get", "s:Describe"), ("arn:b", "arn:a"), reasons=("x",))
WORDS = {"s:Get": "Read", "s:List": "List"}


def decrypting(*contexts: str) -> Statement:
    conditions: dict[str, dict[str, tuple[str, ...]]] = {
        "StringEquals": {"via": ("v",)},
        "StringLike": {"context": contexts},
    }
    why = {each: (each,) for each in contexts}
    return Statement("Decrypt", ("kms:Decrypt",), ("arn:key",), conditions, tuple(sorted(contexts)), why=why)


def test_a_document_is_written_as_iam_reads_it() -> None:
    assert json.loads(document([READ, decrypting("c")])) == {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "Read", "Effect": "Allow", "Action": ["s:Get", "s:Describe"], "Resource": ["arn:b", "arn:a"]},
            {
                "Sid": "Decrypt",
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": "arn:key",
                "Condition": {"StringEquals": {"via": "v"}, "StringLike": {"context": "c"}},
            },
        ],
    }


def test_the_size_leaves_out_white_space() -> None:
    assert size([READ]) == len("".join(document([READ]).split()))


def test_what_fits_stays_together() -> None:
    assert split([READ, decrypting("c")]) == ((READ, decrypting("c")),)
    assert split([]) == ()


@given(
    resources=st.lists(st.text(alphabet="abc/", min_size=1, max_size=60), min_size=1, max_size=40, unique=True),
    contexts=st.lists(st.text(alphabet="abc*", min_size=1, max_size=60), min_size=1, max_size=40, unique=True),
    limit=st.integers(min_value=420, max_value=1500),
)
def test_a_split_grants_the_same_within_the_limit(resources: list[str], contexts: list[str], limit: int) -> None:
    why = {resource: (resource,) for resource in resources}
    read = Statement("Read", ("s:Get",), tuple(resources), {}, tuple(sorted(resources)), why=why)
    decrypt = decrypting(*contexts)
    documents = split([read, decrypt], limit)
    assert all(0 < size(each) <= limit for each in documents)
    every = [statement for each in documents for statement in each]
    assert [one for each in every if each.sid == "Read" for one in each.resources] == resources
    parts = [each for each in every if each.sid == "Decrypt"]
    assert [one for each in parts for one in each.conditions["StringLike"]["context"]] == contexts
    assert all(each.conditions["StringEquals"] == {"via": ("v",)} and each.resources == ("arn:key",) for each in parts)
    for each in every:
        assert set(each.reasons) == {reason for reasons in each.why.values() for reason in reasons}
    assert all(len({each.sid for each in document_}) == len(document_) for document_ in documents)


def test_documents_are_filled() -> None:
    resources = tuple(
        f"arn:aws:secretsmanager:us-west-2:111122223333:secret:name-{number:04}-??????" for number in range(500)
    )
    documents = split([Statement("Read", ("secretsmanager:GetSecretValue",), resources)])
    longest = max(map(len, resources)) + 4
    assert all(size(each) > MANAGED_POLICY_LIMIT - longest for each in documents[:-1])


@pytest.mark.parametrize(
    "statement",
    [
        Statement("One", ("s:Get",), ("a" * 7000,)),
        Statement("Several", ("s:Get",), ("a" * 7000, "b")),
        Statement("Not", ("s:Get",), ("a",), {"StringNotEquals": {"k": ("a" * 4000, "b" * 4000)}}),
        Statement("All", ("s:Get",), ("a",), {"ForAllValues:StringEquals": {"k": ("a" * 4000, "b" * 4000)}}),
    ],
    ids=lambda statement: statement.sid,
)
def test_what_cannot_be_divided_without_a_change_of_meaning_is_refused(statement: Statement) -> None:
    with pytest.raises(AccessRefused, match="alone exceeds the 6144 characters"):
        split([READ, statement])


# ------------------------------------------------------------------------------------------------------ requirements


def test_requirements_of_one_kind_become_one_statement_with_the_reasons_of_each_resource() -> None:
    needed = [Requirement("s:Get", "b", "x"), Requirement("s:Get", "a", "y"), Requirement("s:Get", "a", "x")]
    (statement,) = as_statements(needed, WORDS)
    assert (statement.sid, statement.resources, statement.reasons) == ("Read", ("a", "b"), ("x", "y"))
    assert statement.why == {"a": ("x", "y"), "b": ("x",)}


def test_actions_that_stand_alone_do_so_on_the_same_resource() -> None:
    needed = [Requirement("s:List", "*", "x"), Requirement("s:Get", "*", "y")]
    assert [each.sid for each in as_statements(needed, WORDS)] == ["ReadAndList"]
    assert [each.sid for each in as_statements(needed, WORDS, alone={"s:List"})] == ["Read", "List"]


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        (Requirement("s:Get", "ab", "in"), Requirement("s:Get", "a*", "out")),
        (Requirement("s:Get", "ab*", "in"), Requirement("s:Get", "a*", "out")),
        (Requirement("s:Get", "a*", "in", (("t", "1"),)), Requirement("s:Get", "a*", "out")),
        (Requirement("s:Get", "ab", "in", (("t", "1"), ("u", "2"))), Requirement("s:Get", "ab", "out", (("t", "1"),))),
        (Requirement("s:Get", "a-123456", "in"), Requirement("s:Get", "a-??????", "out")),
    ],
)
def test_what_is_inside_another_grant_is_not_granted_again(inner: Requirement, outer: Requirement) -> None:
    for needed in ([inner, outer], [outer, inner]):
        (statement,) = as_statements(needed, WORDS)
        assert statement.resources == (outer.resource,)
        assert statement.reasons == ("in", "out")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Requirement("s:Get", "a", "x"), Requirement("s:List", "a*", "y")),
        (Requirement("s:Get", "a", "x"), Requirement("s:Get", "a*", "y", (("t", "1"),))),
        (Requirement("s:Get", "ab*", "x"), Requirement("s:Get", "*b", "y")),
        (Requirement("s:Get", "a", "x", (("t", "1"),)), Requirement("s:Get", "a", "y", (("t", "2"),))),
    ],
)
def test_what_only_overlaps_is_kept(one: Requirement, other: Requirement) -> None:
    statements = as_statements([one, other], WORDS)
    assert sorted(resource for each in statements for resource in each.resources) == sorted(
        [one.resource, other.resource]
    )
