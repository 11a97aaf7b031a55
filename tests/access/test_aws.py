"""The AWS compiler: exact documents, levels, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secretsync.access import secrets_manager as service
from secretsync.access.aws import AccessLevel, AWSAccess, compile_aws
from secretsync.access.refusals import AccessRefused
from secretsync.access.statements import MANAGED_POLICY_LIMIT
from secretsync.errors import StoreInvalid
from secretsync.providers.aws import secrets_manager as provider
from tests.access.builders import KEY, REGION, SECRET, account, declared, entry, secrets_manager, store

if TYPE_CHECKING:
    from secretsync.api import ExternalSecret

pytestmark = pytest.mark.unit


def compiled(*external_secrets: ExternalSecret, **options: Any) -> AWSAccess:
    config = options.pop("config", {})
    where = options.pop("account", account())
    return compile_aws(secrets_manager(**config), external_secrets, where, **options)


def statements(access: AWSAccess) -> list[dict[str, Any]]:
    (document,) = access.documents
    written = json.loads(document)
    assert written["Version"] == "2012-10-17"
    return [dict(each) for each in written["Statement"]]


def refused(*external_secrets: ExternalSecret, **options: Any) -> dict[str, str]:
    """What is refused: place → problem."""
    with pytest.raises(AccessRefused) as caught:
        compiled(*external_secrets, **options)
    assert all(refusal.remedy for refusal in caught.value.refusals)
    return {refusal.place: refusal.problem for refusal in caught.value.refusals}


def test_a_key_costs_one_action_on_one_name() -> None:
    assert statements(compiled(declared("team/db"))) == [
        {
            "Sid": "Read",
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": f"{SECRET}team/db-??????",
        }
    ]


def test_properties_versions_and_extracts_of_a_secret_share_a_resource_and_all_say_why() -> None:
    external_secret = declared(
        {"key": "db", "property": "user"}, {"key": "db", "version": "AWSPREVIOUS"}, extract=["db"]
    )
    access = compiled(external_secret)
    (statement,) = access.statements
    assert statement.resources == (f"{SECRET}db-??????",)
    assert statement.reasons == ("ExternalSecret demo/e, spec.dataFrom[0].extract", entry(0), entry(1))


def test_metadata_is_described_and_not_read() -> None:
    (statement,) = statements(
        compiled(declared({"key": "db", "metadataPolicy": "Fetch"}), account=account(kms_keys={"db": KEY}))
    )
    assert (statement["Action"], statement["Resource"]) == ("secretsmanager:DescribeSecret", f"{SECRET}db-??????")


def test_previews_describe_what_is_read() -> None:
    (statement,) = statements(compiled(declared("db"), versions=True))
    assert statement["Action"] == ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]


def test_the_prefix_of_the_store_is_part_of_the_name() -> None:
    (statement,) = statements(compiled(declared("db"), config={"prefix": "team/"}))
    assert statement["Resource"] == f"{SECRET}team/db-??????"


def test_a_whole_arn_is_granted_as_it_is_and_a_partial_one_as_a_name() -> None:
    (statement,) = statements(compiled(declared(f"{SECRET}one-Ab1Cd2", f"{SECRET}two")))
    assert statement["Resource"] == [f"{SECRET}one-Ab1Cd2", f"{SECRET}two-??????"]


@pytest.mark.parametrize(
    ("partition", "region"),
    [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1"), ("aws", "eu-central-1")],
)
def test_partitions_have_arns_and_host_names_of_their_own(partition: str, region: str) -> None:
    key = f"arn:{partition}:kms:{region}:111122223333:key/k-1"
    access = compiled(
        declared("db"), config={"region": region}, account=account(partition=partition, kms_keys={"db": key})
    )
    read, decrypt = statements(access)
    arn = f"arn:{partition}:secretsmanager:{region}:111122223333:secret:db-??????"
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    assert read["Resource"] == arn
    assert decrypt == {
        "Sid": "Decrypt",
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": key,
        "Condition": {
            "StringEquals": {"kms:ViaService": f"secretsmanager.{region}.{suffix}"},
            "StringLike": {"kms:EncryptionContext:SecretARN": arn},
        },
    }


def test_the_account_says_the_region_where_the_store_does_not() -> None:
    (statement,) = statements(compiled(declared("db"), config={"region": ""}, account=account(region="eu-west-1")))
    assert ":eu-west-1:" in statement["Resource"]


def test_the_region_of_the_store_goes_before_that_of_the_account() -> None:
    (statement,) = statements(compiled(declared("db"), account=account(region="eu-west-1")))
    assert f":{REGION}:" in statement["Resource"]


def test_each_customer_key_decrypts_its_own_secrets_and_the_last_all_others() -> None:
    other = f"arn:aws:kms:{REGION}:111122223333:key/other"
    access = compiled(declared("a", "b", "c"), account=account(kms_keys={"a": KEY, "*": other}))
    decrypts = {
        each.resources[0]: each.conditions["StringLike"]["kms:EncryptionContext:SecretARN"]
        for each in access.statements
        if each.actions == ("kms:Decrypt",)
    }
    assert decrypts == {KEY: (f"{SECRET}a-??????",), other: (f"{SECRET}b-??????", f"{SECRET}c-??????")}
    assert not access.notes


def test_a_key_of_another_account_is_granted_exactly_and_its_policy_is_spoken_of() -> None:
    key = f"arn:aws:kms:{REGION}:444455556666:key/mrk-1234"
    access = compiled(declared("db"), account=account(kms_keys={"db": key}))
    assert access.statements[-1].resources == (key,)
    assert access.notes == (
        f"the policy of the key {key} must allow kms:Decrypt for the account 111122223333: both accounts decide",
    )


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("arn:aws:kms:us-west-2:111122223333:alias/app", "is an alias"),
        ("arn:aws:kms:us-west-2:111122223333:key/*", "is no ARN of a KMS key"),
        ("arn:aws:kms:us-west-2:1:key/k", "is no ARN of a KMS key"),
        ("arn:aws:kms:eu-west-1:111122223333:key/k", "is not in aws, us-west-2"),
        ("arn:aws-cn:kms:us-west-2:111122223333:key/k", "is not in aws, us-west-2"),
        ("arn:aws:s3:::bucket", "is no ARN of a KMS key"),
        ("k", "is no ARN of a KMS key"),
    ],
)
def test_a_customer_key_that_cannot_be_granted_is_refused(key: str, problem: str) -> None:
    found = refused(declared("db"), account=account(kms_keys={"db": key}))
    assert list(found) == [entry(0)]
    assert problem in found[entry(0)]


def test_keys_that_encrypt_nothing_that_is_read_are_not_granted() -> None:
    access = compiled(declared("db"), account=account(kms_keys={"other": KEY, "db2": KEY}))
    assert [each.sid for each in access.statements] == ["Read"]


def test_a_search_decrypts_what_it_may_find_with_the_keys_of_its_region() -> None:
    abroad = "arn:aws:kms:eu-west-1:111122223333:key/abroad"
    keys = {"team/db": KEY, "team/eu": abroad, "other": KEY}
    access = compiled(declared(find=[{"name": {"regexp": "^team/"}}]), account=account(kms_keys=keys))
    assert [(each.resources, each.why) for each in access.statements if each.sid.startswith("Decrypt")] == [
        ((KEY,), {f"{SECRET}team/db-??????": ("ExternalSecret demo/e, spec.dataFrom[0].find",)})
    ]


# ---------------------------------------------------------------------------------------------------------- searches


@pytest.mark.parametrize(
    ("find", "resources"),
    [
        ({"name": {"regexp": "^team/db-"}}, ["team/db-*-??????"]),
        ({"name": {"regexp": r"^team/db\.main$"}}, ["team/db.main-??????"]),
        ({"name": {"regexp": "^(blue|green)/"}}, ["blue/*-??????", "green/*-??????"]),
        ({"name": {"regexp": "password$"}}, ["*password-??????"]),
        ({"path": "team/", "name": {"regexp": ".*"}}, ["team/*-??????"]),
        ({"path": "team/", "name": {"regexp": "^team/db-"}}, ["team/db-*-??????"]),
        ({"path": "team/d", "name": {"regexp": "db"}}, ["team/d*db*-??????", "team/db*-??????"]),
    ],
)
def test_a_search_opens_the_names_it_finds_and_lists_apart(find: dict[str, Any], resources: list[str]) -> None:
    read, listing = statements(compiled(declared(find=[find])))
    found = read["Resource"] if isinstance(read["Resource"], list) else [read["Resource"]]
    assert found == [f"{SECRET}{each}" for each in resources]
    assert listing == {
        "Sid": "List",
        "Effect": "Allow",
        "Action": "secretsmanager:ListSecrets",
        "Resource": "*",
    }


def test_a_search_by_tags_is_narrowed_by_a_condition() -> None:
    find = {"path": "team/", "tags": {"tier": "gold", "owner": "a b"}}
    read, _ = statements(compiled(declared(find=[find])))
    assert read["Sid"] == "ReadTagged"
    assert read["Resource"] == f"{SECRET}team/*-??????"
    assert read["Condition"] == {"StringEquals": {"aws:ResourceTag/owner": "a b", "aws:ResourceTag/tier": "gold"}}


def test_searches_by_different_tags_have_statements_of_their_own_with_names_of_their_own() -> None:
    access = compiled(declared("a", find=[{"tags": {"x": "1"}}, {"tags": {"x": "2"}}]))
    assert [each.sid for each in access.statements] == ["Read", "ReadTagged1", "ReadTagged2", "List"]


def test_what_a_search_opens_is_not_granted_twice_and_keeps_its_reasons() -> None:
    access = compiled(declared("team/db-main", find=[{"name": {"regexp": "^team/"}}]))
    assert access.statements[0].resources == (f"{SECRET}team/*-??????",)
    assert access.statements[0].reasons == ("ExternalSecret demo/e, spec.dataFrom[0].find", entry(0))


def test_a_regular_expression_that_policies_cannot_say_is_widened_to_its_beginning_and_not_in_silence() -> None:
    access = compiled(declared(find=[{"name": {"regexp": "^team/db-[0-9]+$"}}]))
    assert access.statements[0].resources == (f"{SECRET}team/db-?*-??????",)
    (note,) = access.notes
    assert note.endswith('cannot say all of "^team/db-[0-9]+$": every name like team/db-?* may be read')


@pytest.mark.parametrize(
    ("find", "problem"),
    [
        ({"name": {"regexp": ".*"}}, "may read every secret"),
        ({"name": {"regexp": ""}}, "may read every secret"),
        ({"name": {"regexp": "(?i)team"}}, "may read every secret"),
        ({"name": {"regexp": "[a-z]+-db"}}, "a policy cannot say which names"),
        ({"name": {"regexp": r"^team\*"}}, "no name can match"),
        ({"name": {"regexp": r"^\$\{aws:username\}"}}, "no name can match"),
        ({"name": {"regexp": "("}}, "is not a regular expression"),
        ({"path": "team/*", "name": {"regexp": "x"}}, "no name begins with the path"),
        ({"path": "!team", "name": {"regexp": "x"}}, "no name begins with the path"),
        ({"path": "a", "name": {"regexp": "^b"}}, "no name can match"),
        ({"path": "a"}, "has neither name nor tags"),
        ({"tags": {"a": "${aws:username}"}}, "is none that AWS can have"),
        ({"tags": {"a*": "b"}}, "is none that AWS can have"),
        ({"tags": {"": "b"}}, "is none that AWS can have"),
        ({"tags": {"a": "b\n"}}, "is none that AWS can have"),
    ],
)
def test_a_search_that_cannot_be_narrowed_is_refused(find: dict[str, Any], problem: str) -> None:
    found = refused(declared(find=[find]))
    assert list(found) == ["ExternalSecret demo/e, spec.dataFrom[0].find"]
    assert problem in found["ExternalSecret demo/e, spec.dataFrom[0].find"]


def test_every_search_can_be_granted_where_a_region_is_asked_for() -> None:
    access = compiled(declared("a", find=[{"name": {"regexp": ".*"}}]), level=AccessLevel.Region)
    assert [each.resources for each in access.statements] == [(f"{SECRET}*",), ("*",)]


# ------------------------------------------------------------------------------------------------------------ levels


def test_wider_levels_keep_to_the_actions_that_are_needed() -> None:
    region = compiled(declared("a", "b"), level=AccessLevel.Region, account=account(kms_keys={"a": KEY}))
    everything = compiled(declared("a", "b"), level=AccessLevel.Everything, account=account(kms_keys={"a": KEY}))
    assert [(each.actions, each.resources) for each in region.statements] == [
        (("secretsmanager:GetSecretValue",), (f"{SECRET}*",)),
        (("kms:Decrypt",), (KEY,)),
    ]
    assert everything.statements[0].resources == ("*",)
    assert everything.statements[1].conditions["StringLike"] == {"kms:EncryptionContext:SecretARN": (f"{SECRET}*",)}


def test_listing_stands_alone_even_where_everything_is_open() -> None:
    access = compiled(
        declared("a", find=[{"name": {"regexp": "^a"}}]), level=AccessLevel.Everything, versions=True, batch=True
    )
    assert [each.actions for each in access.statements] == [
        ("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"),
        ("secretsmanager:ListSecrets",),
        ("secretsmanager:BatchGetSecretValue",),
    ]


def test_batches_are_granted_only_where_asked_for_and_of_use() -> None:
    def batches(count: int, **options: Any) -> bool:
        access = compiled(declared(*(f"s{number}" for number in range(count))), **options)
        return any(each.sid == "ReadBatches" for each in access.statements)

    assert batches(service.MOST_SINGLE_READS + 1, batch=True)
    assert not batches(service.MOST_SINGLE_READS + 1)
    assert not batches(service.MOST_SINGLE_READS, batch=True)
    assert provider.BATCH_FROM == service.MOST_SINGLE_READS + 1, "the provider batches from another number on"


@pytest.mark.parametrize(
    ("find", "batched"),
    [
        ({"path": "team/", "name": {"regexp": "^team/"}}, True),
        ({"tags": {"team": "a"}}, True),
        ({"name": {"regexp": "^team/"}}, False),
    ],
)
def test_the_operator_upstream_reads_searches_by_path_or_tags_in_batches(
    find: dict[str, Any], *, batched: bool
) -> None:
    many = declared(*(f"s{number}" for number in range(service.MOST_SINGLE_READS + 1)), find=[find])
    access = compiled(many, upstream=True)
    reasons = [each.reasons for each in access.statements if each.sid == "ReadBatches"]
    assert reasons == ([("ExternalSecret demo/e, spec.dataFrom[0].find",)] if batched else [])
    assert not [each for each in compiled(many).statements if each.sid == "ReadBatches"]


# ------------------------------------------------------------------------------------------------------------- roles


def test_a_store_that_assumes_roles_reads_in_the_account_of_the_last() -> None:
    first, last = "arn:aws:iam::222233334444:role/hop", "arn:aws:iam::444455556666:role/reader"
    config = {
        "additionalRoles": [first],
        "role": last,
        "sessionTags": [{"key": "a", "value": "b"}],
        "externalID": "x-1",
    }
    access = compiled(declared("db"), config=config)
    assert access.statements[0].resources == (f"arn:aws:secretsmanager:{REGION}:444455556666:secret:db-??????",)
    assert [(each.identity, each.role) for each in access.roles] == [("", first), (first, last)]
    (hop,) = access.assume_statements
    assert (hop.actions, hop.resources, hop.conditions) == (("sts:AssumeRole",), (first,), {})
    assume, tag = access.roles[1].statements
    assert (assume.actions, assume.resources) == (("sts:AssumeRole",), (last,))
    assert assume.conditions == {"StringEquals": {"sts:ExternalId": ("x-1",)}}
    assert (tag.actions, tag.resources) == (("sts:TagSession",), (last,))
    assert len(access.notes) == 2
    assert f"the trust policy of {last} in the account 444455556666" in access.notes[1]


def test_an_arn_is_granted_in_the_account_of_the_role_and_in_no_other() -> None:
    config = {"role": "arn:aws:iam::444455556666:role/reader"}
    there = f"arn:aws:secretsmanager:{REGION}:444455556666:secret:db-Ab1Cd2"
    assert compiled(declared(there), config=config).statements[0].resources == (there,)
    found = refused(declared(f"{SECRET}db-Ab1Cd2"), config=config)
    assert "is in the account 111122223333, and the store reads as 444455556666" in found[entry(0)]


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"role": "reader"}, "is no ARN of a role"),
        ({"role": "arn:aws:iam::444455556666:role/*"}, "is no ARN of a role"),
        ({"role": "arn:aws:iam::444455556666:user/x"}, "is no ARN of a role"),
        ({"additionalRoles": ["arn:aws-cn:iam::444455556666:role/x"]}, "is in the partition aws-cn"),
        ({"role": "arn:aws:iam::444455556666:role/x", "externalID": "${aws:username}"}, "externalID"),
        ({"region": "us-wst-2"}, "is it us-west-2?"),
        ({"region": "cn-north-1"}, "belongs to the partition aws-cn"),
        ({"region": ""}, "names no Region"),
    ],
)
def test_a_store_that_cannot_read_is_refused(config: dict[str, Any], problem: str) -> None:
    found = refused(declared("db"), config=config)
    assert problem in found["SecretStore demo/s"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"account": "1111"}, "12 digits"),
        ({"account": ""}, "12 digits"),
        ({"account": "11112222333*"}, "12 digits"),
        ({"partition": "aws-moon"}, "is no partition"),
    ],
)
def test_an_account_that_is_none_is_refused(changes: dict[str, str], problem: str) -> None:
    assert problem in refused(declared("db"), account=account(**changes))["SecretStore demo/s"]


def test_a_level_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="galaxy"):
        compiled(declared("db"), level="galaxy")


# -------------------------------------------------------------------------------------------------------------- keys

BAD_KEYS = {
    "team/*": "is no name of a secret",
    "team/d?": "is no name of a secret",
    "${aws:username}": "is no name of a secret",
    "a b": "is no name of a secret",
    "a\n": "is no name of a secret",
    "ключ": "is no name of a secret",
    "": "is no name of a secret",
    "a" * 513: "is no name of a secret",
    f"{SECRET}*": "is no ARN of a secret",
    f"{SECRET}db-??????": "is no ARN of a secret",
    "arn:aws:secretsmanager:*:*:secret:db": "is in the Region *",
    "arn:aws:ssm:us-west-2:111122223333:parameter/db": "is no ARN of a secret",
    "arn:aws:secretsmanager:us-west-2:444455556666:secret:db-Ab1Cd2": "is in the account 444455556666",
    "arn:aws:secretsmanager:us-west-2::secret:db-Ab1Cd2": "is in the account (none)",
    "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-Ab1Cd2": "is in the Region eu-west-1",
    "arn:aws-us-gov:secretsmanager:us-gov-west-1:111122223333:secret:db-Ab1Cd2": "is in the partition aws-us-gov",
    "arn:aws": "is no ARN of a secret",
}


def test_all_keys_that_cannot_be_granted_are_refused_at_once() -> None:
    found = refused(declared("good", *BAD_KEYS))
    assert list(found) == [entry(index) for index in range(1, len(BAD_KEYS) + 1)]
    for (key, problem), said in zip(BAD_KEYS.items(), found.values(), strict=True):
        assert problem in said, key


def test_an_arn_behind_a_prefix_is_refused() -> None:
    assert "before which the store puts" in refused(declared(f"{SECRET}db-Ab1Cd2"), config={"prefix": "t/"})[entry(0)]


@settings(max_examples=200)
@given(key=st.text(min_size=1, max_size=30) | st.from_regex(r"[A-Za-z0-9/_+=.@-]{1,20}[*?$]?", fullmatch=True))
def test_no_key_ever_becomes_a_pattern_of_more_than_its_own_name(key: str) -> None:
    try:
        access = compiled(declared(key))
    except AccessRefused:
        return
    assert access.statements[0].resources == (f"{SECRET}{key}-??????",)
    assert not set("*?$") & set(key)


@pytest.mark.parametrize("key", ["a/b/c", "db-abcdef", "/leading", "x+y=z@1.2_3-4", "a" * 512])
def test_unusual_names_are_granted_as_they_are(key: str) -> None:
    assert compiled(declared(key)).statements[0].resources == (f"{SECRET}{key}-??????",)


# -------------------------------------------------------------------------------------------------------------- size


def test_thousands_of_secrets_are_split_by_size_and_none_is_lost() -> None:
    names = [f"environment/production/service-{number:05}/credentials" for number in range(5000)]
    access = compiled(*(declared(*names[at : at + 100], name=f"e{at}") for at in range(0, 5000, 100)))
    documents = access.documents
    granted = [
        resource
        for each in documents
        for statement in json.loads(each)["Statement"]
        for resource in statement["Resource"]
    ]
    assert sorted(granted) == sorted(f"{SECRET}{name}-??????" for name in names)
    assert max(len("".join(each.split())) for each in documents) <= MANAGED_POLICY_LIMIT
    assert f"needs {len(documents)} managed policies" in access.notes[0]
    with pytest.raises(AccessRefused, match="a role has at most 20"):
        access.attachable(20)


def test_a_common_beginning_is_granted_only_where_it_is_given() -> None:
    names = [f"team/service-{number}" for number in range(2000)]
    access = compiled(declared(*names, "other/x"), prefixes=["team/"], account=account(kms_keys={"*": KEY}))
    resources = (f"{SECRET}other/x-??????", f"{SECRET}team/*-??????")
    assert access.statements[0].resources == resources
    assert access.statements[1].conditions["StringLike"]["kms:EncryptionContext:SecretARN"] == resources
    assert access.notes == ("everything that begins with team/ may be read, declared or not",)
    assert len(access.attachable()) == 1


def test_a_common_beginning_takes_in_whole_arns() -> None:
    access = compiled(declared(f"{SECRET}team/db-Ab1Cd2", f"{SECRET}other-Ab1Cd2"), prefixes=["team/"])
    (statement,) = access.statements
    assert statement.resources == (f"{SECRET}other-Ab1Cd2", f"{SECRET}team/*-??????")


@pytest.mark.parametrize("prefix", ["tem/", "", "*", "team/*", "${x}"])
def test_a_beginning_that_no_declared_name_has_is_refused(prefix: str) -> None:
    assert (
        "no declared name begins with it" in refused(declared("team/db"), prefixes=[prefix])[f"the prefix {prefix!r}"]
    )


# ------------------------------------------------------------------------------------------------------------ stores


def test_only_the_entries_of_the_store_count_and_nothing_needs_nothing() -> None:
    access = compiled(declared("db", namespace="elsewhere"))
    assert access.statements == ()
    assert access.documents == ()
    assert access.assume_documents == ()


def test_other_stores_are_sent_elsewhere() -> None:
    fake = store("fake", data=[{"key": "a", "value": "b"}])
    with pytest.raises(StoreInvalid, match="is not an aws store"):
        compile_aws(fake, [], account())
    with pytest.raises(StoreInvalid, match="CertificateManager"):
        compiled(config={"service": "CertificateManager"})
