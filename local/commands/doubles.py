"""What a stack finds on this machine in place of its cluster, its cloud account and its Vault.

Committed values are left as they are wherever an environment variable can say the same: what policies judge is then
what is committed. `docs/stacks.md` lists what is put in whose place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.environment import certificates, kubeconfig, moto, variables
from local.environment.parts import API_SERVER, MOTO, OPENBAO, ORDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.environment import Environment

_PREFIX = "external-secrets"
_USER = "administrator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a stack's configuration asks for.

    Attributes:
        environment: ``dev``, ``staging`` or ``prod``; policies follow it.
        vault: whether it provisions on a Vault.
        vault_address: the one that it names; empty for the variable VAULT_ADDR.
        account: the AWS account it provisions in; empty for none.
        region: the Region there.
        clusters: EKS clusters whose issuer or identity agent it relies on.
        context: the kubeconfig's context that it names; empty for the current one.
    """

    environment: str = ""
    vault: bool = False
    vault_address: str = ""
    account: str = ""
    region: str = ""
    clusters: tuple[str, ...] = ()
    context: str = ""

    @property
    def to_preview(self) -> tuple[str, ...]:
        """The parts that answer a preview: no Pod is run for it, and nothing is removed."""
        return (API_SERVER, *((OPENBAO,) if self.vault else ()), *((MOTO,) if self.account else ()))

    @property
    def to_update(self) -> tuple[str, ...]:
        """The parts that an update needs."""
        kept = tuple(part for part in ORDER if part != OPENBAO or self.vault)
        return (*kept, MOTO) if self.account else kept


def needs_of(configuration: Mapping[str, Any]) -> Needs:
    """What a stack asks for; a section of another shape than expected asks for nothing, and the program will say so.

    Args:
        configuration: committed values by key.
    """
    aws, cluster = _section(configuration, "aws"), _section(configuration, "cluster")
    identity = aws.get("identity")
    named = identity.get("cluster") if isinstance(identity, dict) else None
    return Needs(
        environment=_text(configuration.get(f"{_PREFIX}:environment")),
        vault=f"{_PREFIX}:vault" in configuration,
        vault_address=_text(_section(configuration, "vault").get("address")),
        account=_text(aws.get("accountId")),
        region=_text(aws.get("region")),
        clusters=(named,) if isinstance(named, str) and named else (),
        context=_text(cluster.get("context")),
    )


def redirect(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The committed values without the one that no variable can stand in for: the path of a kubeconfig."""
    key = f"{_PREFIX}:cluster"
    cluster = {name: value for name, value in _section(configuration, "cluster").items() if name != "kubeconfig"}
    return {**configuration, key: cluster} if configuration.get(key) else dict(configuration)


def exports(environment: Environment, needs: Needs) -> dict[str, str]:
    """Every variable that leads a stack to the doubles, by name; the kubeconfig that one of them names is written.

    Args:
        environment: the doubles, which run.
        needs: of the stack.

    Raises:
        LocalError: the kubeconfig may not be written.
    """
    layout = environment.layout
    exported = variables.exports(
        layout,
        vault_address=environment.openbao if needs.vault else "",
        vault_token=environment.openbao_token if needs.vault else "",
    )
    if needs.vault_address:
        # The API's own clients put it before any address that is configured.
        exported["VAULT_AGENT_ADDR"] = environment.openbao
    if needs.account:
        exported |= {
            **moto.CREDENTIALS,
            "AWS_ENDPOINT_URL": environment.moto,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_REGION": needs.region,
        }
    if needs.context:
        kubeconfig.write(
            layout.stack_kubeconfig,
            server=environment.api_server,
            authority=(pki := certificates.at(layout.pki)).authority.certificate,
            client=pki.administrator,
            user=_USER,
            contexts=(needs.context,),
        )
        exported["KUBECONFIG"] = str(layout.stack_kubeconfig)
    return exported


def furnish(environment: Environment, needs: Needs) -> tuple[str, ...]:
    """Makes in the doubles what the stack expects to find there.

    Returns:
        What was made, for people.

    Raises:
        PartError: a double refused.
    """
    if not needs.clusters:
        return ()
    made = moto.seed(environment.moto, account=needs.account, region=needs.region, clusters=needs.clusters)
    return tuple(f"EKS cluster {name}" for name in made)


def _section(configuration: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = configuration.get(f"{_PREFIX}:{name}")
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
