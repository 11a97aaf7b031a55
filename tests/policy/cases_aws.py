"""Cases of the rules about AWS."""

from __future__ import annotations

import json
from typing import Any

from tests.policy.resources import Given, RuleCases, broken

ACCOUNT = "111122223333"
SECRET = f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:team/db-??????"
EXACT = f"arn:aws-us-gov:secretsmanager:us-gov-west-1:{ACCOUNT}:secret:aes128-1a2b3c"
PARAMETER = f"arn:aws:ssm:us-west-2:{ACCOUNT}:parameter/team/db"
REGION_WIDE = f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:*"
KEY = f"arn:aws:kms:us-west-2:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ISSUER = "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
READ = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]


def statement(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def policy(*statements: dict[str, Any], name: str = "name", **config: Any) -> Given:
    """A managed policy of these statements."""
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return Given("aws:iam/policy:Policy", {"policy": document}, config, name=name)


def role(*statements: dict[str, Any], **inputs: Any) -> Given:
    """A role with this trust policy."""
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return Given("aws:iam/role:Role", {"assumeRolePolicy": document, **inputs})


def irsa(**conditions: dict[str, str]) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": conditions,
    }


SUB = {f"{ISSUER}:sub": "system:serviceaccount:team:reader"}
AUD = {f"{ISSUER}:aud": "sts.amazonaws.com"}
TAGS = {"aws:RequestTag/kubernetes-namespace": "team", "aws:RequestTag/kubernetes-service-account": "reader"}
EXTERNAL_ID = "sts:ExternalId"


def pod_identity(tags: dict[str, str]) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {"StringEquals": tags},
    }


def account(**more: Any) -> dict[str, Any]:
    principal = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}


def decrypt(resource: Any = KEY, **conditions: dict[str, Any]) -> dict[str, Any]:
    return statement("kms:Decrypt", resource, Condition=conditions)


VIA = {"kms:ViaService": "secretsmanager.us-west-2.amazonaws.com"}
CONTEXT = {"kms:EncryptionContext:SecretARN": SECRET}


def secret_policy(*statements: dict[str, Any], block: bool | None = True) -> Given:
    inputs: dict[str, Any] = {"policy": json.dumps({"Statement": list(statements)}), "secretArn": SECRET}
    if block is not None:
        inputs["blockPublicPolicy"] = block
    return Given("aws:secretsmanager/secretPolicy:SecretPolicy", inputs)


def anybody(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*", **more}


def exception(until: str, *, resource: str = "name") -> dict[str, Any]:
    entry = {"resource": resource, "until": until, "reason": "migration"}
    return {"exceptions": [entry], "today": "2026-11-24"}


BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
FOLDER = f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:team/*"

CASES: dict[str, RuleCases] = {
    "iam-documents-readable": RuleCases(
        compliant=(
            policy(statement(READ, SECRET)),
            Given("aws:iam/policy:Policy", {"policy": json.dumps({"Statement": statement(READ, SECRET)})}),
            Given("aws:iam/policy:Policy", {"policy": {"Statement": [statement(READ, SECRET)]}}),
            Given("aws:iam/role:Role", {"inlinePolicies": [{}], "assumeRolePolicy": ""}),
        ),
        broken=(
            broken(
                "no JSON", Given("aws:iam/policy:Policy", {"policy": "Allow all"}), "policy is not JSON", "json.dumps"
            ),
            broken("a list", Given("aws:iam/policy:Policy", {"policy": "[]"}), "is not a JSON object"),
            broken("no statement", Given("aws:iam/role:Role", {"assumeRolePolicy": "{}"}), "has no Statement"),
            broken("no object", Given("aws:kms/key:Key", {"policy": '{"Statement": [1]}'}), "not an object"),
            broken("no effect", policy({"Effect": "Perhaps", "Action": "*"}), "Effect", "statement 1"),
            broken(
                "an inline one",
                Given("aws:iam/role:Role", {"inlinePolicies": [{"policy": "{"}]}),
                "inlinePolicies[0].policy is not JSON",
            ),
        ),
    ),
    "secret-reads-name-secrets": RuleCases(
        compliant=(
            policy(statement(READ, [SECRET, EXACT])),
            policy(statement("ssm:GetParameter", PARAMETER)),
            policy(statement("secretsmanager:ListSecrets", "*")),
            policy(statement(READ, REGION_WIDE)),
            policy(statement(READ, FOLDER), folders=["team/"]),
            policy({"Effect": "Deny", "Action": "secretsmanager:*", "Resource": "*"}),
        ),
        broken=(
            broken("everything", policy(statement(READ, "*")), "on *", "secret:<name>-??????"),
            broken("any account", policy(statement(READ, SECRET.replace(ACCOUNT, "*"))), "names no secret"),
            broken(
                "any Region", policy(statement("ssm:GetParameters", PARAMETER.replace("us-west-2", "*"))), "names no"
            ),
            broken(
                "another kind", policy(statement(READ, f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:*")), "names no"
            ),
            broken("miscopied", policy(statement(READ, "arn:aws:secretsmanager:*")), "names no secret"),
            broken(
                "a beginning", policy(statement(READ, SECRET.replace("-??????", "-*"))), "one ARN for each", "folders"
            ),
            broken("a folder off the list", policy(statement(READ, FOLDER)), "folders"),
            broken("a folder above the list", policy(statement(READ, FOLDER), folders=["team/db"]), "folders"),
            broken("an action by wildcard", policy(statement("secretsmanager:Get*", "*")), "GetSecretValue on *"),
            broken("an action in capitals", policy(statement("SECRETSMANAGER:GETSECRETVALUE", "*")), "on *"),
            broken("all but", policy({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}), "on *"),
            broken(
                "all resources but", policy({"Effect": "Allow", "Action": READ, "NotResource": "x"}), "all but some"
            ),
            broken(
                "inline",
                Given(
                    "aws:iam/role:Role", {"inlinePolicies": [{"policy": policy(statement(READ, "*")).inputs["policy"]}]}
                ),
                "on *",
            ),
        ),
        quotes=("Resource",),
    ),
    "region-wide-reads-dated": RuleCases(
        compliant=(
            policy(statement(READ, SECRET)),
            policy(statement(READ, REGION_WIDE), **exception("2026-12-31")),
            policy(statement(READ, REGION_WIDE), **exception("2026-11-24")),
            policy(statement(READ, REGION_WIDE), **exception("2027-02-22")),
            policy(statement("secretsmanager:ListSecrets", "*")),
        ),
        broken=(
            broken("no exception", policy(statement(READ, REGION_WIDE)), '"resource": "name"', "until"),
            broken("of another", policy(statement(READ, REGION_WIDE), **exception("2026-12-31", resource="x")), "name"),
            broken("expired", policy(statement(READ, REGION_WIDE), **exception("2026-11-23")), "ended on 2026-11-23"),
            broken("endless", policy(statement(READ, REGION_WIDE), **exception("2099-01-01")), "90 days", "2027-02-22"),
            broken("no such day", policy(statement(READ, REGION_WIDE), **exception("2026-02-30")), "YYYY-MM-DD"),
            broken("no such today", policy(statement(READ, REGION_WIDE), today="soon"), "today", "YYYY-MM-DD"),
            broken(
                "parameters",
                policy(statement("ssm:GetParameter", f"arn:aws:ssm:us-west-2:{ACCOUNT}:parameter/*")),
                "every secret",
            ),
        ),
    ),
    "listing-stands-alone": RuleCases(
        compliant=(
            policy(statement(READ, SECRET), statement(["secretsmanager:ListSecrets"], "*")),
            policy(statement(["secretsmanager:ListSecrets", "secretsmanager:BatchGetSecretValue"], ["*"])),
        ),
        broken=(
            broken("with reads", policy(statement([*READ, "secretsmanager:ListSecrets"], "*")), "move", "ListSecrets"),
            broken(
                "batch with reads",
                policy(statement([*READ, "secretsmanager:batchgetsecretvalue"], SECRET)),
                "of its own",
            ),
            broken("of parameters", policy(statement(["ssm:GetParameter", "ssm:DescribeParameters"], "*")), "move"),
            broken("on an ARN", policy(statement("secretsmanager:ListSecrets", SECRET)), "grants nothing", '"*"'),
        ),
        quotes=("Action[0]", "Action[1]"),
    ),
    "iam-actions-named": RuleCases(
        compliant=(policy(statement(READ, SECRET), {"Effect": "Deny", "Action": "*", "Resource": "*"}),),
        broken=(
            broken("everything", policy(statement("*", SECRET)), "allows *"),
            broken("a service", policy(statement("secretsmanager:*", SECRET)), "e.g. secretsmanager:GetSecretValue"),
            broken("a beginning", policy(statement("ssm:GetParameter*", PARAMETER)), "e.g. ssm:GetParameter"),
            broken("one character", policy(statement("kms:Decryp?", KEY)), "e.g. kms:Decrypt"),
            broken("all but", policy({"Effect": "Allow", "NotAction": "iam:*", "Resource": SECRET}), "NotAction"),
        ),
        quotes=("Action",),
    ),
    "iam-access-read-only": RuleCases(
        compliant=(
            policy(statement(READ, SECRET)),
            policy(statement("secretsmanager:PutSecretValue", SECRET), name="push", writers=["push"]),
        ),
        broken=(
            broken("write", policy(statement("secretsmanager:PutSecretValue", SECRET)), "PutSecretValue", "writers"),
            broken("by wildcard", policy(statement("ssm:*Parameter", PARAMETER)), "ssm:PutParameter"),
            broken("delete", policy(statement("secretsmanager:DeleteSecret", SECRET), writers=["x"]), "DeleteSecret"),
            broken("everything", policy(statement("*", "*")), "and 19 more"),
            broken(
                "three of them",
                policy(statement([f"secretsmanager:{each}Secret" for each in ("Create", "Update", "Delete")], SECRET)),
                "secretsmanager:DeleteSecret; take that out",
            ),
        ),
    ),
    "kms-via-service": RuleCases(
        compliant=(
            policy(decrypt(StringEquals={**VIA, **CONTEXT})),
            policy(decrypt(StringEquals=VIA, StringLike=CONTEXT)),
            policy(
                decrypt(
                    KEY.replace("aws:", "aws-cn:", 1),
                    StringEquals={
                        "KMS:viaservice": ["ssm.cn-north-1.amazonaws.com.cn"],
                        "kms:EncryptionContext:PARAMETER_ARN": [PARAMETER],
                    },
                )
            ),
            policy(statement("kms:DescribeKey", "*")),
        ),
        broken=(
            broken("any key", policy(decrypt("*", StringEquals={**VIA, **CONTEXT})), "on *", "key/<id>"),
            broken(
                "every key",
                policy(decrypt(f"arn:aws:kms:us-west-2:{ACCOUNT}:key/*", StringEquals={**VIA, **CONTEXT})),
                "key/<id>",
            ),
            broken(
                "an alias",
                policy(decrypt(f"arn:aws:kms:us-west-2:{ACCOUNT}:alias/x", StringEquals={**VIA, **CONTEXT})),
                "key/<id>",
            ),
            broken("no service", policy(decrypt(StringEquals=CONTEXT)), "kms:ViaService"),
            broken(
                "another service",
                policy(decrypt(StringEquals={"kms:ViaService": "s3.us-west-2.amazonaws.com", **CONTEXT})),
                "ViaService",
            ),
            broken("any service", policy(decrypt(StringLike={"kms:ViaService": "*", **CONTEXT})), "kms:ViaService"),
            broken("if it exists", policy(decrypt(StringEqualsIfExists=VIA, StringEquals=CONTEXT)), "kms:ViaService"),
            broken("no context", policy(decrypt(StringEquals=VIA)), "EncryptionContext:SecretARN"),
            broken(
                "any context",
                policy(decrypt(StringEquals=VIA, StringLike={"kms:EncryptionContext:SecretARN": "*"})),
                "SecretARN",
            ),
            broken(
                "every secret's context",
                policy(decrypt(StringEquals=VIA, StringLike={"kms:EncryptionContext:SecretARN": REGION_WIDE})),
                "SecretARN",
            ),
        ),
        quotes=("Resource",),
    ),
    "trust-pins-identity": RuleCases(
        compliant=(
            role(irsa(StringEquals={**SUB, **AUD})),
            role(pod_identity({**TAGS, "aws:SourceAccount": ACCOUNT})),
            role(account(Condition={"StringEquals": {EXTERNAL_ID: "x"}})),
            role(
                {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/r"}, "Action": "sts:AssumeRole"}
            ),
            role({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}),
            role(
                {
                    "Effect": "Allow",
                    "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:saml-provider/staff"},
                    "Action": "sts:AssumeRoleWithSAML",
                }
            ),
        ),
        broken=(
            broken("no sub", role(irsa(StringEquals=AUD)), "does not pin sub", "system:serviceaccount:"),
            broken("no aud", role(irsa(StringEquals=SUB)), "does not pin aud", "sts.amazonaws.com"),
            broken(
                "sub by StringLike", role(irsa(StringLike=SUB, StringEquals=AUD)), "sub by StringLike", "StringEquals"
            ),
            broken(
                "any sub", role(irsa(StringEquals={f"{ISSUER}:sub": "system:serviceaccount:team:*", **AUD})), "wildcard"
            ),
            broken("sub if it exists", role(irsa(StringEqualsIfExists=SUB, StringEquals=AUD)), "StringEqualsIfExists"),
            broken("everybody", role({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}), "everybody"),
            broken(
                "every account",
                role({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}),
                "name the principal",
            ),
            broken(
                "everybody but",
                role({"Effect": "Allow", "NotPrincipal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}),
                "NotPrincipal",
            ),
            broken("a whole account", role(account()), "whole account", EXTERNAL_ID),
            broken(
                "pods of any namespace",
                role(pod_identity({"aws:RequestTag/kubernetes-service-account": "reader"})),
                "kubernetes-namespace",
            ),
            broken(
                "any pods of a namespace",
                role(pod_identity({"aws:RequestTag/kubernetes-namespace": "team"})),
                "kubernetes-service-account",
            ),
        ),
    ),
    "resource-policies-not-public": RuleCases(
        compliant=(
            secret_policy(anybody(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})),
            secret_policy({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": READ, "Resource": "*"}),
            secret_policy({**anybody(), "Effect": "Deny"}),
            Given(
                "aws:kms/key:Key",
                {
                    "policy": json.dumps(
                        {"Statement": anybody(Condition={"StringEquals": {"kms:CallerAccount": ACCOUNT}})}
                    )
                },
            ),
        ),
        broken=(
            broken("not blocked", secret_policy(block=None), "block_public_policy=True"),
            broken("not blocked on purpose", secret_policy(block=False), "block_public_policy=True"),
            broken("everybody", secret_policy(anybody()), "everybody", "aws:PrincipalOrgID"),
            broken("every account", secret_policy(anybody(Principal={"AWS": ["*"]})), "everybody"),
            broken(
                "everybody by a loose condition",
                secret_policy(anybody(Condition={"StringLike": {"aws:PrincipalOrgID": "*"}})),
                "everybody",
            ),
            broken(
                "everybody where nothing is said",
                secret_policy(anybody(Condition={"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}})),
                "everybody",
            ),
            broken("a key", Given("aws:kms/key:Key", {"policy": json.dumps({"Statement": anybody()})}), "everybody"),
            broken(
                "a secret",
                Given("aws:secretsmanager/secret:Secret", {"policy": json.dumps({"Statement": anybody()})}),
                "everybody",
            ),
            broken(
                "everybody but",
                secret_policy({"Effect": "Allow", "NotPrincipal": {"AWS": ACCOUNT}, "Action": READ, "Resource": "*"}),
                "NotPrincipal",
            ),
        ),
    ),
    "role-permission-boundary": RuleCases(
        compliant=(
            role(irsa()),
            Given("aws:iam/role:Role", {"permissionsBoundary": BOUNDARY}, {"boundary": BOUNDARY}),
        ),
        broken=(
            broken(
                "none", Given("aws:iam/role:Role", {}, {"boundary": BOUNDARY}), f'permissions_boundary="{BOUNDARY}"'
            ),
            broken(
                "another", Given("aws:iam/role:Role", {"permissionsBoundary": "x"}, {"boundary": BOUNDARY}), BOUNDARY
            ),
        ),
    ),
}
