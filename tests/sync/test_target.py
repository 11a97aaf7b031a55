"""The desired Secret, and when a live one is as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from secretsync.errors import TargetOwned, TargetTooLarge
from secretsync.sync import names, target
from secretsync.sync.types import TargetContent
from tests.sync.builders import external_secret, secret, texts

if TYPE_CHECKING:
    from secretsync.api import ExternalSecret

pytestmark = pytest.mark.unit

CONTENT = TargetContent("", {"own": b"v1"}, {"l": "1"}, {"a": "2"})


def _owner(name: str, kind: str = "ExternalSecret", group: str = "external-secrets.io/v1") -> dict[str, Any]:
    return {
        "apiVersion": group,
        "kind": kind,
        "name": name,
        "uid": f"uid-{name}",
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _fields(manager: str, data: tuple[str, ...] = (), labels: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a manager owns; of annotations the same names as of labels."""
    metadata: dict[str, Any] = {f"f:{key}": {} for key in labels}
    fields = {
        "f:data": {".": {}, **{f"f:{key}": {} for key in data}},
        "f:metadata": {"f:labels": metadata, "f:annotations": metadata},
    }
    return {"manager": manager, "operation": "Update", "fieldsV1": fields}


def _policy(policy: str, name: str = "app", **more: Any) -> ExternalSecret:
    return external_secret(name, target={"creationPolicy": policy, "name": "app", **more})


def test_a_new_owned_secret_carries_everything_upstream_writes() -> None:
    made = target.desired(_policy("Owner"), CONTENT, None)
    metadata = made["metadata"]
    assert (made["apiVersion"], made["kind"], made["type"]) == ("v1", "Secret", "Opaque")
    assert (metadata["name"], metadata["namespace"]) == ("app", "team")
    assert metadata["ownerReferences"] == [_owner("app")]
    assert metadata["labels"] == {
        "l": "1",
        names.MANAGED_LABEL: "true",
        names.CREATED_BY_LABEL: names.created_by("team", "app"),
    }
    assert set(metadata["annotations"]) == {"a", names.DATA_HASH_ANNOTATION}
    assert texts(made) == {"own": "v1"}
    assert target.is_valid(_policy("Owner"), made)


@pytest.mark.parametrize("policy", ["Orphan", "Merge", "CreateOrMerge"])
def test_other_policies_own_nothing(policy: str) -> None:
    live = target.desired(_policy("Owner"), CONTENT, None)
    made = target.desired(_policy(policy), CONTENT, live)
    assert "ownerReferences" not in made["metadata"]
    assert names.CREATED_BY_LABEL not in made["metadata"]["labels"]


@pytest.mark.parametrize(
    ("policy", "kept"), [("Owner", False), ("Orphan", False), ("Merge", True), ("CreateOrMerge", True)]
)
def test_keys_of_others_stay_with_merge_only(policy: str, *, kept: bool) -> None:
    live = secret("app", {"foreign": b"f"}, labels={"theirs": "1"}, annotations={"theirs": "2"})
    made = target.desired(_policy(policy), CONTENT, live)
    assert ("foreign" in made["data"]) is kept
    assert made["metadata"]["labels"]["theirs"] == "1"
    assert made["metadata"]["annotations"]["theirs"] == "2"
    assert target.hash_matches(made)
    assert live["data"] == {"foreign": "Zg=="}, "the live object is not changed"


def test_what_was_written_before_and_is_no_longer_wanted_goes() -> None:
    marks = {"stale": "1", "theirs": "1"}
    live = secret("app", {"old": b"1", "own": b"0", "foreign": b"f"}, labels=marks, annotations=marks)
    live["metadata"]["managedFields"] = [
        _fields(names.field_manager("app"), ("old", "own", "gone already"), ("stale", "gone already")),
        _fields("kubectl", ("foreign",), ("theirs",)),
    ]
    made = target.desired(_policy("Merge"), CONTENT, live)
    assert texts(made) == {"own": "v1", "foreign": "f"}
    for part in ("labels", "annotations"):
        assert "stale" not in made["metadata"][part]
        assert "theirs" in made["metadata"][part]
    assert "managedFields" not in made["metadata"]


def test_with_a_hashed_manager_stale_labels_stay_and_stale_keys_go() -> None:
    name = "a" * 60
    live = secret("app", {"old": b"1"}, labels={"stale": "1"})
    live["metadata"]["managedFields"] = [_fields(names.field_manager(name), ("old",), ("stale",))]
    made = target.desired(_policy("Merge", name), CONTENT, live)
    assert texts(made) == {"own": "v1"}
    assert made["metadata"]["labels"]["stale"] == "1"


def test_type_finalizers_and_immutability() -> None:
    content = TargetContent("example.com/x", {"own": b"v"}, {}, {}, ("example.com/f",))
    made = target.desired(_policy("Owner", immutable=True), content, None)
    assert (made["type"], made["immutable"]) == ("example.com/x", True)
    again = target.desired(_policy("Owner"), content, {**made, "metadata": {**made["metadata"]}})
    assert again["metadata"]["finalizers"] == ["example.com/f"]
    foreign = secret("app", finalizers=["example.com/theirs", "example.com/f"])
    joined = target.desired(_policy("Owner"), content, foreign)
    assert joined["metadata"]["finalizers"] == ["example.com/theirs", "example.com/f"]


def test_an_existing_immutable_target_keeps_its_content() -> None:
    live = secret("app", {"own": b"old"})
    made = target.desired(_policy("Owner", immutable=True), CONTENT, live)
    assert texts(made) == {"own": "old"}
    assert made["immutable"] is True
    assert target.hash_matches(made)


def test_another_external_secret_as_owner_is_named() -> None:
    live = secret("app", ownerReferences=[_owner("other")])
    for policy in ("Owner", "Orphan", "Merge"):
        with pytest.raises(TargetOwned) as refused:
            target.desired(_policy(policy), CONTENT, live)
        assert str(refused.value) == (
            "Secret team/app: it is owned by another ExternalSecret other; give one of the two another spec.target.name"
        )


def test_another_controller_stops_owner_only() -> None:
    live = secret("app", ownerReferences=[_owner("d", "Deployment", "apps/v1")])
    with pytest.raises(TargetOwned) as refused:
        target.desired(_policy("Owner"), CONTENT, live)
    assert str(refused.value) == (
        "Secret team/app: it is controlled by Deployment d; "
        "choose another spec.target.name, or creationPolicy Merge to add keys to it"
    )
    made = target.desired(_policy("Merge"), CONTENT, live)
    assert made["metadata"]["ownerReferences"] == live["metadata"]["ownerReferences"]


def test_an_own_reference_with_an_old_uid_is_replaced() -> None:
    stale = {**_owner("app"), "uid": "old"}
    made = target.desired(_policy("Owner"), CONTENT, secret("app", ownerReferences=[stale]))
    assert made["metadata"]["ownerReferences"] == [_owner("app")]


def test_a_declaration_without_uid_is_recognised_by_its_label() -> None:
    declared = external_secret(metadata={"uid": ""})
    made = target.desired(declared, CONTENT, None)
    assert "ownerReferences" not in made["metadata"]
    assert target.is_owned_by(declared, made)
    assert not target.is_owned_by(declared, secret())
    controlled = {**made, "metadata": {**made["metadata"], "ownerReferences": [_owner("other")]}}
    assert not target.is_owned_by(declared, controlled), "the label does not outweigh a controller"


def test_a_label_does_not_make_an_object_of_the_cluster_the_owner() -> None:
    made = target.desired(_policy("Owner"), CONTENT, None)
    assert target.is_owned_by(_policy("Owner"), made)
    del made["metadata"]["ownerReferences"]
    assert not target.is_owned_by(_policy("Owner"), made)


@pytest.mark.parametrize(
    "reference",
    [
        _owner("app", group="example.com/v1"),
        _owner("app", group="v1"),
        _owner("app", kind="PushSecret"),
        {"name": "app", "kind": "ExternalSecret", "controller": True},
    ],
)
def test_an_owner_of_the_same_name_and_another_kind_is_somebody_else(reference: dict[str, Any]) -> None:
    live = secret("app", ownerReferences=[reference])
    assert not target.is_owned_by(_policy("Owner"), live)
    with pytest.raises(TargetOwned, match=r"^Secret team/app: it is controlled by \w+ app; choose another"):
        target.check_owner(_policy("Owner"), live)
    assert target.desired(_policy("Merge"), CONTENT, live)["metadata"]["ownerReferences"] == [reference]


def test_an_own_reference_counts_in_any_version_of_the_api() -> None:
    for version in ("v1beta1", "v1"):
        live = secret("app", ownerReferences=[_owner("app", group=f"external-secrets.io/{version}")])
        assert target.is_owned_by(_policy("Owner"), live)


def test_a_live_object_out_of_a_list_gets_its_kind_back() -> None:
    live = {key: value for key, value in secret("app").items() if key not in {"apiVersion", "kind"}}
    made = target.desired(_policy("Owner"), CONTENT, live)
    assert (made["apiVersion"], made["kind"]) == ("v1", "Secret")


def test_values_above_one_mebibyte_are_refused_before_the_write() -> None:
    half = {"a": b"x" * (600 * 1024)}
    problem = (
        f"Secret team/app: 1 keys hold {2 * 600 * 1024} bytes, the limit is 1048576; "
        "select single properties instead of everything, or spread the keys over several ExternalSecrets"
    )
    with pytest.raises(TargetTooLarge, match=f"^{problem}$"):
        target.desired(_policy("Merge"), TargetContent("", half, {}, {}), secret("app", {"b": b"x" * (600 * 1024)}))
    exact = TargetContent("", {"a": b"x" * target.SIZE_LIMIT}, {}, {})
    assert target.desired(_policy("Owner"), exact, secret("app", {"b": b"x"}))


@pytest.mark.parametrize(
    "damage",
    [
        lambda live: live["metadata"]["labels"].pop(names.MANAGED_LABEL),
        lambda live: live["metadata"]["annotations"].pop(names.DATA_HASH_ANNOTATION),
        lambda live: live["data"].update(own="eA=="),
        lambda live: live["data"].update(more="eA=="),
        lambda live: live["data"].pop("own"),
    ],
)
def test_a_damaged_target_is_not_valid(damage: Any) -> None:
    live = target.desired(_policy("Owner"), CONTENT, None)
    damage(live)
    assert not target.is_valid(_policy("Owner"), live)
    assert target.is_valid(_policy("Orphan"), live)


def test_names_are_upstreams() -> None:
    short = "refresh-error-then-fixed"
    assert names.field_manager(short) == f"externalsecrets.external-secrets.io/{short}"
    hashed = names.field_manager("ownership-foreign-label-kept")
    digest = "d0414b5aeee96b5c78b8943f48a36d99be1b50ea4378c03ccc7c2545"
    assert hashed == f"externalsecrets.external-secrets.io/sha3/{digest}"
    assert names.is_hashed(hashed)
    assert names.is_ours(hashed)
    assert not names.is_ours("kubectl")
