"""What PushSecrets may write: judged by the evaluator for what is declared, and for all that is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secretsync.access.aws import AccessLevel, compile_aws
from secretsync.access.pushes import Push, pushes_of
from secretsync.access.refusals import AccessRefused
from secretsync.access.statements import document
from secretsync.api import ClusterSecretStore
from tests.access.builders import (
    ACCOUNT,
    KEY,
    PARAMETER,
    SECRET,
    account,
    declared,
    parameter_store,
    pushed,
    secrets_manager,
)
from tests.access.evaluator import Request
from tests.access.test_least_privilege import smaller

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsync.access.statements import Statement
    from tests.access.evaluator import Evaluator

pytestmark = pytest.mark.contract

MANAGED = {"aws:ResourceTag/managed-by": "external-secrets"}
NAMES = ("team", "team/db", "team/db-abcdef", "team/db-main", "team-b")
POLICY = {"spec": {"resourcePolicy": {"policySourceRef": {"kind": "ConfigMap", "name": "c", "key": "k"}}}}
bounded = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def on_secret(operation: str, name: str, **context: str) -> Request:
    return Request(f"secretsmanager:{operation}", f"{SECRET}{name}-Ab1Cd2", context)


def writing(name: str, *, deletes: bool, policy: bool) -> list[Request]:
    """What ESO asks for when it writes a secret: one that is not there, and one of its own."""
    changes = ["PutSecretValue", "TagResource", "UntagResource"]
    changes += ["GetResourcePolicy", "PutResourcePolicy"] if policy else ["DeleteResourcePolicy"]
    changes += ["DeleteSecret"] if deletes else []
    return [
        on_secret("DescribeSecret", name),
        on_secret("GetSecretValue", name, **MANAGED),
        on_secret("CreateSecret", name, **{"secretsmanager:Name": name}),
        on_secret("TagResource", name),
        *(on_secret(change, name, **MANAGED) for change in changes),
    ]


def changing(name: str) -> list[Request]:
    """Everything that changes a secret, be it managed by ESO or not."""
    operations = ("PutSecretValue", "UntagResource", "PutResourcePolicy", "DeleteResourcePolicy", "DeleteSecret")
    return [
        on_secret("CreateSecret", name, **{"secretsmanager:Name": name}),
        on_secret("TagResource", name),
        *(on_secret(operation, name, **tags) for operation in operations for tags in (MANAGED, {})),
    ]


def decided(iam: Evaluator, statements: Sequence[Statement], requests: Sequence[Request]) -> list[bool]:
    return iam.allowed([document(statements)], requests) if statements else [False] * len(requests)


@bounded
@given(
    names=st.sets(st.sampled_from(NAMES), min_size=1, max_size=3).map(sorted),
    read=st.lists(st.sampled_from(NAMES), max_size=2),
    deletes=st.booleans(),
    policy=st.booleans(),
)
def test_what_is_pushed_can_be_written_all_of_it_is_needed_and_nothing_else_can_be_changed(
    iam: Evaluator, names: list[str], read: list[str], *, deletes: bool, policy: bool
) -> None:
    push = pushed(*names, metadata=POLICY if policy else None, deletionPolicy="Delete" if deletes else "None")
    access = compile_aws(secrets_manager(), [declared(*read)], account(), push_secrets=[push])
    requests = [each for name in names for each in writing(name, deletes=deletes, policy=policy)]
    requests += [on_secret("GetSecretValue", name) for name in read]
    assert all(decided(iam, access.statements, requests))
    others = [each for name in NAMES if name not in names for each in changing(name)]
    others += [each for name in names for each in changing(name) if each.action.endswith("Value") and not each.context]
    others += [on_secret("DeleteSecret", name) for name in names]
    others += [] if deletes else [on_secret("DeleteSecret", name, **MANAGED) for name in names]
    others += [on_secret("GetSecretValue", name) for name in NAMES if name not in {*names, *read}]
    assert not any(decided(iam, access.statements, others))
    for left_out, fewer in smaller(access.statements):
        assert not all(decided(iam, fewer, requests)), f"nothing needs {left_out}"
    assert len({each.sid for each in access.statements}) == len(access.statements)


def on_parameter(operation: str, name: str, **context: str) -> Request:
    return Request(f"ssm:{operation}", f"{PARAMETER}{name}", context)


@pytest.mark.parametrize("deletes", [True, False])
def test_a_parameter_is_written_and_no_other(iam: Evaluator, *, deletes: bool) -> None:
    push = pushed("/team/db", deletionPolicy="Delete" if deletes else "None")
    statements = compile_aws(parameter_store(), [], account(), push_secrets=[push]).statements
    operations = ["GetParameter", "ListTagsForResource", "PutParameter", "AddTagsToResource", "RemoveTagsFromResource"]
    wanted = [on_parameter(operation, "team/db") for operation in operations]
    wanted += [on_parameter("DeleteParameter", "team/db", **MANAGED)] if deletes else []
    assert all(decided(iam, statements, wanted))
    others = [on_parameter(operation, name) for operation in operations for name in ("team", "team/db/x", "team/dbx")]
    others += [on_parameter("DeleteParameter", "team/db"), on_parameter("DeleteParameter", "team/dbx", **MANAGED)]
    others += [] if deletes else [on_parameter("DeleteParameter", "team/db", **MANAGED)]
    assert not any(decided(iam, statements, others))
    for left_out, fewer in smaller(statements):
        assert not all(decided(iam, fewer, wanted)), f"nothing needs {left_out}"


@pytest.mark.parametrize("level", list(AccessLevel))
def test_no_level_widens_what_may_be_written(iam: Evaluator, level: AccessLevel) -> None:
    access = compile_aws(
        secrets_manager(prefix="team/"), [declared("a")], account(), level=level, push_secrets=[pushed("db")]
    )
    writes = [request for name in ("team/db", "db", "team/a") for request in changing(name)]
    allowed = {each.resource for each, ok in zip(writes, decided(iam, access.statements, writes), strict=True) if ok}
    assert allowed == {f"{SECRET}team/db-Ab1Cd2"}


def test_a_store_that_is_only_written_to_assumes_its_roles_too() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/writer"
    access = compile_aws(secrets_manager(role=role), [], account(), push_secrets=[pushed("db")])
    assert [step.role for step in access.roles] == [role]
    assert not compile_aws(secrets_manager(role=role), [], account()).roles


def test_who_writes_is_told_for_each_name() -> None:
    access = compile_aws(secrets_manager(), [], account(), push_secrets=[pushed("a", "b")])
    create = next(each for each in access.statements if each.sid == "Create")
    assert create.why == {"a": ("PushSecret demo/p, spec.data[0]",), "b": ("PushSecret demo/p, spec.data[1]",)}


@pytest.mark.parametrize(
    ("push", "problem"),
    [
        (pushed("team/*"), 'the remoteKey "team/\\*" is no name that can be written'),
        (pushed(f"{SECRET}db-Ab1Cd2"), "is no name that can be written; give the name, no ARN"),
        (pushed("${aws:username}"), "is no name that can be written"),
        (pushed(dataTo=[{"storeRef": {"name": "s"}}]), r"spec\.dataTo\[0\]: only the keys of the Secret tell"),
    ],
)
def test_what_cannot_be_named_is_not_written(push: Any, problem: str) -> None:
    for store in (secrets_manager(), parameter_store()):
        with pytest.raises(AccessRefused, match=problem):
            compile_aws(store, [], account(), push_secrets=[push])


@pytest.mark.parametrize(
    ("kms_keys", "metadata", "noted"),
    [
        ({"db": KEY}, None, ["writing with a customer key is not compiled: allow kms:GenerateDataKey"]),
        ({"*": KEY}, None, ["writing with a customer key is not compiled"]),
        ({}, {"spec": {"kmsKeyID": "x"}}, ["writing with a customer key is not compiled"]),
        ({}, {"spec": {"somethingNew": "x"}}, ["what metadata.spec.somethingNew needs beside writing"]),
        ({"other": KEY}, {"spec": {"tags": {"a": "b"}}}, []),
    ],
)
def test_what_is_left_to_be_allowed_by_hand_is_said(
    kms_keys: dict[str, str], metadata: dict[str, Any] | None, noted: list[str]
) -> None:
    push = pushed("db", metadata=metadata)
    notes = compile_aws(secrets_manager(), [], account(kms_keys=kms_keys), push_secrets=[push]).notes
    assert len(notes) == len(noted)
    assert all(text in note for text, note in zip(noted, notes, strict=True))


@pytest.mark.parametrize(
    ("refs", "meant"),
    [
        ([{"name": "s", "kind": "ClusterSecretStore"}], True),
        ([{"name": "s"}], False),
        ([{"name": "t", "kind": "ClusterSecretStore"}], False),
        ([{"labelSelector": {"matchLabels": {"a": "b"}}, "kind": "ClusterSecretStore"}], True),
        ([{"labelSelector": {"matchLabels": {"a": "c"}}, "kind": "ClusterSecretStore"}], False),
        ([{"labelSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]},
           "kind": "ClusterSecretStore"}], True),
        ([{"labelSelector": {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]},
           "kind": "ClusterSecretStore"}], False),
        ([{"labelSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]},
           "kind": "ClusterSecretStore"}], True),
        ([{"labelSelector": {"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]},
           "kind": "ClusterSecretStore"}], False),
    ],
)  # fmt: skip
def test_stores_are_meant_by_name_or_by_labels(refs: list[dict[str, Any]], *, meant: bool) -> None:
    store = ClusterSecretStore.from_json(
        {"metadata": {"name": "s", "labels": {"a": "b"}}, "spec": {"provider": {"fake": {"data": []}}}}
    )
    found = pushes_of(store, [pushed("k", secretStoreRefs=refs)])
    assert found == ((Push("PushSecret demo/p, spec.data[0]", "k"),) if meant else ())


def test_conditions_of_a_store_hold_for_what_is_written_too() -> None:
    store = ClusterSecretStore.from_json(
        {
            "metadata": {"name": "s"},
            "spec": {"provider": {"fake": {"data": []}}, "conditions": [{"namespaces": ["other"]}]},
        }
    )
    assert not pushes_of(store, [pushed("k", secretStoreRefs=[{"name": "s", "kind": "ClusterSecretStore"}])])
