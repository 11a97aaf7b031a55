"""Cases of the rules about stores."""

from __future__ import annotations

from typing import Any

from tests.policy.resources import AWS, VAULT, Given, RuleCases, broken, configured, store

LOGIN = {"serviceAccountRef": {"name": "s"}}
SELECTOR = {"name": "t", "key": "token"}


def vault(**more: Any) -> Given:
    return store({"vault": {**VAULT, **more}})


def cluster_store(*conditions: dict[str, Any]) -> Given:
    more = {"conditions": list(conditions)} if conditions else {}
    return store({"vault": VAULT}, kind="ClusterSecretStore", **more)


def vault_provider(**inputs: Any) -> Given:
    return Given("pulumi:providers:vault", inputs)


CASES: dict[str, RuleCases] = {
    "cluster-store-conditions": RuleCases(
        compliant=(
            store({"vault": VAULT}),
            cluster_store({"namespaces": ["demo"]}),
            cluster_store({"namespaceSelector": {"matchLabels": {"team": "demo"}}}),
            cluster_store({"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]}}),
            cluster_store({"namespaceRegexes": ["^team-"]}),
        ),
        broken=(
            broken("none", cluster_store(), "spec.conditions is empty", "list namespaces"),
            broken("every label", cluster_store({"namespaceSelector": {}}), "namespaceSelector is empty"),
            broken("every name", cluster_store({"namespaceRegexes": [".*"]}), "namespaceRegexes[0]"),
            broken(
                "every name, second", cluster_store({"namespaces": ["a"]}, {"namespaceRegexes": ["[a-z0-9]"]}), "[1]"
            ),
        ),
    ),
    "static-store-credentials": RuleCases(
        compliant=(
            vault(),
            store({"aws": AWS}),
            store({"aws": {"service": "SecretsManager", "region": "eu-west-1"}}),
            vault(auth={"jwt": {"path": "jwt", "role": "r", "kubernetesServiceAccountToken": LOGIN}}),
            configured(vault(auth={"tokenSecretRef": SELECTOR}), allowed=True),
        ),
        broken=(
            broken("a token", vault(auth={"tokenSecretRef": SELECTOR}), "auth.tokenSecretRef", "serviceAccountRef"),
            broken(
                "an AppRole",
                vault(auth={"appRole": {"path": "approle", "roleId": "r", "secretRef": SELECTOR}}),
                "auth.appRole is a stored credential",
            ),
            broken(
                "a user", vault(auth={"userPass": {"path": "u", "username": "u", "secretRef": SELECTOR}}), "userPass"
            ),
            broken("ldap", vault(auth={"ldap": {"path": "l", "username": "u", "secretRef": SELECTOR}}), "auth.ldap"),
            broken("a certificate", vault(auth={"cert": {"secretRef": SELECTOR}}), "auth.cert"),
            broken(
                "a stored ServiceAccount token",
                vault(auth={"kubernetes": {"mountPath": "kubernetes", "role": "r", "secretRef": SELECTOR}}),
                "auth.kubernetes.secretRef",
            ),
            broken(
                "access keys of AWS",
                store({"aws": {**AWS, "auth": {"secretRef": {"accessKeyIDSecretRef": SELECTOR}}}}),
                "provider.aws.auth.secretRef",
            ),
            broken(
                "a client secret of Azure",
                store({"azurekv": {"vaultUrl": "https://v.vault.azure.net", "authSecretRef": {"clientId": SELECTOR}}}),
                "provider.azurekv.authSecretRef",
            ),
        ),
    ),
    "store-provider-allow-list": RuleCases(
        compliant=(vault(), store({"aws": AWS}), configured(store({"fake": {"data": []}}), allowed=["fake"])),
        broken=(
            broken("fake", store({"fake": {"data": [{"key": "k", "value": "v"}]}}), "spec.provider.fake", "vault"),
            broken("webhook", store({"webhook": {"url": "https://w.test", "result": {}}}), "spec.provider.webhook"),
            broken("one that is not served", store({"onepassword": {"connectHost": "x"}}), "provider.onepassword"),
            broken("off the own list", configured(vault(), allowed=["aws"]), "use one of aws"),
        ),
    ),
    "vault-address-https": RuleCases(
        compliant=(
            vault(),
            vault(server="http://127.0.0.1:8200"),
            vault(server="http://localhost:8200"),
            vault(server="http://[::1]:8200"),
            store({"aws": AWS}),
            vault_provider(address="https://vault.test:8200"),
            vault_provider(),
        ),
        broken=(
            broken("http", vault(server="http://vault.test:8200"), "provider.vault.server is not https"),
            broken("a loopback lookalike", vault(server="http://127.0.0.1.test:8200"), "write https://"),
            broken("no scheme", vault(server="vault.test:8200"), "is not https"),
            broken("no address", vault(server="http://[vault"), "is not https"),
            broken("a webhook", store({"webhook": {"url": "http://w.test", "result": {}}}), "webhook.url"),
            broken("the program's own", vault_provider(address="http://vault.test:8200"), "address is not https"),
            broken("unchecked", vault_provider(address="https://v.test", skipTlsVerify="true"), "skipTlsVerify"),
        ),
    ),
}
