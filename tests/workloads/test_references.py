"""Every way in which a Pod can use a Secret, and whether new content arrives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.workloads.references import How, Use, uses
from tests.workloads.objects import SECRET, from_env, template

pytestmark = pytest.mark.unit

VOLUME = {"name": "v", "secret": {"secretName": SECRET}}


def _mounting(*mounts: dict[str, Any], name: str = "main", **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "image": "i",
        "volumeMounts": [{"name": "v", "mountPath": "/s", **m} for m in mounts],
        **fields,
    }


def test_variables_name_their_keys_and_never_follow() -> None:
    container = from_env("b")
    container["env"] += from_env("a")["env"] + from_env("c", secret="another")["env"]
    container["env"].append({"name": "PLAIN", "value": SECRET})
    assert uses(template(container), SECRET) == (Use(How.Env, "main", ("a", "b"), follows=False),)


def test_all_keys_by_env_from() -> None:
    container = {"name": "main", "envFrom": [{"configMapRef": {"name": SECRET}}, {"secretRef": {"name": SECRET}}]}
    assert uses(template(container), SECRET) == (Use(How.EnvFrom, "main", (), follows=False),)


def test_a_mounted_volume_follows_unless_it_is_mounted_by_sub_path() -> None:
    pod = template(_mounting({}, {"subPath": "k", "mountPath": "/k"}), _mounting({}, name="second"), volumes=[VOLUME])
    assert uses(pod, SECRET) == (
        Use(How.Volume, "main", (), follows=True),
        Use(How.SubPath, "main", (), follows=False),
        Use(How.Volume, "second", (), follows=True),
    )
    by_expression = template(_mounting({"subPathExpr": "$(P)"}), volumes=[VOLUME])
    assert [use.how for use in uses(by_expression, SECRET)] == [How.SubPath]


def test_items_of_a_volume_are_its_keys() -> None:
    volume = {"name": "v", "secret": {"secretName": SECRET, "items": [{"key": "b", "path": "x"}, {"key": "a"}]}}
    assert uses(template(_mounting({}), volumes=[volume]), SECRET)[0].keys == ("a", "b")


def test_a_projected_source_follows_and_takes_all_keys_where_one_source_does() -> None:
    some = {"secret": {"name": SECRET, "items": [{"key": "a", "path": "a"}]}}
    everything = {"secret": {"name": SECRET}}
    other = {"configMap": {"name": SECRET}}
    volume = {"name": "v", "projected": {"sources": [other, some]}}
    assert uses(template(_mounting({}), volumes=[volume]), SECRET) == (
        Use(How.Projected, "main", ("a",), follows=True),
    )
    volume["projected"] = {"sources": [some, everything]}
    assert uses(template(_mounting({}), volumes=[volume]), SECRET)[0].keys == ()


def test_a_volume_that_nobody_mounts_is_a_use_of_the_pod() -> None:
    assert uses(template(volumes=[VOLUME]), SECRET) == (Use(How.Volume, "", (), follows=True),)


def test_an_init_container_has_read_its_files_once_but_a_sidecar_goes_on() -> None:
    once = _mounting({}, name="once")
    sidecar = _mounting({}, name="sidecar", restartPolicy="Always")
    found = uses(template(initContainers=[once, sidecar, from_env(name="variables")], volumes=[VOLUME]), SECRET)
    assert {use.container: use.follows for use in found} == {"once": False, "sidecar": True, "variables": False}


def test_ephemeral_containers_count() -> None:
    assert uses(template(ephemeralContainers=[from_env(name="debug")]), SECRET)[0].container == "debug"


def test_image_pull_secrets_are_read_at_each_pull() -> None:
    pod = template(imagePullSecrets=[{"name": "another"}, {"name": SECRET}])
    assert uses(pod, SECRET) == (Use(How.ImagePull, "", (".dockerconfigjson",), follows=True),)


@pytest.mark.parametrize(
    "driver",
    [
        {"csi": {"driver": "d", "nodePublishSecretRef": {"name": SECRET}}},
        {"cephfs": {"secretRef": {"name": SECRET}}},
        {"azureFile": {"secretName": SECRET, "shareName": "s"}},
    ],
    ids=lambda driver: next(iter(driver)),
)
def test_a_volumes_driver_logs_in_when_it_mounts(driver: dict[str, Any]) -> None:
    pod = template(_mounting({}), volumes=[{"name": "v", **driver}])
    assert uses(pod, SECRET) == (Use(How.Driver, "", (), follows=False),)


def test_a_pod_and_a_pod_spec_are_read_as_a_template_is() -> None:
    spec = template(from_env())["spec"]
    assert uses(spec, SECRET) == uses({"kind": "Pod", "spec": spec}, SECRET) == uses({"spec": spec}, SECRET) != ()


_NAMES = st.sampled_from([SECRET, "another"])
_CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": st.text(max_size=3)},
        optional={
            "env": st.lists(
                st.builds(lambda name: {"valueFrom": {"secretKeyRef": {"name": name, "key": "k"}}}, _NAMES)
            ),
            "envFrom": st.lists(st.builds(lambda name: {"secretRef": {"name": name}}, _NAMES)),
        },
    ),
    max_size=3,
)
_VOLUMES = st.lists(st.builds(lambda name: {"name": "v", "secret": {"secretName": name}}, _NAMES), max_size=2)


@given(
    spec=st.fixed_dictionaries(
        {"containers": _CONTAINERS}, optional={"initContainers": _CONTAINERS, "volumes": _VOLUMES}
    )
)
def test_a_use_is_found_exactly_where_the_name_stands(spec: dict[str, Any]) -> None:
    assert bool(uses({"spec": spec}, SECRET)) == (f"'{SECRET}'" in repr(spec))
