"""ExternalSecret: what is read from where, and what it becomes (external-secrets.io/v1)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal

from pydantic import Field

from secretsync.api.base import DataKey, Items, Kind, Model, Time
from secretsync.api.enums import RefreshPolicy, SyncWindowKind
from secretsync.api.go_duration import Duration
from secretsync.api.metadata import Condition, ObjectMeta
from secretsync.api.remote_ref import Find, RemoteRef, SourceRef, StoreRef
from secretsync.api.rewrite import Rewrite
from secretsync.api.target import ExternalSecretTarget

API_VERSION: Final = "external-secrets.io/v1"
SCHEDULE: Final = r"^(@(annually|yearly|monthly|weekly|daily|midnight|hourly)|@every [^\s]+.*|[^\s]+( [^\s]+){4})$"
DEFAULT_REFRESH_INTERVAL: Final = timedelta(hours=1)


class ExternalSecretData(Model):
    """One key of the target and the secret it is read from."""

    secret_key: DataKey
    """Key in the target."""
    remote_ref: RemoteRef
    """Secret in the backend."""
    source_ref: SourceRef | None = None
    """Another store than spec.secretStoreRef."""


class DataFrom(Model):
    """Many keys at once: the members of one secret, a search, or what a generator makes."""

    extract: RemoteRef | None = None
    """The members of one secret's JSON value become keys."""
    find: Find | None = None
    """Each secret that is found becomes a key."""
    rewrite: Items[Rewrite] = ()
    """What is done to the keys, in order. Turns conversionStrategy off."""
    source_ref: SourceRef | None = None
    """Another store than spec.secretStoreRef, or a generator."""


class SyncWindow(Model):
    """A recurring span of time."""

    schedule: str = Field(pattern=SCHEDULE)
    """When it starts: five cron fields in UTC, @hourly and the like, or @every with a duration."""
    duration: Duration
    """How long it lasts."""


class SyncWindows(Model):
    """When periodic refreshes may happen."""

    kind: SyncWindowKind
    """allow: only inside the windows. deny: only outside."""
    windows: Items[SyncWindow]
    """The windows."""


class ExternalSecretSpec(Model):
    """What an ExternalSecret asks for."""

    secret_store_ref: StoreRef | None = None
    """The store; entries with their own sourceRef do not need it."""
    target: ExternalSecretTarget = Field(default_factory=ExternalSecretTarget)
    """What is written."""
    refresh_policy: RefreshPolicy = RefreshPolicy.Periodic
    """When the backend is asked again; absent means Periodic."""
    refresh_interval: Duration = DEFAULT_REFRESH_INTERVAL
    """How often, with Periodic. 0 fetches once and then never again, also after an edit."""
    sync_windows: SyncWindows | None = None
    """When periodic refreshes may happen."""
    data: Items[ExternalSecretData] = ()
    """Single keys; they win over dataFrom."""
    data_from: Items[DataFrom] = ()
    """Many keys at once, in order; later ones win."""


class Binding(Model):
    """The Secret as a Provisioned Service (servicebinding.io)."""

    name: str = ""
    """Name of the Secret."""


class ExternalSecretStatus(Model):
    """What the controller last did."""

    refresh_time: Time | None = None
    """When the backend was last asked."""
    synced_resource_version: str = ""
    """Generation and hash of labels and annotations at that time."""
    conditions: Items[Condition] = ()
    """Ready, Deleted."""
    binding: Binding | None = None
    """The Secret, for servicebinding.io."""


class ExternalSecret(Kind):
    """Copies secrets from a backend into a Kubernetes Secret and keeps them fresh."""

    api_version: str = API_VERSION
    kind: Literal["ExternalSecret"] = "ExternalSecret"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: ExternalSecretSpec
    status: ExternalSecretStatus = Field(default_factory=ExternalSecretStatus)
