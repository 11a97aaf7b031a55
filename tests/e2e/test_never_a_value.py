"""No secret value, token or key is where it has no business, after everything that a platform goes through."""

from __future__ import annotations

import base64
import json
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.checkout import OPERATOR_SECRET, PULUMI_SECRET, Checkout, wait_until
from tests.e2e.search import Search, encodings, files

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

CREDENTIAL_FILES = {
    "openbao/token": "OpenBao's root token, which `make env` exports",
    "openbao/initialised.json": "what OpenBao answered when it was initialised: root token and recovery key",
    "openbao/seal.key": "unseals OpenBao",
    "pulumi-passphrase": "opens the secrets in the stack file and the state",
    "node/pods/*/volumes/*/token": "the ServiceAccount token of a pod, as a kubelet mounts it",
}
"""The only files that may hold one, each with its reason; readable by their owner alone."""

LOUDLY = ("-v=9", "--logtostderr", "--logflow")
TRACED_BY_THE_ENGINE = {"the sample's first value", "the key of the fingerprints"}
"""Configuration secrets. From ``-v=9`` on the official engine itself prints every property that it hands to a plugin,
these included; what is synced never becomes one."""


@pytest.mark.parametrize("before", [b"", b"a", b"ab"])
def test_the_search_finds_a_value_inside_longer_base64(before: bytes) -> None:
    search = Search({"it": "a-value-with-ünïcode/+"})
    search.look("there", base64.b64encode(before + b"a-value-with-\xc3\xbcn\xc3\xafcode/+" + b"after"))
    search.look("elsewhere", "nothing")
    assert search.found == ["it in there"]
    for form in encodings("a-value-with-ünïcode/+"):
        search.look("encoded", form)
    assert len(search.found) == 1 + len(encodings("a-value-with-ünïcode/+"))


def test_the_search_knows_tokens_by_their_shape() -> None:
    search = Search({})
    search.look("vault", "token=s.5SPDDNkS20kcuKIWj8PCQjgS ")
    search.look("jwt", "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOlsieCJdfQ.c2lnbmF0dXJlLXNpZ25hdHVyZQ")
    search.look("code", "pulumi.Secrets.some_attribute_of_a_long_name(24)")
    assert [hit.rpartition(" in ")[2] for hit in search.found] == ["vault", "jwt"]


def _credential(platform: Checkout, path: Path) -> bool:
    inside = path.relative_to(platform.layout.root) if path.is_relative_to(platform.layout.root) else Path()
    return any(inside.match(pattern) for pattern in CREDENTIAL_FILES)


def _work(platform: Checkout) -> None:
    """What brings values through every part of the program, with as much logged as the engine can log."""
    rotated = platform.rotate()
    platform.edit_secret(OPERATOR_SECRET, "edited-into-the-operators-secret")
    platform.pulumi("preview", "--diff", *LOUDLY)
    platform.pulumi("up", "--yes", "--skip-preview", "--diff", *LOUDLY)
    assert platform.value(PULUMI_SECRET) == rotated
    wait_until(lambda: platform.value(OPERATOR_SECRET) == rotated, seconds=25, what="the operator follows")
    platform.pulumi("stack", "export")
    platform.local("status")
    platform.local("log", "openbao", "-n", "500")


def _known_credentials(platform: Checkout) -> Iterator[tuple[str, str]]:
    layout = platform.layout
    yield "the root token", layout.openbao_token.read_text()
    yield "the recovery key", json.loads(layout.openbao_recovery.read_text())["recovery_keys"][0]
    yield "the passphrase", layout.passphrase.read_text()
    yield "the key of the fingerprints", platform.configured("external-secrets:fingerprintKey")
    for token in layout.node_data.glob("pods/*/volumes/*/token"):
        yield "the controller's token", token.read_text()


def _answers(platform: Checkout) -> Iterator[tuple[str, str]]:
    """What anybody who may look at the cluster sees, Secrets apart."""
    for path in (
        "/api/v1/events",
        "/apis/events.k8s.io/v1/events",
        "/apis/external-secrets.io/v1/externalsecrets",
        "/apis/external-secrets.io/v1/secretstores",
        "/apis/apps/v1/deployments",
        "/api/v1/pods",
        "/api/v1/configmaps",
        "/apis/coordination.k8s.io/v1/leases",
    ):
        answer = platform.kubernetes("GET", path)
        assert answer.status == 200, path
        yield path, answer.body
    secrets = platform.kubernetes("GET", "/api/v1/secrets").document()["items"]
    assert secrets
    yield "metadata of Secrets", json.dumps([secret["metadata"] for secret in secrets])
    (pod,) = platform.kubernetes("GET", "/api/v1/namespaces/external-secrets/pods").document()["items"]
    port = pod["spec"]["containers"][0]["ports"][0]["containerPort"]
    address = f"http://{pod['status']['podIP']}:{port}/metrics"
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=10) as metrics:
        text = metrics.read().decode()
    assert "externalsecret_sync_calls_total" in text
    yield address, text


def _command_lines(platform: Checkout) -> Iterator[tuple[str, bytes]]:
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes()
        except OSError:
            continue
        if str(platform.folder).encode() in words:
            yield f"command line {words.split(chr(0).encode())[0].decode()}", words


def test_no_value_is_where_it_does_not_belong(platform: Checkout) -> None:
    _work(platform)
    platform.canaries.update(_known_credentials(platform))
    search = Search(platform.canaries)
    for path in files(platform.folder):
        if _credential(platform, path):
            assert path.stat().st_mode & 0o077 == 0, path
            continue
        search.look(str(path.relative_to(platform.folder)), path.read_bytes())
    for place, answer in _answers(platform):
        search.look(place, answer)
    for place, words in _command_lines(platform):
        search.look(place, words)
    traced = Search({what: value for what, value in platform.canaries.items() if what not in TRACED_BY_THE_ENGINE})
    for done in platform.finished:
        (traced if LOUDLY[0] in done.command else search).look(f"what {done.command!r} printed", done.text)
    assert len(platform.canaries) >= 7
    assert search.searched > 100
    assert sorted({*search.found, *traced.found}) == []
