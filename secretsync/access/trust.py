"""Trust policies: who may assume the role of a store. One ServiceAccount of one cluster, and nobody else.

Sources: the EKS user guide on IAM roles for service accounts (IRSA) and on EKS Pod Identity, whose session tags are
``eks-cluster-arn``, ``kubernetes-namespace`` and ``kubernetes-service-account``; the IAM user guide on the keys.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from secretsync.access.aws_account import account_problem, parse_arn, partition_problem
from secretsync.access.refusals import Refusals
from secretsync.access.statements import VERSION

STS_AUDIENCE: Final = "sts.amazonaws.com"
"""The audience that tokens for AWS have on EKS, in every partition."""
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_PROVIDER: Final = re.compile(r"oidc-provider/([A-Za-z0-9.:-]+(?:/[A-Za-z0-9._~-]+)*)")
_CLUSTER: Final = re.compile(r"cluster/[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_PLACE: Final = "trust policy"


def irsa(oidc_provider_arn: str, namespace: str, service_account: str, *, audience: str = STS_AUDIENCE) -> str:
    """The trust policy for IAM roles for service accounts: ``sub`` and ``aud`` of the token are pinned.

    Args:
        oidc_provider_arn: ARN of the cluster's OIDC provider in IAM.
        namespace: of the ServiceAccount.
        service_account: its name.
        audience: of the token.

    Raises:
        AccessRefused: an argument is not what it should be, or would match more than one ServiceAccount.
    """
    refusals = Refusals()
    _check_names(refusals, namespace, service_account)
    arn = parse_arn(oidc_provider_arn)
    provider = _PROVIDER.fullmatch(arn.resource) if arn is not None else None
    unknown = arn is None or arn.service != "iam" or partition_problem(arn.partition) or account_problem(arn.account)
    if provider is None or unknown:
        remedy = "give arn:aws:iam::<account>:oidc-provider/<issuer without https://>"
        refusals.add(_PLACE, f"{json.dumps(oidc_provider_arn)} is no ARN of an OIDC provider", remedy)
    if not audience or not re.fullmatch(r"[A-Za-z0-9.:/_-]+", audience):
        refusals.add(_PLACE, f"{json.dumps(audience)} is no audience of a token", f"leave it at {STS_AUDIENCE}")
    refusals.raise_any()
    issuer = provider[1] if provider is not None else ""
    return _document(
        {
            "Sid": "ServiceAccountToken",
            "Effect": "Allow",
            "Principal": {"Federated": oidc_provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {
                    f"{issuer}:aud": audience,
                    f"{issuer}:sub": f"system:serviceaccount:{namespace}:{service_account}",
                }
            },
        }
    )


def pod_identity(*, account: str, cluster_arn: str, namespace: str, service_account: str) -> str:
    """The trust policy for EKS Pod Identity: cluster, namespace, ServiceAccount and account are pinned.

    Args:
        account: the account of cluster and role.
        cluster_arn: ARN of the EKS cluster.
        namespace: of the ServiceAccount.
        service_account: its name.

    Raises:
        AccessRefused: an argument is not what it should be, or would match more than one ServiceAccount.
    """
    refusals = Refusals()
    _check_names(refusals, namespace, service_account)
    if problem := account_problem(account):
        refusals.add(_PLACE, problem, "give the account of the cluster")
    arn = parse_arn(cluster_arn)
    if arn is None or arn.service != "eks" or partition_problem(arn.partition) or not _CLUSTER.fullmatch(arn.resource):
        remedy = "give arn:aws:eks:<region>:<account>:cluster/<name>"
        refusals.add(_PLACE, f"{json.dumps(cluster_arn)} is no ARN of an EKS cluster", remedy)
    elif arn.account != account:
        remedy = "associate a role of the cluster's account, and let the store assume the other one from there"
        refusals.add(_PLACE, f"the cluster is in account {arn.account}, the role in {account}", remedy)
    refusals.raise_any()
    return _document(
        {
            "Sid": "PodIdentity",
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {
                    "aws:RequestTag/eks-cluster-arn": cluster_arn,
                    "aws:RequestTag/kubernetes-namespace": namespace,
                    "aws:RequestTag/kubernetes-service-account": service_account,
                    "aws:SourceAccount": account,
                }
            },
        }
    )


def _check_names(refusals: Refusals, namespace: str, service_account: str) -> None:
    for what, name in (("namespace", namespace), ("ServiceAccount", service_account)):
        if not _NAME.fullmatch(name):
            remedy = "give one name: a role is for one ServiceAccount"
            refusals.add(_PLACE, f"{json.dumps(name)} is no name of a {what}", remedy)


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": VERSION, "Statement": [statement]}, indent=2)
