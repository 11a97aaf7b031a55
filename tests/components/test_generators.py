"""Generators and the kinds of the operator `upstream`, as objects of the cluster."""

from __future__ import annotations

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from components.generators import Generators, GeneratorsArgs, SpreadSecrets, SpreadSecretsArgs
from components.testing import Recorder, record
from secretsync.api import (
    ClusterExternalSecret,
    ClusterExternalSecretSpec,
    ExternalSecretSpec,
    ObjectMeta,
    PasswordGenerator,
    UUIDGenerator,
)

pytestmark = pytest.mark.unit

GENERATORS = (
    PasswordGenerator.from_json({"metadata": {"name": "p", "namespace": "apps"}, "spec": {"length": 40}}),
    UUIDGenerator.from_json({"metadata": {"name": "u", "namespace": "apps"}}),
)
CLUSTERED = ClusterExternalSecret(
    metadata=ObjectMeta(name="everywhere"),
    spec=ClusterExternalSecretSpec(external_secret_spec=ExternalSecretSpec(), namespaces=("apps",)),
)


@pytest.fixture(scope="module", params=[True, False], ids=["preview", "update"])
def made(request: pytest.FixtureRequest) -> Recorder:
    def program() -> None:
        provider = kubernetes.Provider("cluster")
        opts = pulumi.ResourceOptions(provider=provider)
        Generators("generators", GeneratorsArgs(generators=GENERATORS), opts)
        SpreadSecrets("spread", SpreadSecretsArgs(cluster_external_secrets=(CLUSTERED,), push_secrets=()), opts)

    return record(program, preview=request.param)


def test_each_is_an_object_of_its_own_kind(made: Recorder) -> None:
    assert {(each["apiVersion"], each["kind"], each["metadata"]["name"]) for each in made.objects()} == {
        ("generators.external-secrets.io/v1alpha1", "Password", "p"),
        ("generators.external-secrets.io/v1alpha1", "UUID", "u"),
        ("external-secrets.io/v1", "ClusterExternalSecret", "everywhere"),
    }
    (password,) = made.objects("Password")
    assert password["spec"] == {"length": 40}
    (clustered,) = made.objects("ClusterExternalSecret")
    assert clustered["spec"]["namespaces"] == ["apps"]


def test_a_generator_without_settings_has_an_empty_spec(made: Recorder) -> None:
    (generator,) = made.objects("UUID")
    assert generator["spec"] == {}


def test_they_go_to_the_cluster_of_their_component(made: Recorder) -> None:
    objects = [each for each in made.registered if each.type.startswith("kubernetes:")]
    assert {"::cluster::" in each.provider for each in objects} == {True}
    assert {each.parent.rpartition("::")[2] for each in objects} == {"generators", "spread"}
