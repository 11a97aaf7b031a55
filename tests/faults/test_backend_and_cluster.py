"""A backend or an API server that is sealed, gone, or refuses: said by name, never hung, mended by ``up``."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.e2e.checkout import PULUMI_SECRET, wait_until

if TYPE_CHECKING:
    from tests.e2e.checkout import Checkout

pytestmark = pytest.mark.faults

PATIENCE = 60
SYNCED_AGAIN_WITHIN = 60


def _kill(platform: Checkout, part: str) -> None:
    (pid,) = (
        each["pid"] for each in platform.local("status", "--json", check=False).document() if each["part"] == part
    )
    os.kill(pid, signal.SIGKILL)


def _ready(platform: Checkout) -> bool:
    found = platform.kubernetes("GET", "/apis/external-secrets.io/v1/externalsecrets").document()["items"]
    conditions = [each for item in found for each in item["status"]["conditions"] if each["type"] == "Ready"]
    return [each["status"] for each in conditions] == ["True"]


def _mended(platform: Checkout) -> None:
    assert platform.local("up", "--json").document()["unchanged"] is True
    wait_until(lambda: _ready(platform), seconds=SYNCED_AGAIN_WITHIN, what="the operator syncs again")


def test_a_wrong_token_is_refused_by_name(platform: Checkout) -> None:
    done = platform.pulumi("refresh", "--preview-only", check=False, VAULT_TOKEN="s.wrong")
    assert done.code != 0
    assert "VAULT_TOKEN" in done.text
    assert "s.wrong" not in done.text


def test_a_sealed_backend_is_said_to_be_sealed_and_up_unseals_it(platform: Checkout) -> None:
    before = platform.value(PULUMI_SECRET)
    platform.backend("PUT", "sys/seal")
    status = platform.local("status", "--json", check=False)
    assert status.code == 1
    assert "sealed" in {part["part"]: part for part in status.document()}["openbao"]["detail"]
    done = platform.pulumi("preview", check=False)
    assert done.code != 0
    assert done.seconds < PATIENCE
    assert "sealed" in done.text
    assert platform.value(PULUMI_SECRET) == before
    _mended(platform)


def test_a_backend_that_is_gone_fails_preview_and_up_by_name(platform: Checkout) -> None:
    before = platform.value(PULUMI_SECRET)
    _kill(platform, "openbao")
    address = platform.variables()["VAULT_ADDR"]
    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        done = platform.pulumi(*command, check=False)
        assert done.code != 0
        assert done.seconds < PATIENCE
        assert address in done.text
    assert platform.value(PULUMI_SECRET) == before
    _mended(platform)


def test_an_api_server_that_is_gone_fails_the_preview_by_name(platform: Checkout) -> None:
    _kill(platform, "kube-apiserver")
    address = platform.parts.api_server.removeprefix("https://")
    done = platform.pulumi("preview", check=False)
    assert done.code != 0
    assert done.seconds < PATIENCE
    assert address in done.text
    _mended(platform)
