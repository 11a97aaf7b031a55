"""Every error this engine raises on purpose, as one tree.

    SecretSyncError                 place: problem; remedy
    ├── ManifestError               a declaration is wrong (file:line, field, rule)
    │   └── ManifestErrors          several at once
    ├── SettingsError               configuration of the program or process is wrong
    ├── StoreError                  a SecretStore or ClusterSecretStore cannot be used
    │   ├── StoreNotFound           no such store
    │   ├── StoreNotReady           the store exists but is not Ready (retried)
    │   ├── StoreNotAllowed         its conditions do not admit this namespace
    │   └── StoreInvalid            its specification cannot work
    ├── ProviderError               a backend answered with an error
    │   ├── ProviderUnavailable     unreachable, sealed, throttled or timed out (retried)
    │   ├── ProviderDenied          authentication or permission refused
    │   └── ProviderRefused         any other refusal
    ├── RemoteRefError              what a remoteRef names is not usable
    │   ├── SecretNotFound          the backend has no such secret
    │   ├── PropertyNotFound        the secret has no such property
    │   └── VersionNotFound         the secret has no such version
    ├── ValueRuleError              a value or key breaks a rule on the way to the Secret
    │   ├── DecodingError           decodingStrategy failed
    │   ├── SecretKeyError          conversionStrategy, rewrite or key charset
    │   └── NullByteError           nullBytePolicy Fail met a NUL byte
    ├── TemplateError               a template does not parse, execute or stay within bounds
    ├── TargetError                 the target cannot be written
    │   ├── TargetOwned             another object owns it
    │   ├── TargetImmutable         its data may not change
    │   └── TargetTooLarge          over the API server's limit
    ├── GeneratorError              a generator failed
    ├── RolloutError                a workload cannot be, or was not, restarted
    ├── OperatorNotReady            the operator's kinds are not there, or its webhook does not answer (retried)
    └── ClusterError                the Kubernetes API refused or could not be reached
        ├── ClusterUnavailable      unreachable, timed out, throttled or 5xx (retried)
        ├── ClusterDenied           401 or 403
        ├── ClusterConflict         409: changed in between, or another field manager owns a field
        └── ClusterRefused          any other refusal, schema violations included

No message carries a secret value, a token, or a backend's raw answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class SecretSyncError(Exception):
    """Root of the tree.

    Attributes:
        problem: what is wrong, in one sentence without a final period.
        place: where: ``file:line``, ``Kind namespace/name``, a store, a remote key; joined by ``, ``. May be empty.
        remedy: what to do next, in one sentence without a final period. May be empty.
        retryable: whether trying again without a change can help.
    """

    retryable: bool = False

    def __init__(self, problem: str, *, place: str = "", remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.place = place
        self.remedy = remedy

    def __str__(self) -> str:
        head = f"{self.place}: {self.problem}" if self.place else self.problem
        return f"{head}; {self.remedy}" if self.remedy else head

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), dict(self.__dict__))

    def at(self, place: str) -> SecretSyncError:
        """The same error with an outer place put before the one it has; used while it travels outwards."""
        self.place = f"{place}, {self.place}" if self.place else place
        return self


def _rebuild(cls: type[SecretSyncError], attributes: dict[str, object]) -> SecretSyncError:
    error = cls.__new__(cls)
    Exception.__init__(error, attributes.get("problem", ""))
    error.__dict__.update(attributes)
    return error


class ManifestError(SecretSyncError):
    """A declaration is wrong; `place` is ``file:line, Kind namespace/name, field.path``."""


class ManifestErrors(ManifestError):
    """Several declarations are wrong; reported together so that one run shows all of them.

    Attributes:
        errors: the single errors, in file order; at least one.
    """

    def __init__(self, errors: Sequence[ManifestError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))


class SettingsError(SecretSyncError):
    """A setting of the stack, the process or its environment is missing or wrong; `place` names the key."""


class StoreError(SecretSyncError):
    """A SecretStore or ClusterSecretStore cannot be used."""


class StoreNotFound(StoreError):
    """The store that is referred to does not exist."""


class StoreNotReady(StoreError):
    """The store exists, but its Ready condition is False."""

    retryable = True


class StoreNotAllowed(StoreError):
    """The conditions of a ClusterSecretStore do not admit the namespace."""


class StoreInvalid(StoreError):
    """The specification of the store cannot work, e.g. a forbidden namespace in a reference."""


class ProviderError(SecretSyncError):
    """A backend did not give what was asked for."""


class ProviderUnavailable(ProviderError):
    """The backend is unreachable, sealed, throttling or too slow. Never to be read as a missing secret."""

    retryable = True


class ProviderDenied(ProviderError):
    """The backend refused the credentials, or the credentials do not suffice."""


class ProviderRefused(ProviderError):
    """The backend refused the request for another reason."""


class RemoteRefError(SecretSyncError):
    """What a remoteRef names cannot be used."""


class SecretNotFound(RemoteRefError):
    """The backend holds no secret of this name (ESO: ``NoSecretErr``); the deletionPolicy decides what follows."""


class PropertyNotFound(RemoteRefError):
    """The secret exists, but the property does not. A hard error under every deletionPolicy (ESO v2.9.0)."""


class VersionNotFound(RemoteRefError):
    """The secret exists, but not in this version."""


class ValueRuleError(SecretSyncError):
    """A value or a key breaks a rule between fetch and target."""


class DecodingError(ValueRuleError):
    """A value is not what its decodingStrategy says."""


class SecretKeyError(ValueRuleError):
    """A key is empty, too long, collides, has forbidden characters, or a rewrite cannot be applied."""


class NullByteError(ValueRuleError):
    """A value holds a NUL byte and nullBytePolicy is Fail."""


class TemplateError(SecretSyncError):
    """A template does not parse, does not execute, or exceeds its bounds; names template and line, never a value."""


class TargetError(SecretSyncError):
    """The target object cannot be written."""


class TargetOwned(TargetError):
    """Another object controls the target."""


class TargetImmutable(TargetError):
    """The target is immutable and its data would change."""


class TargetTooLarge(TargetError):
    """The target would exceed the size the API server accepts (1 MiB for a Secret)."""


class GeneratorError(SecretSyncError):
    """A generator is missing, misconfigured or failed."""


class RolloutError(SecretSyncError):
    """A workload cannot be restarted, or its restart did not come to an end; names the Pods that hold it up and why."""


class OperatorNotReady(SecretSyncError):
    """The kinds of the operator are not established yet, or its webhook does not answer."""

    retryable = True


class ClusterError(SecretSyncError):
    """The Kubernetes API did not do what was asked.

    Attributes:
        status: the HTTP status, 0 where no answer came.
        reason: the ``reason`` of the ``Status`` object, e.g. ``AlreadyExists``; empty where there is none.
        webhook: name of the admission webhook that refused it, or that could not be asked; else empty.
    """

    def __init__(
        self,
        problem: str,
        *,
        place: str = "",
        remedy: str = "",
        status: int = 0,
        reason: str = "",
        webhook: str = "",
    ) -> None:
        super().__init__(problem, place=place, remedy=remedy)
        self.status = status
        self.reason = reason
        self.webhook = webhook


class ClusterUnavailable(ClusterError):
    """The API server is unreachable, too slow, throttling, or failing."""

    retryable = True


class ClusterDenied(ClusterError):
    """The API server refused the credentials (401) or RBAC does not allow the request (403)."""


class ClusterConflict(ClusterError):
    """The object changed in between, exists already, or a field belongs to another manager (409)."""

    retryable = True


class ClusterRefused(ClusterError):
    """The API server refused the request: invalid object, unknown kind, precondition failed."""
