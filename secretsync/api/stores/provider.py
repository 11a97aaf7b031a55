"""The one backend of a store: seven with models, the others of ESO v2.9.0 by name with their raw configuration."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from secretsync.api.base import JsonObject, Model
from secretsync.api.stores.aws import AWSProvider
from secretsync.api.stores.azurekv import AzureKVProvider
from secretsync.api.stores.fake import FakeProvider
from secretsync.api.stores.gcpsm import GCPSMProvider
from secretsync.api.stores.kubernetes import KubernetesProvider
from secretsync.api.stores.vault import VaultProvider
from secretsync.api.stores.webhook import WebhookProvider


class SecretStoreProvider(Model):
    """Exactly one backend."""

    aws: AWSProvider | None = None
    azurekv: AzureKVProvider | None = None
    fake: FakeProvider | None = None
    gcpsm: GCPSMProvider | None = None
    kubernetes: KubernetesProvider | None = None
    vault: VaultProvider | None = None
    webhook: WebhookProvider | None = None
    akeyless: JsonObject | None = Field(default=None, repr=False)
    barbican: JsonObject | None = Field(default=None, repr=False)
    beyondtrust: JsonObject | None = Field(default=None, repr=False)
    beyondtrustworkloadcredentials: JsonObject | None = Field(default=None, repr=False)
    bitwardensecretsmanager: JsonObject | None = Field(default=None, repr=False)
    chef: JsonObject | None = Field(default=None, repr=False)
    cloudrusm: JsonObject | None = Field(default=None, repr=False)
    conjur: JsonObject | None = Field(default=None, repr=False)
    crd: JsonObject | None = Field(default=None, repr=False)
    delinea: JsonObject | None = Field(default=None, repr=False)
    doppler: JsonObject | None = Field(default=None, repr=False)
    dvls: JsonObject | None = Field(default=None, repr=False)
    fortanix: JsonObject | None = Field(default=None, repr=False)
    github: JsonObject | None = Field(default=None, repr=False)
    gitlab: JsonObject | None = Field(default=None, repr=False)
    ibm: JsonObject | None = Field(default=None, repr=False)
    infisical: JsonObject | None = Field(default=None, repr=False)
    keepersecurity: JsonObject | None = Field(default=None, repr=False)
    nebiusmysterybox: JsonObject | None = Field(default=None, repr=False)
    ngrok: JsonObject | None = Field(default=None, repr=False)
    onboardbase: JsonObject | None = Field(default=None, repr=False)
    onepassword: JsonObject | None = Field(default=None, repr=False)
    onepassword_sdk: JsonObject | None = Field(default=None, repr=False, alias="onepasswordSDK")
    open_bao: JsonObject | None = Field(default=None, repr=False)
    oracle: JsonObject | None = Field(default=None, repr=False)
    ovh: JsonObject | None = Field(default=None, repr=False)
    passbolt: JsonObject | None = Field(default=None, repr=False)
    passworddepot: JsonObject | None = Field(default=None, repr=False)
    previder: JsonObject | None = Field(default=None, repr=False)
    pulumi: JsonObject | None = Field(default=None, repr=False)
    scaleway: JsonObject | None = Field(default=None, repr=False)
    secretserver: JsonObject | None = Field(default=None, repr=False)
    senhasegura: JsonObject | None = Field(default=None, repr=False)
    volcengine: JsonObject | None = Field(default=None, repr=False)
    yandexcertificatemanager: JsonObject | None = Field(default=None, repr=False)
    yandexlockbox: JsonObject | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self._set()) != 1:
            raise PydanticCustomError("exactly_one", "needs exactly one provider")
        return self

    def _set(self) -> list[str]:
        return [field for field in self.model_fields_set if getattr(self, field) is not None]

    @property
    def name(self) -> str:
        """The JSON key of the backend, e.g. ``vault`` or ``onepasswordSDK``."""
        (field,) = self._set()
        return type(self).model_fields[field].alias or field

    @property
    def config(self) -> JsonObject:
        """The wire form of the backend's configuration."""
        (field,) = self._set()
        value = getattr(self, field)
        return value.to_json() if isinstance(value, Model) else dict(value)
