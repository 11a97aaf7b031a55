"""The AWS API at a named endpoint, with errors that carry no value."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import grpc

from local.pulumi.plugin_errors import PluginError, scrub
from local.pulumi.wire import Secret

if TYPE_CHECKING:
    from botocore.session import Session

    from local.pulumi.aws.settings import AwsSettings

_GONE: Final = frozenset(
    {"NoSuchEntity", "NoSuchEntityException", "ResourceNotFoundException", "NotFoundException", "ParameterNotFound"}
)
_CODES: Final = {
    "AccessDenied": grpc.StatusCode.PERMISSION_DENIED,
    "AccessDeniedException": grpc.StatusCode.PERMISSION_DENIED,
    "EntityAlreadyExists": grpc.StatusCode.ALREADY_EXISTS,
    "ResourceExistsException": grpc.StatusCode.ALREADY_EXISTS,
    **dict.fromkeys(_GONE, grpc.StatusCode.NOT_FOUND),
}
_VALUES: Final = ("SecretString", "SecretBinary", "Value")
"""Arguments that hold secret values, which a message must not quote."""
_CONNECTIONS: Final = 32


class AwsError(PluginError):
    """AWS refused something.

    Args:
        problem: Operation, code and message, without a value.
        name: The error's code.
    """

    def __init__(self, problem: str, name: str) -> None:
        super().__init__(problem, _CODES.get(name, grpc.StatusCode.INVALID_ARGUMENT))
        self.name = name

    @property
    def gone(self) -> bool:
        """Whether it says that the thing does not exist."""
        return self.name in _GONE


class Clients:
    """One client per service and Region, made when first needed; shared by all threads of the plugin."""

    def __init__(self, settings: AwsSettings) -> None:
        self.settings = settings
        self._lock = threading.RLock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._session: Session | None = None

    def client(self, service: str, region: str) -> Any:  # noqa: ANN401  botocore makes their methods at run time
        """The client of a service.

        Raises:
            PluginError: There is no endpoint for it, a role cannot be taken on, or the account is not allowed.
        """
        with self._lock:
            if self._session is None:
                self._session = self._log_in()
            if (service, region) not in self._clients:
                self._clients[service, region] = self._new(self._session, service, region)
            return self._clients[service, region]

    def _new(self, session: Session, service: str, region: str) -> Any:  # noqa: ANN401  see above
        from botocore.config import Config  # noqa: PLC0415  a third of a second that a plain preview does not need

        return session.create_client(
            service,
            region_name=region,
            endpoint_url=self.settings.endpoint_of(service),
            config=Config(
                retries={"max_attempts": 3}, connect_timeout=5, read_timeout=30, max_pool_connections=_CONNECTIONS
            ),
        )

    def _log_in(self) -> Session:
        import botocore.session  # noqa: PLC0415  see above

        settings = self.settings
        session = botocore.session.get_session()
        if settings.access_key:
            session.set_credentials(settings.access_key, settings.secret_key, settings.token)
        elif settings.profile:
            session.set_config_variable("profile", settings.profile)
        for role in settings.roles:
            asked: dict[str, object] = {"RoleArn": role.arn, "RoleSessionName": role.session_name}
            if role.external_id:
                asked["ExternalId"] = role.external_id
            given = call(self._new(session, "sts", settings.region), "assume_role", asked)["Credentials"]
            session = botocore.session.get_session()
            session.set_credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        if settings.allowed_accounts or settings.forbidden_accounts:
            account = call(self._new(session, "sts", settings.region), "get_caller_identity", {})["Account"]
            if account in settings.forbidden_accounts or (
                settings.allowed_accounts and account not in settings.allowed_accounts
            ):
                raise PluginError(f"AWS account ID not allowed: {account}", grpc.StatusCode.PERMISSION_DENIED)
        return session


class AwsConnection:
    """The API in one Region.

    Args:
        clients: The clients of all Regions.
        region: The Region; the provider's where it is empty.
    """

    def __init__(self, clients: Clients, region: str = "") -> None:
        self._clients = clients
        self.region = region or clients.settings.region

    def in_region(self, region: str | None) -> AwsConnection:
        """The same account in another Region."""
        return AwsConnection(self._clients, region) if region and region != self.region else self

    def call(self, service: str, operation: str, **arguments: object) -> dict[str, Any]:
        """One operation that has to succeed; arguments that are None are left out.

        Raises:
            AwsError: AWS refused.
            PluginError: It does not answer.
        """
        asked = {name: value for name, value in arguments.items() if value is not None}
        answer: dict[str, Any] = call(self._clients.client(service, self.region), operation, asked)
        return answer

    def find(self, service: str, operation: str, **arguments: object) -> dict[str, Any] | None:
        """One operation; None where AWS knows no such thing."""
        try:
            return self.call(service, operation, **arguments)
        except AwsError as error:
            if error.gone:
                return None
            raise

    def all(self, service: str, operation: str, items: str, **arguments: object) -> list[Any]:
        """The items of a listing, of all its pages."""
        client = self._clients.client(service, self.region)
        pages = call(client.get_paginator(operation), "paginate", arguments)
        return [item for page in pages for item in page.get(items) or ()]


def call(client: Any, operation: str, arguments: dict[str, object]) -> Any:  # noqa: ANN401  botocore's answers
    """One operation of a client.

    Raises:
        AwsError: AWS refused.
        PluginError: It does not answer, or the arguments are not such as it takes.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  see Clients
    from botocore.parsers import ResponseParserError  # noqa: PLC0415  see Clients

    try:
        answer = getattr(client, operation)(**arguments)
        return list(answer) if operation == "paginate" else answer
    except ClientError as error:
        told = error.response.get("Error", {})
        name = str(told.get("Code", ""))
        text = scrub(str(told.get("Message", "")), [Secret(arguments[key]) for key in _VALUES if key in arguments])
        raise AwsError(f"{operation}: {name}: {text}".rstrip(": "), name) from None
    except ResponseParserError:
        problem = f"{operation}: the endpoint's answer is none of AWS's: it does not have this operation, or broke down"
        raise PluginError(problem, grpc.StatusCode.UNIMPLEMENTED) from None
    except BotoCoreError as error:
        # Its text may quote arguments.
        problem = f"{operation}: {type(error).__name__}"
        if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
            problem += ": set the provider's accessKey and secretKey, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        raise PluginError(problem, grpc.StatusCode.UNAVAILABLE) from None
