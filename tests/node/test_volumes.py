from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from local.node.environment import ContainerConfigError
from local.node.volumes import Sources, Token, Volumes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit


class Cluster:
    """Objects and tokens a test decides about."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.tokens: list[tuple[list[str], int]] = []
        self.age = timedelta()

    async def read(self, kind: str, name: str) -> dict[str, Any] | None:
        return self.objects.get((kind, name))

    async def token(self, audiences: list[str], seconds: int) -> Token:
        self.tokens.append((audiences, seconds))
        issued = datetime.now(UTC) - self.age
        return Token(f"token {len(self.tokens)}", issued + timedelta(seconds=seconds), issued)


def volumes(cluster: Cluster, folder: Path, *specs: dict[str, Any]) -> Volumes:
    pod = {"metadata": {"name": "p", "namespace": "n"}, "spec": {"volumes": list(specs)}}
    return Volumes(pod, folder, Sources(cluster.read, cluster.token, "ROOT CA", "127.0.0.1"))


ACCESS = {
    "name": "access",
    "projected": {
        "sources": [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": 1000}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
        ]
    },
}


async def test_the_access_volume_has_token_authority_and_namespace(tmp_path: Path) -> None:
    cluster = Cluster()
    await volumes(cluster, tmp_path, ACCESS).write()
    folder = tmp_path / "access"
    found = {path.name: path.read_text() for path in folder.iterdir()}
    assert found == {"token": "token 1", "ca.crt": "ROOT CA", "namespace": "n"}
    assert cluster.tokens == [([], 1000)]
    assert stat.S_IMODE((folder / "token").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_a_token_is_renewed_when_four_fifths_of_its_life_are_over(tmp_path: Path) -> None:
    cluster = Cluster()
    made = volumes(cluster, tmp_path, ACCESS)
    cluster.age = timedelta(seconds=790)
    await made.write()
    await made.write()
    assert len(cluster.tokens) == 1
    cluster.age = timedelta(seconds=810)
    made = volumes(cluster, tmp_path, ACCESS)
    await made.write()
    await made.write()
    assert (tmp_path / "access/token").read_text() == "token 3"


async def test_a_volume_follows_its_object_and_drops_what_is_gone(tmp_path: Path) -> None:
    cluster = Cluster()
    cluster.objects[("ConfigMap", "c")] = {"kind": "ConfigMap", "data": {"a": "1", "b": "2"}}
    made = volumes(cluster, tmp_path, {"name": "v", "configMap": {"name": "c"}})
    await made.write()
    before = (tmp_path / "v/a").stat().st_mtime_ns
    cluster.objects[("ConfigMap", "c")] = {"kind": "ConfigMap", "data": {"a": "1", "c": "3"}}
    await made.write()
    assert {path.name: path.read_text() for path in (tmp_path / "v").iterdir()} == {"a": "1", "c": "3"}
    assert (tmp_path / "v/a").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"secret": {"secretName": "none"}}, 'secret "none" not found'),
        ({"configMap": {"name": "c", "items": [{"key": "z", "path": "z"}]}}, "has no key z"),
        ({"configMap": {"name": "c", "items": [{"key": "a", "path": "../z"}]}}, "leaves its volume"),
    ],
)
async def test_what_a_volume_lacks_is_named(tmp_path: Path, spec: dict[str, Any], problem: str) -> None:
    cluster = Cluster()
    cluster.objects[("ConfigMap", "c")] = {"kind": "ConfigMap", "data": {"a": "1"}}
    with pytest.raises(ContainerConfigError, match=problem):
        await volumes(cluster, tmp_path, {"name": "v"} | spec).write()
    assert not (tmp_path / "z").exists()


async def test_an_empty_folder_keeps_what_was_written_to_it(tmp_path: Path) -> None:
    made = volumes(Cluster(), tmp_path, {"name": "tmp", "emptyDir": {}})
    await made.write()
    (tmp_path / "tmp/mine").write_text("x")
    await made.write()
    assert (tmp_path / "tmp/mine").read_text() == "x"


def test_a_token_is_not_shown() -> None:
    assert "hidden" not in repr(Token("hidden", datetime.now(UTC), datetime.now(UTC)))
