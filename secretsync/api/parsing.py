"""From a raw Kubernetes object to its model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from secretsync.api.cluster_external_secret import ClusterExternalSecret
from secretsync.api.external_secret import ExternalSecret
from secretsync.api.generators import FakeGenerator, PasswordGenerator, UUIDGenerator
from secretsync.api.push_secret import PushSecret
from secretsync.api.stores.store import ClusterSecretStore, SecretStore
from secretsync.errors import ManifestError, ManifestErrors

if TYPE_CHECKING:
    from secretsync.api.base import JsonObject, Kind

GROUP: Final = "external-secrets.io"
GENERATORS_GROUP: Final = "generators.external-secrets.io"

KINDS: Final[dict[tuple[str, str], type[Kind]]] = {
    (f"{GROUP}/v1", "ExternalSecret"): ExternalSecret,
    (f"{GROUP}/v1beta1", "ExternalSecret"): ExternalSecret,
    (f"{GROUP}/v1", "SecretStore"): SecretStore,
    (f"{GROUP}/v1beta1", "SecretStore"): SecretStore,
    (f"{GROUP}/v1", "ClusterSecretStore"): ClusterSecretStore,
    (f"{GROUP}/v1beta1", "ClusterSecretStore"): ClusterSecretStore,
    (f"{GROUP}/v1", "ClusterExternalSecret"): ClusterExternalSecret,
    (f"{GROUP}/v1beta1", "ClusterExternalSecret"): ClusterExternalSecret,
    (f"{GROUP}/v1alpha1", "PushSecret"): PushSecret,
    (f"{GENERATORS_GROUP}/v1alpha1", "Fake"): FakeGenerator,
    (f"{GENERATORS_GROUP}/v1alpha1", "Password"): PasswordGenerator,
    (f"{GENERATORS_GROUP}/v1alpha1", "UUID"): UUIDGenerator,
}


def parse(obj: JsonObject) -> Kind:
    """The model of a raw object, by its apiVersion and kind; v1beta1 becomes v1.

    Raises:
        ManifestErrors: the kind is unknown or fields do not fit; `place` names object and field.
    """
    api_version, kind = obj.get("apiVersion"), obj.get("kind")
    model = KINDS.get((api_version, kind)) if isinstance(api_version, str) and isinstance(kind, str) else None
    if model is None:
        raise ManifestErrors([ManifestError("is not a kind that is served here", place="apiVersion, kind")])
    if isinstance(api_version, str) and api_version.endswith("/v1beta1"):
        obj = {**obj, "apiVersion": f"{GROUP}/v1"}
    try:
        return model.from_json(obj)
    except ValidationError as error:
        raise ManifestErrors(
            [ManifestError(item["msg"], place=".".join(map(str, item["loc"]))) for item in error.errors()]
        ) from None
