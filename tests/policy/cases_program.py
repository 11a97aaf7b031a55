"""Cases of the rules about how the program is written: providers, credentials, and secrets in the open."""

from __future__ import annotations

from typing import Any

from tests.policy.resources import VAULT, Given, RuleCases, broken, configured, external_secret, store, synced_secret

GITHUB = "ghp_" + "a1B2c3D4e5" * 4
AWS_KEY = "AKIA" + "IOSFODNN7QRSTUVW"
VAULT_TOKEN = "hvs." + "CAESIJ3k2l1m0n9o8p7q6r5s"
JWT = "eyJhbGciOiJSUzI1NiJ9" + ".eyJzdWIiOiJhcHAifQaa" + ".c2lnbmF0dXJlLW9mLWl0"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"
RANDOM = "q7R2xV9mK4tZ8wB1nL6cJ3hD5fG0sYpA"
DIGEST = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
CERTIFICATE = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUM2VENDQWRHZ0F3SUJBZ0lVUW9"


def config_map(**data: str) -> Given:
    return Given("kubernetes:core/v1:ConfigMap", {"metadata": {"name": "c"}, "data": data})


def pod(**container: Any) -> Given:
    spec = {"containers": [{"name": "c", **container}]}
    return Given("kubernetes:core/v1:Pod", {"metadata": {"name": "p"}, "spec": spec})


def by_default(type_: str, provider: str = "default_4_34_2") -> Given:
    return Given(type_, {}, provider=provider)


CASES: dict[str, RuleCases] = {
    "explicit-provider": RuleCases(
        compliant=(
            by_default("kubernetes:core/v1:Secret", "cluster"),
            by_default("aws:iam/role:Role", "default-region"),
            by_default("random:index/randomId:RandomId"),
        ),
        broken=(
            broken("kubernetes", by_default("kubernetes:core/v1:Secret"), "default kubernetes provider", "provider="),
            broken("vault", by_default("vault:index/mount:Mount", "default"), "default vault provider"),
            broken("aws", by_default("aws:iam/role:Role", "default_7_51_1"), "default aws provider"),
        ),
    ),
    "no-long-lived-credentials": RuleCases(
        compliant=(
            Given("kubernetes:core/v1:Secret", {"type": "Opaque"}),
            Given("aws:iam/accessKey:AccessKey", {}, {"allowed": ["legacy"]}, name="legacy"),
        ),
        broken=(
            broken("an access key", Given("aws:iam/accessKey:AccessKey", {"user": "u"}), "IRSA or Pod Identity"),
            broken(
                "a password of a service",
                Given("aws:iam/serviceSpecificCredential:ServiceSpecificCredential", {}),
                "give the workload a role",
            ),
            broken("a Vault token", Given("vault:index/token:Token", {}), "log in by its ServiceAccount"),
            broken(
                "a secret id",
                Given("vault:appRole/authBackendRoleSecretId:AuthBackendRoleSecretId", {}, {"allowed": ["other"]}),
                "use Kubernetes auth",
            ),
            broken(
                "a secret id by its other token",
                Given("vault:appRole/authBackendRoleSecretID:AuthBackendRoleSecretID", {}),
                "use Kubernetes auth",
            ),
            broken(
                "a ServiceAccount token",
                Given("kubernetes:core/v1:Secret", {"type": "kubernetes.io/service-account-token"}),
                "TokenRequest",
            ),
        ),
    ),
    "no-plain-secrets": RuleCases(
        compliant=(
            config_map(greeting="good morning, and a sentence of some length", image=f"app@{DIGEST}"),
            config_map(id="123e4567-e89b-12d3-a456-426614174000", path="/var/lib/External/Secrets2/long/path"),
            config_map(certificate="-----BEGIN CERTIFICATE-----\n" + RANDOM + "\n-----END CERTIFICATE-----"),
            store({"vault": {**VAULT, "caBundle": CERTIFICATE}}),
            Given("kubernetes:core/v1:Secret", {"stringData": {"token": GITHUB}}),
            Given("aws:secretsmanager/secretVersion:SecretVersion", {"secretString": GITHUB}),
            configured(config_map(token=GITHUB), ignored=["name:data.token"]),
            external_secret(target={"template": {"data": {"url": "https://{{ .user }}:{{ .password }}@db.test"}}}),
            synced_secret(),
            pod(env=[{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]),
        ),
        broken=(
            broken("a GitHub token", config_map(token=GITHUB), "data.token looks like a GitHub token"),
            broken("an access key", config_map(id=AWS_KEY), "an AWS access key id"),
            broken("a private key", config_map(key=PEM), "a private key in PEM"),
            broken("a Vault token", config_map(token=VAULT_TOKEN), "a Vault token"),
            broken("a JWT", config_map(token=JWT), "a JSON Web Token"),
            broken(
                "an address", config_map(url="postgres://app:correct-horse@db.test/app"), "a password in an address"
            ),
            broken("chance", config_map(seed=RANDOM), "data.seed looks like a random text"),
            broken("an environment", pod(env=[{"name": "TOKEN", "value": GITHUB}]), "containers[0] (c).env[0].value"),
            broken("an argument", pod(args=[f"--token={GITHUB}"]), "containers[0] (c).args[0]"),
            broken("a command", pod(command=["app", VAULT_TOKEN]), "containers[0] (c).command[1]"),
            broken(
                "an annotation",
                Given("kubernetes:core/v1:Namespace", {"metadata": {"annotations": {"token": GITHUB}}}),
                "metadata.annotations.token",
            ),
            broken(
                "chart values",
                Given("kubernetes:helm.sh/v3:Release", {"values": {"webhook": {"token": GITHUB}}}),
                "values.webhook.token",
            ),
            broken(
                "a store of values",
                store({"fake": {"data": [{"key": "k", "value": GITHUB}]}}),
                "spec.provider.fake.data[0].value",
            ),
            broken(
                "a template",
                external_secret(target={"template": {"data": {"token": GITHUB}}}),
                "spec.target.template.data.token",
            ),
            broken(
                "a template of a sync",
                synced_secret(target={"template": {"data": {"token": GITHUB}}}),
                "demo/es.spec.target.template.data.token",
            ),
            broken(
                "a generator",
                Given("kubernetes:generators.external-secrets.io/v1alpha1:Fake", {"spec": {"data": {"k": GITHUB}}}),
                "spec.data.k",
            ),
            broken("a tag", Given("aws:iam/role:Role", {"tags": {"token": GITHUB}}), "tags.token"),
            broken("a description", Given("aws:kms/key:Key", {"description": f"key {GITHUB}"}), "description"),
            broken("an open parameter", Given("aws:ssm/parameter:Parameter", {"insecureValue": GITHUB}), "insecureV"),
            broken("a document", Given("vault:index/policy:Policy", {"policy": f"# {VAULT_TOKEN}"}), "policy looks"),
        ),
        quotes=("containers[0].name", "metadata.name", "metadata.namespace"),
    ),
}
