"""``access``: the permissions that declarations need, each with who needs it; as a table, or as documents."""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from secretsync.access import AccessRefused, Refusal, examples, trust
from secretsync.access.aws import AccessLevel
from secretsync.access.needs import EVERYWHERE, needs_of, store_name
from secretsync.access.pushes import pushes_of
from secretsync.api import ExternalSecret, ObjectMeta, SecretStore, load_manifests
from secretsync.cli import output
from secretsync.cli.access_report import Compiled, Declared, compile_store
from secretsync.cli.arguments import add_json
from secretsync.cli.offline import DEFAULT_NAMESPACE
from secretsync.errors import SecretSyncError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from secretsync.api import ExternalSecretSpec, JsonObject, PushSecret, Store, StoreRef
    from secretsync.api.base import Kind
    from secretsync.api.manifests import Manifests

_DESCRIPTION = """\
Compiles the ExternalSecrets of some manifests to the permissions that the credentials of their stores need, and no
more: IAM policies for AWS, an ACL policy for Vault and OpenBao, bindings for Google Cloud, role assignments for Azure.
Each statement names who needs it. What cannot be granted narrowly is refused, all at once, with file and line.
Works without a cluster and without credentials.
"""
_BACKENDS: Final = ("aws", "vault", "gcpsm", "azurekv")
_MOST_REASONS: Final = 3


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("access", help="say which permissions are needed", description=_DESCRIPTION)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="manifests, or folders of them")
    parser.add_argument(
        "--store", metavar="NAME", help="only this store: namespace/name, or the name of a cluster-wide one"
    )
    parser.add_argument("--backend", choices=_BACKENDS, help="only stores of this provider")
    parser.add_argument(
        "--namespace", "-n", default=DEFAULT_NAMESPACE, metavar="NAME", help="of manifests that name none (default)"
    )
    add_json(parser)
    aws = parser.add_argument_group("AWS")
    aws.add_argument("--account", default="", metavar="ID", help="account of the stores' own credentials")
    aws.add_argument("--region", default="", metavar="NAME", help="Region of stores that name none")
    aws.add_argument("--partition", default="aws", metavar="NAME", help="aws (default), aws-cn, aws-us-gov …")
    aws.add_argument(
        "--level",
        choices=[str(level) for level in AccessLevel],
        default=str(AccessLevel.Secrets),
        help="declared secrets only (default), or wider on purpose",
    )
    aws.add_argument(
        "--kms-key",
        action="append",
        default=[],
        type=_kms_key,
        metavar="NAME=ARN",
        help="customer key of a secret or parameter; *=ARN for all others",
    )
    aws.add_argument("--prefix", action="append", default=[], metavar="TEXT", help="grant all names that begin so")
    aws.add_argument("--versions", action="store_true", help="for the pulumi lane, which previews versions")
    aws.add_argument("--batch", action="store_true", help="allow batches of secrets, an action on *")
    aws.add_argument(
        "--upstream", action="store_true", help="for ESO's own operator, which has one way to read some searches"
    )
    aws.add_argument("--trust", choices=("irsa", "pod-identity"), help="print a trust policy too")
    aws.add_argument("--oidc-provider", metavar="ARN", default="", help="of the cluster, for --trust irsa")
    aws.add_argument("--cluster-arn", metavar="ARN", default="", help="of the EKS cluster, for --trust pod-identity")
    aws.add_argument("--service-account", metavar="NS/NAME", default="", help="who assumes the role, for --trust")
    aws.add_argument(
        "--example", choices=[str(level) for level in AccessLevel], help="print the AWS documentation's policy"
    )
    aws.add_argument("--secret-arn", action="append", default=[], metavar="ARN", help="for --example secrets")
    gcp = parser.add_argument_group("Google Cloud")
    gcp.add_argument("--project", default="", metavar="ID", help="of stores that name none")
    gcp.add_argument("--whole-project", action="store_true", help="grant searches, on the whole project")
    azure = parser.add_argument_group("Azure")
    azure.add_argument("--vault-scope", action="append", default=[], metavar="ID", help="resource id of a key vault")
    azure.add_argument("--whole-vault", action="store_true", help="grant searches, on the whole vault")
    parser.set_defaults(run=run, parser=parser)


def _kms_key(text: str) -> tuple[str, str]:
    name, equals, arn = text.partition("=arn:")
    if not equals or not name:
        raise argparse.ArgumentTypeError("write NAME=ARN")
    return name, f"arn:{arn}"


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where what was compiled comes from: name of an object in reasons → the object and the field before its spec."""

    manifests: Manifests
    objects: Mapping[str, tuple[Kind, str]]

    def place(self, reason: str) -> str:
        """``file:line`` of an entry or a store; empty where it is none of the manifests'."""
        name, _, path = reason.partition(", ")
        found = self.objects.get(name)
        if found is None:
            return ""
        kind, before = found
        return self.manifests.place(kind, before + path.removeprefix("spec.") if before and path else path)


def run(arguments: argparse.Namespace) -> int:
    """Print what was asked for."""
    if arguments.example is not None:
        output.write(_example(arguments))
    trusted = _trust(arguments) if arguments.trust is not None else ""
    if not arguments.files:
        if trusted:
            output.write(trusted)
        elif arguments.example is None:
            arguments.parser.error("the following arguments are required: FILE, --example or --trust")
        return 0
    manifests = load_manifests(arguments.files, root=Path.cwd())
    declared, sources = _declared(manifests, arguments.namespace)
    external_secrets = declared.external_secrets
    stores = [_namespaced(store, arguments.namespace) for store in manifests.stores]
    chosen = [store for store in stores if _is_chosen(store, arguments)]
    problems = _problems_of_choice(chosen, stores, declared, arguments)
    compiled: list[Compiled] = []
    if not arguments.account and any(store.spec.provider.aws for store in chosen):
        remedy = "give the account that the stores' own credentials belong to, 12 digits"
        problems.append(Refusal("--account", "is needed for stores of AWS", remedy))
        chosen = [store for store in chosen if not store.spec.provider.aws]
    for store in chosen:
        try:
            compiled.append(each := compile_store(store, declared, arguments))
            problems += each.excess
        except AccessRefused as error:
            problems += error.refusals
        except SecretSyncError as error:
            problems.append(Refusal(error.place, error.problem, error.remedy))
    remarks = [*_unread(manifests), *_elsewhere(external_secrets, stores), *_unwritten(declared.push_secrets, stores)]
    remarks += _shared_roles(chosen)
    _write(compiled, [_remark(each) for each in remarks], trusted, sources, as_json=arguments.json)
    for problem in problems:
        place = ", ".join(part for part in (sources.place(problem.place), str(problem)) if part)
        print(place, file=sys.stderr)  # noqa: T201 - the command line talks
    return 1 if problems else 0


def _example(arguments: argparse.Namespace) -> str:
    return examples.example(
        AccessLevel(arguments.example),
        account=arguments.account,
        region=arguments.region,
        partition=arguments.partition,
        secret_arns=arguments.secret_arn,
    )


def _trust(arguments: argparse.Namespace) -> str:
    namespace, slash, name = arguments.service_account.partition("/")
    if not slash:
        arguments.parser.error("--trust needs --service-account NS/NAME")
    if arguments.trust == "irsa":
        return trust.irsa(arguments.oidc_provider, namespace, name)
    return trust.pod_identity(
        account=arguments.account, cluster_arn=arguments.cluster_arn, namespace=namespace, service_account=name
    )


def _declared(manifests: Manifests, namespace: str) -> tuple[Declared, _Sources]:
    """All ExternalSecrets, those that ClusterExternalSecrets make too, and PushSecrets; and where each comes from."""
    declared: list[ExternalSecret] = []
    objects: dict[str, tuple[Kind, str]] = {}
    for store in manifests.stores:
        objects[store_name(_namespaced(store, namespace))] = store, ""
    for external_secret in manifests.external_secrets:
        placed = _in_namespace(external_secret, namespace)
        declared.append(placed)
        objects[f"ExternalSecret {placed.metadata.namespace}/{placed.metadata.name}"] = external_secret, ""
    for cluster_wide in manifests.cluster_external_secrets:
        name = cluster_wide.spec.external_secret_name or cluster_wide.metadata.name
        selects = cluster_wide.spec.namespace_selector is not None or bool(cluster_wide.spec.namespace_selectors)
        for where in dict.fromkeys([*cluster_wide.spec.namespaces, *([EVERYWHERE] if selects else [])]):
            made = ExternalSecret(
                metadata=ObjectMeta(name=name, namespace=where), spec=cluster_wide.spec.external_secret_spec
            )
            declared.append(made)
            objects.setdefault(f"ExternalSecret {where}/{name}", (cluster_wide, "spec.externalSecretSpec."))
    pushed = []
    for push_secret in manifests.push_secrets:
        metadata = push_secret.metadata
        placed_there = metadata.model_copy(update={"namespace": metadata.namespace or namespace})
        pushed.append(push_secret.model_copy(update={"metadata": placed_there}))
        objects[f"PushSecret {placed_there.namespace}/{placed_there.name}"] = push_secret, ""
    return Declared(declared, pushed), _Sources(manifests, objects)


def _in_namespace(external_secret: ExternalSecret, namespace: str) -> ExternalSecret:
    if external_secret.metadata.namespace:
        return external_secret
    metadata = external_secret.metadata.model_copy(update={"namespace": namespace})
    return external_secret.model_copy(update={"metadata": metadata})


def _namespaced(store: Store, namespace: str) -> Store:
    if not isinstance(store, SecretStore) or store.metadata.namespace:
        return store
    return store.model_copy(update={"metadata": store.metadata.model_copy(update={"namespace": namespace})})


def _is_chosen(store: Store, arguments: argparse.Namespace) -> bool:
    if arguments.store is not None and store_name(store).partition(" ")[2] != arguments.store:
        return False
    provider = store.spec.provider.name
    return provider in _BACKENDS and arguments.backend in {None, provider}


def _problems_of_choice(
    chosen: Sequence[Store],
    stores: Sequence[Store],
    declared: Declared,
    arguments: argparse.Namespace,
) -> list[Refusal]:
    """What options name that the manifests do not have."""
    problems = []
    if arguments.store is not None and not chosen:
        remedy = "give one of " + (", ".join(store_name(each).partition(" ")[2] for each in stores) or "the manifests'")
        problems.append(Refusal("--store", f"no store that can be compiled is called {arguments.store}", remedy))
    names = _names(stores, declared)
    for name, _ in arguments.kms_key:
        if name != "*" and name.removeprefix("/") not in names and not _may_be_found(stores, declared):
            remedy = "give the whole name of a declared secret or parameter, with the store's prefix"
            problems.append(Refusal("--kms-key", f"nothing that is declared is called {name}", remedy))
    return problems


def _names(stores: Sequence[Store], declared: Declared) -> set[str]:
    """The names of what is declared in AWS, without the slash they begin with; ARNs by what is in them."""
    names = set()
    for store in stores:
        config = store.spec.provider.aws
        if config is None:
            continue
        names |= {(config.prefix + push.key).removeprefix("/") for push in pushes_of(store, declared.push_secrets)}
        for need in needs_of(store, declared.external_secrets):
            if need.ref is not None:
                name = need.ref.key.rpartition(":secret:")[2].rpartition(":parameter/")[2]
                names |= {(config.prefix + name).removeprefix("/"), re.sub(r"-[A-Za-z0-9]{6}\Z", "", name)}
    return names


def _may_be_found(stores: Sequence[Store], declared: Declared) -> bool:
    """Whether a search may find names that nobody declares."""
    read = [store for store in stores if store.spec.provider.aws]
    return any(need.find is not None for store in read for need in needs_of(store, declared.external_secrets))


def _unread(manifests: Manifests) -> Iterator[str]:
    """What the permissions do not cover."""
    for store in manifests.stores:
        if store.spec.provider.name not in _BACKENDS:
            yield f"{store_name(store)}: for the provider {store.spec.provider.name} nothing is compiled"


def _unwritten(push_secrets: Sequence[PushSecret], stores: Sequence[Store]) -> Iterator[str]:
    """What is written where nothing is compiled for it."""
    for each in push_secrets:
        name = f"PushSecret {each.metadata.namespace}/{each.metadata.name}"
        meant = [store for store in stores if pushes_of(store, [each])]
        for store in meant:
            if store.spec.provider.aws is None:
                yield f"{name} writes to {store_name(store)}: permissions to write are compiled for AWS only"
        if not meant:
            yield f"{name} writes to no store that is among the manifests"


def _elsewhere(external_secrets: Sequence[ExternalSecret], stores: Sequence[Store]) -> Iterator[str]:
    """What is read from stores that are not among the manifests."""
    cluster_wide = {store.metadata.name for store in stores if not isinstance(store, SecretStore)}
    own = {(store.metadata.namespace, store.metadata.name) for store in stores if isinstance(store, SecretStore)}
    for each in external_secrets:
        namespace, spec = each.metadata.namespace, each.spec
        for ref in dict.fromkeys(_store_refs(spec)):
            known = ref.name in cluster_wide if ref.kind != "SecretStore" else (namespace, ref.name) in own
            if not known and not (namespace == EVERYWHERE and any(ref.name == name for _, name in own)):
                where = "" if ref.kind != "SecretStore" else f"{namespace}/"
                name = f"ExternalSecret {namespace}/{each.metadata.name}"
                yield f"{name} reads from {ref.kind} {where}{ref.name}, which is not among the manifests"


def _store_refs(spec: ExternalSecretSpec) -> Iterator[StoreRef]:
    sources = (*(entry.source_ref for entry in spec.data), *(entry.source_ref for entry in spec.data_from))
    for source in sources:
        if source is not None and source.generator_ref is not None:
            continue
        ref = source.store_ref if source is not None and source.store_ref is not None else spec.secret_store_ref
        if ref is not None:
            yield ref


def _shared_roles(stores: Sequence[Store]) -> Iterator[str]:
    """Roles of AWS that several stores read as."""
    readers: dict[str, list[str]] = {}
    for store in stores:
        config = store.spec.provider.aws
        if config is not None and (config.role or config.additional_roles):
            readers.setdefault(config.role or config.additional_roles[-1], []).append(store_name(store))
    for role, names in readers.items():
        if len(names) > 1:
            yield f"{', '.join(names)} read as {role}: it takes the policies of all of them"


def _remark(text: str) -> str:
    return f"note: {text}"


def _write(
    compiled: Sequence[Compiled], remarks: Sequence[str], trusted: str, sources: _Sources, *, as_json: bool
) -> None:
    if as_json:
        document: JsonObject = {"stores": [_entry(each, sources) for each in compiled], "notes": list(remarks)}
        if trusted:
            document["trustPolicy"] = json.loads(trusted)
        output.write_json(document)
        return
    for each in compiled:
        output.write(output.coloured(each.store, "bold"))
        rows = [(row.statement, row.allowed, row.resource, _shown(row.reasons, sources)) for row in each.rows]
        if any(row.identity for row in each.rows):
            with_identity = [(row.identity, *cells) for row, cells in zip(each.rows, rows, strict=True)]
            output.write(output.table(("GIVEN TO", "STATEMENT", "ALLOWS", "ON", "FOR"), with_identity))
        elif rows:
            output.write(output.table(("STATEMENT", "ALLOWS", "ON", "FOR"), rows))
        else:
            output.write("nothing is declared, so nothing is needed")
        for note in each.notes:
            output.write(_remark(note))
        output.write("")
    for remark in remarks:
        output.write(remark)
    if trusted:
        output.write(trusted)


def _shown(reasons: Sequence[str], sources: _Sources) -> str:
    """The first reasons in one line, each with its place."""
    shown = [
        f"{reason} ({place})" if (place := sources.place(reason)) else reason for reason in reasons[:_MOST_REASONS]
    ]
    more = len(reasons) - len(shown)
    return "; ".join(shown) + (f" and {more} more" if more else "")


def _entry(compiled: Compiled, sources: _Sources) -> dict[str, Any]:
    statements = [
        {
            **({"givenTo": row.identity} if row.identity else {}),
            "statement": row.statement,
            "allows": row.allowed,
            "on": row.resource,
            "for": [{"reason": reason, "place": sources.place(reason)} for reason in row.reasons],
        }
        for row in compiled.rows
    ]
    return {
        "store": compiled.store,
        "backend": compiled.backend,
        "statements": statements,
        "documents": compiled.documents,
        "notes": list(compiled.notes),
    }
