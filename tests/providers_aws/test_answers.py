"""Texts and tags of answers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.providers.aws.answers import tags, utf8
from secretsync.providers.aws.login import AccessKey, WebIdentity
from secretsync.providers.aws.secrets_manager import BATCH_FROM
from tests.providers_aws.cloud import KEY_ID, SECRET_KEY, SESSION_TOKEN

pytestmark = pytest.mark.unit


@given(st.text())
def test_every_text_keeps_its_bytes(text: str) -> None:
    assert utf8(text) == text.encode()


@given(st.text(st.characters(categories=["Cs"]) | st.just("x"), max_size=20))
def test_half_characters_never_fail(text: str) -> None:
    utf8(text).decode()


def test_half_a_character_is_replaced() -> None:
    assert utf8(json.loads('"a\\ud83d."')) == "a\ufffd.".encode()


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.text()))
def test_tags_are_an_object_sorted_by_key(values: dict[str, str]) -> None:
    document = tags({"Key": key, "Value": value} for key, value in values.items())
    assert json.loads(document) == values
    assert not {b"<", b">", b"&"} & {document[index : index + 1] for index in range(len(document))}


def test_a_tag_without_value_is_empty() -> None:
    assert tags([{"Key": "a"}, {"Key": "b", "Value": None}]) == b'{"a":"","b":""}'


def test_no_credential_is_in_a_repr() -> None:
    told = repr(AccessKey(KEY_ID, SECRET_KEY, SESSION_TOKEN)) + repr(WebIdentity("role", SESSION_TOKEN))
    assert not [canary for canary in (KEY_ID, SECRET_KEY, SESSION_TOKEN) if canary in told]


def test_a_handful_of_secrets_is_no_batch() -> None:
    assert BATCH_FROM > 10
