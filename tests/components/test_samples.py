"""First values: written in the form that the stack file says, or refused by name; never told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.backends.samples import aws_sample, parse_samples, vault_sample
from components.settings import ParameterSettings, SecretSettings
from secretsync.errors import SettingsError

pytestmark = pytest.mark.unit

TEXT = ParameterSettings(name="/a/token", sample="text")
OBJECT = SecretSettings(name="a/login", sample=("user", "password"))


def refused(text: str, settings: SecretSettings | ParameterSettings) -> str:
    values = parse_samples(text)
    with pytest.raises(SettingsError) as caught:
        aws_sample(settings, values)
    assert str(caught.value).startswith("external-secrets:sampleSecrets: ")
    assert "canary" not in str(caught.value)
    return str(caught.value)


def test_values_are_written_in_their_form() -> None:
    values = parse_samples('{"/a/token": "t", "a/login": {"password": "p", "user": "u"}}')
    assert aws_sample(TEXT, values) == "t"
    assert json.loads(aws_sample(OBJECT, values)) == {"user": "u", "password": "p"}
    assert json.loads(vault_sample("a/login", values)) == {"user": "u", "password": "p"}


@pytest.mark.parametrize("text", ["", "[]", "null", '"canary"', '{"canary'])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="is not a JSON object") as caught:
        parse_samples(text)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("value", [1, None, ["canary"], {"user": 1}, {"user": {"canary": "x"}}])
def test_values_that_are_neither_text_nor_object_are_refused(value: Any) -> None:
    with pytest.raises(SettingsError, match="a/login: neither a text nor an object of texts"):
        parse_samples(json.dumps({"a/login": value, "fine": "x"}))


def test_another_form_than_the_stack_file_says_is_refused() -> None:
    assert "/a/token is missing" in refused("{}", TEXT)
    assert "/a/token is no text" in refused('{"/a/token": {"canary": "canary"}}', TEXT)
    for text in ('{"a/login": "canary"}', '{"a/login": {"user": "canary"}}',
                 '{"a/login": {"user": "", "password": "", "more": "canary"}}'):  # fmt: skip
        assert "a/login is no object with the properties password, user and no others" in refused(text, OBJECT)


def test_a_kv_path_needs_an_object() -> None:
    with pytest.raises(SettingsError, match="foo is missing"):
        vault_sample("foo", {})
    with pytest.raises(SettingsError, match="foo is no object"):
        vault_sample("foo", {"foo": "canary"})
