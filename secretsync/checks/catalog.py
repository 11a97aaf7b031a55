"""The checks there are: what each asks, how its findings weigh, an example, and when it cannot tell.

``docs/preview.md`` shows this table; the examples are what the tests' situations really give.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from secretsync.checks.findings import Check, Severity

_E, _W, _U, _N = Severity.Error, Severity.Warning, Severity.Unknown, Severity.Note


@dataclass(frozen=True, slots=True)
class Entry:
    """One check as the documentation lists it.

    Attributes:
        check: its name.
        asks: the question.
        severities: how its findings may weigh.
        example: the problem of a finding.
        remedy: what that finding advises.
        unknown: when it cannot tell; empty where it always can.
    """

    check: Check
    asks: str
    severities: frozenset[Severity]
    example: str
    remedy: str
    unknown: str = ""


_NEW = "new declaration: this program may make it first"

CATALOG: Final = (
    Entry(
        Check.Declaration,
        "does every entry name a store",
        frozenset({_E}),
        "no store is named for this entry",
        "set spec.secretStoreRef or the sourceRef.storeRef of the entry",
    ),
    Entry(
        Check.Store,
        "is the store there, does it admit the namespace, can it be asked",
        frozenset({_E, _U}),
        "SecretStore team/store: its conditions do not admit the namespace team",
        "add the namespace to spec.conditions of the store",
        f"{_NEW}; the backend or the cluster does not answer",
    ),
    Entry(
        Check.Permission,
        "may each key be read, and which policy statement is missing",
        frozenset({_E, _U}),
        "SecretStore team/store: the token does not allow read on secret/data/app/db",
        'grant it with path "secret/data/app/db" { capabilities = ["read"] }',
        _NEW,
    ),
    Entry(
        Check.Key,
        "is each secret there; a warning where the deletionPolicy lets it be missing",
        frozenset({_E, _W, _U}),
        "no app/db",
        "create it, or set deletionPolicy to Merge or Delete so that it may be missing",
        f"{_NEW}; the backend does not answer for this key",
    ),
    Entry(
        Check.Property,
        "has the secret the property",
        frozenset({_E, _W}),
        "the secret 'k' has no property 'pasword'",
        "did you mean password?",
    ),
    Entry(
        Check.Version,
        "is the version there; a note where a fixed one follows no rotation",
        frozenset({_E, _W, _N}),
        "no k; the secret is there, its current version is 7",
        "correct the version, or leave it out to follow the current one",
    ),
    Entry(
        Check.Value,
        "is the value what decodingStrategy, nullBytePolicy or extract ask for",
        frozenset({_E}),
        "the value is not Base64: its alphabet, length or padding is wrong",
        "correct the value upstream, or set decodingStrategy to None or Auto",
    ),
    Entry(
        Check.Generator,
        "is the generator there, does it work",
        frozenset({_E, _U}),
        "Password random: there is no such generator",
        "create it",
        f"{_NEW}; the cluster does not answer",
    ),
    Entry(
        Check.Find,
        "what a search matches, and whether that has changed since the last sync",
        frozenset({_E, _W, _U, _N}),
        "the search matches other secrets than at the last sync: app-c came in, app-b fell out",
        "see that this is meant, or narrow the search",
        f"{_NEW}; the backend does not answer",
    ),
    Entry(
        Check.Template,
        "do the templates read only keys that there are, and render; is every entry used",
        frozenset({_E, _W, _U}),
        'template url, line 1: the data has no key "host"',
        "provide host, pasword: the entries give own",
        "a value, or the ConfigMap or Secret with the template, could not be read",
    ),
    Entry(
        Check.Keys,
        "does the API server accept the names of the keys",
        frozenset({_E}),
        "the API server takes no Secret with the keys 'größe'",
        "use letters of the Latin alphabet, digits, '-', '_' and '.', at most 253 of them",
    ),
    Entry(
        Check.Collision,
        "do entries, conversions or rewrites give one key twice",
        frozenset({_E, _W}),
        "password of spec.dataFrom[0].extract is replaced by another value of this entry",
        "rename the keys of one of them with rewrite, or leave them out",
    ),
    Entry(
        Check.Size,
        "is the Secret within 1 MiB",
        frozenset({_E, _W}),
        "Secret team/app: 1 keys hold 1048577 bytes, the limit is 1048576",
        "select single properties instead of everything, or spread the keys over several ExternalSecrets",
    ),
    Entry(
        Check.Type,
        "are the keys there that the type of the Secret asks for, and is it the type the Secret has",
        frozenset({_E}),
        "a Secret of type kubernetes.io/tls needs the key tls.key",
        "add entries or templates for them, or use another type",
    ),
    Entry(
        Check.Immutable,
        "can the content of the Secret still change",
        frozenset({_E, _W}),
        "Secret team/app is immutable, and its keys own would change",
        "delete the Secret so that it is created anew, or give the ExternalSecret another spec.target.name",
    ),
    Entry(
        Check.Namespace,
        "is the namespace there",
        frozenset({_E, _U}),
        "the namespace team does not exist",
        "create it",
        f"{_NEW}; namespaces must not be read",
    ),
    Entry(
        Check.Target,
        "is the target there where the creationPolicy does not make it; can it be looked at",
        frozenset({_E, _W, _U}),
        "Secret team/app does not exist, and creationPolicy Merge writes nothing until it does",
        "create it, or use creationPolicy CreateOrMerge",
        "the cluster does not answer, or the Secret must not be read",
    ),
    Entry(
        Check.Owner,
        "does something else own or manage the Secret: another ExternalSecret, a controller, Helm, Argo CD, Flux",
        frozenset({_E, _W}),
        "Secret team/app: it is controlled by SealedSecret sealed",
        "choose another spec.target.name, or creationPolicy Merge to add keys to it",
    ),
    Entry(
        Check.Takeover,
        "is there a Secret already that somebody else made",
        frozenset({_E, _W}),
        "Secret team/app, made by Helm release shop, is there already; creationPolicy Owner takes it over and removes"
        " its keys license",
        "choose another spec.target.name, creationPolicy Merge to add keys to it, or annotate the ExternalSecret with"
        ' external-secrets-on-pulumi/adopt: "true"',
    ),
    Entry(
        Check.Conflict,
        "do two declarations write one Secret",
        frozenset({_E, _U}),
        "ExternalSecret team/app writes Secret team/app too, and creationPolicy Owner shares it with nobody",
        "give one of the two another spec.target.name, or creationPolicy Merge to all of them",
        "which keys they give depends on what is upstream",
    ),
    Entry(
        Check.Volatile,
        "does a generator or template give something new at each refresh",
        frozenset({_W}),
        "uuidv4 gives something new at each refresh (every 1h0m0s with an operator)",
        "use refreshPolicy CreatedOnce or OnChange to keep what was made first",
    ),
    Entry(
        Check.Deletion,
        "what the next write takes away: keys, the Secret, Secrets under a former name",
        frozenset({_E, _W, _U, _N}),
        "this update deletes Secret team/app, because all its data is gone upstream",
        "use deletionPolicy Retain to keep it",
        "Secrets must not be listed",
    ),
    Entry(
        Check.Workloads,
        "which workloads use the Secret and will not notice the change",
        frozenset({_W, _U}),
        "the keys own of Secret team/app change, which Deployment web (envFrom of web) will not notice",
        "restart them after the update",
        "workloads or Pods must not be listed",
    ),
)


def table() -> str:
    """The checks as a Markdown table."""
    head = "| check | asks | weighs | example | remedy | unknown when |\n|---|---|---|---|---|---|\n"
    return head + "".join(_row(entry) for entry in CATALOG)


def _row(entry: Entry) -> str:
    weighs = ", ".join(severity.value for severity in Severity if severity in entry.severities)
    cells = (f"`{entry.check}`", entry.asks, weighs, entry.example, entry.remedy, entry.unknown or "never")
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |\n"
