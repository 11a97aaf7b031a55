"""``access`` as a user calls it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from secretsync.cli import main

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

STORES = """\
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: aws, namespace: team}
spec: {provider: {aws: {service: SecretsManager, region: us-west-2}}}
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: vault}
spec: {provider: {vault: {server: "https://v.example.com", path: kv, auth: {tokenSecretRef: {name: t, key: t}}}}}
---
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: google}
spec: {provider: {gcpsm: {projectID: my-project}}}
---
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: azure}
spec: {provider: {azurekv: {vaultUrl: "https://team-vault.vault.azure.net"}}}
---
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: fake}
spec: {provider: {fake: {data: []}}}
"""
APP = """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: app, namespace: team}
spec:
  secretStoreRef: {name: aws}
  data:
    - {secretKey: user, remoteRef: {key: team/db, property: user}}
    - {secretKey: g, remoteRef: {key: db}, sourceRef: {storeRef: {name: google, kind: ClusterSecretStore}}}
    - {secretKey: a, remoteRef: {key: db}, sourceRef: {storeRef: {name: azure, kind: ClusterSecretStore}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: unplaced}
spec: {secretStoreRef: {name: vault}, data: [{secretKey: v, remoteRef: {key: db}}]}
---
apiVersion: external-secrets.io/v1
kind: ClusterExternalSecret
metadata: {name: everywhere}
spec:
  namespaceSelectors: [{matchLabels: {a: b}}]
  externalSecretSpec:
    secretStoreRef: {name: google, kind: ClusterSecretStore}
    data: [{secretKey: g, remoteRef: {key: shared}}]
"""
VAULT_ID = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/platform"
    "/providers/Microsoft.KeyVault/vaults/team-vault"
)
ALL = ["--account", "111122223333", "--vault-scope", VAULT_ID]
ARN = "arn:aws:secretsmanager:us-west-2:111122223333:secret:team/db-??????"


@pytest.fixture
def manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stores.yaml").write_text(STORES)
    (tmp_path / "app.yaml").write_text(APP)
    return tmp_path


def run(*arguments: str) -> int:
    return main(["access", ".", *arguments])


def read_json(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_a_table_says_what_is_needed_on_what_and_for_whom(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*ALL) == 0
    shown = capsys.readouterr()
    assert not shown.err
    lines = {" ".join(line.split()) for line in shown.out.splitlines()}
    assert f"Read secretsmanager:GetSecretValue {ARN} ExternalSecret team/app, spec.data[0] (app.yaml:7)" in lines
    assert "path read kv/data/db ExternalSecret default/unplaced, spec.data[0] (app.yaml:14)" in lines
    assert any("projects/my-project/secrets/shared" in line and "(app.yaml:23)" in line for line in lines)
    assert any(f"{VAULT_ID}/secrets/db" in line for line in lines)
    assert "note: ClusterSecretStore fake: for the provider fake nothing is compiled" in lines


def test_json_holds_the_documents_and_every_reason_with_its_place(
    manifests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*ALL, "--json") == 0
    stores = {each["store"]: each for each in read_json(capsys)["stores"]}
    aws = stores["SecretStore team/aws"]
    assert aws["documents"]["policies"][0]["Statement"][0]["Resource"] == ARN
    assert aws["statements"][0]["for"] == [{"reason": "ExternalSecret team/app, spec.data[0]", "place": "app.yaml:7"}]
    assert 'path "kv/data/db"' in stores["SecretStore default/vault"]["documents"]["policy"]
    google = stores["ClusterSecretStore google"]
    assert [each["resource"] for each in google["documents"]["bindings"]] == [
        "projects/my-project/secrets/db",
        "projects/my-project/secrets/shared",
    ]
    (assignment,) = stores["ClusterSecretStore azure"]["documents"]["roleAssignments"]
    assert assignment["scope"] == f"{VAULT_ID}/secrets/db"


def test_one_store_or_one_backend_can_be_chosen(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--store", "default/vault", "--json") == 0
    assert [each["store"] for each in read_json(capsys)["stores"]] == ["SecretStore default/vault"]
    assert run("--backend", "gcpsm", "--json") == 0
    assert [each["store"] for each in read_json(capsys)["stores"]] == ["ClusterSecretStore google"]
    assert run("--store", "nowhere", "--json") == 1
    assert "give one of team/aws, default/vault, google, azure, fake" in capsys.readouterr().err


def test_everything_that_is_refused_is_said_at_once_with_its_line(
    manifests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = APP.replace("key: team/db", 'key: "team/*"').replace(
        "remoteRef: {key: db}}]}", 'remoteRef: {key: "a/+/b"}}]}'
    )
    (manifests / "app.yaml").write_text(app.replace("key: shared", 'key: "sha/red"'))
    assert run("--account", "111122223333") == 1
    shown = capsys.readouterr()
    problems = shown.err.splitlines()
    assert [line.partition(": ")[0] for line in problems] == [
        "app.yaml:7, ExternalSecret team/app, spec.data[0]",
        "app.yaml:14, ExternalSecret default/unplaced, spec.data[0]",
        "app.yaml:23, ExternalSecret */everywhere, spec.data[0]",
        "stores.yaml:16, ClusterSecretStore azure",
    ]


def test_a_wrong_account_is_said_with_the_line_of_the_store(
    manifests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--backend", "aws", "--account", "12") == 1
    assert capsys.readouterr().err.startswith('stores.yaml:1, SecretStore team/aws: "12" is no AWS account id')


def test_a_vault_scope_that_is_none_is_a_problem(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--backend", "azurekv", "--vault-scope", "team-vault") == 1
    assert "--vault-scope: is no resource id of a key vault" in capsys.readouterr().err


def test_options_widen_and_narrow(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = "arn:aws:kms:us-west-2:111122223333:key/k"
    options = ["--backend", "aws", "--account", "111122223333", "--json"]
    assert run(*options, "--level", "region", "--versions", "--kms-key", f"team/db={key}") == 0
    (store,) = read_json(capsys)["stores"]
    read, decrypt = store["documents"]["policies"][0]["Statement"]
    assert read["Action"] == ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    assert read["Resource"] == "arn:aws:secretsmanager:us-west-2:111122223333:secret:*"
    assert decrypt["Resource"] == key
    assert run(*options, "--prefix", "team/") == 0
    (store,) = read_json(capsys)["stores"]
    assert store["documents"]["policies"][0]["Statement"][0]["Resource"] == ARN.replace("db", "*")
    assert store["notes"] == ["everything that begins with team/ may be read, declared or not"]


def test_a_customer_key_of_nothing_that_is_declared_is_a_mistake(
    manifests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = "arn:aws:kms:us-west-2:111122223333:key/k"
    assert run("--backend", "aws", "--account", "111122223333", "--kms-key", f"team/bd={key}") == 1
    assert "nothing that is declared is called team/bd" in capsys.readouterr().err


def test_searches_are_granted_where_their_scope_is_asked_for(
    manifests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "{find: {name: {regexp: db}}, sourceRef: {storeRef: {name: %s, kind: ClusterSecretStore}}}"
    find = ", ".join(source % name for name in ("google", "azure"))
    (manifests / "app.yaml").write_text(APP.replace("  data:\n", f"  dataFrom: [{find}]\n  data:\n", 1))
    assert run(*ALL) == 1
    assert run(*ALL, "--whole-project", "--whole-vault") == 0
    assert "every secret of the vault may be read" in capsys.readouterr().out


def test_too_many_policies_for_a_role_are_a_problem(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = "\n".join(
        f"    - {{secretKey: k{number}, remoteRef: {{key: environments/production/services/credentials-{number}}}}}"
        for number in range(1600)
    )
    (manifests / "app.yaml").write_text(APP.partition("  data:\n")[0] + "  data:\n" + data)
    assert run("--backend", "aws", "--account", "111122223333") == 1
    captured = capsys.readouterr()
    assert "managed policies: a role has 10" in captured.out
    assert captured.err.startswith("stores.yaml:1, SecretStore team/aws: needs ")
    assert "a role has at most 20; divide the ExternalSecrets among several stores" in captured.err


def test_trust_policies_are_printed_alone_or_beside(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    provider = "arn:aws:iam::111122223333:oidc-provider/oidc.example.com"
    irsa = ["--trust", "irsa", "--oidc-provider", provider, "--service-account", "team/reader"]
    assert main(["access", *irsa]) == 0
    conditions = read_json(capsys)["Statement"][0]["Condition"]["StringEquals"]
    assert conditions["oidc.example.com:sub"] == "system:serviceaccount:team:reader"
    assert run(*ALL, *irsa, "--json") == 0
    assert read_json(capsys)["trustPolicy"]["Statement"][0]["Principal"] == {"Federated": provider}
    cluster = "arn:aws:eks:us-west-2:111122223333:cluster/prod"
    pod_identity = ["--trust", "pod-identity", "--cluster-arn", cluster, "--service-account", "team/reader"]
    assert main(["access", *pod_identity, "--account", "111122223333"]) == 0
    assert read_json(capsys)["Statement"][0]["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert main(["access", *pod_identity, "--account", "444455556666"]) == 1
    assert "the cluster is in account 111122223333" in capsys.readouterr().err


def test_the_examples_of_the_documentation_are_printed_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--account", "111122223333", "--region", "us-west-2"]
    assert main(["access", "--example", "everything", *where]) == 0
    assert read_json(capsys)["Statement"][0]["Resource"] == "*"
    arn = "arn:aws:secretsmanager:us-west-2:111122223333:secret:aes128-1a2b3c"
    assert main(["access", "--example", "secrets", *where, "--secret-arn", arn]) == 0
    assert read_json(capsys)["Statement"][0]["Resource"] == [arn]
    assert main(["access", "--example", "secrets", *where]) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--level", "galaxy", "."],
        ["--example", "galaxy"],
        ["--kms-key", "x", "."],
        ["--trust", "irsa"],
        ["--backend", "fake", "."],
    ],
)
def test_a_wrong_command_line_is_told_from_a_wrong_manifest(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["access", *arguments])
    assert caught.value.code == 2


def test_what_is_written_is_compiled_for_aws_and_elsewhere_that_is_said(
    manifests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    push = """\
apiVersion: external-secrets.io/v1alpha1
kind: PushSecret
metadata: {name: out, namespace: team}
spec:
  secretStoreRefs: [{name: aws}, {name: google, kind: ClusterSecretStore}]
  selector: {secret: {name: s}}
  data: [{match: {secretKey: k, remoteRef: {remoteKey: r}}}]
"""
    (manifests / "push.yaml").write_text(push)
    (manifests / "far.yaml").write_text(push.replace("name: out", "name: far").replace("team}", "other}", 1))
    assert run(*ALL, "--json") == 0
    document = read_json(capsys)
    unwritten = "writes to ClusterSecretStore google: permissions to write are compiled for AWS only"
    assert [note for note in document["notes"] if "PushSecret" in note] == [
        f"note: PushSecret other/far {unwritten}",
        f"note: PushSecret team/out {unwritten}",
    ]
    rows = {row["statement"]: row for store in document["stores"] for row in store["statements"]}
    assert rows["Create"]["on"] == f"{ARN.partition('team/')[0]}* for r"
    assert rows["Create"]["for"] == [{"reason": "PushSecret team/out, spec.data[0]", "place": "push.yaml:7"}]
    assert "secretsmanager:PutSecretValue" in rows["WriteAndDeletePolicyTagged"]["allows"]
    key = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    assert run(*ALL, "--backend", "aws", "--kms-key", f"r={key}") == 0
    assert "writing with a customer key is not compiled" in capsys.readouterr().out


def test_what_is_made_in_selected_namespaces_counts_for_the_stores_of_a_namespace(
    manifests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kind = "apiVersion: external-secrets.io/v1\nkind: ClusterExternalSecret\n"
    spec = "externalSecretSpec: {secretStoreRef: {name: aws}, data: [{secretKey: k, remoteRef: {key: NAME}}]}"
    selected = "namespaces: [elsewhere], namespaceSelector: {matchLabels: {a: b}}"
    (manifests / "made.yaml").write_text(
        f"{kind}metadata: {{name: one}}\nspec: {{{selected}, {spec.replace('NAME', 'selected')}}}\n---\n"
        f"{kind}metadata: {{name: two}}\nspec: {{namespaces: [elsewhere], {spec.replace('NAME', 'apart')}}}\n"
    )
    assert run(*ALL, "--backend", "aws", "--json") == 0
    (store,) = read_json(capsys)["stores"]
    on = {row["on"]: [each["place"] for each in row["for"]] for row in store["statements"]}
    assert list(on) == [ARN.replace("team/db", "selected"), ARN]
    assert on[ARN.replace("team/db", "selected")] == ["made.yaml:4"]


def test_the_operator_upstream_gets_the_batches_that_its_searches_are(
    manifests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (manifests / "found.yaml").write_text(
        "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: found, namespace: team}\n"
        "spec: {secretStoreRef: {name: aws}, dataFrom: [{find: {tags: {team: a}}}]}\n"
    )
    assert run(*ALL, "--backend", "aws", "--upstream") == 0
    assert "BatchGetSecretValue" in capsys.readouterr().out
    assert run(*ALL, "--backend", "aws") == 0
    assert "BatchGetSecretValue" not in capsys.readouterr().out


def test_what_is_read_from_a_store_that_was_not_given_is_said(
    manifests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (manifests / "far.yaml").write_text(
        "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: far, namespace: other}\n"
        "spec:\n  secretStoreRef: {name: aws}\n  data:\n"
        "    - {secretKey: a, remoteRef: {key: a}}\n    - {secretKey: b, remoteRef: {key: b}}\n"
        "    - {secretKey: c, remoteRef: {key: c}, sourceRef: {storeRef: {name: gone, kind: ClusterSecretStore}}}\n"
        "    - {secretKey: d, remoteRef: {key: d}, sourceRef: {storeRef: {name: google, kind: ClusterSecretStore}}}\n"
    )
    assert run(*ALL, "--json") == 0
    assert [note for note in read_json(capsys)["notes"] if "not among" in note] == [
        "note: ExternalSecret other/far reads from SecretStore other/aws, which is not among the manifests",
        "note: ExternalSecret other/far reads from ClusterSecretStore gone, which is not among the manifests",
    ]


def test_a_missing_account_is_said_once_and_the_other_backends_are_compiled(
    manifests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--vault-scope", VAULT_ID) == 1
    captured = capsys.readouterr()
    assert captured.err == (
        "--account: is needed for stores of AWS; "
        "give the account that the stores' own credentials belong to, 12 digits\n"
    )
    assert "SecretStore default/vault" in captured.out
    assert "SecretStore team/aws" not in captured.out


def test_who_is_given_what_is_said_where_roles_are_assumed(manifests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, last = "arn:aws:iam::222233334444:role/hop", "arn:aws:iam::333344445555:role/reader"
    roles = f"region: us-west-2, additionalRoles: [{first!r}], role: {last!r}"
    other = STORES.partition("---")[0].replace("name: aws", "name: second")
    stores = (STORES + "---\n" + other).replace("region: us-west-2", roles)
    (manifests / "stores.yaml").write_text(stores)
    assert run(*ALL, "--backend", "aws", "--json") == 0
    document = read_json(capsys)
    store = next(each for each in document["stores"] if each["store"] == "SecretStore team/aws")
    given = [(row["givenTo"], row["allows"], row["on"]) for row in store["statements"]]
    read = ARN.replace("111122223333", "333344445555")
    assert given == [
        ("own credentials", "sts:AssumeRole", first),
        (first, "sts:AssumeRole", last),
        (last, "secretsmanager:GetSecretValue", read),
    ]
    resources = {
        name: [each["Statement"][0]["Resource"] for each in store["documents"][name]]
        for name in ("policies", "assumeRolePolicies")
    }
    assert resources == {"policies": [read], "assumeRolePolicies": [first]}
    (further,) = store["documents"]["furtherRolePolicies"][first]
    assert further["Statement"][0]["Resource"] == last
    shared = f"note: SecretStore team/aws, SecretStore team/second read as {last}: it takes the policies of all of them"
    assert shared in document["notes"]
    assert run(*ALL, "--backend", "aws") == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["GIVEN", "TO", "STATEMENT", "ALLOWS", "ON", "FOR"]
