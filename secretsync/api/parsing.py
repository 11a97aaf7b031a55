"""From a raw Kubernetes object to its model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from secretsync.api import messages
from secretsync.api.kinds import GENERATORS_GROUP, GROUP, KINDS, NOT_SERVED, stored_version
from secretsync.api.problems import Problem
from secretsync.api.shape import Shape
from secretsync.api.unknown import without_nulls
from secretsync.errors import ManifestError, ManifestErrors

if TYPE_CHECKING:
    from secretsync.api.base import JsonObject, Kind

_LINK: Final = re.compile(r"^\[([^\]\s]+)\]\([^)\s]*\)$")
_LONGEST_NAME: Final = 80


def parse(obj: JsonObject) -> Kind:
    """The model of a raw object, by its apiVersion and kind; v1beta1 is read as v1.

    Object fields that are null count as absent, as they do for the API server.

    Raises:
        ManifestErrors: the kind is not known or fields do not fit; each error's `place` names object and field.
    """
    api_version, kind = obj.get("apiVersion"), obj.get("kind")
    model = KINDS.get((api_version, kind)) if isinstance(api_version, str) and isinstance(kind, str) else None
    if model is None:
        raise errors(obj, [kind_problem(obj)])
    version = stored_version(obj["apiVersion"])
    if version != api_version:
        obj = {**obj, "apiVersion": version}
    try:
        return model.from_json(obj)
    except ValidationError:
        pass
    try:
        return model.from_json(without_nulls(obj, Shape(model=model)))
    except ValidationError as error:
        raise errors(obj, messages.problems(error)) from None


def identity(obj: JsonObject) -> str:
    """How errors call an object: ``ExternalSecret namespace/name``; what is missing or unreadable is left out."""
    metadata = obj.get("metadata")
    parts = [metadata.get(key) for key in ("namespace", "name")] if isinstance(metadata, dict) else []
    name = "/".join(part for part in parts if isinstance(part, str) and part and len(part) <= _LONGEST_NAME * 4)
    kind = obj.get("kind")
    return " ".join(part for part in (kind if isinstance(kind, str) else "", name) if part)[: _LONGEST_NAME * 5]


def errors(obj: JsonObject, problems: list[Problem]) -> ManifestErrors:
    """The problems of one object as errors, each with the object and the field as its place."""
    who = identity(obj)
    return ManifestErrors(
        [
            ManifestError(
                problem.message, place=", ".join(part for part in (who, problem.field) if part), remedy=problem.remedy
            )
            for problem in problems
        ]
    )


def link_text(value: str) -> str:
    """The text of a Markdown link such as ``[text](address)``, as pages leave it around an apiVersion; else empty."""
    match = _LINK.match(value.strip())
    return match[1] if match else ""


def kind_problem(obj: JsonObject) -> Problem:
    """Why the apiVersion and kind of this object name no model, and what to write instead."""
    for field in ("apiVersion", "kind"):
        value = obj.get(field)
        if value is None:
            return Problem(field, "is missing", f"add it, e.g. {field}: {_EXAMPLES[field]}")
        if not isinstance(value, str):
            return Problem(
                field,
                f"must be text, not {messages.type_name(value)}",
                f"write it like {field}: {_EXAMPLES[field]}",
            )
        if text := link_text(value):
            return Problem(field, "is a Markdown link, as copied from a web page", f"write {field}: {text}")
    return _pair_problem(obj["apiVersion"], obj["kind"])


_EXAMPLES: Final = {"apiVersion": f"{GROUP}/v1", "kind": "ExternalSecret"}


def _pair_problem(api_version: str, kind: str) -> Problem:
    versions = list(dict.fromkeys(version for version, _ in KINDS))
    kinds = list(dict.fromkeys(name for _, name in KINDS))
    if kind in kinds:
        right = [version for version, name in KINDS if name == kind]
        message = f"{kind} is not served as {messages.shortened(api_version)}"
        return Problem("apiVersion", message, f"write apiVersion: {right[0]}")
    if kind in NOT_SERVED and api_version.startswith((f"{GROUP}/", f"{GENERATORS_GROUP}/")):
        return Problem("kind", f"{kind} is known to ESO, but not served here", f"use one of {', '.join(kinds)}")
    match = messages.closest(kind, kinds)
    if match and api_version in versions:
        return Problem(
            "kind", f"there is no kind {messages.shortened(kind)} in {api_version}", f"did you mean {match}?"
        )
    if api_version in versions or messages.closest(api_version.partition("/")[0], [GROUP, GENERATORS_GROUP]):
        hint = f"did you mean apiVersion: {_version_of(match or 'ExternalSecret')}, kind: {match or 'ExternalSecret'}?"
        return Problem(
            "kind", f"there is no kind {messages.shortened(kind)} in {messages.shortened(api_version)}", hint
        )
    return Problem(
        "kind",
        f"{messages.shortened(kind)} of {messages.shortened(api_version)} is not a kind of {GROUP}",
        f"keep only {', '.join(kinds)} here and apply other objects by their own means",
    )


def _version_of(kind: str) -> str:
    return next(version for version, name in KINDS if name == kind)
