"""What the API server would refuse: keys, size, type, and content that can no longer change."""

from __future__ import annotations

import pytest

from secretsync.checks import Check, Previous, Severity
from secretsync.checks.subject import listed
from secretsync.kube.resources import SECRETS
from tests.checks.scenarios import SETTLED, entries, template
from tests.checks.stage import NAMESPACE, Stage, declared, of, only, secret

pytestmark = pytest.mark.unit

LIMIT = 1024 * 1024


@pytest.mark.parametrize("key", ["größe", "..", ".", "..data", "a b", "x" * 254])
async def test_keys_that_the_api_server_refuses(key: str) -> None:
    rewrite = [{"regexp": {"source": ".*", "target": "${0}"}}]
    stage = Stage(declared(data=[], dataFrom=[{"extract": {"key": "k"}, "rewrite": rewrite}]))
    stage.backend.values["k"] = f"{key}=1,good=2".encode()
    assert only(await stage.first(), Check.Keys, Severity.Error)


async def test_keys_that_are_made_of_values_are_counted_and_not_named() -> None:
    target = template(templateFrom=[{"literal": '{{ .own }}: "x"\nß{{ .own }}: "x"\nüber: "y"'}])
    stage = Stage(declared(target=target))
    stage.backend.values["k"] = "gehäuse".encode()
    found = only(await stage.first(), Check.Keys, Severity.Error)
    assert found.problem == "the API server takes no Secret with the keys 'über' and 2 made of values"


@pytest.mark.parametrize(
    ("size", "severity"), [(LIMIT + 1, Severity.Error), (LIMIT, Severity.Warning), (LIMIT - 3, None)]
)
async def test_the_size_counts_values_and_warns_of_names(size: int, severity: Severity | None) -> None:
    stage = Stage()
    stage.backend.values["k"] = b"x" * size
    assert [finding.severity for finding in of(await stage.first(), Check.Size)] == ([severity] if severity else [])


async def test_the_size_counts_the_keys_of_others_in_a_shared_secret() -> None:
    stage = Stage(declared(target={"creationPolicy": "Merge"}), objects=[secret("app", {"other": b"x" * (LIMIT - 3)})])
    stage.backend.values["k"] = b"xxxx"
    examined = await stage.first()
    only(examined, Check.Size, Severity.Error)
    assert examined.observation is None


@pytest.mark.parametrize(
    ("kind", "data", "problem"),
    [
        ("kubernetes.io/tls", {"a": "x"}, "needs the key tls.crt, tls.key"),
        ("kubernetes.io/tls", {"tls.crt": "", "tls.key": ""}, ""),
        ("kubernetes.io/ssh-auth", {"ssh-privatekey": ""}, "needs the key ssh-privatekey"),
        ("kubernetes.io/ssh-auth", {"ssh-privatekey": "x"}, ""),
        ("kubernetes.io/basic-auth", {"a": "x"}, "needs one of the keys password, username"),
        ("kubernetes.io/basic-auth", {"username": "x"}, ""),
        ("kubernetes.io/dockerconfigjson", {"a": "x"}, "needs the key .dockerconfigjson"),
        (
            "kubernetes.io/dockerconfigjson",
            {".dockerconfigjson": "{"},
            "needs a JSON object under the key .dockerconfigjson",
        ),
        ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": "{}"}, ""),
        ("kubernetes.io/dockercfg", {".dockercfg": "[1"}, "needs a JSON object under the key .dockercfg"),
        ("kubernetes.io/service-account-token", {"a": "x"}, "needs the annotation kubernetes.io/service-account.name"),
        ("example.com/own", {"a": "x"}, ""),
    ],
)
async def test_what_a_type_asks_for(kind: str, data: dict[str, str], problem: str) -> None:
    stage = Stage(declared(target={"template": {"type": kind, "data": data, "mergePolicy": "Merge"}}))
    found = of(await stage.first(), Check.Type)
    if not problem:
        assert not found
        return
    assert [problem in finding.problem for finding in found] == [True]
    assert "hunter2" not in str(found)


async def test_a_type_cannot_change() -> None:
    stage = Stage(declared())
    await stage.write()
    stage.declared = (declared(target=template(type="example.com/own", data={"own": "{{ .own }}"})),)
    found = only(await stage.first(SETTLED), Check.Type, Severity.Error)
    assert "is of type Opaque, and the API server does not let it become example.com/own" in found.problem
    assert "delete the Secret" in found.remedy


async def test_an_immutable_secret_with_the_same_content_is_fine() -> None:
    stage = Stage()
    await stage.write()
    await stage.cluster.merge_patch(SECRETS, "app", NAMESPACE, {"immutable": True}, field_manager="kubectl-edit")
    assert not of(await stage.first(SETTLED), Check.Immutable)


async def test_a_declaration_that_makes_its_target_immutable_says_where_upstream_went_on() -> None:
    stage = Stage(declared(target={"immutable": True}))
    await stage.write()
    assert not of(await stage.first(SETTLED), Check.Immutable)
    stage.backend.values["k"] = b"rotated"
    assert "upstream differs" in only(await stage.first(SETTLED), Check.Immutable, Severity.Warning).problem


async def test_new_values_of_a_template_alone_are_no_change_that_an_immutable_secret_refuses() -> None:
    stage = Stage(declared(data=entries("k"), target=template(data={"id": "{{ .k }}{{ uuidv4 }}"})))
    await stage.write()
    await stage.cluster.merge_patch(SECRETS, "app", NAMESPACE, {"immutable": True}, field_manager="kubectl-edit")
    assert not of(await stage.first(SETTLED), Check.Immutable)
    assert of(await stage.first(), Check.Immutable)
    changed = Previous("team/app", ("id",), {"SecretStore/store k": "1"}, settled=False)
    assert of(await stage.first(changed), Check.Immutable), "another declaration is written"


async def test_a_secret_of_no_type_is_opaque() -> None:
    untyped = secret("app", {"own": b"x"})
    del untyped["type"]
    for kind, count in (("Opaque", 0), ("example.com/own", 1)):
        stage = Stage(declared(target=template(type=kind, data={"own": "{{ .own }}"})), objects=[untyped])
        assert len(of(await stage.first(SETTLED), Check.Type)) == count


async def test_a_finding_about_the_whole_declaration_names_no_field() -> None:
    stage = Stage(declared(target=template(data={"größe": "{{ .own }}"})))
    assert only(await stage.first(), Check.Keys, Severity.Error).place == "ExternalSecret team/app"


async def test_only_keys_made_of_values_are_counted_without_a_name() -> None:
    stage = Stage(declared(target=template(templateFrom=[{"literal": '{{ .own }}: "x"'}])))
    stage.backend.values["k"] = "gehäuse".encode()
    found = only(await stage.first(), Check.Keys, Severity.Error)
    assert found.problem == "the API server takes no Secret with the keys 1 made of values"


@pytest.mark.parametrize(("count", "end"), [(20, "k19"), (21, "k19 and 1 more")])
def test_many_names_are_cut_at_twenty(count: int, end: str) -> None:
    assert listed(f"k{number:02}" for number in range(count)).endswith(end)
