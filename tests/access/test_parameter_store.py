"""The compiler for Parameter Store: exact statements, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from secretsync.access.aws import AccessLevel, AWSAccess, compile_aws
from secretsync.access.refusals import AccessRefused
from tests.access.builders import KEY, PARAMETER, REGION, account, declared, entry, parameter_store

if TYPE_CHECKING:
    from secretsync.api import ExternalSecret

pytestmark = pytest.mark.unit

FIND = "ExternalSecret demo/e, spec.dataFrom[0].find"
READ = ("ssm:GetParameter",)
READ_MANY = ("ssm:GetParameter", "ssm:GetParameters")


def compiled(external_secret: ExternalSecret, **options: Any) -> AWSAccess:
    config = options.pop("config", {})
    where = options.pop("account", account())
    return compile_aws(parameter_store(**config), [external_secret], where, **options)


def granted(external_secret: ExternalSecret, **options: Any) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    statements = compiled(external_secret, **options).statements
    return [
        (each.actions, tuple(resource.removeprefix(PARAMETER) for resource in each.resources)) for each in statements
    ]


def refused(external_secret: ExternalSecret, **options: Any) -> dict[str, str]:
    with pytest.raises(AccessRefused) as caught:
        compiled(external_secret, **options)
    return {refusal.place: refusal.problem for refusal in caught.value.refusals}


@pytest.mark.parametrize(
    "key", ["team/db", "/team/db", "/team/db:3", f"{PARAMETER}team/db", f"{PARAMETER}team/db:label"]
)
def test_one_parameter_costs_one_action_on_its_name(key: str) -> None:
    assert granted(declared(key)) == [(READ, ("team/db",))]


def test_several_parameters_may_be_read_together() -> None:
    assert granted(declared("/a", "/b")) == [(READ_MANY, ("a", "b"))]


def test_versions_are_read_alone() -> None:
    assert granted(declared({"key": "/a", "version": "1"}, {"key": "/b", "version": "2"})) == [(READ, ("a", "b"))]


def test_tags_are_listed_and_the_value_is_not_read() -> None:
    assert granted(declared({"key": "/a", "metadataPolicy": "Fetch"})) == [(("ssm:ListTagsForResource",), ("a",))]


def test_previews_of_versions_cost_nothing_more() -> None:
    assert granted(declared("/a"), versions=True, batch=True) == granted(declared("/a"))


def test_the_prefix_of_the_store_is_part_of_the_name() -> None:
    assert granted(declared("db"), config={"prefix": "/team/"}) == [(READ, ("team/db",))]


def test_public_parameters_belong_to_no_account() -> None:
    key = "/aws/service/ami-amazon-linux-latest/al2023"
    (statement,) = compiled(declared(key)).statements
    assert statement.resources == (f"arn:aws:ssm:{REGION}::parameter{key}",)


def test_a_customer_key_decrypts_its_parameter_through_the_service() -> None:
    _, statement = compiled(declared("/team/db", "/other"), account=account(kms_keys={"/team/db": KEY})).statements
    assert (statement.actions, statement.resources) == (("kms:Decrypt",), (KEY,))
    assert statement.conditions == {
        "StringEquals": {
            "kms:ViaService": (f"ssm.{REGION}.amazonaws.com",),
            "kms:EncryptionContext:PARAMETER_ARN": (f"{PARAMETER}team/db",),
        }
    }


@pytest.mark.parametrize(
    ("find", "expected"),
    [
        ({"path": "/team", "name": {"regexp": ".*"}}, [(("ssm:GetParametersByPath",), ("team",))]),
        (
            {"name": {"regexp": "^/team/"}},
            [(READ_MANY, ("team/*",)), (("ssm:DescribeParameters",), ("*",))],
        ),
        (
            {"path": "/", "name": {"regexp": "db$"}},
            [(READ_MANY, ("*db",)), (("ssm:DescribeParameters",), ("*",))],
        ),
        ({"tags": {"a": "b"}}, [(READ_MANY, ("*",)), (("ssm:DescribeParameters",), ("*",))]),
        ({"path": "/team", "tags": {"a": "b"}}, [(READ_MANY, ("team/*",)), (("ssm:DescribeParameters",), ("*",))]),
    ],
)
def test_a_search_opens_what_it_finds(find: dict[str, Any], expected: list[tuple[tuple[str, ...], ...]]) -> None:
    assert granted(declared(find=[find])) == expected


def test_a_search_by_tags_is_narrowed_by_a_condition() -> None:
    read, _ = compiled(declared(find=[{"tags": {"a": "b"}}])).statements
    assert read.conditions == {"StringEquals": {"aws:ResourceTag/a": ("b",)}}


def test_a_search_below_a_path_says_that_its_regular_expression_narrows_nothing() -> None:
    find = {"path": "/team", "name": {"regexp": "^/team/db"}}
    (note,) = compiled(declared(find=[find])).notes
    assert "does not narrow what may be read" in note
    assert "all below /team" in note


def test_a_name_without_a_slash_is_a_folder_too_and_that_is_said() -> None:
    (note,) = compiled(declared(find=[{"name": {"regexp": "^team"}}])).notes
    assert "a policy cannot say that team* has no slash before it" in note


def test_a_region_is_read_by_its_root() -> None:
    found = granted(declared("/a", find=[{"name": {"regexp": ".*"}}]), level=AccessLevel.Region)
    assert found == [(("ssm:GetParameter", "ssm:GetParametersByPath"), ("*",))]


def test_common_beginnings_are_granted_only_where_they_are_given() -> None:
    access = compiled(declared("/team/a", "/team/b", "/x"), prefixes=["/team/"])
    assert access.statements[0].resources == (f"{PARAMETER}team/*", f"{PARAMETER}x")
    assert len(access.notes) == 1


BAD = {
    "/team/*": "is no name of a parameter",
    "/team/${x}": "is no name of a parameter",
    "/a b": "is no name of a parameter",
    "/a:1:2": "is no name of a parameter",
    "/": "is no name of a parameter",
    "/aws/reference/secretsmanager/db": "is a secret of Secrets Manager",
    f"{PARAMETER}*": "is no ARN of a parameter",
    "arn:aws:secretsmanager:us-west-2:111122223333:secret:db": "is no ARN of a parameter",
    "arn:aws:ssm:us-west-2:444455556666:parameter/db": "is in the account 444455556666",
    "arn:aws:ssm:eu-west-1:111122223333:parameter/db": "is in the Region eu-west-1",
    "arn:aws-cn:ssm:cn-north-1:111122223333:parameter/db": "is in the partition aws-cn",
}


def test_all_keys_that_cannot_be_granted_are_refused_at_once() -> None:
    found = refused(declared("/good", *BAD))
    assert list(found) == [entry(index) for index in range(1, len(BAD) + 1)]
    for (key, problem), said in zip(BAD.items(), found.values(), strict=True):
        assert problem in said, key


def test_an_arn_behind_a_prefix_is_refused() -> None:
    assert "before which the store puts" in refused(declared(f"{PARAMETER}db"), config={"prefix": "/t/"})[entry(0)]


@pytest.mark.parametrize(
    ("find", "problem"),
    [
        ({"name": {"regexp": ".*"}}, "may read every secret"),
        ({"path": "team", "name": {"regexp": ".*"}}, "does not begin with a slash"),
        ({"path": "/team*", "name": {"regexp": ".*"}}, "is none that parameters have"),
        ({"path": "/team", "name": {"regexp": "("}}, "is not a regular expression"),
        ({"path": "/team"}, "has neither name nor tags"),
        ({"tags": {"a": "*"}}, "is none that AWS can have"),
    ],
)
def test_a_search_that_cannot_be_narrowed_is_refused(find: dict[str, Any], problem: str) -> None:
    assert problem in refused(declared(find=[find]))[FIND]
