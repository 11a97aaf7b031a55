"""All questions of a preview, for many declarations at once, from reads that they share with the sync."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretsync.checks.findings import Finding, Severity
from secretsync.checks.options import Options, Previous
from secretsync.errors import SecretSyncError
from secretsync.sync import lane

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsync.api import ExternalSecret
    from secretsync.kube.protocol import Cluster
    from secretsync.sync.fetching import FetchWindow
    from secretsync.sync.lane import Observation


@dataclass(frozen=True, slots=True)
class Examined:
    """What a preview found about one declaration.

    Attributes:
        findings: all of them, errors first.
        observation: what upstream and the cluster hold, as `lane.observe` tells it; None where it could not be made,
            and then there is at least one finding that is an error or unknown.
    """

    findings: tuple[Finding, ...]
    observation: Observation | None


def identity(external_secret: ExternalSecret) -> str:
    """``namespace/name``."""
    return f"{external_secret.metadata.namespace}/{external_secret.metadata.name}"


async def examine(
    external_secrets: Sequence[ExternalSecret],
    *,
    cluster: Cluster,
    fetches: FetchWindow,
    key: bytes,
    not_before: float,
    previous: Mapping[str, Previous] | None = None,
    options: Options | None = None,
) -> Mapping[str, Examined]:
    """Everything that can be said about declarations before anything is written.

    Args:
        external_secrets: the declarations.
        cluster: where the targets are, and what templates read.
        fetches: where values come from; a sync that is given the same window reads nothing again.
        key: the fingerprint's key.
        not_before: how fresh a shared read must be, on the clock of `fetches`.
        previous: by `identity`, what is remembered of the last sync; none for a declaration that is new.
        options: how to examine.

    Returns:
        By `identity`, one entry for each declaration. No `SecretSyncError` leaves this function.
    """
    examined: dict[str, Examined] = {}
    for each in external_secrets:
        name = identity(each)
        try:
            observed = await lane.observe(each, cluster=cluster, fetches=fetches, key=key, not_before=not_before)
        except SecretSyncError as error:
            known = (previous or {}).get(name, Previous())
            severity = Severity.Error if known.settled else Severity.Unknown
            place = options.place(each, "") if options is not None and options.place else f"ExternalSecret {name}"
            finding = Finding("sync", severity, place, str(error), external_secret=name)
            examined[name] = Examined((finding,), None)
        else:
            examined[name] = Examined((), observed)
    return examined
