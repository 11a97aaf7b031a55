"""Whether the API server takes the Secret: key names, size, what its type asks for, and what can no longer change."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from secretsync.checks.findings import Check
from secretsync.checks.subject import listed
from secretsync.errors import ValueRuleError
from secretsync.sync import target
from secretsync.values import go_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from secretsync.api import JsonObject
    from secretsync.checks.findings import Finding
    from secretsync.checks.key_names import KeyNames
    from secretsync.checks.subject import Subject

_DOCKER_CONFIG_JSON: Final = "kubernetes.io/dockerconfigjson"
_DOCKER_CONFIG: Final = "kubernetes.io/dockercfg"
_SSH: Final = "kubernetes.io/ssh-auth"
_REQUIRED: Final = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    _SSH: ("ssh-privatekey",),
    _DOCKER_CONFIG_JSON: (".dockerconfigjson",),
    _DOCKER_CONFIG: (".dockercfg",),
}
"""Secret type → keys that the API server demands (Kubernetes v1.36, ``ValidateSecret``)."""
_ONE_OF: Final = {"kubernetes.io/basic-auth": ("username", "password")}
"""Secret type → keys of which the API server demands one."""
_JSON: Final = {_DOCKER_CONFIG_JSON: ".dockerconfigjson", _DOCKER_CONFIG: ".dockercfg"}
"""Secret type → key whose value must be a JSON object."""
_ACCOUNT_TOKEN: Final = "kubernetes.io/service-account-token"  # noqa: S105 - a Secret type
_ACCOUNT_NAME: Final = "kubernetes.io/service-account.name"
_KEY: Final = re.compile(r"(?!\.\.)(?!\.$)[-._a-zA-Z0-9]{1,253}")
_TYPE_FIELD: Final = "spec.target.template.type"


def keys(subject: Subject, data: Iterable[str], names: KeyNames) -> Iterator[Finding]:
    """Keys that the API server refuses."""
    wrong = [key for key in data if not _KEY.fullmatch(key)]
    if wrong:
        problem = f"the API server takes no Secret with the keys {names.listed(wrong)}"
        remedy = "use letters of the Latin alphabet, digits, '-', '_' and '.', at most 253 of them"
        yield subject.error(Check.Keys, "", problem, remedy)


def size(subject: Subject, data: Mapping[str, bytes]) -> Iterator[Finding]:
    """Values that just fit, as `target.desired` sees to, but not with the names that are kept beside them."""
    values = sum(len(value) for value in data.values())
    names = sum(len(key.encode("utf-8", "surrogatepass")) for key in data)
    if values + names > target.SIZE_LIMIT:
        problem = f"values take {values} bytes and the names of the keys {names}: {target.SIZE_LIMIT} is near"
        remedy = "select single properties instead of everything, or spread the keys over several ExternalSecrets"
        yield subject.warning(Check.Size, "", problem, remedy)


def secret_type(subject: Subject, wanted: JsonObject, live: JsonObject | None) -> Iterator[Finding]:
    """What the type of the Secret asks of it, and that it cannot change."""
    kind = str(wanted.get("type") or "Opaque")
    before = str((live or {}).get("type") or "Opaque")
    if live is not None and kind != before:
        problem = f"Secret {subject.target} is of type {before}, and the API server does not let it become {kind}"
        remedy = "delete the Secret so that it is created anew, or give the ExternalSecret another spec.target.name"
        yield subject.error(Check.Type, _TYPE_FIELD, problem, remedy)
    data = target.decoded_data(wanted)
    absent = [key for key in _REQUIRED.get(kind, ()) if not _present(kind, key, data)]
    if absent:
        remedy = "add entries or templates for them, or use another type"
        yield subject.error(Check.Type, _TYPE_FIELD, f"a Secret of type {kind} needs the key {listed(absent)}", remedy)
    one_of = _ONE_OF.get(kind, ())
    if one_of and not any(key in data for key in one_of):
        problem = f"a Secret of type {kind} needs one of the keys {listed(one_of)}"
        yield subject.error(Check.Type, _TYPE_FIELD, problem, "add an entry or a template for it, or use another type")
    key = _JSON.get(kind, "")
    if key in data and not absent and not _is_json_object(data[key]):
        problem = f"a Secret of type {kind} needs a JSON object under the key {key}, and what comes is none"
        yield subject.error(Check.Type, _TYPE_FIELD, problem, "mend the value upstream, or the template that makes it")
    if kind == _ACCOUNT_TOKEN and _ACCOUNT_NAME not in (wanted["metadata"].get("annotations") or {}):
        problem = f"a Secret of type {kind} needs the annotation {_ACCOUNT_NAME}, which must not come from here"
        yield subject.error(Check.Type, _TYPE_FIELD, problem, "use another type")


def _present(kind: str, key: str, data: Mapping[str, bytes]) -> bool:
    return bool(data.get(key)) if kind == _SSH else key in data


def _is_json_object(value: bytes) -> bool:
    """Whether Go reads it into a map; null counts as an empty one."""
    try:
        return isinstance(go_json.loads(value), dict | None)
    except ValueRuleError:
        return False


def immutable(subject: Subject, wanted: JsonObject, live: JsonObject, names: KeyNames) -> Iterator[Finding]:
    """Content that would change, but cannot."""
    changed = changed_keys(live, wanted)
    if live.get("immutable") and changed:
        problem = f"Secret {subject.target} is immutable, and its keys {names.listed(changed)} would change"
        remedy = "delete the Secret so that it is created anew, or give the ExternalSecret another spec.target.name"
        yield subject.error(Check.Immutable, "spec.target.immutable", problem, remedy)


def changed_keys(live: JsonObject, wanted: JsonObject) -> tuple[str, ...]:
    """Keys whose value is added, changed or taken away, sorted."""
    before, after = target.decoded_data(live), target.decoded_data(wanted)
    return tuple(sorted(key for key in {*before, *after} if before.get(key) != after.get(key)))


def frozen(subject: Subject, content: Mapping[str, bytes], live: JsonObject) -> Iterator[Finding]:
    """Content that has changed upstream, and will not get into a target that is declared immutable."""
    if target.decoded_data(live) != dict(content):
        problem = (
            f"Secret {subject.target} stays as it is, because the declaration makes it immutable; upstream differs"
        )
        remedy = "delete the Secret to have it made anew"
        yield subject.warning(Check.Immutable, "spec.target.immutable", problem, remedy)
