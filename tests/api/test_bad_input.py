"""Every field of every kind refuses what it cannot mean, with its path and without the value."""

from __future__ import annotations

import json
import re
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secretsync import api
from secretsync.api import shape
from secretsync.api.kinds import KINDS
from secretsync.errors import ManifestErrors
from tests.api.objects import external_secret, minimal_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.unit

CANARY = "canary-5d1e"
LINES = {crd["spec"]["names"]["kind"]: crd for crd in api.crds()}


def schema_of(kind: str) -> api.JsonObject:
    schema: api.JsonObject = LINES[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema


def leaves(
    schema: api.JsonObject, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], api.JsonObject]]:
    """Every field that the schema describes, the first element standing for a list."""
    yield path, schema
    for name, below in schema.get("properties", {}).items():
        yield from leaves(below, (*path, name))
    if "items" in schema:
        yield from leaves(schema["items"], (*path, 0))
    if isinstance(schema.get("additionalProperties"), dict):
        yield from leaves(schema["additionalProperties"], (*path, "free"))


def fitting(schema: api.JsonObject) -> Any:
    """A value that the schema accepts."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        needed = schema.get("required", [])
        return {name: fitting(schema["properties"][name]) for name in needed}
    if schema.get("type") == "array":
        return []
    if schema.get("type") == "boolean":
        return True
    if schema.get("type") == "integer":
        return schema.get("minimum", 1)
    if schema.get("x-kubernetes-int-or-string"):
        return 1
    if schema.get("format") == "byte":
        return "eA=="
    for candidate in ("1h", "a", "@daily", "a@b.iam.gserviceaccount.com"):
        if fits(schema, candidate):
            return candidate
    raise AssertionError(schema)


def fits(schema: api.JsonObject, text: str) -> bool:
    return "pattern" not in schema or re.search(schema["pattern"], text) is not None


def wrong(schema: api.JsonObject) -> Iterator[Any]:  # noqa: C901 - one line for each word of the schema language
    """Values that the schema refuses."""
    kind = schema.get("type")
    if "x-kubernetes-preserve-unknown-fields" in schema and kind is None:
        return
    if schema.get("x-kubernetes-int-or-string"):
        yield from ([], {}, True, CANARY, 1.5)
        return
    candidates = {
        "string": CANARY,
        "integer": 7,
        "number": 1.5,
        "boolean": True,
        "array": [CANARY],
        "object": {CANARY: 1},
    }
    for other, value in candidates.items():
        if other != kind:
            yield value
    if schema.get("minProperties"):
        yield {}
    if "enum" in schema:
        yield CANARY
    if "pattern" in schema and not fits(schema, CANARY + " "):
        yield CANARY + " "
    if "maxLength" in schema:
        yield "a" * (schema["maxLength"] + 1)
    if "minLength" in schema:
        yield ""
    if "minimum" in schema:
        yield schema["minimum"] - 1
    if "maximum" in schema:
        yield schema["maximum"] + 1
    if schema.get("format") == "byte":
        yield CANARY + "!"


def placed(root: api.JsonObject, path: tuple[str | int, ...], value: Any) -> api.JsonObject:
    """An object in which the value stands at the path, and all that is needed around it."""
    result = fitting(root)
    node, schema = result, root
    for index, step in enumerate(path):
        below = (
            schema["items"]
            if isinstance(step, int)
            else schema.get("properties", {}).get(step) or schema["additionalProperties"]
        )
        content = value if index == len(path) - 1 else fitting(below)
        if isinstance(step, int):
            node.append(content)
        else:
            if schema.get("maxProperties") == 1:
                node.clear()
            node[step] = content
        node, schema = content, below
    return result  # type: ignore[no-any-return]


def cases() -> Iterator[Any]:
    for version, kind in KINDS:
        if version.endswith("v1beta1"):
            continue
        root = schema_of(kind)
        for path, schema in leaves(root):
            if path:
                yield pytest.param(version, kind, root, path, schema, id=f"{kind}.{'.'.join(map(str, path))}")


CASES = list(cases())


def problems_of(obj: api.JsonObject) -> list[str]:
    try:
        api.parse(obj)
    except ManifestErrors as error:
        return [item.problem for item in error.errors] or ["an error without a problem"]
    return []


@pytest.mark.parametrize(("version", "kind", "root", "path", "schema"), CASES)
def test_a_wrong_value_is_refused_with_its_path(
    version: str, kind: str, root: api.JsonObject, path: tuple[str | int, ...], schema: api.JsonObject
) -> None:
    field = "spec" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    for value in wrong(schema):
        obj = {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "spec": placed(root, path, value)}
        with pytest.raises(ManifestErrors) as caught:
            api.parse(obj)
        told = str(caught.value)
        assert field in told, (value, told)
        assert CANARY not in told
        assert all(error.remedy and error.problem for error in caught.value.errors)


@pytest.mark.parametrize(("version", "kind", "root", "path", "schema"), CASES)
def test_a_fitting_value_is_taken(
    version: str, kind: str, root: api.JsonObject, path: tuple[str | int, ...], schema: api.JsonObject
) -> None:
    obj = {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "spec": placed(root, path, fitting(schema))}
    assert all("needs exactly one" in problem for problem in problems_of(obj))
    assert api.unknown_fields(obj) == []


def test_the_models_and_the_schema_know_the_same_fields() -> None:
    for kind, model in {kind: model for (_, kind), model in KINDS.items()}.items():
        known = shape.fields(model)["spec"].model
        assert known is not None
        assert set(shape.fields(known)) == set(schema_of(kind)["properties"])


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "change",
    [
        {"spec": nested(10_000)},
        {"spec": minimal_spec(unknown=nested(10_000))},
        {"spec": minimal_spec(target=nested(10_000))},
        {"spec": minimal_spec(data=nested(10_000))},
        {"metadata": {"name": "x", "managedFields": [{"fieldsV1": {"deep": nested(10_000)}}]}},
        {"metadata": nested(10_000)},
    ],
    ids=["spec", "unknown", "target", "data", "managedFields", "metadata"],
)
def test_deep_json_is_refused_or_ignored(change: api.JsonObject) -> None:
    obj = external_secret(minimal_spec()) | change
    assert all("must be" in problem for problem in problems_of(obj))
    api.unknown_fields(obj)


def test_many_entries_take_bounded_time_and_memory() -> None:
    data = [{"secretKey": f"key-{index}", "remoteRef": {"key": "k"}} for index in range(10_000)]
    tracemalloc.start()
    started = time.monotonic()
    kind = api.parse(external_secret(minimal_spec(data=data)))
    api.validate(kind)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 50_000_000
    assert time.monotonic() - started < 30


def test_of_many_mistakes_the_first_hundred_are_told() -> None:
    data = [{"secretKey": index, "remoteRef": {"key": "k"}} for index in range(10_000)]
    with pytest.raises(ManifestErrors) as caught:
        api.parse(external_secret(minimal_spec(data=data)))
    assert len(caught.value.errors) == 101
    assert "9900 further problems" in str(caught.value)


def test_huge_texts_are_refused_shortly() -> None:
    huge = "a" * 5_000_000
    for spec in (
        minimal_spec(refreshInterval=huge),
        minimal_spec(target={"name": huge}),
        minimal_spec(refreshPolicy=huge),
    ):
        with pytest.raises(ManifestErrors) as caught:
            api.parse(external_secret(spec))
        assert len(str(caught.value)) < 1_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=10), below, max_size=3),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_json_in_any_place_is_taken_or_refused(data: st.DataObject) -> None:
    version, kind = data.draw(st.sampled_from(sorted(key for key in KINDS if key[1] != "UUID")))
    root = schema_of(kind)
    path, _ = data.draw(st.sampled_from([item for item in leaves(root) if item[0]]))
    obj = {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "spec": placed(root, path, data.draw(JSON))}
    if not problems_of(obj):
        parsed = api.parse(obj)
        api.validate(parsed)
        json.dumps(parsed.to_json())
    api.unknown_fields(obj)
