"""Declarations run with upstream values of a test, by the engine that syncs them."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from secretsync.api import load_manifests
from secretsync.checks import Options, examine, identity
from secretsync.cli.offline import OfflineProviders, Values, render
from secretsync.kube.fake import MemoryCluster
from secretsync.sync.fetching import FetchWindow
from secretsync.values import go_json
from secretsync.workloads.kinds import WORKLOAD_KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsync.api import ExternalSecret, JsonObject, Manifests
    from secretsync.checks import Finding

_KEY: Final = b"fingerprints of a test are nobody's business"


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What one ExternalSecret would make of the given upstream values.

    Attributes:
        secret: the Secret that would be written; None where none would.
        error: why not; empty where one would.
        findings: what a preview would say of it, errors first.
    """

    secret: JsonObject | None = field(repr=False)
    error: str
    findings: tuple[Finding, ...]

    @property
    def data(self) -> dict[str, bytes]:
        """The data of the Secret; empty where there is none."""
        encoded = (self.secret or {}).get("data") or {}
        return {key: base64.b64decode(value) for key, value in encoded.items()}

    @property
    def problems(self) -> list[str]:
        """The findings that would fail a preview, or warn in one, as text."""
        return [str(finding) for finding in self.findings if str(finding.severity) in ("error", "warning")]


def rehearse(
    paths: Sequence[Path],
    values: Mapping[str, Any],
    *,
    root: Path | None = None,
    namespace: str = "default",
    objects: Sequence[JsonObject] = (),
) -> dict[str, Rehearsed]:
    """Run the manifests of a stack with upstream values of the test, by the engine that syncs them.

    Args:
        paths: files and folders of manifests.
        values: remote key → text, or a mapping of properties; what is not in it does not exist upstream.
        root: what places in messages are relative to; by default the working directory.
        namespace: of manifests that name none.
        objects: what is in the cluster already, e.g. ConfigMaps that templates read, Secrets, workloads.

    Returns:
        By ``namespace/name`` of the ExternalSecret.

    Raises:
        ManifestErrors: everything that is wrong in the files, at once.
    """
    manifests = load_manifests(list(paths), root=root or Path.cwd())
    return asyncio.run(_rehearsed(manifests, values, namespace, objects))


async def _rehearsed(
    manifests: Manifests, values: Mapping[str, Any], namespace: str, objects: Sequence[JsonObject]
) -> dict[str, Rehearsed]:
    upstream = Values(
        {
            key: value.encode() if isinstance(value, str) else go_json.dumps(value, escape_html=False)
            for key, value in values.items()
        },
        given=True,
    )
    declared = [_placed(each, namespace) for each in manifests.external_secrets]
    written = dict(zip(map(identity, declared), manifests.external_secrets, strict=True))
    options = Options(
        stores=manifests.stores,
        place=lambda each, path: manifests.place(written[identity(each)], path),
        makes_first=False,
    )
    generators = [manifests.raw(generator) for generator in manifests.generators]
    cluster = MemoryCluster()
    for kind in WORKLOAD_KINDS.values():
        cluster.register(kind.resource)
    namespaces = {each.metadata.namespace for each in declared}
    made = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in sorted(namespaces)]
    for obj in (*made, *generators, *objects):
        resource = await cluster.discover(obj["apiVersion"], obj["kind"])
        if resource is not None:
            await cluster.create(resource, obj, field_manager="somebody")
    fetches = FetchWindow(OfflineProviders(manifests.stores, upstream))
    examined = await examine(
        declared, cluster=cluster, fetches=fetches, key=_KEY, not_before=fetches.now(), options=options
    )
    found = {}
    for each in declared:
        rendering = await render(each, objects=[*generators, *objects], fetches=fetches, values=upstream)
        name = identity(each)
        found[name] = Rehearsed(rendering.secret, rendering.error, examined[name].findings)
    return found


def _placed(external_secret: ExternalSecret, namespace: str) -> ExternalSecret:
    if external_secret.metadata.namespace:
        return external_secret
    metadata = external_secret.metadata.model_copy(update={"namespace": namespace})
    return external_secret.model_copy(update={"metadata": metadata})
