"""ESO's admission rules as ValidatingAdmissionPolicies: the API server refuses bad objects without a webhook.

The rules are those of `secretsync.api.validation` with severity error, said in CEL. An object that is being deleted, or
whose spec does not change, is let through, so that a policy installed later never stands in the way of a finalizer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from secretsync.api.crd.definitions import LABELS
from secretsync.api.crd.references import own_namespace
from secretsync.api.kinds import GROUP
from secretsync.api.validation.admission import BOOTSTRAP_TOKEN, SERVICE_ACCOUNT_NAME, SERVICE_ACCOUNT_TOKEN

if TYPE_CHECKING:
    from secretsync.api.base import JsonObject

_MOST_COMPARED: Final = 500
"""Entries up to which duplicates are looked for: comparing each with each takes the API server 50 ms for 500."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: the expression holds, or the object is refused with the message."""

    expression: str
    message: str


_DATA_FROM: Final = "variables.spec.?dataFrom.orValue([])"
_TEMPLATE: Final = "variables.spec.?target.?template"
_MANIFEST: Final = "variables.spec.?target.?manifest.hasValue()"

EXTERNAL_SECRET: Final = (
    Rule(
        "!(variables.deletionPolicy == 'Delete' && variables.creationPolicy in ['Merge', 'None', 'CreateOrMerge'])",
        "deletionPolicy Delete cannot be combined with creationPolicy Merge, None or CreateOrMerge: "
        "the Secret is not owned; use creationPolicy Owner",
    ),
    Rule(
        "!(variables.deletionPolicy == 'Merge' && variables.creationPolicy == 'None')",
        "deletionPolicy Merge cannot be combined with creationPolicy None: there is no Secret to take keys out of",
    ),
    Rule(
        f"size(variables.spec.?data.orValue([])) > 0 || size({_DATA_FROM}) > 0",
        "asks for nothing: neither data nor dataFrom is set",
    ),
    Rule(
        f"{_DATA_FROM}.all(e, (has(e.extract) ? 1 : 0) + (has(e.find) ? 1 : 0) "
        "+ (e.?sourceRef.?generatorRef.hasValue() ? 1 : 0) <= 1)",
        "an entry of dataFrom sets more than one of extract, find and sourceRef.generatorRef; split it",
    ),
    Rule(
        f"{_DATA_FROM}.all(e, has(e.extract) || has(e.find) || has(e.sourceRef))",
        "an entry of dataFrom sets none of extract, find and sourceRef",
    ),
    Rule(
        f"variables.deletionPolicy != 'Retain' || size(variables.keys) > {_MOST_COMPARED} "
        "|| variables.keys.all(k, variables.keys.indexOf(k) == variables.keys.lastIndexOf(k))",
        "two entries of data have the same secretKey",
    ),
    Rule(
        f"{_MANIFEST} || {_TEMPLATE}.?type.orValue('') != '{BOOTSTRAP_TOKEN}'",
        f"template.type may not be {BOOTSTRAP_TOKEN}: it would admit nodes to the cluster",
    ),
    Rule(
        f"{_MANIFEST} || {_TEMPLATE}.?templateFrom.orValue([]).all(t, "
        "t.?target.orValue('') in ['', 'Data', 'Annotations', 'Labels'])",
        "templateFrom.target may only be Data, Annotations or Labels, because the target is a Secret",
    ),
    Rule(
        f"{_MANIFEST} || {_TEMPLATE}.?type.orValue('') != '{SERVICE_ACCOUNT_TOKEN}' "
        f"|| !('{SERVICE_ACCOUNT_NAME}' in {_TEMPLATE}.?metadata.?annotations.orValue({{}}))",
        f"template.metadata may not have the annotation {SERVICE_ACCOUNT_NAME} with type {SERVICE_ACCOUNT_TOKEN}: "
        "it would mint a token",
    ),
    Rule(
        f"{_MANIFEST} || {_TEMPLATE}.?type.orValue('') != '{SERVICE_ACCOUNT_TOKEN}' "
        f"|| {_TEMPLATE}.?templateFrom.orValue([]).all(t, t.?target.orValue('') != 'Annotations')",
        f"templateFrom.target may not be Annotations with type {SERVICE_ACCOUNT_TOKEN}: it could mint a token",
    ),
)
"""Rules for ``variables.spec``, the spec of an ExternalSecret."""

_NOT_NEGATIVE: Final = r"^([0-9]+|[+]?([0-9]*\\.?[0-9]+\\.?(ns|us|µs|μs|ms|s|m|h))+)$"
_VAULT: Final = "object.spec.provider.?vault"
_SECRETS_MANAGER: Final = "object.spec.provider.?aws.?secretsManager"
_REGEXES: Final = "object.spec.?conditions.orValue([])"

STORE: Final = (
    Rule(
        "!has(object.spec.refreshInterval) || (type(object.spec.refreshInterval) == int "
        "? int(object.spec.refreshInterval) >= 0 "
        f": string(object.spec.refreshInterval).matches('{_NOT_NEGATIVE}'))",
        "refreshInterval must be seconds or a duration such as 5m, and not negative",
    ),
    Rule(
        f"{_REGEXES}.all(c, c.?namespaceRegexes.orValue([]).all(r, ''.matches(r) in [true, false]))",
        "conditions.namespaceRegexes holds something that is not a regular expression (RE2)",
    ),
    Rule(
        f"{_VAULT}.?tls.?certSecretRef.hasValue() == {_VAULT}.?tls.?keySecretRef.hasValue()",
        "vault.tls needs both certSecretRef and keySecretRef",
    ),
    Rule(
        f"!({_VAULT}.?checkAndSet.?required.orValue(false) && {_VAULT}.?version.orValue('v2') == 'v1')",
        "vault.checkAndSet needs version v2 of the KV engine",
    ),
    Rule(
        f"!{_VAULT}.?auth.?appRole.hasValue() || {_VAULT}.?auth.?appRole.?roleId.orValue('') != '' "
        f"|| {_VAULT}.?auth.?appRole.?roleRef.hasValue()",
        "vault.auth.appRole has neither roleId nor roleRef",
    ),
    Rule(
        f"!{_VAULT}.?auth.?appRole.?roleRef.hasValue() || {_VAULT}.?auth.?appRole.?roleRef.?key.hasValue()",
        "vault.auth.appRole.roleRef names no key",
    ),
    Rule(
        f"!{_VAULT}.?auth.?jwt.hasValue() || {_VAULT}.?auth.?jwt.?secretRef.hasValue() "
        f"!= {_VAULT}.?auth.?jwt.?kubernetesServiceAccountToken.hasValue()",
        "vault.auth.jwt needs exactly one of secretRef, kubernetesServiceAccountToken",
    ),
    Rule(
        f"{_SECRETS_MANAGER}.?recoveryWindowInDays.orValue(0) == 0 "
        f"|| ({_SECRETS_MANAGER}.?recoveryWindowInDays.orValue(0) >= 7 "
        f"&& {_SECRETS_MANAGER}.?recoveryWindowInDays.orValue(0) <= 30)",
        "aws.secretsManager.recoveryWindowInDays must be 7 to 30 days",
    ),
    Rule(
        f"{_SECRETS_MANAGER}.?recoveryWindowInDays.orValue(0) == 0 "
        f"|| !{_SECRETS_MANAGER}.?forceDeleteWithoutRecovery.orValue(false)",
        "aws.secretsManager sets both forceDeleteWithoutRecovery and recoveryWindowInDays",
    ),
    Rule(
        "object.spec.provider.?fake.?data.orValue([]).all(d, d.key != '' && d.value != '')",
        "an entry of fake.data has an empty key or value",
    ),
)
"""Rules for both kinds of stores."""

SECRET_STORE: Final = (
    Rule(own_namespace(), "a reference names another namespace, which only a ClusterSecretStore may do"),
)
"""Rules for SecretStores alone."""


def admission_policies() -> list[JsonObject]:
    """The ValidatingAdmissionPolicies and their bindings, which refuse and do nothing else."""
    return [
        *_policy("externalsecrets", EXTERNAL_SECRET, spec="object.spec"),
        *_policy("clusterexternalsecrets", EXTERNAL_SECRET, spec="object.spec.externalSecretSpec"),
        *_policy("secretstores", (*STORE, *SECRET_STORE)),
        *_policy("clustersecretstores", STORE),
    ]


def _policy(plural: str, rules: tuple[Rule, ...], *, spec: str = "") -> tuple[JsonObject, JsonObject]:
    name = f"{plural}.{GROUP}"
    metadata = {"name": name, "labels": dict(LABELS)}
    policy: JsonObject = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": metadata,
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [GROUP],
                        "apiVersions": ["v1", "v1beta1"],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": [plural],
                    }
                ]
            },
            "matchConditions": [
                {"name": "not-being-deleted", "expression": "!has(object.metadata.deletionTimestamp)"},
                {
                    "name": "spec-changes",
                    "expression": "request.operation == 'CREATE' || object.spec != oldObject.spec",
                },
            ],
            "variables": _variables(spec) if spec else [],
            "validations": [
                {"expression": rule.expression, "message": rule.message, "reason": "Invalid"} for rule in rules
            ],
        },
    }
    if not spec:
        del policy["spec"]["variables"]
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {**metadata, "labels": dict(LABELS)},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    return policy, binding


def _variables(spec: str) -> list[JsonObject]:
    return [
        {"name": "spec", "expression": spec},
        {"name": "creationPolicy", "expression": "variables.spec.?target.?creationPolicy.orValue('Owner')"},
        {"name": "keys", "expression": "variables.spec.?data.orValue([]).map(d, d.secretKey)"},
        {"name": "deletionPolicy", "expression": "variables.spec.?target.?deletionPolicy.orValue('Retain')"},
    ]
