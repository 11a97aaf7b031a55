"""Nothing that looks like a credential leaves through the log."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from secretsync.controller import logs
from secretsync.controller.logs import redact

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.unit

CANARY = "hunter2-0123456789abcdefXYZ"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (f"Authorization: Bearer {CANARY}", CANARY),
        (f"X-Vault-Token: {CANARY}", CANARY),
        (f'{{"password": "{CANARY}"}}', CANARY),
        (f"client_secret={CANARY}&x=1", CANARY),
        (f"secret_id: {CANARY}", CANARY),
        ("token hvs.CAESIJabcdefghijklmnopqrst", "CAESIJabcdefghijklmnopqrst"),
        (f"got {JWT} back", JWT),
        ("key AKIAABCDEFGHIJKLMNOP used", "AKIAABCDEFGHIJKLMNOP"),
        (f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----", CANARY),
        (f"https://user:{CANARY}@example.com/x", CANARY),
        (f'{{"kind": "Secret", "data": {{"a": "{CANARY}"}}}}', CANARY),
    ],
)
def test_credentials_are_masked(text: str, hidden: str) -> None:
    assert hidden not in redact(text)
    assert logs.MASK in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "ExternalSecret team/app: could not get secret data from provider: spec.data[0] (key: app/db): denied",
        "https://127.0.0.1:6443/api/v1/namespaces/team/secrets/app",
        "watching 12 ExternalSecrets with 32 workers",
    ],
)
def test_ordinary_lines_stay_readable(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("style", ["text", "json"])
def test_arguments_and_tracebacks_go_through_the_filter(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(style=style)
    log = logging.getLogger("secretsync.test")
    log.info("login with %s", f"token={CANARY}")
    try:
        raise ValueError(f"password={CANARY}")
    except ValueError:
        log.exception("failed")
    written = capsys.readouterr().err
    assert CANARY not in written
    assert "ValueError" in written
    if style == "json":
        lines = [json.loads(line) for line in written.splitlines()]
        assert [line["level"] for line in lines] == ["info", "error"]
        assert lines[0]["logger"] == "secretsync.test"


def test_levels_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(level="warning")
    logging.getLogger("secretsync.test").info("quiet")
    assert capsys.readouterr().err == ""
