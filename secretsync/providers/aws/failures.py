"""What is asked of AWS, and what its refusals mean; of an answer only codes, action names and ARNs are passed on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from secretsync.errors import (
    ProviderDenied,
    ProviderRefused,
    ProviderUnavailable,
    SecretNotFound,
    SecretSyncError,
    VersionNotFound,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOT_FOUND: Final = frozenset({"ResourceNotFoundException", "ParameterNotFound", "InvalidResourceId"})
_UNAVAILABLE: Final = frozenset(
    {
        "IDPCommunicationError",
        "InternalFailure",
        "InternalServerError",
        "InternalServiceError",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_NOT_ACCEPTED: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IDPRejectedClaim",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidIdentityToken",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""The credentials themselves are refused, whatever is asked for."""
_ENDED: Final = frozenset({"ExpiredToken", "ExpiredTokenException"})
_WRONG_TIME: Final = frozenset({"RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"})
_SIGNED_AT_A_WRONG_TIME: Final = re.compile(r"Signature (expired|not yet current)")
_UNDECRYPTED: Final = frozenset(
    {
        "DecryptionFailure",
        "InvalidKeyId",
        "KMSDisabledException",
        "KMSInvalidStateException",
        "KMSKeyNotAccessibleException",
        "KMSNotFoundException",
    }
)
_DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "NotAuthorized", "OptInRequired", "UnauthorizedOperation"}
)
_MARKED_FOR_DELETION: Final = frozenset({"InvalidRequestException", "InvalidParameterException"})
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERROR: Final = 500

_CODE: Final = re.compile(r"[A-Za-z0-9_.:-]{1,80}")
_ACTION: Final = re.compile(r"not authorized to perform: ([a-z0-9-]{1,40}:[A-Za-z]{1,80})")
_PRINCIPAL: Final = re.compile(r"User: (arn:[A-Za-z0-9:/+=,.@_-]{1,400})")


class CredentialsRefused(ProviderDenied):
    """There are no credentials, or AWS accepts none of them: whatever is asked for, not the one secret is denied."""


class CredentialsEnded(CredentialsRefused):
    """The credentials were good once; a new login may give new ones."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, and how an error calls it.

    Attributes:
        service: prefix of its IAM actions: ``secretsmanager``, ``ssm`` or ``sts``.
        operation: name in the API, which is that of the IAM action.
        subject: what is asked for, in words, e.g. ``the secret 'app/db'``.
        resource: the resource pattern that a policy needs for it.
        parameters: of the request.
        expected: members of which an answer has at least one, be it an empty list. Without any it is none: the SDK
            reads what is no JSON, such as a proxy's page, as an answer without members.
    """

    service: str
    operation: str
    subject: str
    resource: str = "*"
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)
    expected: tuple[str, ...] = ()

    @property
    def action(self) -> str:
        """The IAM action."""
        return f"{self.service}:{self.operation}"


def refusal(call: Call, *, code: str, status: int, message: str) -> SecretSyncError:
    """The error for a refusal.

    Args:
        call: what was asked for.
        code: AWS's error code; any text.
        status: HTTP status.
        message: AWS's message, of which only an action and an ARN are passed on.
    """
    if code in _NOT_FOUND or (code in _MARKED_FOR_DELETION and _is_marked_for_deletion(message)):
        return SecretNotFound(f"there is no such thing as {call.subject}", remedy="create it, or correct the key")
    if code == "ParameterVersionNotFound":
        return VersionNotFound(f"there is no such version: {call.subject}", remedy="correct the version")
    if code in _UNAVAILABLE or status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS:
        return ProviderUnavailable(
            f"{call.action} for {call.subject} fails for now: {_shown(code)}",
            remedy="it is tried again; look at the quotas and the health of the service",
        )
    if code in _WRONG_TIME or (code in _NOT_ACCEPTED and _SIGNED_AT_A_WRONG_TIME.search(message)):
        return CredentialsRefused(
            f"AWS does not accept the time at which {call.action} was signed",
            remedy="set the clock of this machine: it may differ from that of AWS by five minutes",
        )
    if code in _NOT_ACCEPTED:
        kind = CredentialsEnded if code in _ENDED else CredentialsRefused
        return kind(
            f"the credentials are not accepted: {_shown(code)}",
            remedy="renew them in the Secret or the environment, and check region and clock",
        )
    if code in _DENIED or status in {401, 403}:
        return _denied(call, message)
    if code in _UNDECRYPTED:
        return ProviderRefused(
            f"{call.subject} cannot be decrypted: {_shown(code)}",
            remedy="check that its KMS key is enabled, and neither deleted nor marked for deletion",
        )
    return ProviderRefused(
        f"{call.action} for {call.subject} is refused: {_shown(code)}",
        remedy="check key and version of the remoteRef, and the region of the store",
    )


def unreadable(call: Call) -> ProviderUnavailable:
    """The error for an answer that is none."""
    return ProviderUnavailable(
        f"the answer to {call.action} for {call.subject} cannot be read",
        remedy="check what the endpoint is, and proxies before it",
    )


def _denied(call: Call, message: str) -> ProviderDenied:
    named = _ACTION.search(message)
    by_key = "KMS" in message or "ciphertext" in message
    unnamed = "kms:Decrypt" if by_key else call.action
    action = named[1] if named is not None else unnamed
    principal = _PRINCIPAL.search(message)
    who = principal[1] if principal is not None else "the credentials"
    resource = "the KMS key of " + call.subject if action.startswith("kms:") else call.resource
    remedy = f"allow {action} on {resource}"
    if "explicit deny" in message:
        remedy = f"an explicit deny forbids it: exempt {action} on {resource}"
    kind = CredentialsRefused if call.service == "sts" else ProviderDenied
    return kind(f"{who} may not do {action} for {call.subject}", remedy=remedy)


def _is_marked_for_deletion(message: str) -> bool:
    return "marked" in message and "delet" in message


def _shown(code: str) -> str:
    return code if _CODE.fullmatch(code) else "an error without a code"
