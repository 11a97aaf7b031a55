"""What refusals of AWS mean, and what of them is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.errors import (
    ProviderDenied,
    ProviderRefused,
    ProviderUnavailable,
    SecretNotFound,
    SecretSyncError,
    VersionNotFound,
)
from secretsync.providers.aws.failures import Call, CredentialsEnded, CredentialsRefused, refusal

pytestmark = pytest.mark.unit

CALL = Call("secretsmanager", "GetSecretValue", "the secret 'app/db'", "arn:*:secretsmanager:r:*:secret:app/db-??????")
DELETED = "You can't perform this operation on the secret because it was marked for deletion."


@pytest.mark.parametrize(
    ("code", "status", "message", "expected"),
    [
        ("ResourceNotFoundException", 400, "", SecretNotFound),
        ("ResourceNotFoundException", 404, "", SecretNotFound),
        ("ParameterNotFound", 400, "", SecretNotFound),
        ("InvalidRequestException", 400, DELETED, SecretNotFound),
        ("InvalidRequestException", 400, "another reason", ProviderRefused),
        ("ParameterVersionNotFound", 400, "", VersionNotFound),
        ("ThrottlingException", 400, "", ProviderUnavailable),
        ("InternalServiceError", 500, "", ProviderUnavailable),
        ("Anything", 503, "", ProviderUnavailable),
        ("Anything", 429, "", ProviderUnavailable),
        ("AccessDeniedException", 400, "", ProviderDenied),
        ("403", 403, "", ProviderDenied),
        ("UnrecognizedClientException", 400, "", CredentialsRefused),
        ("ExpiredTokenException", 400, "", CredentialsEnded),
        ("DecryptionFailure", 400, "", ProviderRefused),
        ("ValidationException", 400, "", ProviderRefused),
        ("", 400, "", ProviderRefused),
    ],
)
def test_kinds(code: str, status: int, message: str, expected: type[SecretSyncError]) -> None:
    assert type(refusal(CALL, code=code, status=status, message=message)) is expected


def test_only_what_can_help_later_is_retried() -> None:
    throttled = refusal(CALL, code="ThrottlingException", status=400, message="")
    denied = refusal(CALL, code="AccessDeniedException", status=400, message="")
    assert throttled.retryable
    assert not denied.retryable


def test_a_denial_names_principal_action_and_resource() -> None:
    message = (
        "User: arn:aws:sts::111122223333:assumed-role/reader/session is not authorized to perform: "
        "secretsmanager:GetSecretValue on resource: app/db because no identity-based policy allows it"
    )
    text = str(refusal(CALL, code="AccessDeniedException", status=400, message=message))
    assert "arn:aws:sts::111122223333:assumed-role/reader/session may not do secretsmanager:GetSecretValue" in text
    assert "allow secretsmanager:GetSecretValue on arn:*:secretsmanager:r:*:secret:app/db-??????" in text


def test_a_denial_without_details_names_what_was_asked_for() -> None:
    text = str(refusal(CALL, code="403", status=403, message="<xml/>"))
    assert "the credentials may not do secretsmanager:GetSecretValue for the secret 'app/db'" in text
    assert "xml" not in text


@pytest.mark.parametrize(
    "message",
    [
        "Access to KMS is not allowed",
        "User: arn:aws:iam::1:user/x is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:r:1:key/k",
        "The ciphertext refers to a customer master key that does not exist, or you are not allowed to access.",
    ],
)
def test_a_denied_key_is_told_from_a_denied_secret(message: str) -> None:
    text = str(refusal(CALL, code="AccessDeniedException", status=400, message=message))
    assert "allow kms:Decrypt on the KMS key of the secret 'app/db'" in text


def test_an_explicit_deny_is_named() -> None:
    message = (
        "User: arn:aws:iam::1:user/x is not authorized to perform: ssm:GetParameter with an explicit deny in a policy"
    )
    assert "an explicit deny" in str(refusal(CALL, code="AccessDeniedException", status=400, message=message))


def test_a_denied_role_is_told_from_a_denied_secret() -> None:
    role = Call("sts", "AssumeRole", "the role r", "r")
    assert type(refusal(role, code="AccessDenied", status=403, message="")) is CredentialsRefused
    assert type(refusal(CALL, code="AccessDeniedException", status=400, message="")) is ProviderDenied


@pytest.mark.parametrize("code", ["DecryptionFailure", "InvalidKeyId"])
def test_a_value_that_its_key_cannot_decrypt_sends_to_the_key(code: str) -> None:
    text = str(refusal(CALL, code=code, status=400, message=""))
    assert text.startswith(f"the secret 'app/db' cannot be decrypted: {code}; check that its KMS key is enabled")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("InvalidSignatureException", "Signature expired: 20260101T000000Z is now earlier than 20260101T001500Z"),
        ("InvalidSignatureException", "Signature not yet current: 20260101T000000Z is still later than …"),
        ("SignatureDoesNotMatch", "Signature expired: 20260101T000000Z is now earlier than …"),
        ("RequestTimeTooSkewed", ""),
        ("RequestExpired", ""),
    ],
)
def test_a_wrong_clock_is_told_from_wrong_credentials(code: str, message: str) -> None:
    skewed = refusal(CALL, code=code, status=403, message=message)
    assert isinstance(skewed, CredentialsRefused)
    assert "set the clock of this machine" in skewed.remedy
    wrong = refusal(CALL, code="InvalidSignatureException", status=403, message="The request signature does not match")
    assert "renew them" in wrong.remedy


@given(
    code=st.text() | st.sampled_from(["AccessDeniedException", "ThrottlingException", "ResourceNotFoundException"]),
    status=st.integers(0, 599),
    before=st.text(max_size=30),
    after=st.text(max_size=30),
)
def test_no_message_of_aws_is_passed_on(code: str, status: int, before: str, after: str) -> None:
    canary = "S3cr3t value!"
    error = refusal(CALL, code=code + canary, status=status, message=before + canary + after)
    assert canary not in str(error)
    assert canary not in str(refusal(CALL, code=code, status=status, message=before + canary + after))


def test_parameters_are_not_in_the_repr() -> None:
    assert "canary" not in repr(Call("sts", "AssumeRole", "x", parameters={"WebIdentityToken": "canary"}))
