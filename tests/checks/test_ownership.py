"""Whose a Secret is: who owns it, who else manages it, and what it takes to take it over."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.checks import ADOPT_ANNOTATION, Check, Severity
from secretsync.kube.resources import SECRETS
from secretsync.sync.names import CREATED_BY_LABEL, MANAGED_LABEL, created_by
from tests.checks.scenarios import SETTLED, entries
from tests.checks.stage import NAMESPACE, Stage, declared, of, only, secret

pytestmark = pytest.mark.unit

ADOPT = {"annotations": {ADOPT_ANNOTATION: "true"}}
ESO = "external-secrets.io/v1"


def reference(kind: str, name: str, *, controller: bool, api_version: str = "example.com/v1") -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "name": name, "uid": "u", "controller": controller}


@pytest.mark.parametrize("policy", ["Owner", "Orphan"])
async def test_a_secret_that_somebody_else_made_needs_consent(policy: str) -> None:
    stage = Stage(declared(target={"creationPolicy": policy}), objects=[secret("app", {"a": b"1", "own": b"2"})])
    found = only(await stage.first(), Check.Takeover, Severity.Error)
    assert found.problem == (
        f"Secret team/app, made by test-setup, is there already; creationPolicy {policy} takes it over "
        "and removes its keys a"
    )
    assert f'{ADOPT_ANNOTATION}: "true"' in found.remedy


async def test_with_consent_it_is_a_warning_and_still_told() -> None:
    stage = Stage(declared(metadata=ADOPT), objects=[secret("app", {"a": b"1"})])
    examined = await stage.first()
    assert "removes its keys a" in only(examined, Check.Takeover, Severity.Warning).problem
    assert examined.observation is not None


@pytest.mark.parametrize("value", ["false", "yes", ""])
async def test_consent_is_the_word_true(value: str) -> None:
    stage = Stage(declared(metadata={"annotations": {ADOPT_ANNOTATION: value}}), objects=[secret("app", {"a": b"1"})])
    only(await stage.first(), Check.Takeover, Severity.Error)


@pytest.mark.parametrize("policy", ["Merge", "CreateOrMerge"])
async def test_adding_keys_is_no_takeover(policy: str) -> None:
    stage = Stage(declared(target={"creationPolicy": policy}), objects=[secret("app", {"a": b"1"})])
    assert not (await stage.first()).findings


async def test_what_the_same_external_secret_wrote_in_the_other_lane_is_no_takeover() -> None:
    stage = Stage(declared(metadata={"uid": "uid-app"}))
    await stage.write()
    assert (await stage.live())["metadata"]["ownerReferences"]
    stage.declared = (declared(),)
    assert not of(await stage.first(), Check.Takeover)
    assert not of(await stage.first(), Check.Owner)


async def test_what_it_wrote_before_is_no_takeover_even_without_a_state() -> None:
    stage = Stage(declared(target={"creationPolicy": "Orphan"}))
    await stage.write()
    assert not (await stage.first()).findings


async def test_a_restored_secret_with_its_label_is_no_takeover() -> None:
    labels = {CREATED_BY_LABEL: created_by(NAMESPACE, "app")}
    assert not of(await Stage(objects=[secret("app", {"a": b"1"}, labels=labels)]).first(), Check.Takeover)


async def test_the_managed_label_alone_makes_nothing_its_own() -> None:
    stage = Stage(objects=[secret("app", {"a": b"1"})])
    patch = {"metadata": {"labels": {MANAGED_LABEL: "true"}}}
    manager = "externalsecrets.external-secrets.io/app"
    await stage.cluster.merge_patch(SECRETS, "app", NAMESPACE, patch, field_manager=manager)
    only(await stage.first(), Check.Takeover, Severity.Error)


async def test_a_secret_that_was_replaced_by_hand_since_the_last_sync_is_drift_and_no_takeover() -> None:
    stage = Stage(objects=[secret("app", {"own": b"by hand"})])
    examined = await stage.first(SETTLED)
    assert not of(examined, Check.Takeover)
    assert examined.observation is not None
    assert examined.observation.drift


@pytest.mark.parametrize(
    ("metadata", "who"),
    [
        ({"annotations": {"meta.helm.sh/release-name": "shop"}}, "Helm release shop"),
        (
            {
                "annotations": {"meta.helm.sh/release-name": "shop"},
                "labels": {"app.kubernetes.io/managed-by": "Helm"},
            },
            "Helm release shop",
        ),
        ({"labels": {"argocd.argoproj.io/instance": "shop"}}, "Argo CD application shop"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "shop:/Secret:team/app"}}, "Argo CD application shop"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "shop"}}, "Flux Kustomization shop"),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "shop"}}, "Flux HelmRelease shop"),
        ({"annotations": {"cert-manager.io/certificate-name": "shop"}}, "cert-manager Certificate shop"),
        ({"labels": {"app.kubernetes.io/managed-by": "pulumi"}}, "the tool pulumi"),
        ({"ownerReferences": [reference("Shop", "shop", controller=False)]}, "Shop shop"),
    ],
)
async def test_tools_are_known_by_their_marks(metadata: dict[str, Any], who: str) -> None:
    taken = Stage(objects=[secret("app", {"a": b"1"}, **metadata)])
    assert f"made by {who}," in only(await taken.first(), Check.Takeover, Severity.Error).problem
    shared = Stage(declared(target={"creationPolicy": "Merge"}), objects=[secret("app", {"a": b"1"}, **metadata)])
    found = only(await shared.first(), Check.Owner, Severity.Warning)
    assert found.problem.startswith(f"Secret team/app also belongs to {who}")


async def test_marks_that_the_declaration_itself_puts_on_its_secret_are_none() -> None:
    marks = {"labels": {"argocd.argoproj.io/instance": "shop"}}
    stage = Stage(declared(metadata=marks))
    await stage.write()
    assert not (await stage.first()).findings
    unwritten = Stage(declared(metadata=marks), objects=[secret("app", {"a": b"1"}, **marks)])
    assert "made by test-setup" in only(await unwritten.first(), Check.Takeover, Severity.Error).problem


@pytest.mark.parametrize("consent", [{}, ADOPT])
async def test_a_controller_is_refused_with_and_without_consent(consent: dict[str, Any]) -> None:
    owned = secret("app", {"a": b"1"}, ownerReferences=[reference("Certificate", "shop", controller=True)])
    examined = await Stage(declared(metadata=consent), objects=[owned]).first()
    found = only(examined, Check.Owner, Severity.Error)
    assert found.problem == "Secret team/app: it is controlled by Certificate shop"
    assert examined.observation is None


@pytest.mark.parametrize("policy", ["Owner", "Merge", "Orphan"])
async def test_another_external_secret_is_refused_under_every_policy(policy: str) -> None:
    other = reference("ExternalSecret", "other", controller=True, api_version=ESO)
    stage = Stage(
        declared(target={"creationPolicy": policy}), objects=[secret("app", {"a": b"1"}, ownerReferences=[other])]
    )
    assert "owned by another ExternalSecret other" in only(await stage.first(), Check.Owner, Severity.Error).problem


async def test_one_that_is_no_object_is_known_by_its_label_and_its_manager() -> None:
    stage = Stage(declared("other", target={"name": "app"}))
    await stage.write()
    stage.declared = (declared(),)
    found = only(await stage.first(), Check.Owner, Severity.Error)
    assert found.problem.startswith("Secret team/app was made by ExternalSecret other")
    stage.declared = (declared(metadata=ADOPT),)
    only(await stage.first(), Check.Owner, Severity.Warning)


async def test_one_that_left_only_its_label_is_told_by_that() -> None:
    stage = Stage(objects=[secret("app", {"a": b"1"}, labels={CREATED_BY_LABEL: "0123456789abcdef"})])
    assert "an ExternalSecret (" in only(await stage.first(), Check.Owner, Severity.Error).problem


async def test_keys_of_others_that_a_merge_would_overwrite_are_told_with_their_author() -> None:
    stage = Stage(declared(target={"creationPolicy": "Merge"}), objects=[secret("app", {"own": b"theirs", "b": b"1"})])
    found = only(await stage.first(), Check.Owner, Severity.Warning)
    assert found.problem == "overwrites the keys own of Secret team/app, which test-setup wrote"
    stage.backend.values["k"] = b"theirs"
    assert not (await stage.first()).findings, "the same value overwrites nothing"


async def test_two_that_merge_one_key_undo_each_other() -> None:
    merge = {"name": "app", "creationPolicy": "CreateOrMerge"}
    stage = Stage(declared("other", target=merge))
    await stage.write()
    stage.declared = (declared(data=[{"secretKey": "own", "remoteRef": {"key": "l"}}], target=merge),)
    stage.backend.values["l"] = b"another"
    found = only(await stage.first(), Check.Owner, Severity.Error)
    assert found.problem.startswith("ExternalSecret other writes the keys own of Secret team/app too")
    stage.declared = (declared(data=entries("l"), target=merge),)
    assert not (await stage.first()).findings, "keys of its own disturb nobody"


async def test_a_restored_secret_of_an_object_is_known_by_its_label_too() -> None:
    labels = {CREATED_BY_LABEL: created_by(NAMESPACE, "app")}
    stage = Stage(declared(metadata={"uid": "uid-app"}), objects=[secret("app", {"a": b"1"}, labels=labels)])
    assert not of(await stage.first(), Check.Takeover)


async def test_what_is_taken_over_without_a_loss_is_told_so() -> None:
    stage = Stage(objects=[secret("app", {"own": b"1"})])
    assert only(await stage.first(), Check.Takeover, Severity.Error).problem.endswith("takes it over with all its keys")
    stage.declared = (declared(data=entries("gone")),)
    found = only(await stage.first(), Check.Takeover, Severity.Error)
    assert found.problem.endswith("is there already; creationPolicy Owner takes it over"), "the loss is not known"


async def test_a_secret_of_nobody_is_told_without_an_author() -> None:
    stage = Stage(objects=[secret("app")])
    found = only(await stage.first(), Check.Takeover, Severity.Error)
    assert found.problem.startswith("Secret team/app is there already")


async def test_an_edited_key_of_its_own_is_drift_and_overwrites_nobody() -> None:
    for policy in ("Owner", "Merge"):
        objects = [secret("app")] if policy == "Merge" else []
        stage = Stage(declared(target={"creationPolicy": policy}), objects=objects)
        await stage.write()
        edit = {"data": {"own": "eA=="}}
        await stage.cluster.merge_patch(SECRETS, "app", NAMESPACE, edit, field_manager="kubectl-edit")
        assert not of(await stage.first(SETTLED), Check.Owner)
        if policy == "Owner":
            assert not of(await stage.first(), Check.Owner), "it owns all keys, whoever wrote them last"


async def test_keys_of_several_authors_are_told_of_each() -> None:
    stage = Stage(declared(data=entries("a", "b", "c"), target={"creationPolicy": "Merge"}), objects=[secret("app")])
    stage.backend.values = dict.fromkeys("abc", b"1")
    for manager, key in (("alpha", "z"), ("beta", "a"), ("gamma", "b")):
        patch = {"data": {key: "eA=="}}
        await stage.cluster.merge_patch(SECRETS, "app", NAMESPACE, patch, field_manager=manager)
    found = [finding.problem for finding in of(await stage.first(), Check.Owner)]
    assert found == [
        "overwrites the keys a of Secret team/app, which beta wrote",
        "overwrites the keys b of Secret team/app, which gamma wrote",
    ]


async def test_marks_it_put_there_before_are_no_claim_and_hide_none_of_others() -> None:
    helm = {"metadata": {"annotations": {"meta.helm.sh/release-name": "shop"}}}
    stage = Stage(declared(target={"template": {**helm, "data": {"own": "{{ .own }}"}}}))
    await stage.write()
    stage.declared = (declared(),)
    assert not of(await stage.first(SETTLED), Check.Owner)
    flux = {"metadata": {"labels": {"helm.toolkit.fluxcd.io/name": "shop"}}}
    await stage.cluster.merge_patch(SECRETS, "app", NAMESPACE, flux, field_manager="flux")
    assert "Flux HelmRelease shop" in only(await stage.first(SETTLED), Check.Owner, Severity.Warning).problem
    stage.declared = (declared(metadata=ADOPT),)
    assert not of(await stage.first(SETTLED), Check.Owner), "that is known and accepted"
