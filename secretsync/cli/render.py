"""``render``: the Secrets that declarations would make, without a cluster or a backend."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from secretsync.api import load_manifests
from secretsync.cli import output
from secretsync.cli.arguments import add_json
from secretsync.cli.offline import DEFAULT_NAMESPACE, OfflineProviders, read_values, render
from secretsync.errors import ManifestError
from secretsync.sync.fetching import FetchWindow

if TYPE_CHECKING:
    import argparse

    from secretsync.api import ExternalSecret, JsonObject, Manifests
    from secretsync.cli.offline import Rendering

_DESCRIPTION = """\
Prints, for every ExternalSecret in the files, the Secret that would be written, what it reads upstream, and warnings.
Works without a cluster. Values come from --values, a YAML mapping from remote key to text or to a mapping of
properties; without it placeholders stand in. Values are masked unless --show-values is given. Exit status 1 where
something is wrong.
"""
_MASK = "***"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("render", help="print the Secrets that manifests would make", description=_DESCRIPTION)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="manifests, or folders of them")
    parser.add_argument("--values", type=Path, metavar="VALUES.yaml", help="values by remote key")
    parser.add_argument(
        "--objects",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="ConfigMaps and Secrets of templateFrom",
    )
    parser.add_argument("--show-values", action="store_true", help="print values instead of masking them")
    parser.add_argument(
        "--namespace", "-n", default=DEFAULT_NAMESPACE, metavar="NAME", help="of manifests that name none (default)"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print them; 1 where one cannot be rendered."""
    manifests = load_manifests(arguments.files, root=Path.cwd())
    renderings = asyncio.run(_render_all(manifests, arguments))
    warnings = [str(remark) for remark in manifests.warnings]
    show = arguments.show_values
    if arguments.json:
        entries = [_entry(rendering, show=show) for rendering in renderings]
        output.write_json({"renderings": entries, "warnings": warnings})
    else:
        for warning in warnings:
            output.write(f"# warning: {_one_line(warning)}")
        for rendering in renderings:
            output.write(_document(rendering, show=show))
    return int(any(rendering.error for rendering in renderings))


async def _render_all(manifests: Manifests, arguments: argparse.Namespace) -> list[Rendering]:
    values = read_values(arguments.values)
    objects = [manifests.raw(generator) for generator in manifests.generators]
    for path in arguments.objects:
        objects += _read_objects(path)
    fetches = FetchWindow(OfflineProviders(manifests.stores, values))
    placed = [_placed(each, arguments.namespace) for each in manifests.external_secrets]
    return [await render(each, objects=objects, fetches=fetches, values=values) for each in placed]


def _read_objects(path: Path) -> list[JsonObject]:
    try:
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ManifestError(f"cannot be read: {error.strerror}", place=str(path)) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ManifestError("is not YAML", place=str(path)) from None
    found = [document for document in documents if document is not None]
    for document in found:
        if not isinstance(document, dict) or not {"apiVersion", "kind", "metadata"} <= document.keys():
            raise ManifestError("holds something that is no Kubernetes object", place=str(path))
        if document["kind"] == "Secret" and "stringData" in document:
            encoded = {key: _encoded(str(text).encode()) for key, text in document.pop("stringData").items()}
            document["data"] = {**(document.get("data") or {}), **encoded}
    return found


def _placed(external_secret: ExternalSecret, namespace: str) -> ExternalSecret:
    """With a namespace, as the API server would put it."""
    if external_secret.metadata.namespace:
        return external_secret
    metadata = external_secret.metadata.model_copy(update={"namespace": namespace})
    return external_secret.model_copy(update={"metadata": metadata})


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def visible(secret: JsonObject, *, show: bool) -> JsonObject:
    """The Secret for reading: text values as stringData, and all masked unless `show`."""
    shown: JsonObject = {key: value for key, value in secret.items() if key != "data"}
    metadata = {key: value for key, value in secret["metadata"].items() if value}
    if not show:
        metadata["annotations"] = dict(metadata.get("annotations") or {})
        metadata["annotations"].pop("reconcile.external-secrets.io/data-hash", None)  # a guessed value could be tried
        metadata = {key: value for key, value in metadata.items() if value}
    shown["metadata"] = metadata
    texts, binary = {}, {}
    for key, encoded in sorted((secret.get("data") or {}).items()):
        try:
            texts[key] = base64.b64decode(encoded).decode() if show else _MASK
        except UnicodeDecodeError:
            binary[key] = encoded
    if binary:
        shown["data"] = binary
    if texts or not binary:
        shown["stringData"] = texts
    return shown


def _entry(rendering: Rendering, *, show: bool) -> dict[str, Any]:
    meta = rendering.external_secret.metadata
    return {
        "namespace": meta.namespace,
        "name": meta.name,
        "reads": [{"field": read.field, "store": read.store, "what": read.what} for read in rendering.reads],
        "remarks": list(rendering.remarks),
        "error": rendering.error,
        "secret": visible(rendering.secret, show=show) if rendering.secret is not None else None,
    }


def _document(rendering: Rendering, *, show: bool) -> str:
    meta = rendering.external_secret.metadata
    lines = ["---", f"# ExternalSecret {meta.namespace}/{meta.name} reads"]
    lines += [f"#   {read.field}: {read.store}: {_one_line(read.what)}" for read in rendering.reads]
    lines += [f"# note: {_one_line(remark)}" for remark in rendering.remarks]
    if rendering.error:
        lines.append(output.coloured(f"# error: {_one_line(rendering.error)}", "red"))
    if rendering.secret is not None:
        document = visible(rendering.secret, show=show)
        lines.append(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120).rstrip())
    return "\n".join(lines)


def _one_line(text: str) -> str:
    return " ".join(text.split())
