"""The rules of ESO's admission webhook for stores, and our warnings about them (ESO v2.9.0)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from secretsync.api import go_duration
from secretsync.api.base import Model
from secretsync.api.problems import Problem, Severity
from secretsync.api.references import CAProvider, SecretKeySelector, ServiceAccountSelector
from secretsync.api.stores.aws import AWSProvider, SessionTagsPolicy
from secretsync.api.stores.store import SecretStore
from secretsync.api.stores.vault import VaultAuth, VaultKVStoreVersion, VaultProvider
from secretsync.api.validation.regular_expressions import is_valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsync.api.stores.fake import FakeProvider
    from secretsync.api.stores.store import Store

VAULT_METHODS: Final = (
    "token_secret_ref",
    "app_role",
    "kubernetes",
    "ldap",
    "user_pass",
    "jwt",
    "cert",
    "iam",
    "gcp",
)
RECOVERY_DAYS: Final = (7, 30)


def store(kind: Store) -> list[Problem]:
    """What ESO's webhook refuses about a store, and what we warn of."""
    provider, path = kind.spec.provider, f"spec.provider.{kind.spec.provider.name}"
    return [
        *_interval(kind),
        *_conditions(kind),
        *(_namespaces(kind, provider, "spec.provider") if isinstance(kind, SecretStore) else ()),
        *(_vault(provider.vault, path) if provider.vault is not None else ()),
        *(_aws(provider.aws, path) if provider.aws is not None else ()),
        *(_fake(provider.fake, path) if provider.fake is not None else ()),
        *(_plain_http(provider.webhook.url, f"{path}.url") if provider.webhook is not None else ()),
    ]


def _warning(field: str, message: str, remedy: str) -> Problem:
    return Problem(field, message, remedy, Severity.warning)


def _interval(kind: Store) -> Iterator[Problem]:
    interval = kind.spec.refresh_interval
    if isinstance(interval, str) and not interval.isdecimal():
        negative = go_duration.parse(interval) < timedelta(0)
    else:
        negative = int(interval) < 0
    if negative:
        yield Problem("spec.refreshInterval", "is negative", "use a positive duration, or 0 for the default")


def _conditions(kind: Store) -> Iterator[Problem]:
    if isinstance(kind, SecretStore) and kind.spec.conditions:
        yield _warning("spec.conditions", "has no effect on a SecretStore", "use a ClusterSecretStore or leave it out")
    for index, condition in enumerate(kind.spec.conditions):
        field = f"spec.conditions[{index}]"
        for position, pattern in enumerate(condition.namespace_regexes):
            if not is_valid(pattern):
                yield Problem(
                    f"{field}.namespaceRegexes[{position}]",
                    "is not a regular expression of Go (RE2)",
                    "mend it; RE2 knows no look-around and no back-references",
                )
        if condition.namespace_selector is None and not condition.namespaces and not condition.namespace_regexes:
            yield _warning(
                field, "is empty and admits no namespace", "name namespaces, or leave conditions out for all"
            )


def _namespaces(kind: SecretStore, value: object, path: str) -> Iterator[Problem]:
    if isinstance(value, SecretKeySelector | ServiceAccountSelector | CAProvider):
        foreign = value.namespace is not None and value.namespace != kind.metadata.namespace
        if foreign and (kind.metadata.namespace or isinstance(value, CAProvider)):
            yield Problem(
                f"{path}.namespace",
                "names another namespace, which only a ClusterSecretStore may do",
                "leave it out, or use a ClusterSecretStore",
            )
    elif isinstance(value, Model):
        for name, field in type(value).model_fields.items():
            yield from _namespaces(kind, getattr(value, name), f"{path}.{field.alias or name}")
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _namespaces(kind, item, f"{path}[{index}]")


def _vault(provider: VaultProvider, path: str) -> Iterator[Problem]:
    yield from _plain_http(provider.server, f"{path}.server")
    if (provider.tls.cert_secret_ref is None) != (provider.tls.key_secret_ref is None):
        yield Problem(f"{path}.tls", "needs both certSecretRef and keySecretRef", "add the missing one")
    check = provider.check_and_set
    if check is not None and check.required and provider.version is VaultKVStoreVersion.v1:
        yield Problem(f"{path}.checkAndSet", "needs version v2 of the KV engine", "leave it out")
    if provider.forward_inconsistent and not provider.read_your_writes:
        yield _warning(
            f"{path}.forwardInconsistent", "has no effect without readYourWrites", "set readYourWrites: true too"
        )
    if provider.auth is None:
        yield _warning(f"{path}.auth", "is missing, so requests carry no token", "say how to log in")
    else:
        yield from _vault_auth(provider.auth, f"{path}.auth")


def _vault_auth(auth: VaultAuth, path: str) -> Iterator[Problem]:
    methods = [name for name in VAULT_METHODS if getattr(auth, name) is not None]
    aliases = {name: field.alias or name for name, field in VaultAuth.model_fields.items()}
    if not methods:
        yield _warning(path, "names no way to log in", f"add one of {', '.join(aliases[m] for m in VAULT_METHODS)}")
    for name in methods[1:]:
        yield _warning(
            f"{path}.{aliases[name]}", f"is not used, because {aliases[methods[0]]} comes first", "keep one of the two"
        )
    if auth.app_role is not None and not auth.app_role.role_id and auth.app_role.role_ref is None:
        yield Problem(f"{path}.appRole", "has neither roleId nor roleRef", "add one of them")
    role_ref = auth.app_role.role_ref if auth.app_role is not None else None
    if role_ref is not None and role_ref.key is None:
        yield Problem(f"{path}.appRole.roleRef.key", "is missing", "name the key of the Secret")
    if auth.jwt is not None and (auth.jwt.secret_ref is None) == (auth.jwt.kubernetes_service_account_token is None):
        yield Problem(
            f"{path}.jwt", "needs exactly one of secretRef, kubernetesServiceAccountToken", "set one of the two"
        )


def _aws(provider: AWSProvider, path: str) -> Iterator[Problem]:
    deletion = provider.secrets_manager
    if deletion is not None and deletion.recovery_window_in_days:
        shortest, longest = RECOVERY_DAYS
        if not shortest <= deletion.recovery_window_in_days <= longest:
            yield Problem(
                f"{path}.secretsManager.recoveryWindowInDays", "must be 7 to 30 days", "use a number in range"
            )
        if deletion.force_delete_without_recovery:
            yield Problem(
                f"{path}.secretsManager",
                "sets both forceDeleteWithoutRecovery and recoveryWindowInDays",
                "keep one of the two",
            )
    if provider.custom_session_tags and provider.session_tags_policy is not SessionTagsPolicy.Custom:
        yield _warning(
            f"{path}.customSessionTags",
            "has no effect without sessionTagsPolicy Custom",
            "set sessionTagsPolicy: Custom",
        )


def _fake(provider: FakeProvider, path: str) -> Iterator[Problem]:
    yield _warning(
        path, "keeps its values in the manifest, readable to all who may read stores", "use it in tests only"
    )
    for index, item in enumerate(provider.data):
        for name, value in (("key", item.key), ("value", item.value)):
            if not value:
                yield Problem(f"{path}.data[{index}].{name}", "is empty", "give it a value or leave the entry out")


def _plain_http(address: str, field: str) -> Iterator[Problem]:
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return
    local = host in {"localhost", "::1"} or host.startswith("127.") or "{{" in host
    if parts.scheme == "http" and not local:
        yield _warning(field, "is plain HTTP: tokens and values cross the network unencrypted", "use https")
