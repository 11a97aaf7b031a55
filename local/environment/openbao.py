"""OpenBao: raft storage that is kept, unsealed by a local static key, with a file audit device."""

from __future__ import annotations

import http
import json
import secrets
import shutil
from typing import TYPE_CHECKING

from local.environment import logs
from local.environment import ports as loopback
from local.environment.parts import OPENBAO, Part, ask
from local.errors import PartError
from local.layout import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local.layout import Layout

_AUDIT_LIMIT_BYTES = 16 * 1024 * 1024
_INITIALISE_SECONDS = 30
_REASONS: Mapping[int, str] = {
    429: "it is a standby",
    473: "it is a standby",
    501: "it is not initialised",
    503: "it is sealed",
}


def part(layout: Layout, ports: Mapping[str, int], binary: Path) -> Part:
    """An OpenBao server of one node, plain HTTP, on the loopback address only.

    Args:
        layout: where its files are.
        ports: ``openbao`` and ``openbao-cluster``.
        binary: the program.
    """
    address = url(ports)
    return Part(
        name=OPENBAO,
        command=(str(binary), "server", f"-config={layout.openbao_configuration}", "-log-level=warn"),
        address=address,
        obstacle=lambda: _obstacle(address),
        stuck=lambda: ask(f"{address}/v1/sys/health").status == http.HTTPStatus.SERVICE_UNAVAILABLE,
        prepare=lambda: _prepare(layout, ports),
        initialise=lambda: _initialise(layout, address),
    )


def url(ports: Mapping[str, int]) -> str:
    """Address of OpenBao."""
    return f"http://{loopback.LOOPBACK}:{ports['openbao']}"


def _obstacle(address: str) -> str:
    answer = ask(f"{address}/v1/sys/health")
    if answer.status == http.HTTPStatus.OK:
        return ""
    return _REASONS.get(answer.status) or answer.body.strip()[:200] or f"HTTP {answer.status}"


def _prepare(layout: Layout, ports: Mapping[str, int]) -> None:
    if layout.openbao_initialising.exists():
        # The last start broke off between asking for the root token and writing it down: that storage can never be
        # opened again, and is empty.
        shutil.rmtree(layout.openbao_data, ignore_errors=True)
        layout.openbao_data.mkdir(mode=0o700)
        layout.openbao_initialising.unlink()
    if not layout.openbao_seal_key.is_file():
        if any(layout.openbao_data.iterdir()):
            raise PartError(
                "the key that unseals its storage is gone",
                place=str(layout.openbao_seal_key),
                remedy="put it back, or begin anew with `make clean`",
            )
        write_private(layout.openbao_seal_key, secrets.token_bytes(32))
    logs.bound(layout.openbao_audit, limit=_AUDIT_LIMIT_BYTES)
    write_private(layout.openbao_configuration, _configuration(layout, ports))


def _configuration(layout: Layout, ports: Mapping[str, int]) -> str:
    cluster = f"http://{loopback.LOOPBACK}:{ports['openbao-cluster']}"
    return f"""\
ui = true
api_addr = {_quoted(url(ports))}
cluster_addr = {_quoted(cluster)}

listener "tcp" {{
  address         = {_quoted(f"{loopback.LOOPBACK}:{ports['openbao']}")}
  cluster_address = {_quoted(f"{loopback.LOOPBACK}:{ports['openbao-cluster']}")}
  tls_disable     = true
}}

storage "raft" {{
  path    = {_quoted(str(layout.openbao_data))}
  node_id = "local"
  performance_multiplier = 1
}}

seal "static" {{
  current_key_id = "local"
  current_key    = {_quoted(f"file://{layout.openbao_seal_key}")}
}}

audit "file" "local" {{
  options {{
    file_path = {_quoted(str(layout.openbao_audit))}
    mode      = "0600"
  }}
}}
"""


def _quoted(text: str) -> str:
    """A string of HCL: JSON's escapes are HCL's, and ``$`` and ``%`` do not begin a template."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


def _initialise(layout: Layout, address: str) -> bool:
    answer = ask(f"{address}/v1/sys/init")
    if answer.status != http.HTTPStatus.OK:
        return False
    if not answer.document().get("initialized"):
        layout.openbao_initialising.touch(mode=0o600)
        made = ask(
            f"{address}/v1/sys/init",
            method="PUT",
            payload={"recovery_shares": 1, "recovery_threshold": 1},
            seconds=_INITIALISE_SECONDS,
        )
        token = made.document().get("root_token")
        if not isinstance(token, str) or not token:
            raise PartError(
                f"it refused to be initialised (HTTP {made.status})",
                place=OPENBAO,
                remedy="read its log: `make log PART=openbao`",
            )
        write_private(layout.openbao_recovery, made.body)
        write_private(layout.openbao_token, token)
        layout.openbao_initialising.unlink()
    if not layout.openbao_token.is_file():
        raise PartError(
            "its root token is gone",
            place=str(layout.openbao_token),
            remedy="put it back, or begin anew with `make clean`",
        )
    return True
