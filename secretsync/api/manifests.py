"""Declarations from files: found, read, checked, with the line of every field, all errors at once.

Unknown fields are errors here, although the API server drops them silently: a misspelt field is a hole in what its
author meant to say.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from secretsync.api import json_source, messages, yaml_source
from secretsync.api.cluster_external_secret import ClusterExternalSecret
from secretsync.api.external_secret import ExternalSecret
from secretsync.api.generators import (
    ClusterGenerator,
    FakeGenerator,
    Generator,
    PasswordGenerator,
    SSHKeyGenerator,
    UUIDGenerator,
)
from secretsync.api.kinds import KINDS, stored_version
from secretsync.api.parsing import identity, kind_problem, parse
from secretsync.api.problems import Problem, Severity
from secretsync.api.push_secret import PushSecret
from secretsync.api.source_tree import LARGEST_FILE, Node, SourceError
from secretsync.api.stores.store import ClusterSecretStore, SecretStore, Store
from secretsync.api.unknown import known_fields, model_at, unknown_fields
from secretsync.api.validation import validate
from secretsync.api.validation.neighbours import neighbours
from secretsync.errors import ManifestError, ManifestErrors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from secretsync.api.base import JsonObject, Kind

SUFFIXES: Final = (".yaml", ".yml", ".json")
_CLUSTER_KINDS: Final = frozenset({"ClusterSecretStore", "ClusterExternalSecret", "ClusterGenerator"})
_LISTS: Final = frozenset({"List", *(f"{kind}List" for _, kind in KINDS)})
_LONGEST_NAME: Final = 253

KindT = TypeVar("KindT")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an object comes from.

    Attributes:
        file: path of the file, relative to the root where it lies below it.
        node: the object in the file's tree.
        raw: the object as the file says it, before conversion and defaults.
    """

    file: str
    node: Node = field(repr=False)
    raw: JsonObject = field(repr=False)

    def place(self, path: str = "") -> str:
        """``file:line`` of the object or of a field in it; of the nearest field above, where the field is absent."""
        return f"{self.file}:{self.node.line_of(path)}"


@dataclass(frozen=True, slots=True)
class Remark:
    """A warning about one object, with its place.

    Attributes:
        place: ``file:line, Kind namespace/name``.
        problem: what is surprising.
    """

    place: str
    problem: Problem

    def __str__(self) -> str:
        return f"{self.place}, {self.problem}"


class Manifests:
    """All declarations of some files, by kind, in the order of the files."""

    def __init__(self, objects: Sequence[tuple[Kind, Origin]]) -> None:
        self._objects = tuple(kind for kind, _ in objects)
        self._origins = {id(kind): origin for kind, origin in objects}
        self._remarks: tuple[Remark, ...] | None = None

    @property
    def objects(self) -> tuple[Kind, ...]:
        """All of them."""
        return self._objects

    @property
    def external_secrets(self) -> tuple[ExternalSecret, ...]:
        """The ExternalSecrets."""
        return self._of(ExternalSecret)

    @property
    def secret_stores(self) -> tuple[SecretStore, ...]:
        """The SecretStores."""
        return self._of(SecretStore)

    @property
    def cluster_secret_stores(self) -> tuple[ClusterSecretStore, ...]:
        """The ClusterSecretStores."""
        return self._of(ClusterSecretStore)

    @property
    def stores(self) -> tuple[Store, ...]:
        """The stores of both kinds."""
        return tuple(kind for kind in self._objects if isinstance(kind, SecretStore | ClusterSecretStore))

    @property
    def generators(self) -> tuple[Generator, ...]:
        """The generators."""
        kinds = FakeGenerator | PasswordGenerator | SSHKeyGenerator | UUIDGenerator | ClusterGenerator
        return tuple(kind for kind in self._objects if isinstance(kind, kinds))

    @property
    def cluster_external_secrets(self) -> tuple[ClusterExternalSecret, ...]:
        """The ClusterExternalSecrets."""
        return self._of(ClusterExternalSecret)

    @property
    def push_secrets(self) -> tuple[PushSecret, ...]:
        """The PushSecrets."""
        return self._of(PushSecret)

    @property
    def warnings(self) -> tuple[Remark, ...]:
        """What is surprising, about single objects and about how they stand to each other."""
        if self._remarks is None:
            found = [(kind, problem) for kind in self._objects for problem in validate(kind)]
            found += neighbours(self.external_secrets, self.stores)
            self._remarks = tuple(
                Remark(f"{self.place(kind, problem.field)}, {identity(self.raw(kind))}", problem)
                for kind, problem in found
                if problem.severity is Severity.warning
            )
        return self._remarks

    def raw(self, obj: Kind) -> JsonObject:
        """The object as its file says it; its wire form, if it comes from no file."""
        origin = self._origins.get(id(obj))
        return origin.raw if origin is not None else obj.to_json()

    def place(self, obj: Kind, path: str = "") -> str:
        """``file:line`` of an object or of a field in it, e.g. ``spec.data[0].remoteRef.key``.

        For an object that comes from no file, its kind and name.
        """
        origin = self._origins.get(id(obj))
        return origin.place(path) if origin is not None else identity(obj.to_json())

    def _of(self, kind: type[KindT]) -> tuple[KindT, ...]:
        return tuple(item for item in self._objects if isinstance(item, kind))


def load_manifests(paths: Iterable[Path | str], *, root: Path) -> Manifests:
    """Reads declarations from files and folders.

    Of a folder, all files that end in .yaml, .yml or .json are read, those of its subfolders too, in the order of their
    paths; hidden ones are left out. A file may hold several documents, and a document may be a ``List``.

    Args:
        paths: files and folders; relative ones start at `root`.
        root: the folder that places in errors are relative to.

    Returns:
        The objects, all of them free of errors. Warnings are in `Manifests.warnings`.

    Raises:
        ManifestErrors: everything that is wrong in all of them: files, syntax, kinds, fields, ESO's admission rules,
            and objects that are declared twice.
    """
    loading = _Loading(root)
    for path in paths:
        loading.path(root / path)
    if loading.errors:
        raise ManifestErrors(loading.errors)
    return Manifests(loading.objects)


class _Loading:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen_files: set[str] = set()
        self._seen: dict[tuple[str, str, str, str], str] = {}
        self.errors: list[ManifestError] = []
        self.objects: list[tuple[Kind, Origin]] = []

    def path(self, path: Path) -> None:
        if path.is_dir():
            files = sorted(_files(path))
            if not files:
                self._error(self._name(path), "holds no manifest", f"add files that end in {', '.join(SUFFIXES)}")
            for file in files:
                self._file(file)
        else:
            self._file(path)

    def _name(self, path: Path) -> str:
        try:
            return path.resolve().relative_to(self._root.resolve()).as_posix()
        except (ValueError, OSError):
            return str(path)

    def _error(self, place: str, problem: str, remedy: str) -> None:
        self.errors.append(ManifestError(problem, place=place, remedy=remedy))

    def _file(self, path: Path) -> None:
        name = self._name(path)
        if name in self._seen_files:
            return
        self._seen_files.add(name)
        try:
            nodes, wrong = _read(path)
        except SourceError as error:
            nodes, wrong = [], [error]
        except OSError as error:
            nodes, wrong = (
                [],
                [SourceError(0, f"cannot be read: {error.strerror}", "check the path and its permissions")],
            )
        for item in wrong:
            self._error(f"{name}:{item.line}" if item.line else name, item.problem, item.remedy)
        for node in nodes:
            self._document(name, node)

    def _document(self, file: str, node: Node) -> None:
        if node.members is None:
            self._error(
                f"{file}:{node.line}",
                f"a manifest must be an object, not {messages.type_name(node.to_json())}",
                "begin it with apiVersion, kind, metadata and spec",
            )
            return
        kind = node.members.get("kind")
        items = node.members.get("items")
        if kind is not None and kind.scalar in _LISTS and items is not None and items.elements is not None:
            for element in items.elements:
                self._document(file, element)
            return
        self._object(Origin(file, node, node.to_json()))

    def _object(self, origin: Origin) -> None:
        obj = origin.raw
        if (obj.get("apiVersion"), obj.get("kind")) not in _hashable_kinds(obj):
            self._problems(origin, [kind_problem(obj)])
            return
        problems = [*_metadata(obj), *_unknown(obj)]
        try:
            kind = parse(obj)
        except ManifestErrors as error:
            who = identity(obj)
            problems += [
                Problem(item.place.removeprefix(who).removeprefix(", "), item.problem, item.remedy)
                for item in error.errors
            ]
            self._problems(origin, _without_echoes(problems))
        else:
            problems += [problem for problem in validate(kind) if problem.severity is Severity.error]
            self._problems(origin, problems)
            if not problems:
                self.objects.append((kind, origin))
        self._once(origin)

    def _problems(self, origin: Origin, problems: Iterable[Problem]) -> None:
        who = identity(origin.raw)
        for problem in problems:
            place = ", ".join(part for part in (origin.place(problem.field), who, problem.field) if part)
            self._error(place, problem.message, problem.remedy)

    def _once(self, origin: Origin) -> None:
        obj = origin.raw
        metadata = obj.get("metadata")
        if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
            return
        group = stored_version(obj["apiVersion"])
        key = (group, obj["kind"], str(metadata.get("namespace", "")), metadata["name"])
        earlier = self._seen.get(key)
        self._seen.setdefault(key, origin.place())
        if earlier is not None:
            place = f"{origin.place()}, {identity(obj)}"
            self._error(place, f"is already declared at {earlier}", "remove one, or give it another name")


def _hashable_kinds(obj: JsonObject) -> Iterable[tuple[Any, Any]]:
    texts = isinstance(obj.get("apiVersion"), str) and isinstance(obj.get("kind"), str)
    return KINDS if texts else ()


def _metadata(obj: JsonObject) -> Iterator[Problem]:
    metadata = obj.get("metadata")
    if metadata is None:
        yield Problem("metadata", "is missing", "add metadata with a name")
    elif isinstance(metadata, dict):
        name = metadata.get("name")
        if name is None or name == "":
            yield Problem("metadata.name", "is missing", "give the object a name")
        elif isinstance(name, str) and (len(name) > _LONGEST_NAME or not _is_name(name)):
            yield Problem(
                "metadata.name",
                "is not a name Kubernetes accepts",
                "use lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit",
            )
        if obj["kind"] in _CLUSTER_KINDS and metadata.get("namespace"):
            yield Problem("metadata.namespace", f"a {obj['kind']} belongs to no namespace", "leave it out")


def _is_name(name: str) -> bool:
    return all(part and part.isascii() and _is_label(part) for part in name.split("."))


def _is_label(part: str) -> bool:
    return part == part.lower() and part.replace("-", "0").isalnum() and part[0] != "-" and part[-1] != "-"


def _unknown(obj: JsonObject) -> Iterator[Problem]:
    for path in unknown_fields(obj)[: messages.MOST_PROBLEMS]:
        parent, _, name = path.rpartition(".")
        model = model_at(obj, parent)
        hint = messages.did_you_mean(name, known_fields(model)) if model is not None else ""
        shown = ".".join(messages.shortened(step) for step in path.split("."))
        yield Problem(shown, "is not a field that ESO v2.9.0 knows", hint or "remove it, or check its indentation")


def _without_echoes(problems: list[Problem]) -> list[Problem]:
    """Leaves out "needs exactly one" and "is missing" where a misspelt field beside it explains them."""
    misspelt = {
        problem.field.rpartition(".")[0] for problem in problems if problem.message.startswith("is not a field")
    }
    return [
        problem
        for problem in problems
        if not (problem.message.startswith("needs exactly one") and problem.field in misspelt)
    ]


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.endswith(SUFFIXES) and not name.startswith("."):
                yield Path(parent) / name


def _read(path: Path) -> tuple[list[Node], list[SourceError]]:
    if path.exists() and not path.is_file():
        raise SourceError(0, "is not a regular file", "name a file or a folder")
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise SourceError(0, f"is larger than {LARGEST_FILE // 1024 // 1024} MiB", "split it")
    text = _decode(content)
    if path.suffix == ".json":
        return json_source.read(text), []
    return yaml_source.read(text)


def _decode(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(1, "is UTF-16", "save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SourceError(line, "has bytes that are not UTF-8", "save the file as UTF-8") from None
