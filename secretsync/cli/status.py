"""``status``: every ExternalSecret with its store, state, target, keys and age; Secrets of the pulumi lane too."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from secretsync.cli import output
from secretsync.cli.arguments import add_cluster, add_json, read_config
from secretsync.kube.client import KubeClient
from secretsync.kube.resources import CLUSTER_SECRET_STORES, EVENTS, EXTERNAL_SECRETS, SECRET_STORES, SECRETS
from secretsync.sync.names import MANAGED_LABEL, MANAGED_VALUE, field_manager, is_ours

if TYPE_CHECKING:
    import argparse

    from secretsync.api import JsonObject
    from secretsync.kube.protocol import Cluster

_DESCRIPTION = """\
One line per synced Secret. Lane "operator": an ExternalSecret in the cluster, synced by a controller. Lane "pulumi": a
Secret that pulumi up writes from a declaration of the program; such a Secret has the field manager of an ExternalSecret
that is not in the cluster. Values are never read. Exit status 1 where something is not ready.
"""
_HEADER = ("STORE", "STATE", "LANE", "EXTERNALSECRET", "TARGET", "KEYS", "AGE")


@dataclass(frozen=True, slots=True)
class Line:
    """One synced Secret.

    Attributes:
        namespace: of the ExternalSecret and its target.
        name: of the ExternalSecret.
        lane: operator or pulumi.
        store: kind and name of its store; empty where the cluster does not know.
        ready: whether it is as it should be.
        state: reason of its Ready condition; Unready where there is none.
        detail: what is wrong.
        target: name of the Secret.
        exists: whether the Secret is there.
        keys: how many keys the ExternalSecret owns in it.
        synced: when it was last synced.
    """

    namespace: str
    name: str
    lane: str
    store: str
    ready: bool
    state: str
    detail: str
    target: str
    exists: bool
    keys: int
    synced: datetime | None


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("status", help="show what is synced, and what is not", description=_DESCRIPTION)
    add_cluster(parser)
    parser.add_argument("--namespace", "-n", default="", metavar="NAME", help="this namespace only")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the table."""
    lines, stores = asyncio.run(_collect(arguments))
    if arguments.json:
        output.write_json({"externalSecrets": [asdict(line) for line in lines], "stores": stores})
    else:
        output.write(_text(lines, stores, datetime.now(UTC)))
    return int(not all(line.ready for line in lines) or not all(store["ready"] for store in stores))


async def _collect(arguments: argparse.Namespace) -> tuple[list[Line], list[dict[str, Any]]]:
    async with KubeClient(read_config(arguments)) as cluster:
        return await collect(cluster, arguments.namespace or None)


async def collect(cluster: Cluster, namespace: str | None) -> tuple[list[Line], list[dict[str, Any]]]:
    """All lines, and the state of every store. Of Secrets only metadata is read."""
    managed = f"{MANAGED_LABEL}={MANAGED_VALUE}"
    external_secrets, secrets, *stores = await asyncio.gather(
        cluster.list(EXTERNAL_SECRETS, namespace),
        cluster.list(SECRETS, namespace, label_selector=managed, metadata_only=True),
        cluster.list(SECRET_STORES, namespace),
        *(() if namespace else (cluster.list(CLUSTER_SECRET_STORES),)),
    )
    by_name = {_identity(secret): secret for secret in secrets.items}
    lines = [_operator_line(item, by_name) for item in external_secrets.items]
    causes = await _causes(cluster, [line for line in lines if not line.ready])
    lines = [_explained(line, causes.get((line.namespace, line.name), "")) for line in lines]
    known = {(line.namespace, field_manager(line.name)) for line in lines}
    lines += [line for secret in secrets.items for line in _pulumi_lines(secret, known)]
    lines.sort(key=lambda line: (line.namespace, line.target, line.lane))
    return lines, [_store_state(store) for listing in stores for store in listing.items]


def _operator_line(item: JsonObject, secrets: dict[tuple[str, str], JsonObject]) -> Line:
    namespace, name = _identity(item)
    spec, status = item.get("spec") or {}, item.get("status") or {}
    ready = next((each for each in status.get("conditions") or () if each.get("type") == "Ready"), None)
    target = (spec.get("target") or {}).get("name") or name
    secret = secrets.get((namespace, target))
    ref = spec.get("secretStoreRef") or {}
    refreshed = status.get("refreshTime")
    return Line(
        namespace=namespace,
        name=name,
        lane="operator",
        store=f"{ref.get('kind') or 'SecretStore'}/{ref['name']}" if ref.get("name") else "",
        ready=ready is not None and ready.get("status") == "True",
        state=str(ready.get("reason")) if ready is not None else "Waiting",
        detail="" if ready is None or ready.get("status") == "True" else str(ready.get("message") or ""),
        target=target,
        exists=secret is not None,
        keys=len(_owned_keys(secret, field_manager(name))) if secret is not None else 0,
        synced=datetime.fromisoformat(refreshed) if refreshed else None,
    )


def _pulumi_lines(secret: JsonObject, known: set[tuple[str, str]]) -> list[Line]:
    """Secrets that were written for an ExternalSecret which is no object of the cluster."""
    namespace, target = _identity(secret)
    lines = []
    for entry in secret["metadata"].get("managedFields") or ():
        manager = str(entry.get("manager", ""))
        if not is_ours(manager) or (namespace, manager) in known:
            continue
        at = entry.get("time")
        lines.append(
            Line(
                namespace=namespace,
                name=manager.partition("/")[2],
                lane="pulumi",
                store="",
                ready=True,
                state="SecretSynced",
                detail="",
                target=target,
                exists=True,
                keys=len(_owned_keys(secret, manager)),
                synced=datetime.fromisoformat(at) if at else None,
            )
        )
    return lines


def _owned_keys(secret: JsonObject, manager: str) -> set[str]:
    keys: set[str] = set()
    for entry in secret["metadata"].get("managedFields") or ():
        if entry.get("manager") == manager:
            fields = (entry.get("fieldsV1") or {}).get("f:data") or {}
            keys.update(key for key in fields if key.startswith("f:"))
    return keys


async def _causes(cluster: Cluster, lines: list[Line]) -> dict[tuple[str, str], str]:
    """The last warning event of each, which names the cause that the condition leaves out."""
    namespaces = sorted({line.namespace for line in lines})
    listings = await asyncio.gather(
        *(cluster.list(EVENTS, name, field_selector="involvedObject.kind=ExternalSecret") for name in namespaces)
    )
    latest: dict[tuple[str, str], tuple[str, str]] = {}
    for listing in listings:
        for event in listing.items:
            about = event.get("involvedObject") or {}
            if event.get("type") != "Warning":
                continue
            key = (str(about.get("namespace")), str(about.get("name")))
            found = (str(event.get("lastTimestamp") or ""), str(event.get("message") or ""))
            latest[key] = max(latest.get(key, ("", "")), found)
    return {key: message for key, (_, message) in latest.items()}


def _explained(line: Line, cause: str) -> Line:
    if line.ready or not cause:
        return line
    return Line(**{**asdict(line), "detail": f"{line.detail}: {cause}" if line.detail else cause})


def _store_state(store: JsonObject) -> dict[str, Any]:
    namespace, name = _identity(store)
    conditions = (store.get("status") or {}).get("conditions") or ()
    ready = next((each for each in conditions if each.get("type") == "Ready"), None)
    return {
        "kind": store["kind"],
        "namespace": namespace,
        "name": name,
        "ready": ready is not None and ready.get("status") == "True",
        "state": str(ready.get("reason")) if ready is not None else "Waiting",
        "detail": "" if ready is None or ready.get("status") == "True" else str(ready.get("message") or ""),
    }


def _text(lines: list[Line], stores: list[dict[str, Any]], now: datetime) -> str:
    if not lines and not stores:
        return "nothing is synced here: there is neither an ExternalSecret nor a store"
    rows, colours = [], []
    for line in lines:
        target = f"{line.namespace}/{line.target}" + ("" if line.exists else " (absent)")
        keys = str(line.keys) if line.exists else "-"
        rows.append((line.store or "-", line.state, line.lane, line.name, target, keys, output.age(line.synced, now)))
        colours.append("" if line.ready else "red")
    parts = [output.table(_HEADER, rows, colours=colours)] if rows else []
    wrong = [f"{line.namespace}/{line.name}: {line.detail or line.state}" for line in lines if not line.ready]
    wrong += [_store_problem(store) for store in stores if not store["ready"]]
    return "\n".join([*parts, *(output.coloured(text, "red") for text in wrong)])


def _store_problem(store: dict[str, Any]) -> str:
    place = f"{store['namespace']}/{store['name']}" if store["namespace"] else store["name"]
    return f"{store['kind']} {place}: {store['detail'] or store['state']}"


def _identity(obj: JsonObject) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
