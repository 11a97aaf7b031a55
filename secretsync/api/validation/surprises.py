"""Where an ExternalSecret means something else than it seems to (ESO v2.9.0 as observed), each with a way out."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from secretsync.api import go_duration
from secretsync.api.enums import (
    CreationPolicy,
    DecodingStrategy,
    DeletionPolicy,
    RefreshPolicy,
    RewriteMergeStrategy,
)
from secretsync.api.problems import Problem, Severity
from secretsync.api.remote_ref import GENERATORS_API_VERSION, GeneratorKind
from secretsync.api.validation.regular_expressions import is_valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsync.api.external_secret import DataFrom, ExternalSecretData, ExternalSecretSpec
    from secretsync.api.remote_ref import Find, GeneratorRef, RemoteRef

BUSY: Final = timedelta(seconds=10)
"""Refresh intervals below this are remarked upon; ESO has no lower bound."""
RANDOM_GENERATORS: Final = frozenset(set(GeneratorKind) - {GeneratorKind.Fake})
NEVER: Final = timedelta(0)


def external_secret(spec: ExternalSecretSpec, path: str) -> list[Problem]:
    """Our warnings about an ExternalSecret's spec; `path` is where the spec stands in its object."""
    return [
        *_refresh(spec, path),
        *_windows(spec, path),
        *_target(spec, path),
        *(problem for index, entry in enumerate(spec.data) for problem in _data(spec, entry, f"{path}.data[{index}]")),
        *_last_wins(spec, path),
        *(
            problem
            for index, entry in enumerate(spec.data_from)
            for problem in _data_from(spec, entry, f"{path}.dataFrom[{index}]")
        ),
    ]


def _warning(field: str, message: str, remedy: str) -> Problem:
    return Problem(field, message, remedy, Severity.warning)


def _refresh(spec: ExternalSecretSpec, path: str) -> Iterator[Problem]:
    field = f"{path}.refreshInterval"
    interval = spec.refresh_interval
    if spec.refresh_policy is not RefreshPolicy.Periodic:
        if "refresh_interval" in spec.model_fields_set and interval > NEVER:
            yield _warning(
                field, f"has no effect with refreshPolicy {spec.refresh_policy}", "leave it out, or use Periodic"
            )
    elif interval <= NEVER:
        yield _warning(
            field,
            "0 fetches once and never again, not even after an edit of this object",
            "use refreshPolicy OnChange to follow edits, or CreatedOnce to say that it is meant",
        )
    elif interval < BUSY:
        yield _warning(
            field,
            f"{go_duration.format(interval)} asks the backend very often; there is no lower bound",
            "use 1m or more, unless the backend is your own and the secret changes that fast",
        )


def _windows(spec: ExternalSecretSpec, path: str) -> Iterator[Problem]:
    windows = spec.sync_windows
    if windows is None:
        return
    if spec.refresh_policy is not RefreshPolicy.Periodic:
        yield _warning(
            f"{path}.syncWindows",
            f"has no effect with refreshPolicy {spec.refresh_policy}",
            "leave it out, or use Periodic",
        )
    if not windows.windows:
        yield _warning(
            f"{path}.syncWindows.windows", "is empty, which allows every time", "add a window or leave syncWindows out"
        )
    for index, window in enumerate(windows.windows):
        if window.duration <= NEVER:
            yield _warning(
                f"{path}.syncWindows.windows[{index}].duration", "leaves no time in the window", "make it positive"
            )


def _target(spec: ExternalSecretSpec, path: str) -> Iterator[Problem]:
    target, field = spec.target, f"{path}.target"
    if target.creation_policy is CreationPolicy.Orphan and target.deletion_policy is DeletionPolicy.Delete:
        yield _warning(
            f"{field}.deletionPolicy",
            "Delete with creationPolicy Orphan fails once the provider's secrets are gone: the Secret is not owned",
            "use creationPolicy Owner, or deletionPolicy Retain or Merge",
        )
    if target.creation_policy is CreationPolicy.None_:
        yield _warning(
            f"{field}.creationPolicy",
            "None writes no data, yet labels an existing Secret and asks the backend at every change of it",
            "use Merge to write into an existing Secret",
        )
    if target.immutable and spec.refresh_policy is RefreshPolicy.Periodic and spec.refresh_interval > NEVER:
        yield _warning(
            f"{field}.immutable",
            "a changed value is an error that is not retried, because the Secret cannot be changed",
            "use refreshPolicy CreatedOnce",
        )
    if target.manifest is not None:
        yield _warning(
            f"{field}.manifest",
            f"values go into a {target.manifest.kind}, which is usually readable to more people than a Secret",
            "use a Secret, or make sure that the values are not secret",
        )


def _data(spec: ExternalSecretSpec, entry: ExternalSecretData, field: str) -> Iterator[Problem]:
    source = entry.source_ref
    if source is not None and source.generator_ref is not None:
        yield _warning(
            f"{field}.sourceRef.generatorRef",
            "is accepted, but has never been implemented for data",
            "use dataFrom with sourceRef.generatorRef",
        )
    store = source.store_ref if source is not None else spec.secret_store_ref
    if source is None or source.store_ref is not None:
        yield from _store_named(store.name if store is not None else None, field)
    yield from _decoding(entry.remote_ref, f"{field}.remoteRef")


def _last_wins(spec: ExternalSecretSpec, path: str) -> Iterator[Problem]:
    if spec.target.deletion_policy is DeletionPolicy.Retain:
        return
    first: dict[str, int] = {}
    for index, entry in enumerate(spec.data):
        earlier = first.setdefault(entry.secret_key, index)
        if earlier != index:
            yield _warning(
                f"{path}.data[{index}].secretKey",
                f"{entry.secret_key} is already the key of data[{earlier}]; the later entry wins",
                "give each entry its own secretKey",
            )


def _store_named(name: str | None, field: str) -> Iterator[Problem]:
    if name is None:
        yield _warning(
            field, "is read from no store", "name one in spec.secretStoreRef, or in the entry's sourceRef.storeRef"
        )


def _data_from(spec: ExternalSecretSpec, entry: DataFrom, field: str) -> Iterator[Problem]:
    generator = entry.source_ref.generator_ref if entry.source_ref is not None else None
    if generator is not None:
        yield from _generator(spec, generator, f"{field}.sourceRef.generatorRef")
    else:
        store = entry.source_ref.store_ref if entry.source_ref is not None else spec.secret_store_ref
        yield from _store_named(store.name if store is not None else None, field)
        if entry.extract is None and entry.find is None and entry.source_ref is not None:
            yield _warning(field, "names a store but fetches nothing from it", "add extract or find")
    for name, reference in (("extract", entry.extract), ("find", entry.find)):
        if reference is not None:
            yield from _decoding(reference, f"{field}.{name}")
            if entry.rewrite and "conversion_strategy" in reference.model_fields_set:
                yield _warning(
                    f"{field}.{name}.conversionStrategy",
                    "has no effect because of rewrite; characters a Secret cannot have in keys become an error",
                    "replace them in rewrite, or do without rewrite",
                )
    yield from _patterns(entry, field)


def _generator(spec: ExternalSecretSpec, generator: GeneratorRef, field: str) -> Iterator[Problem]:
    if generator.api_version != GENERATORS_API_VERSION:
        yield _warning(
            f"{field}.apiVersion", "is not the apiVersion of any generator", f"write {GENERATORS_API_VERSION}"
        )
    periodic = spec.refresh_policy is RefreshPolicy.Periodic and spec.refresh_interval > NEVER
    if periodic and generator.kind in RANDOM_GENERATORS:
        every = go_duration.format(spec.refresh_interval)
        yield _warning(
            field,
            f"{generator.kind} makes a new value at every refresh (each {every})",
            "use refreshPolicy CreatedOnce to keep the first one",
        )


def _decoding(reference: RemoteRef | Find, field: str) -> Iterator[Problem]:
    if reference.decoding_strategy is DecodingStrategy.Auto:
        yield _warning(
            f"{field}.decodingStrategy",
            "Auto also decodes values that only look like base64, such as 1234 or test",
            "use Base64, Base64URL or None, whichever the value is",
        )


def _patterns(entry: DataFrom, field: str) -> Iterator[Problem]:
    if entry.find is not None and entry.find.name is not None and not is_valid(entry.find.name.regexp):
        yield _not_a_pattern(f"{field}.find.name.regexp")
    for index, operation in enumerate(entry.rewrite):
        where = f"{field}.rewrite[{index}]"
        if operation.regexp is not None and not is_valid(operation.regexp.source):
            yield _not_a_pattern(f"{where}.regexp.source")
        if operation.merge is not None and operation.merge.strategy is RewriteMergeStrategy.JSON:
            if not operation.merge.into:
                yield _warning(f"{where}.merge.into", "is needed with strategy JSON", "name the key of the result")
        elif operation.merge is not None and operation.merge.into:
            yield _warning(f"{where}.merge.into", "has no effect with strategy Extract", "use strategy JSON")


def _not_a_pattern(field: str) -> Problem:
    return _warning(
        field,
        "is not a regular expression of Go (RE2); the sync will fail",
        "mend it; RE2 knows no look-around and no back-references",
    )
