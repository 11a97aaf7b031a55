"""Cases of the rules about Vault's policies and roles."""

from __future__ import annotations

import json
from typing import Any

from tests.policy.resources import Given, RuleCases, broken

ROLE = "vault:kubernetes/authBackendRole:AuthBackendRole"
JWT = "vault:jwt/authBackendRole:AuthBackendRole"


def block(path: str, *capabilities: str) -> str:
    listed = ", ".join(f'"{each}"' for each in capabilities)
    return f'path "{path}" {{\n  capabilities = [{listed}]\n}}\n'


def policy(document: str, *, name: str = "team", **config: Any) -> Given:
    return Given("vault:index/policy:Policy", {"name": name, "policy": document}, config)


def role(**inputs: Any) -> Given:
    """A role of Kubernetes auth with other inputs; None takes one out."""
    given = {
        "boundServiceAccountNames": ["reader"],
        "boundServiceAccountNamespaces": ["team"],
        "audience": "vault",
        "tokenTtl": 600,
        "tokenMaxTtl": 600,
        "tokenPolicies": ["team"],
        **inputs,
    }
    return Given(ROLE, {key: value for key, value in given.items() if value is not None})


def jwt(**inputs: Any) -> Given:
    """A role of JWT auth with other inputs; None takes one out."""
    given = {
        "roleType": "jwt",
        "boundSubject": "system:serviceaccount:team:reader",
        "boundAudiences": ["vault"],
        "tokenTtl": 600,
        "tokenMaxTtl": 600,
        **inputs,
    }
    return Given(JWT, {key: value for key, value in given.items() if value is not None})


READ = block("secret/data/foo", "read")
AS_JSON = json.dumps({"path": {"secret/data/foo": {"capabilities": ["read"]}}})
WIDE_JSON = json.dumps({"path": [{"secret/data/*": [{"capabilities": ["read"]}]}]})

CASES: dict[str, RuleCases] = {
    "vault-policy-read-only": RuleCases(
        compliant=(
            policy(READ),
            policy(READ + block("secret/metadata/foo", "read", "list")),
            policy(AS_JSON),
            policy(block("sys/*", "deny")),
            policy('# path "sys/mounts" { capabilities = ["sudo"] }\n' + READ),
            policy('path "secret/data/foo" {\n  policy = "read"\n}\n'),
        ),
        broken=(
            broken("create", policy(block("secret/data/foo", "read", "create")), "grants create", '["read"]'),
            broken("sudo", policy(block("secret/data/foo", "sudo")), "grants sudo"),
            broken("the second path", policy(READ + block("secret/data/bar", "update")), "secret/data/bar"),
            broken("the system", policy(block("sys/mounts", "read")), "beyond a mount's secrets"),
            broken("logins", policy(block("/auth/token/lookup", "read")), "take it out"),
            broken("identities", policy(block("identity/entity/id", "read")), "take it out"),
            broken("as JSON", policy(AS_JSON.replace("read", "delete")), "grants delete"),
            broken("by the old word", policy('path "secret/data/foo" { policy = "write" }'), "create, delete, update"),
            broken("root", policy(READ, name="root"), "named root"),
        ),
        quotes=("capabilities[0]",),
    ),
    "vault-reads-name-secrets": RuleCases(
        compliant=(
            policy(READ),
            policy(block("secret/metadata/*", "list")),
            policy(block("secret/data/team/*", "read"), folders=["secret/data/team"]),
        ),
        broken=(
            broken("everything", policy(block("*", "read")), 'path "*" reads more than one secret'),
            broken("a mount", policy(block("secret/data/*", "read")), "one path for each key"),
            broken("a beginning", policy(block("secret/data/fo*", "read"), folders=["secret/data"]), "folders"),
            broken("a segment", policy(block("secret/data/+/db", "read")), "secret/data/+/db"),
            broken("above the list", policy(block("secret/data/*", "read"), folders=["secret/data/team"]), "folders"),
            broken("as JSON", policy(WIDE_JSON), "secret/data/*"),
        ),
    ),
    "vault-role-bound": RuleCases(
        compliant=(role(), jwt(), jwt(boundSubject=None, boundClaims={"sub": "x"}), jwt(roleType="oidc")),
        broken=(
            broken("any ServiceAccount", role(boundServiceAccountNames=["*"]), "does not name one ServiceAccount"),
            broken("two ServiceAccounts", role(boundServiceAccountNames=["a", "b"]), "boundServiceAccountNames"),
            broken("any namespace", role(boundServiceAccountNamespaces=["*"]), "does not name one namespace"),
            broken("no namespace", role(boundServiceAccountNamespaces=[]), "does not name one namespace"),
            broken("by label", role(boundServiceAccountNamespaceSelector="{}"), "NamespaceSelector"),
            broken("any audience", role(audience=None), "audience is not set"),
            broken("root", role(tokenPolicies=["root"]), "tokenPolicies has root"),
            broken("any subject", jwt(boundSubject=None), "boundSubject is not set"),
            broken("any JWT audience", jwt(boundAudiences=None), "boundAudiences is not set"),
            broken("claims by wildcard", jwt(boundClaimsType="glob"), 'write "string"'),
            broken("a JWT role of root", jwt(tokenPolicies=["root"]), "tokenPolicies has root"),
        ),
    ),
    "vault-token-lifetime": RuleCases(
        compliant=(
            role(),
            jwt(),
            role(tokenTtl="600"),
            role(tokenMaxTtl=3600),
            Given("vault:aws/authBackendRole:AuthBackendRole", role().inputs),
        ),
        broken=(
            broken("no ttl", role(tokenTtl=None), "tokenTtl is not set", "token_ttl=3600"),
            broken("0", jwt(tokenMaxTtl=0), "tokenMaxTtl is not set", "token_max_ttl"),
            broken("long", role(tokenMaxTtl=86400), "is 86400 seconds, over 3600"),
            broken("over the own ceiling", Given(ROLE, role(tokenTtl=60).inputs, {"maximumSeconds": 300}), "over 300"),
            broken("for ever", role(tokenPeriod=60), "token_period"),
        ),
    ),
}
