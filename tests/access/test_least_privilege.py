"""The proof that compiled IAM policies allow what is declared, need all they say, and open nothing else.

The judge is an evaluator of others. What a store calls is modelled here once more, from the declarations and from the
secrets that there are; tags may change, so what is needed is asked in worlds with different ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secretsync.access.aws import AccessLevel, AWSAccess, compile_aws
from secretsync.access.statements import Statement, document, split
from secretsync.access.trust import pod_identity
from secretsync.values import go_regexp
from tests.access.builders import ACCOUNT, KEY, PARAMETER, REGION, SECRET, account, declared, parameter_store
from tests.access.builders import secrets_manager as secrets_manager_store
from tests.access.evaluator import NotValid, Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.access.evaluator import Evaluator

pytestmark = pytest.mark.contract

FOREIGN_KEY = f"arn:aws:kms:{REGION}:444455556666:key/abcd1234-12ab-34cd-56ef-1234567890ab"
KEYS = {"team/db": KEY, "team-b": FOREIGN_KEY}

# names that are easily taken for each other: common beginnings, and ends like those that AWS adds
NAMES = (
    "team",
    "team/db",
    "team/db-abcdef",
    "team/db-abcdef-Ab1Cd2",
    "team/db-main",
    "team/db/main",
    "team/dbx",
    "team-b",
    "xteam/db",
    "other+name=1@x.y_z",
)
# keys: names, whole ARNs, and ARNs without the six characters
KEYS_OF_SECRETS = (*NAMES, *(f"{SECRET}{name}-Ab1Cd2" for name in NAMES[:5]), f"{SECRET}team/db-main")
# each of these is found by one search alone, and none is declared by its name
WITNESSES = (
    "only-gold",
    "only-gold-and-side",
    "team/only-gold",
    "only-main",
    "team/only-main-too",
    "only-b",
)
EXISTING = (*NAMES, *WITNESSES)
World = Mapping[str, Mapping[str, str]]
"""The tags of the secrets or parameters."""
TAGS: World = {
    "team/db-main": {"tier": "gold"},
    "team-b": {"tier": "gold", "side": "b"},
    "only-gold": {"tier": "gold"},
    "only-gold-and-side": {"tier": "gold", "side": "b"},
    "team/only-gold": {"tier": "gold"},
}
SEARCHES: tuple[dict[str, Any], ...] = (
    {"name": {"regexp": "^team/db-"}},
    {"name": {"regexp": "^team/db$"}},
    {"name": {"regexp": "^(team|xteam)/db.*$"}},
    {"name": {"regexp": "main$"}},
    {"name": {"regexp": "-b"}},
    {"path": "team/db", "name": {"regexp": ".*"}},
    {"path": "team/", "name": {"regexp": "main"}},
    {"tags": {"tier": "gold"}},
    {"tags": {"tier": "gold", "side": "b"}},
    {"path": "team/", "tags": {"tier": "gold"}},
)


def secret_arn(name: str) -> str:
    """The ARN that AWS gave the secret: with six characters of its own choice."""
    return f"{SECRET}{name}-Ab1Cd2"


@dataclass(frozen=True)
class Declaration:
    """What one ExternalSecret says."""

    refs: tuple[dict[str, str], ...] = ()
    searches: tuple[dict[str, Any], ...] = ()
    versions: bool = False


@dataclass
class Calls:
    """What the store must be able to do, and which secrets' values it may come to see."""

    tags: World = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    readable: set[str] = field(default_factory=set)

    def read(self, name: str) -> None:
        self.readable.add(name)
        self.requests.append(reading(name, self.tags))
        if name in KEYS:
            self.requests.append(decrypting(name))


def reading(name: str, tags: World = TAGS) -> Request:
    return Request("secretsmanager:GetSecretValue", secret_arn(name), context_of(tags.get(name, {})))


def context_of(tags: Mapping[str, str]) -> dict[str, str]:
    return {f"aws:ResourceTag/{key}": value for key, value in tags.items()}


def decrypting(name: str, key: str | None = None, **context: str) -> Request:
    arn = key or KEYS[name]
    given = {
        "kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com",
        "kms:EncryptionContext:SecretARN": secret_arn(name),
    }
    return Request("kms:Decrypt", arn, {**given, **context}, account=arn.split(":")[4])


def found(search: Mapping[str, Any], world: World) -> set[str]:
    pattern = go_regexp.compile(search.get("name", {}).get("regexp", ""))
    tags = search.get("tags", {}).items()
    return {
        name
        for name in EXISTING
        if pattern.search(name) and name.startswith(search.get("path", "")) and tags <= world.get(name, {}).items()
    }


def name_of(ref: Mapping[str, str]) -> str:
    """The secret that a key is, be it a name, a whole ARN, or one without the six characters."""
    key = ref["key"]
    return key.removeprefix(SECRET).removesuffix("-Ab1Cd2") if key.startswith(SECRET) else key


def calls_of(declaration: Declaration, tags: World = TAGS) -> Calls:
    calls = Calls(tags)
    describing = [ref for ref in declaration.refs if declaration.versions or "metadataPolicy" in ref]
    calls.requests += [Request("secretsmanager:DescribeSecret", secret_arn(name_of(ref))) for ref in describing]
    for ref in declaration.refs:
        if "metadataPolicy" not in ref:
            calls.read(name_of(ref))
    for search in declaration.searches:
        calls.requests.append(Request("secretsmanager:ListSecrets", "*"))
        for name in sorted(found(search, tags)):
            calls.read(name)
    return calls


def compiled(declaration: Declaration) -> AWSAccess:
    return compile_aws(
        secrets_manager_store(),
        [declared(*declaration.refs, find=declaration.searches)],
        account(kms_keys=KEYS),
        versions=declaration.versions,
    )


def decided(iam: Evaluator, statements: Sequence[Statement], requests: Sequence[Request]) -> list[bool]:
    """The decisions; in the account of a key its policy leaves them to IAM, or to the account of the reader."""
    documents = [document(part) for part in split(statements)]
    open_key = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }
    decisions: dict[int, bool] = {}
    for is_kms, policy in ((False, None), (True, open_key)):
        some = [index for index, each in enumerate(requests) if each.action.startswith("kms:") is is_kms]
        answers = iam.allowed(documents, [requests[index] for index in some], resource_policy=policy) if some else []
        decisions |= dict(zip(some, answers, strict=True))
    return [decisions[index] for index in range(len(requests))]


def smaller(statements: Sequence[Statement]) -> Iterable[tuple[str, list[Statement]]]:
    """The statements with one of them left out, or one of its actions, resources or values of a condition."""
    for index, statement in enumerate(statements):
        before, after = statements[:index], statements[index + 1 :]
        yield statement.sid, [*before, *after]
        if len(statement.actions) > 1:
            for action in statement.actions:
                actions = tuple(each for each in statement.actions if each != action)
                yield f"{action} of {statement.sid}", [*before, replace(statement, actions=actions), *after]
        if len(statement.resources) > 1:
            for resource in statement.resources:
                rest = tuple(each for each in statement.resources if each != resource)
                yield f"{resource} of {statement.sid}", [*before, replace(statement, resources=rest), *after]


def worlds(names: Sequence[str], tags: World) -> tuple[World, ...]:
    """Tags as they are, none, and all on everything."""
    return tags, {}, {name: {"tier": "gold", "side": "b"} for name in names}


refs = st.sampled_from(KEYS_OF_SECRETS).flatmap(
    lambda key: st.sampled_from(
        [{"key": key}, {"key": key, "metadataPolicy": "Fetch"}, {"key": key, "version": "uuid/1"}]
    )
)
declarations = st.builds(
    Declaration,
    st.lists(refs, max_size=4).map(tuple),
    st.lists(st.sampled_from(SEARCHES), max_size=2).map(tuple),
    st.booleans(),
).filter(lambda declaration: declaration.refs or declaration.searches)

bounded = settings(max_examples=40, suppress_health_check=[HealthCheck.filter_too_much])


@bounded
@given(declaration=declarations)
def test_what_is_declared_is_allowed_and_nothing_else_can_be_read(iam: Evaluator, declaration: Declaration) -> None:
    access = compiled(declaration)
    calls = calls_of(declaration)
    every = [*(reading(name) for name in EXISTING), *(decrypting(name) for name in KEYS)]
    decisions = decided(iam, access.statements, [*calls.requests, *every])
    denied = [request for request, allowed in zip(calls.requests, decisions, strict=False) if not allowed]
    assert not denied
    opened = dict(zip([*EXISTING, *(f"key of {name}" for name in KEYS)], decisions[len(calls.requests) :], strict=True))
    assert {name for name in EXISTING if opened[name]} == calls.readable
    if not any("tags" in search for search in declaration.searches):  # KMS sees no tags, and Secrets Manager is first
        assert {name for name in KEYS if opened[f"key of {name}"]} == calls.readable & set(KEYS)


@bounded
@given(declaration=declarations)
def test_every_statement_action_and_resource_is_needed(iam: Evaluator, declaration: Declaration) -> None:
    statements = compiled(declaration).statements
    requests = [each for tags in worlds(EXISTING, TAGS) for each in calls_of(declaration, tags).requests]
    for left_out, fewer in smaller(statements):
        if fewer:
            assert not all(decided(iam, fewer, requests)), f"nothing needs {left_out}"


# ---------------------------------------------------------------------------------------------------------------------

PARAMETERS = ("team", "team/db", "team/db/main", "team/dbx", "team-b", "x/team/db")
EXISTING_PARAMETERS = (*PARAMETERS, "gold", "team/gold")
PARAMETER_TAGS: World = {name: {"tier": "gold"} for name in ("team/db", "gold", "team/gold")}
PARAMETER_SEARCHES: tuple[dict[str, Any], ...] = (
    {"name": {"regexp": "^/team/db"}},
    {"name": {"regexp": "db$"}},
    {"path": "/team/db", "name": {"regexp": ".*"}},
    {"tags": {"tier": "gold"}},
    {"path": "/team", "tags": {"tier": "gold"}},
)


def parameter(action: str, name: str, tags: World = PARAMETER_TAGS) -> Request:
    context = context_of(tags.get(name, {})) if action.startswith("GetParameter") else {}
    return Request(f"ssm:{action}", f"{PARAMETER}{name}", context)


def parameter_calls(
    names: Sequence[str],
    tagged: Sequence[str],
    searches: Sequence[Mapping[str, Any]],
    world: World = PARAMETER_TAGS,
) -> Calls:
    calls = Calls(world)

    def read(name: str, *, together: bool) -> None:
        calls.readable.add(name)
        calls.requests.append(parameter("GetParameter", name, world))
        if together:
            calls.requests.append(parameter("GetParameters", name, world))

    for name in names:
        read(name, together=len(set(names)) > 1)
    calls.requests += [parameter("ListTagsForResource", name) for name in tagged]
    for search in searches:
        if "path" in search and "name" in search:
            tail = search["path"].removeprefix("/")
            calls.requests.append(Request("ssm:GetParametersByPath", f"{PARAMETER}{tail}"))
            continue
        calls.requests.append(Request("ssm:DescribeParameters", "*"))
        pattern = go_regexp.compile(search.get("name", {}).get("regexp", ""))
        tags = search.get("tags", {}).items()
        below = search.get("path", "") + "/"
        for name in EXISTING_PARAMETERS:
            full = f"/{name}"
            if pattern.search(full) and full.startswith(below) and tags <= world.get(name, {}).items():
                read(name, together=True)
    return calls


@bounded
@given(
    names=st.lists(st.sampled_from(PARAMETERS), max_size=3),
    tagged=st.lists(st.sampled_from(PARAMETERS), max_size=2),
    searches=st.lists(st.sampled_from(PARAMETER_SEARCHES), max_size=2),
)
def test_parameters_are_read_as_declared_and_no_others(
    iam: Evaluator, names: list[str], tagged: list[str], searches: list[dict[str, Any]]
) -> None:
    refs: list[dict[str, str]] = [
        *({"key": f"/{name}"} for name in names),
        *({"key": f"/{name}", "metadataPolicy": "Fetch"} for name in tagged),
    ]
    statements = compile_aws(parameter_store(), [declared(*refs, find=searches)], account()).statements
    calls = parameter_calls(names, tagged, searches)
    every = [parameter(action, name) for name in EXISTING_PARAMETERS for action in ("GetParameter", "GetParameters")]
    decisions = decided(iam, statements, [*calls.requests, *every]) if statements else [False] * len(every)
    assert all(decisions[: len(calls.requests)])
    opened = zip(every, decisions[len(calls.requests) :], strict=True)
    readable = {request.resource.removeprefix(PARAMETER) for request, allowed in opened if allowed}
    assert readable == calls.readable
    needed = [
        each
        for tags in worlds(EXISTING_PARAMETERS, PARAMETER_TAGS)
        for each in parameter_calls(names, tagged, searches, tags).requests
    ]
    for left_out, fewer in smaller(statements):
        if fewer:
            assert not all(decided(iam, fewer, needed)), f"nothing needs {left_out}"


# ---------------------------------------------------------------------------------------------------------------------


def test_a_name_with_an_end_like_a_suffix_is_not_taken_for_another(iam: Evaluator) -> None:
    """``db-??????`` is the secret db, and not the secret db-abcdef, whose ARN is longer."""
    for name, others in {"db": ("db-abcdef", "d", "db-abcdef-abcdef"), "db-abcdef": ("db", "db-abcdef-abcdef")}.items():
        statements = compile_aws(secrets_manager_store(), [declared(name)], account()).statements
        assert decided(iam, statements, [reading(name)]) == [True]
        assert decided(iam, statements, [reading(other) for other in others]) == [False] * len(others)


def test_a_whole_arn_opens_that_secret_and_not_one_made_anew_under_its_name(iam: Evaluator) -> None:
    statements = compile_aws(secrets_manager_store(), [declared(f"{SECRET}db-Ab1Cd2")], account()).statements
    anew = Request("secretsmanager:GetSecretValue", f"{SECRET}db-Zz9Zz9")
    assert decided(iam, statements, [reading("db"), anew]) == [True, False]


def test_a_beginning_of_names_is_not_a_name_with_its_suffix(iam: Evaluator) -> None:
    """The ARN of the secret team/db begins with ``team/db-``, as the names that are searched for do."""
    search = {"name": {"regexp": "^team/db-"}}
    statements = compile_aws(secrets_manager_store(), [declared(find=[search])], account()).statements
    assert decided(iam, statements, [reading("team/db-x"), reading("team/db")]) == [True, False]


def test_a_customer_key_decrypts_only_what_is_declared_and_only_through_the_service(iam: Evaluator) -> None:
    statements = compile_aws(
        secrets_manager_store(), [declared("team/db", "team-b")], account(kms_keys=KEYS)
    ).statements
    requests = [
        decrypting("team/db"),
        decrypting("team-b"),
        decrypting("team-b", key=KEY),
        decrypting("team/db", **{"kms:ViaService": f"ssm.{REGION}.amazonaws.com"}),
        decrypting("team/db-abcdef", key=KEY),
        Request("kms:Decrypt", KEY),
    ]
    assert decided(iam, statements, requests) == [True, True, False, False, False, False]


def test_a_key_of_a_parameter_decrypts_that_parameter(iam: Evaluator) -> None:
    statements = compile_aws(
        parameter_store(), [declared("/team/db", "/other")], account(kms_keys={"/team/db": KEY})
    ).statements
    via = {"kms:ViaService": f"ssm.{REGION}.amazonaws.com"}
    requests = [
        Request("kms:Decrypt", KEY, {**via, "kms:EncryptionContext:PARAMETER_ARN": f"{PARAMETER}{name}"})
        for name in ("team/db", "other")
    ]
    assert decided(iam, statements, requests) == [True, False]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (AccessLevel.Secrets, [True, False, False, False]),
        (AccessLevel.Region, [True, True, False, False]),
        (AccessLevel.Everything, [True, True, True, True]),
    ],
)
def test_each_level_opens_what_it_says(iam: Evaluator, level: AccessLevel, expected: list[bool]) -> None:
    statements = compile_aws(secrets_manager_store(), [declared("team/db")], account(), level=level).statements
    elsewhere = SECRET.replace(REGION, "eu-west-1")
    foreign = SECRET.replace(ACCOUNT, "444455556666")
    policy: dict[str, Any] = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": "secretsmanager:GetSecretValue",
                "Resource": "*",
            }
        ],
    }
    requests = [
        reading("team/db"),
        reading("other"),
        Request("secretsmanager:GetSecretValue", f"{elsewhere}team/db-Ab1Cd2"),
    ]
    (abroad,) = iam.allowed(
        [document(statements)],
        [Request("secretsmanager:GetSecretValue", f"{foreign}x-Ab1Cd2", account="444455556666")],
        resource_policy=policy,
    )
    assert [*decided(iam, statements, requests), abroad] == expected


def test_policies_that_were_split_open_together_what_one_would(iam: Evaluator) -> None:
    names = [f"service-{number}/credentials" for number in range(300)]
    access = compile_aws(secrets_manager_store(), [declared(*names)], account(kms_keys={"*": KEY}))
    documents = access.documents
    assert len(documents) > 2
    assert iam.allowed(documents, [reading(names[0]), reading(names[150]), reading(names[299])]) == [True] * 3
    assert iam.allowed(documents[1:], [reading(names[0])]) == [False]


def test_what_assumes_a_role_may_assume_that_role_with_its_external_id(iam: Evaluator) -> None:
    role = "arn:aws:iam::444455556666:role/secrets/reader"
    store = secrets_manager_store(role=role, externalID="tenant-1", sessionTagsPolicy="Simple")
    access = compile_aws(store, [declared("team/db")], account())
    trusted = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
            }
        ],
    }
    requests = [
        Request("sts:AssumeRole", role, {"sts:ExternalId": "tenant-1"}, account="444455556666"),
        Request("sts:TagSession", role, account="444455556666"),
        Request("sts:AssumeRole", role, {"sts:ExternalId": "tenant-2"}, account="444455556666"),
        Request("sts:AssumeRole", f"{role}2", {"sts:ExternalId": "tenant-1"}, account="444455556666"),
    ]
    assert iam.allowed(access.assume_documents, requests, resource_policy=trusted) == [True, True, False, False]


def test_pod_identity_trusts_one_service_account_of_one_cluster(iam: Evaluator) -> None:
    cluster = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/prod"
    document = pod_identity(account=ACCOUNT, cluster_arn=cluster, namespace="es", service_account="reader")
    session = {
        "aws:RequestTag/eks-cluster-arn": cluster,
        "aws:RequestTag/kubernetes-namespace": "es",
        "aws:RequestTag/kubernetes-service-account": "reader",
        "aws:SourceAccount": ACCOUNT,
    }
    others = [{**session, key: value + "2"} for key, value in session.items()]
    role = f"arn:aws:iam::{ACCOUNT}:role/reader"
    for action in ("sts:AssumeRole", "sts:TagSession"):
        requests = [Request(action, role, each, principal="pods.eks.amazonaws.com") for each in (session, *others, {})]
        decisions = iam.allowed([], requests, resource_policy=json.loads(document))
        assert decisions == [True] + [False] * 5


def test_the_judge_refuses_what_iam_would(iam: Evaluator) -> None:
    with pytest.raises(NotValid, match=r"Efect|Effect"):
        iam.allowed([json.dumps({"Version": "2012-10-17", "Statement": [{"Efect": "Allow"}]})], [reading("a")])
    with pytest.raises(NotValid, match="context key"):
        iam.allowed([document([])], [Request("secretsmanager:GetSecretValue", secret_arn("a"), {"s3:prefix": "x"})])
