"""The AWS SDK, used from worker threads only; importing it takes a while, so this module is imported in one of them."""

from __future__ import annotations

import difflib
import logging
import os
from typing import TYPE_CHECKING, Any, Final, cast

import botocore.session
from botocore import UNSIGNED, xform_name
from botocore.config import Config
from botocore.credentials import Credentials, DeferredRefreshableCredentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as NoConnectionError

from secretsync.errors import ProviderRefused, ProviderUnavailable, SecretSyncError, StoreInvalid
from secretsync.providers.aws.failures import Call, CredentialsRefused, refusal, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.client import BaseClient

    from secretsync.providers.aws.connection import Settings
    from secretsync.providers.aws.login import AssumedRole, WebIdentity

_ENDPOINTS: Final = {
    "secretsmanager": "AWS_SECRETSMANAGER_ENDPOINT",
    "ssm": "AWS_SSM_ENDPOINT",
    "sts": "AWS_STS_ENDPOINT",
}
"""Variables that name another endpoint, as in ESO; the SDK itself knows ``AWS_ENDPOINT_URL`` and its like."""
_ROLE_SESSION_NAME: Final = "external-secrets-provider-aws"
_READ_SECONDS: Final = 10.0
_REFRESH_FAILURES: Final = logging.getLogger("botocore.credentials")


class Session:
    """One client of the service, and one of STS for each step to its credentials.

    Args:
        settings: what it is made of.

    Raises:
        StoreInvalid: no client can be made of these settings.
    """

    def __init__(self, settings: Settings) -> None:
        _keep_values_out_of_logs()
        self._settings = settings
        self._clients: list[BaseClient] = []
        self._closed = False
        try:
            self._session = self._with_credentials()
            for role in settings.roles:
                assume = _AssumeRole(self._client(self._session, "sts"), role)
                self._session = _session(DeferredRefreshableCredentials(assume, "assume-role"))
            self._main = self._client(self._session, settings.service)
        except (BotoCoreError, ValueError) as error:
            name = type(error).__name__
        else:
            return
        self.close()
        raise StoreInvalid(
            f"no client of AWS can be made: {name}",
            remedy="check region and roles of the store, and the AWS_ variables of the process",
        )

    def _with_credentials(self) -> botocore.session.Session:
        settings = self._settings
        if settings.web_identity is not None:
            sts = self._client(_session(None), "sts", signed=False)
            exchange = _AssumeRoleWithWebIdentity(sts, settings.web_identity)
            return _session(DeferredRefreshableCredentials(exchange, "assume-role-with-web-identity"))
        if settings.access_key is not None:
            key = settings.access_key
            return _session(Credentials(key.id, key.secret, key.token or None))
        return botocore.session.Session()

    def _client(self, session: botocore.session.Session, service: str, *, signed: bool = True) -> BaseClient:
        settings = self._settings
        config = Config(
            connect_timeout=settings.connect,
            read_timeout=_READ_SECONDS,
            max_pool_connections=settings.connections,
            retries={"mode": "adaptive", "total_max_attempts": settings.attempts},
            user_agent_extra="external-secrets-on-pulumi",
            **({} if signed else {"signature_version": UNSIGNED}),
        )
        endpoint = os.environ.get(_ENDPOINTS[service]) or None
        create = cast("Callable[..., BaseClient]", session.create_client)
        client = create(service, region_name=settings.region, endpoint_url=endpoint, config=config)
        client.meta.events.register("before-send", self._refuse_when_closed)
        self._clients.append(client)
        return client

    def perform(self, call: Call) -> dict[str, Any] | SecretSyncError:
        """The answer, or the error for what came instead of one. Blocks."""
        return _performed(self._main, call)

    def credentials_problem(self) -> SecretSyncError | None:
        """Why there are no credentials; None where there are some. Blocks; they are not tried out on the service."""
        call = Call("sts", "GetCallerIdentity", "the credentials of the store")
        try:
            found = self._session.get_credentials()
            if found is not None:
                found.get_frozen_credentials()
        except SecretSyncError as error:
            return error
        except (BotoCoreError, RuntimeError) as error:
            return _unanswered(call, error)
        return None if found is not None else _unanswered(call, NoCredentialsError())

    def retire(self) -> None:
        """Give connections back; requests that still run end as they would."""
        for client in self._clients:
            client.close()

    def _refuse_when_closed(self, **_: object) -> None:
        if self._closed:
            raise ProviderUnavailable("the store is closed", remedy="it is opened again when it is next used")

    def close(self) -> None:
        """Close the connections; a request that still runs is not sent again."""
        self._closed = True
        self.retire()


class _AssumeRole:
    """Gets credentials of a role, whenever the SDK finds that those it has end soon."""

    def __init__(self, sts: BaseClient, role: AssumedRole) -> None:
        self._sts = sts
        self._role = role

    def __call__(self) -> dict[str, str]:
        role = self._role
        parameters: dict[str, Any] = {"RoleArn": role.arn, "RoleSessionName": _ROLE_SESSION_NAME}
        if role.external_id:
            parameters["ExternalId"] = role.external_id
        if role.tags:
            parameters["Tags"] = [{"Key": key, "Value": value} for key, value in role.tags]
        if role.transitive_tag_keys:
            parameters["TransitiveTagKeys"] = list(role.transitive_tag_keys)
        return _exchanged(
            self._sts, Call("sts", "AssumeRole", f"the role {role.arn}", role.arn, parameters, ("Credentials",))
        )


class _AssumeRoleWithWebIdentity:
    """Exchanges a ServiceAccount's token for credentials of its role; a fresh token each time."""

    def __init__(self, sts: BaseClient, identity: Callable[[], WebIdentity]) -> None:
        self._sts = sts
        self._identity = identity

    def __call__(self) -> dict[str, str]:
        identity = self._identity()
        parameters = {
            "RoleArn": identity.role,
            "RoleSessionName": _ROLE_SESSION_NAME,
            "WebIdentityToken": identity.token,
        }
        subject = f"the role {identity.role}"
        expected = ("Credentials",)
        return _exchanged(
            self._sts, Call("sts", "AssumeRoleWithWebIdentity", subject, identity.role, parameters, expected)
        )


def _exchanged(sts: BaseClient, call: Call) -> dict[str, str]:
    answer = _performed(sts, call)
    if isinstance(answer, SecretSyncError):
        raise answer
    given = answer["Credentials"]
    return {
        "access_key": given["AccessKeyId"],
        "secret_key": given["SecretAccessKey"],
        "token": given["SessionToken"],
        "expiry_time": given["Expiration"].isoformat(),
    }


def _performed(client: BaseClient, call: Call) -> dict[str, Any] | SecretSyncError:
    try:
        answer: dict[str, Any] = getattr(client, xform_name(call.operation))(**call.parameters)
    except SecretSyncError as error:
        return error
    except EndpointConnectionError as error:
        return _unknown_region(client, call) or _unanswered(call, error)
    except ClientError as error:
        response: Mapping[str, Any] = error.response
        described = response.get("Error") or {}
        status = (response.get("ResponseMetadata") or {}).get("HTTPStatusCode") or 0
        code, message = str(described.get("Code") or ""), str(described.get("Message") or "")
        return refusal(call, code=code, status=int(status), message=message)
    except Exception as error:  # noqa: BLE001 - whatever the SDK raises, its text may quote an answer
        return _unanswered(call, error)
    if call.expected and not any(isinstance(answer.get(member), str | bytes | list | dict) for member in call.expected):
        return unreadable(call)
    return answer


def _unknown_region(client: BaseClient, call: Call) -> ProviderUnavailable | None:
    """The error where the endpoint is that of a Region which the SDK does not know; it may be too new for it."""
    region = client.meta.region_name
    session = botocore.session.Session()
    known = [
        each
        for partition in session.get_available_partitions()
        for each in session.get_available_regions(call.service, partition)
    ]
    if region in known or region not in client.meta.endpoint_url:
        return None
    near = difflib.get_close_matches(region, known, n=1)
    return ProviderUnavailable(
        f"{call.action} gets no answer, and no Region {region!r} is known",
        remedy="correct the region of the store" + (f": is it {near[0]}?" if near else ""),
    )


def _unanswered(call: Call, error: Exception) -> SecretSyncError:
    """The error where AWS did not refuse, but gave no answer; the SDK's texts are not passed on."""
    name = type(error).__name__
    if isinstance(error, NoCredentialsError | PartialCredentialsError | NoAuthTokenError):
        return CredentialsRefused(
            "there are no credentials",
            remedy="add auth to the store, or give the process credentials, e.g. by a role of its ServiceAccount",
        )
    if isinstance(error, CredentialRetrievalError):
        return CredentialsRefused(
            "the process cannot get its credentials", remedy="check the source that its AWS_ variables name"
        )
    if isinstance(error, HTTPClientError | NoConnectionError):
        return ProviderUnavailable(
            f"{call.action} gets no answer ({name})", remedy="it is tried again; check the network and the endpoint"
        )
    if not isinstance(error, BotoCoreError | RuntimeError):
        return unreadable(call)  # the SDK stumbles over what it parses in many ways
    if isinstance(error, RuntimeError):
        return CredentialsRefused(
            f"the credentials cannot be used for {call.action}",
            remedy="check the clock: new credentials seem to have ended already",
        )
    return ProviderRefused(
        f"{call.action} for {call.subject} cannot be sent ({name})", remedy="check the key and the store"
    )


class _Given:
    """Takes the place of the SDK's chain of credential sources."""

    def __init__(self, credentials: Credentials | None) -> None:
        self._credentials = credentials

    def load_credentials(self) -> Credentials | None:
        """What was given."""
        return self._credentials


def _session(credentials: Credentials | None) -> botocore.session.Session:
    """A session with these credentials and no other."""
    session = botocore.session.Session()
    session.register_component("credential_provider", _Given(credentials))
    return session


def _keep_values_out_of_logs() -> None:
    """Whatever the level of the process: below INFO the SDK logs whole answers, secret values included."""
    for name in ("botocore", "urllib3"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.INFO))
    _REFRESH_FAILURES.setLevel(logging.ERROR)  # the request that needed them fails with our error
