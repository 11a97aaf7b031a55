"""Trust policies: one ServiceAccount of one cluster, or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from secretsync.access import trust
from secretsync.access.refusals import AccessRefused

pytestmark = pytest.mark.unit

PROVIDER = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633"
CLUSTER = "arn:aws:eks:us-west-2:111122223333:cluster/prod"


def test_irsa_pins_subject_and_audience() -> None:
    assert json.loads(trust.irsa(PROVIDER, "external-secrets", "store-reader")) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ServiceAccountToken",
                "Effect": "Allow",
                "Principal": {"Federated": PROVIDER},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {
                        "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633:aud": "sts.amazonaws.com",
                        "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633:sub": (
                            "system:serviceaccount:external-secrets:store-reader"
                        ),
                    }
                },
            }
        ],
    }


def test_pod_identity_pins_cluster_namespace_service_account_and_account() -> None:
    document = trust.pod_identity(account="111122223333", cluster_arn=CLUSTER, namespace="es", service_account="reader")
    assert json.loads(document) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "PodIdentity",
                "Effect": "Allow",
                "Principal": {"Service": "pods.eks.amazonaws.com"},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Condition": {
                    "StringEquals": {
                        "aws:RequestTag/eks-cluster-arn": CLUSTER,
                        "aws:RequestTag/kubernetes-namespace": "es",
                        "aws:RequestTag/kubernetes-service-account": "reader",
                        "aws:SourceAccount": "111122223333",
                    }
                },
            }
        ],
    }


@pytest.mark.parametrize(
    "arguments",
    [
        {"oidc_provider_arn": "arn:aws:iam::111122223333:oidc-provider/*"},
        {"oidc_provider_arn": "arn:aws:iam::1:oidc-provider/x"},
        {"oidc_provider_arn": "https://oidc.eks.us-west-2.amazonaws.com/id/X"},
        {"oidc_provider_arn": "arn:aws-moon:iam::111122223333:oidc-provider/x"},
        {"oidc_provider_arn": "arn:aws:iam::111122223333:saml-provider/x"},
        {"namespace": "*"},
        {"namespace": ""},
        {"service_account": "reader*"},
        {"service_account": "a:b"},
        {"audience": ""},
        {"audience": "*"},
    ],
)
def test_irsa_refuses_what_would_trust_others(arguments: dict[str, Any]) -> None:
    given = {"oidc_provider_arn": PROVIDER, "namespace": "es", "service_account": "reader", **arguments}
    with pytest.raises(AccessRefused, match="trust policy"):
        trust.irsa(**given)


@pytest.mark.parametrize(
    "arguments",
    [
        {"account": "*"},
        {"account": "444455556666"},
        {"cluster_arn": "prod"},
        {"cluster_arn": "arn:aws:eks:us-west-2:111122223333:cluster/*"},
        {"cluster_arn": "arn:aws:eks:us-west-2:111122223333:nodegroup/x"},
        {"namespace": "e?"},
        {"service_account": "${aws:username}"},
    ],
)
def test_pod_identity_refuses_what_would_trust_others(arguments: dict[str, str]) -> None:
    given = {"account": "111122223333", "cluster_arn": CLUSTER, "namespace": "es", "service_account": "r", **arguments}
    with pytest.raises(AccessRefused, match="trust policy"):
        trust.pod_identity(**given)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(AccessRefused) as caught:
        trust.irsa("x", "*", "*")
    assert len(caught.value.refusals) == 3
