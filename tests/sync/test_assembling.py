"""From answers to the data map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from secretsync.errors import NullByteError, ProviderDenied, SecretKeyError, SecretNotFound
from secretsync.providers.protocol import Fetched, Missing
from secretsync.sync.assembling import Answer, assemble
from secretsync.sync.plan import plan
from secretsync.sync.types import MissingSecret
from tests.sync.builders import Backend, external_secret

if TYPE_CHECKING:
    from secretsync.sync.types import Assembled

pytestmark = pytest.mark.unit

GENERATOR = {"apiVersion": "generators.external-secrets.io/v1alpha1", "kind": "Password", "name": "p"}


def _assemble(answers: dict[str, Any], **spec: Any) -> Assembled:
    declared = external_secret(**spec)
    backend = Backend()
    filled = {
        field: answer if isinstance(answer, Answer) else Answer(backend, answer) for field, answer in answers.items()
    }
    return assemble(declared, plan(declared), filled)


def test_later_entries_win_and_data_wins_over_data_from() -> None:
    assembled = _assemble(
        {
            "spec.dataFrom[0].extract": Fetched(b"own=1,x=1,y=1", "a"),
            "spec.dataFrom[1].extract": Fetched(b"x=2", "b"),
            "spec.data[0]": Fetched(b"3", "c"),
        },
        dataFrom=[{"extract": {"key": "e"}}, {"extract": {"key": "f"}}],
    )
    assert assembled.data == {"own": b"3", "x": b"2", "y": b"1"}
    assert [(version.key, version.version) for version in assembled.versions] == [("e", "a"), ("f", "b"), ("k", "c")]


@pytest.mark.parametrize("policy", ["Merge", "Delete"])
def test_missing_is_skipped_where_the_policy_allows_it(policy: str) -> None:
    assembled = _assemble({"spec.data[0]": Missing("gone")}, target={"deletionPolicy": policy})
    assert assembled.data == {}
    assert assembled.missing == (MissingSecret("spec.data[0]", "k", "gone"),)
    assert assembled.missing[0].message == "secret does not exist at provider using spec.data[0] (key=k)"


def test_missing_is_an_error_with_retain() -> None:
    with pytest.raises(SecretNotFound) as caught:
        _assemble({"spec.data[0]": Missing("gone")})
    assert str(caught.value) == (
        "spec.data[0] (key: k): gone; create it, or set deletionPolicy to Merge or Delete so that it may be missing"
    )


def test_a_backend_may_insist_that_missing_data_is_an_error() -> None:
    with pytest.raises(SecretNotFound):
        _assemble({"spec.data[0]": Missing("gone", data_is_error=True)}, target={"deletionPolicy": "Delete"})
    extracted = {"target": {"deletionPolicy": "Delete"}, "data": [], "dataFrom": [{"extract": {"key": "e"}}]}
    assert _assemble({"spec.dataFrom[0].extract": Missing("gone", data_is_error=True)}, **extracted).data == {}


def test_a_missing_property_that_counts_as_missing_secret_follows_the_policy() -> None:
    absent = {"key": "e", "property": "absent"}
    assembled = _assemble(
        {"spec.data[0]": Fetched(b"v"), "spec.dataFrom[0].extract": Fetched(b"a=1")},
        target={"deletionPolicy": "Merge"},
        data=[{"secretKey": "own", "remoteRef": absent}],
        dataFrom=[{"extract": absent}],
    )
    assert [missing.field for missing in assembled.missing] == ["spec.dataFrom[0].extract", "spec.data[0]"]


def test_an_error_of_the_read_names_the_entry_and_is_not_changed_for_others() -> None:
    shared = ProviderDenied("permission denied", place="SecretStore team/store")
    for _ in range(2):
        with pytest.raises(ProviderDenied, match=r"^spec\.data\[0\] \(key: k\), SecretStore team/store: permission"):
            _assemble({"spec.data[0]": shared})
    assert shared.place == "SecretStore team/store"


def test_rewrite_switches_conversion_off_and_comes_before_the_key_check() -> None:
    rewrite = [{"regexp": {"source": "^a", "target": "b"}}]
    entry = {"extract": {"key": "e"}, "rewrite": rewrite}
    answer = {"spec.dataFrom[0].extract": Fetched(b"a/1=x")}
    with pytest.raises(SecretKeyError, match=r"spec\.dataFrom\[0\]\.extract"):
        _assemble(answer, data=[], dataFrom=[entry])
    assert _assemble(answer, data=[], dataFrom=[{"extract": {"key": "e"}}]).data == {"a_1": b"x"}


def test_a_transform_reads_nothing_from_a_key_that_is_not_there() -> None:
    # Go's default; the option missingkey=error is for templates of the target.
    template = '{{ (split "-" .value)._1 | default .value }}{{ if .other.more }}x{{ end }}'
    assembled = _assemble(
        {"spec.dataFrom[0].extract": Fetched(b"db-user=u,plain=p")},
        data=[],
        dataFrom=[{"extract": {"key": "e"}, "rewrite": [{"transform": {"template": template}}]}],
    )
    assert assembled.data == {"user": b"u", "plain": b"p"}


def test_values_are_decoded_after_rewriting_and_then_checked_for_null_bytes() -> None:
    find = {"name": {"regexp": "."}, "decodingStrategy": "Base64", "nullBytePolicy": "Fail"}
    entry = {"find": find, "rewrite": [{"transform": {"template": "{{ .value | upper }}"}}]}
    answers = {"spec.dataFrom[0].find": {"a": Fetched(b"eA==", "7"), "b": Fetched(b"eQ==", "8")}}
    assembled = _assemble(answers, data=[], dataFrom=[entry])
    assert assembled.data == {"A": b"x", "B": b"y"}
    assert [(version.key, version.version) for version in assembled.versions] == [("a", "7"), ("b", "8")]
    with pytest.raises(NullByteError):
        _assemble({"spec.dataFrom[0].find": {"a": Fetched(b"AAA=")}}, data=[], dataFrom=[entry])


@pytest.mark.parametrize("entry", ["extract", "find"])
def test_null_bytes_are_refused_where_the_entry_says_so(entry: str) -> None:
    ref = {"key": "e"} if entry == "extract" else {"path": "e"}
    answer = Fetched(b"a=\0") if entry == "extract" else {"a": Fetched(b"\0")}
    answers = {f"spec.dataFrom[0].{entry}": answer}
    assert _assemble(answers, data=[], dataFrom=[{entry: ref}]).data == {"a": b"\0"}
    with pytest.raises(NullByteError, match="key 'a'"):
        _assemble(answers, data=[], dataFrom=[{entry: {**ref, "nullBytePolicy": "Fail"}}])


def test_find_without_rewrite_converts_names() -> None:
    answers = {"spec.dataFrom[0].find": {"a/b": Fetched(b"1")}}
    assert _assemble(answers, data=[], dataFrom=[{"find": {"path": "a"}}]).data == {"a_b": b"1"}
    unicode = {"find": {"path": "a", "conversionStrategy": "Unicode"}}
    assembled = _assemble(answers, data=[], dataFrom=[unicode])
    assert assembled.data == {"a_U002f_b": b"1"}


def test_generated_values_are_rewritten_and_checked_but_not_decoded() -> None:
    entry = {"sourceRef": {"generatorRef": GENERATOR}, "rewrite": [{"regexp": {"source": "^", "target": "g-"}}]}
    answers = {"spec.dataFrom[0].sourceRef.generatorRef": Answer(None, {"password": b"eA=="})}
    assert _assemble(answers, data=[], dataFrom=[entry]).data == {"g-password": b"eA=="}


def test_values_are_masked_in_the_repr() -> None:
    assembled = _assemble({"spec.data[0]": Fetched(b"hunter2")})
    assert "hunter2" not in repr(assembled)
    assert "hunter2" not in repr(Answer(None, {"a": b"hunter2"}))
