"""No finding holds a value, whatever is declared, whatever the values are, and whichever checks fail on them."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secretsync.api import SecretStore, parse
from secretsync.checks import Examined, Options, Previous, examine, render, to_json
from secretsync.errors import ManifestError
from secretsync.kube.fake import MemoryCluster
from secretsync.sync.fetching import FetchWindow
from secretsync.sync.stores import ClusterProviders
from tests.checks.scenarios import deployment
from tests.checks.stage import KEY, NAMESPACE, NAMESPACE_OBJECT, declared, secret

pytestmark = pytest.mark.unit

CANARY = "c4narY7f3a9"
ENCODED = base64.b64encode(CANARY.encode()).decode()
REMOTE = ("app/db", "app/web", "other", "absent")

values = st.sampled_from(
    [
        CANARY,
        f'{{"a": "{CANARY}"}}',
        f'{{"a": {{"b": "{CANARY}"}}, "x y": "{CANARY}"}}',
        f'["{CANARY}", 1]',
        f'{{"a": "{CANARY}"',
        f"k: {CANARY}",
        f"{CANARY}: x\nß{CANARY}: y",
        f'{{"auths": "{CANARY}"}}',
        ENCODED,
        f"{ENCODED}!",
        f"{CANARY}\x00{CANARY}",
        f"-----BEGIN CERTIFICATE-----\n{CANARY}\n-----END CERTIFICATE-----",
        CANARY * 100_000,
    ]
)
properties = st.one_of(
    st.sampled_from(["", "a", "a.b", "x y", "#(a==1)#", "@this", "@pretty", "a|@reverse", "..#", "a.b.c", "[", "aa"]),
    st.text(max_size=12),
)
plain = st.sampled_from([{"key": key} for key in REMOTE[:-1]])
odd = st.fixed_dictionaries(
    {"key": st.sampled_from(REMOTE)},
    optional={
        "property": properties,
        "version": st.sampled_from(["", "1", "9"]),
        "decodingStrategy": st.sampled_from(["Auto", "Base64", "Base64URL", "None"]),
        "nullBytePolicy": st.sampled_from(["Ignore", "Fail"]),
        "conversionStrategy": st.sampled_from(["Default", "Unicode"]),
    },
)
references = plain | plain | odd
rewrites = st.lists(
    st.sampled_from(
        [
            {"regexp": {"source": ".*", "target": "same"}},
            {"regexp": {"source": "(a)", "target": "ß$1 "}},
            {"regexp": {"source": "(", "target": "x"}},
            {"transform": {"template": "{{ .value | upper }}"}},
            {"transform": {"template": "{{ fail .value }}"}},
            {"merge": {}},
            {"merge": {"strategy": "JSON", "into": "all", "priority": ["none"]}},
        ]
    ),
    max_size=2,
)
sources = st.one_of(
    st.builds(lambda ref, rewrite: {"extract": ref, "rewrite": rewrite}, references, rewrites),
    st.builds(
        lambda regexp, rewrite: {"find": {"name": {"regexp": regexp}}, "rewrite": rewrite},
        st.sampled_from([".*", "^app", "("]),
        rewrites,
    ),
)
templates = st.sampled_from(
    [
        "{{ .a }}",
        "{{ .missing }}",
        '{{ index . "missing" }}',
        "{{ fail .a }}",
        '{{ required .a "" }}',
        "{{ .a | fromJson }}",
        "{{ (.a | fromJson).zzz.y }}",
        "{{ .a | b64dec }}",
        "{{ .a | atoi | add 1 }}",
        '{{ .a | toDate "2006" }}',
        "{{ index .a 900000 }}",
        '{{ .a | mustRegexMatch "(" }}',
        '{{ regexReplaceAll "(x)" .b .a }}',
        "{{ .a | pemCertificate }}",
        "{{ template .a }}",
        "{{ .a | filterPEM .b }}",
        "{{ .a.b.c }}",
        "{{ now }}{{ .a }}",
        "{{ end }}",
    ]
)
literals = st.sampled_from(
    ["k: {{ .a }}", "{{ .a }}: x", "{{ .a }}", "ß{{ .a }}: x", "k: {{ .a }}\n{{ .b }}", "- {{ .a }}"]
)
types = st.sampled_from(
    [
        "",
        "kubernetes.io/tls",
        "kubernetes.io/dockerconfigjson",
        "kubernetes.io/ssh-auth",
        "bootstrap.kubernetes.io/token",
    ]
)
target_templates = st.fixed_dictionaries(
    {"type": types},
    optional={
        "data": st.dictionaries(st.sampled_from(["x", "tls.crt", ".dockerconfigjson"]), templates, max_size=3),
        "templateFrom": st.lists(
            st.builds(
                lambda literal, part, decoding: {
                    "literal": literal,
                    "target": part,
                    "valuesDecodingStrategy": decoding,
                },
                literals,
                st.sampled_from(["Data", "Labels", "Annotations"]),
                st.sampled_from(["None", "Base64"]),
            ),
            max_size=2,
        ),
        "mergePolicy": st.sampled_from(["Replace", "Merge"]),
        "metadata": st.fixed_dictionaries({"labels": st.dictionaries(st.just("l"), templates, max_size=1)}),
    },
)
targets = st.fixed_dictionaries(
    {
        "creationPolicy": st.sampled_from(["Owner", "Orphan", "Merge", "CreateOrMerge", "None"]),
        "deletionPolicy": st.sampled_from(["Retain", "Delete", "Merge"]),
        "immutable": st.booleans(),
    },
    optional={"template": target_templates | st.builds(lambda text: {"templateFrom": [{"literal": text}]}, literals)},
)
specs = st.fixed_dictionaries(
    {
        "data": st.builds(
            lambda refs: [{"secretKey": key, "remoteRef": ref} for key, ref in zip("abc", refs, strict=False)],
            st.lists(references, max_size=3),
        ),
        "dataFrom": st.just([]) | st.lists(sources, max_size=2),
        "target": targets,
    }
)
held = st.fixed_dictionaries(dict.fromkeys(REMOTE[:-1], values))
lives = st.sampled_from(
    [
        None,
        secret("app", {"a": CANARY.encode(), "old": CANARY.encode()}),
        {**secret("app", {"a": CANARY.encode()}), "immutable": True},
        {**secret("app", {"x": CANARY.encode()}), "type": "example.com/own"},
    ]
)
SETTLED = Previous("team/app", ("a",), {"SecretStore/store app/gone": "1"}, settled=True)


def fake_store(secrets: dict[str, str]) -> dict[str, Any]:
    data = [{"key": key, "value": value} for key, value in secrets.items()]
    data += [{"key": key, "value": value, "version": "1"} for key, value in secrets.items()]
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "store", "namespace": NAMESPACE},
        "spec": {"provider": {"fake": {"data": data}}},
    }


async def examined(
    spec: dict[str, Any], secrets: dict[str, str], live: dict[str, Any] | None, previous: Previous | None
) -> Examined:
    raw = fake_store(secrets)
    store = parse(raw)
    assert isinstance(store, SecretStore)
    cluster = MemoryCluster([NAMESPACE_OBJECT, raw, deployment(), *([live] if live is not None else [])])
    fetches = FetchWindow(ClusterProviders(cluster))
    declaration = declared(**spec)
    found = await examine(
        [declaration],
        cluster=cluster,
        fetches=fetches,
        key=KEY,
        not_before=fetches.now(),
        previous={"team/app": previous} if previous is not None else None,
        options=Options(stores=(store,)),
    )
    return found["team/app"]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(spec=specs, secrets=held, live=lives, previous=st.sampled_from([None, SETTLED]))
def test_no_finding_holds_a_value(
    spec: dict[str, Any], secrets: dict[str, str], live: dict[str, Any] | None, previous: Previous | None
) -> None:
    try:
        found = asyncio.run(examined(spec, secrets, live, previous))
    except ManifestError:
        return  # such a declaration is refused before any preview
    told = f"{render(found.findings)}\n{json.dumps(to_json(found.findings))}\n{found.findings!r}"
    assert CANARY.lower() not in told.lower()
    assert ENCODED not in told
    if found.observation is None:
        assert [finding for finding in found.findings if finding.severity.value in ("error", "unknown")]


@pytest.mark.parametrize(
    "text", ["{{ mustRegexMatch .a .b }}", "{{ regexReplaceAll .a .b .a }}", "{{ mustRegexFindAll .a .b 1 }}"]
)
async def test_a_value_that_is_no_pattern_is_not_quoted(text: str) -> None:
    spec = {
        "data": [{"secretKey": key, "remoteRef": {"key": "other"}} for key in "ab"],
        "target": {"template": {"data": {"x": text}}},
    }
    found = await examined(spec, {"other": f"({CANARY}"}, None, None)
    assert found.findings
    assert CANARY not in repr(found.findings)
