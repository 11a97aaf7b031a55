"""Google Cloud Secret Manager: declarations to bindings of predefined roles, one secret each.

Sources: "Access control with IAM" and "Use IAM Conditions" of the Secret Manager documentation: values are read with
``roles/secretmanager.secretAccessor``, labels and annotations with ``roles/secretmanager.viewer``, which shows no
value; a condition sees the version that is read as ``projects/<number>/secrets/<secret>/versions/<version>``.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from secretsync.access.needs import needs_of, store_name
from secretsync.access.patterns import ANY, ONE, beginning_with, fixed_beginning, is_single
from secretsync.access.refusals import Refusals
from secretsync.access.regexps import name_patterns
from secretsync.api import MetadataPolicy
from secretsync.api.stores.gcpsm import SecretVersionSelectionPolicy
from secretsync.api.validation.regular_expressions import is_valid
from secretsync.errors import StoreInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from secretsync.access.needs import RemoteNeed
    from secretsync.api import ExternalSecret, Find, GCPSMProvider, RemoteRef, Store

ACCESSOR: Final = "roles/secretmanager.secretAccessor"
VIEWER: Final = "roles/secretmanager.viewer"

_Grant = tuple[str, str, str]
"""Resource, role and condition."""
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")
_VERSION: Final = re.compile(r"[A-Za-z0-9_-]{1,63}")
_PROJECT: Final = re.compile(r"[a-z][a-z0-9.:-]{4,61}[a-z0-9]|[0-9]{1,20}")
_LOCATION: Final = re.compile(r"[a-z]+-[a-z]+[0-9]+")


@dataclass(frozen=True, slots=True)
class SecretBinding:
    """One role on one resource.

    Attributes:
        secret: the resource: ``projects/<project>/secrets/<secret>``, or ``projects/<project>`` for a search.
        role: the predefined role.
        condition: expression in the Common Expression Language; empty for none.
        reasons: who needs it, sorted.
    """

    secret: str
    role: str
    condition: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GCPAccess:
    """All that one store needs.

    Attributes:
        store: the store as people name it.
        bindings: ordered by resource and role.
        notes: where they admit more than the declarations ask for.
    """

    store: str
    bindings: tuple[SecretBinding, ...]
    notes: tuple[str, ...] = ()


def compile_gcp(
    store: Store, external_secrets: Sequence[ExternalSecret], *, project: str = "", project_scope: bool = False
) -> GCPAccess:
    """The narrowest bindings with which every declared entry of `store` can be read.

    Args:
        store: a store with the provider ``gcpsm``.
        external_secrets: all declarations; those that use other stores are left out.
        project: the project of stores that name none.
        project_scope: whether searches may be granted on the whole project: secrets can be listed in no other way.

    Raises:
        AccessRefused: everything that cannot be granted narrowly, at once.
        StoreInvalid: the store is not one of Google Cloud.
    """
    name = store_name(store)
    config = store.spec.provider.gcpsm
    if config is None:
        raise StoreInvalid("is not a gcpsm store", place=name, remedy="compile it with its own backend's compiler")
    refusals = Refusals()
    chosen = config.project_id or project
    if not _PROJECT.fullmatch(chosen):
        refusals.add(name, f"{json.dumps(chosen)} is no project", "set spec.provider.gcpsm.projectID, or give one")
    if config.location and not _LOCATION.fullmatch(config.location):
        refusals.add(name, f"{json.dumps(config.location)} is no location", "correct spec.provider.gcpsm.location")
    refusals.raise_any()
    compiler = _Compiler(config, f"projects/{chosen}", refusals, project_scope=project_scope)
    found: dict[_Grant, set[str]] = defaultdict(set)
    for need in needs_of(store, external_secrets):
        for binding in compiler.bindings(need):
            found[binding].add(need.reason)
    refusals.raise_any()
    bindings = (SecretBinding(*binding, tuple(sorted(reasons))) for binding, reasons in _widest(found).items())
    ordered = sorted(bindings, key=lambda each: (each.secret, each.role, each.condition))
    return GCPAccess(name, tuple(ordered), tuple(compiler.notes))


def _widest(found: Mapping[_Grant, set[str]]) -> dict[_Grant, set[str]]:
    """Without what the same role grants on the same secret, or on the project, unconditionally."""
    kept: dict[_Grant, set[str]] = defaultdict(set)
    for grant, reasons in found.items():
        resource, role, _ = grant
        project = "/".join(resource.split("/")[:2])
        wider = ((project, role, ""), (resource, role, ""), (resource, role, _of(resource.rpartition("/")[2])))
        kept[next((each for each in wider if each in found), grant)] |= reasons
    return kept


def _of(name: str) -> str:
    """The condition for all versions of a secret."""
    return f'resource.name.extract("/secrets/{{name}}/versions/") == "{name}"'


class _Compiler:
    """Bindings of single entries."""

    def __init__(self, config: GCPSMProvider, project: str, refusals: Refusals, *, project_scope: bool) -> None:
        self._latest_or_fetch = config.secret_version_selection_policy is SecretVersionSelectionPolicy.LatestOrFetch
        self._project = project
        self._parent = f"{project}/locations/{config.location}" if config.location else project
        self._refusals = refusals
        self._project_scope = project_scope
        self.notes: list[str] = []

    def bindings(self, need: RemoteNeed) -> Iterator[_Grant]:
        """Resource, role and condition of what an entry needs."""
        if need.ref is not None:
            yield from self._one(need.ref, need.reason)
        elif need.find is not None:
            yield from self._search(need.find, need.reason)

    def _one(self, ref: RemoteRef, reason: str) -> Iterator[_Grant]:
        if not _SECRET.fullmatch(ref.key):
            remedy = "use 1 to 255 letters, digits, hyphens and underscores"
            self._refusals.add(reason, f"the key {json.dumps(ref.key)} is no name of a secret", remedy)
            return
        if ref.version and not _VERSION.fullmatch(ref.version):
            self._refusals.add(reason, f"{json.dumps(ref.version)} is no version", "use a number, an alias or latest")
            return
        secret = f"{self._parent}/secrets/{ref.key}"
        if ref.metadata_policy is MetadataPolicy.Fetch:
            yield secret, VIEWER, ""
            return
        if ref.version.isdecimal():
            yield secret, ACCESSOR, f'resource.name.endsWith("/secrets/{ref.key}/versions/{ref.version}")'
            return
        yield secret, ACCESSOR, _of(ref.key)
        if self._latest_or_fetch and ref.version in {"", "latest"}:
            yield secret, VIEWER, ""  # lists the versions that may stand in for the latest

    def _search(self, find: Find, reason: str) -> Iterator[_Grant]:
        regexp = find.name.regexp if find.name is not None else ""
        if not is_valid(regexp):
            self._refusals.add(reason, f"{json.dumps(regexp)} is not a regular expression", "use RE2 syntax")
            return
        if not self._project_scope:
            problem = "secrets are listed in a whole project, and a binding on single secrets does not allow it"
            self._refusals.add(reason, problem, "name the secrets, or ask for the scope of the project")
            return
        yield self._project, VIEWER, ""
        found = name_patterns(regexp)
        patterns = tuple(each for each in beginning_with(find.path or "", found.patterns) if _is_possible(each))
        if not patterns:
            problem = f"no name can match {json.dumps(regexp)} and begin with {json.dumps(find.path or '')}"
            self._refusals.add(reason, problem, "correct find.name.regexp or find.path")
        elif not all(map(fixed_beginning, patterns)):
            self.notes.append(f"{reason}: every secret of {self._project} may be read")
            yield self._project, ACCESSOR, ""
        else:
            said = all(is_single(each) or each == fixed_beginning(each) + ANY for each in patterns)
            if find.tags or not found.exact or not said:
                shown = ", ".join(sorted(set(map(fixed_beginning, patterns))))
                self.notes.append(f"{reason}: a condition can only say how names begin: with {shown} they may be read")
            for pattern in patterns:
                yield self._project, ACCESSOR, _of(pattern) if is_single(pattern) else _beginning(pattern)


def _is_possible(pattern: str) -> bool:
    """Whether all fixed characters are such as names have."""
    fixed = pattern.replace(ANY, "").replace(ONE, "")
    return not fixed or _SECRET.fullmatch(fixed) is not None


def _beginning(pattern: str) -> str:
    """The condition for all secrets whose names begin as the pattern does."""
    return f'resource.name.extract("/secrets/{{name}}/versions/").startsWith("{fixed_beginning(pattern)}")'
