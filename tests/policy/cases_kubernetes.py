"""Cases of the rules about workloads, charts, rights and namespaces."""

from __future__ import annotations

from typing import Any

from tests.policy.resources import (
    Given,
    RuleCases,
    broken,
    cluster_external_secret,
    configured,
    external_secret,
    synced_secret,
    synced_secret_set,
)

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
RELEASE = "kubernetes:helm.sh/v3:Release"
RBAC = "kubernetes:rbac.authorization.k8s.io/v1:"
DIGEST = "@sha256:" + "0123456789abcdef" * 4
OPERATOR = "ghcr.io/external-secrets/external-secrets:"

SECURITY: dict[str, Any] = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
RESOURCES = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}


def container(**fields: Any) -> dict[str, Any]:
    given = {"name": "c", "image": "app:1.2.3", "securityContext": SECURITY, "resources": RESOURCES, **fields}
    return {key: value for key, value in given.items() if value is not None}


def secured(**fields: Any) -> dict[str, Any]:
    """A container with another security context; None takes a field out."""
    given = {**SECURITY, **fields}
    return container(securityContext={key: value for key, value in given.items() if value is not None})


def deployment(*containers: dict[str, Any], **spec: Any) -> Given:
    pod = {"containers": list(containers or (container(),)), **spec}
    metadata = {"name": "app", "namespace": "team"}
    return Given(DEPLOYMENT, {"metadata": metadata, "spec": {"template": {"spec": pod}}})


def cron_job(*containers: dict[str, Any]) -> Given:
    pod = {"containers": list(containers)}
    spec = {"jobTemplate": {"spec": {"template": {"spec": pod}}}}
    return Given("kubernetes:batch/v1:CronJob", {"metadata": {"namespace": "team"}, "spec": spec})


def release(type_: str = RELEASE, **inputs: Any) -> Given:
    given = {"chart": "external-secrets", "version": "2.9.0", "values": {"installCRDs": False}, **inputs}
    return Given(type_, {key: value for key, value in given.items() if value is not None})


def labelled(chart: str) -> Given:
    given = deployment()
    return Given(DEPLOYMENT, {**given.inputs, "metadata": {"labels": {"helm.sh/chart": chart}}})


def cluster_role(kind: str = "ClusterRole", **rule: Any) -> Given:
    return Given(f"{RBAC}{kind}", {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], **rule}]})


def binding(role: str = "reader", *subjects: dict[str, Any]) -> Given:
    given = subjects or ({"kind": "ServiceAccount", "name": "reader", "namespace": "team"},)
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
    return Given(f"{RBAC}ClusterRoleBinding", {"roleRef": reference, "subjects": list(given)})


KEEP = {"crds": {"annotations": {"helm.sh/resource-policy": "keep"}}}

CASES: dict[str, RuleCases] = {
    "pods-restricted": RuleCases(
        compliant=(
            deployment(),
            deployment(
                secured(runAsNonRoot=None, seccompProfile=None),
                securityContext={"runAsNonRoot": True, "seccompProfile": {"type": "Localhost"}},
            ),
            deployment(secured(capabilities={"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]})),
            deployment(container(ports=[{"containerPort": 8080}]), volumes=[{"name": "v", "emptyDir": {}}]),
            cron_job(container()),
            Given(DEPLOYMENT, {}),
        ),
        broken=(
            broken("hostNetwork", deployment(hostNetwork=True), "hostNetwork is true"),
            broken("hostPID", deployment(hostPID=True), "hostPID is true"),
            broken("hostIPC", deployment(hostIPC=True), "hostIPC is true"),
            broken("hostPath", deployment(volumes=[{"name": "v", "hostPath": {"path": "/"}}]), "is a hostPath"),
            broken("hostPort", deployment(container(ports=[{"containerPort": 80, "hostPort": 80}])), "hostPort"),
            broken("root", deployment(secured(runAsNonRoot=None)), "containers[0] (c)", "runAsNonRoot: true"),
            broken("root on purpose", deployment(secured(runAsNonRoot=False)), "runAsNonRoot: true"),
            broken("user 0", deployment(secured(runAsUser=0)), "user 0"),
            broken("user 0 of the pod", deployment(securityContext={"runAsUser": 0}), "user 0"),
            broken("no seccomp", deployment(secured(seccompProfile=None)), "seccompProfile: {type: RuntimeDefault}"),
            broken("unconfined", deployment(secured(seccompProfile={"type": "Unconfined"})), "seccomp"),
            broken("escalation", deployment(secured(allowPrivilegeEscalation=None)), "allowPrivilegeEscalation: false"),
            broken("privileged", deployment(secured(privileged=True)), "it is privileged"),
            broken("writable", deployment(secured(readOnlyRootFilesystem=False)), "readOnlyRootFilesystem: true"),
            broken("capabilities", deployment(secured(capabilities=None)), 'drop: ["ALL"]'),
            broken("some dropped", deployment(secured(capabilities={"drop": ["NET_RAW"]})), "keeps capabilities"),
            broken("added", deployment(secured(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]})), "SYS_ADMIN"),
            broken("an init container", deployment(initContainers=[secured(privileged=True)]), "initContainers[0]"),
            broken("the second container", deployment(container(), secured(privileged=True)), "containers[1]"),
            broken("a CronJob", cron_job(secured(privileged=True)), "it is privileged"),
            broken(
                "privileged, in a pod without context",
                Given("kubernetes:core/v1:Pod", {"spec": {"containers": [secured(privileged=True)]}}),
                "privileged",
            ),
        ),
        quotes=(".name", "capabilities.add[0]"),
    ),
    "pods-bounded": RuleCases(
        compliant=(deployment(), cron_job(container())),
        broken=(
            broken(
                "no CPU",
                deployment(container(resources={**RESOURCES, "requests": {"memory": "64Mi"}})),
                "resources.requests has no cpu",
            ),
            broken(
                "no memory",
                deployment(container(resources={**RESOURCES, "requests": {"cpu": "1"}})),
                "resources.requests has no memory",
            ),
            broken(
                "no limit",
                deployment(container(resources={**RESOURCES, "limits": {"cpu": "1"}})),
                "limits: {memory: …}",
            ),
            broken(
                "an init container",
                deployment(initContainers=[container(resources={**RESOURCES, "limits": {}})]),
                "initContainers[0] (c)",
            ),
        ),
        quotes=(".name",),
    ),
    "images-pinned": RuleCases(
        compliant=(
            deployment(container(image="registry.test:5000/app:1.2.3")),
            deployment(container(image=f"app{DIGEST}")),
            configured(deployment(container(image=f"app:1.2.3{DIGEST}")), digest=True),
            deployment(container(image=None)),
        ),
        broken=(
            broken("no tag", deployment(container(image="registry.test:5000/app")), "names no version"),
            broken("latest", deployment(container(image="app:latest")), "app:latest names no version"),
            broken("a branch", cron_job(container(image="app:main")), "names no version"),
            broken("no digest", configured(deployment(), digest=True), "write app:1.2.3@sha256:…"),
        ),
        quotes=(".name", ".image"),
    ),
    "chart-version-floor": RuleCases(
        compliant=(
            release(),
            release(version="v2.4.1"),
            release(chart="another", version="1.0.0"),
            labelled("external-secrets-2.9.0"),
            labelled("external-dns-1.0.0"),
            deployment(container(image=f"{OPERATOR}v2.9.0")),
            deployment(container(image=f"{OPERATOR}v2.9.0-ubi{DIGEST}")),
            configured(release(version="2.0.0"), minimumVersion="2.0.0"),
        ),
        broken=(
            broken("old", release(version="2.4.0"), "the chart version 2.4.0", 'version="2.4.1"'),
            broken("older by one digit", release(version="0.10.5"), "published advisory"),
            broken("a release candidate", release(version="2.4.1-rc1"), "published advisory"),
            broken("none", release(version=None), "(none) is not one version"),
            broken("a range", release("kubernetes:helm.sh/v4:Chart", version="2.x"), "pin it"),
            broken("from a registry", release(chart="oci://r.test/charts/external-secrets", version="1.0.0"), "1.0.0"),
            broken("a file", release(chart="./charts/external-secrets-1.0.0.tgz", version="1.0.0"), "1.0.0"),
            broken("rendered", labelled("external-secrets-2.0.0"), "2.0.0"),
            broken("an image", deployment(container(image=f"{OPERATOR}v2.0.0")), "tag v2.4.1"),
            broken("an image without version", deployment(container(image=f"{OPERATOR}latest")), "pin it"),
            broken("no such floor", configured(release(), minimumVersion="new"), "minimumVersion new is no version"),
        ),
        quotes=(".name", ".image", "version", "helm.sh/chart"),
    ),
    "crds-outlive-release": RuleCases(
        compliant=(
            release(),
            release(values=KEEP),
            release("kubernetes:helm.sh/v4:Chart"),
            release(chart="another", values={}),
        ),
        broken=(
            broken("by default", release(values={}), "helm.sh/resource-policy", "retain_on_delete"),
            broken("no values", release(values=None), "installCRDs"),
            broken("on purpose", release(values={"installCRDs": True}), "installCRDs"),
            broken("kept by nobody", release("kubernetes:helm.sh/v4:Chart", values=KEEP), "retain_on_delete=True"),
        ),
    ),
    "operator-rbac-narrow": RuleCases(
        compliant=(
            cluster_role(),
            cluster_role("Role", resources=["secrets"], verbs=["get", "create"]),
            cluster_role(resources=["secrets"], resourceNames=["one"]),
            configured(cluster_role(resources=["secrets", "serviceaccounts/token"]), clusterScoped=True),
            cluster_role("Role", resources=["serviceaccounts/token"], verbs=["create"], resourceNames=["store"]),
            binding(),
            binding("reader", {"kind": "ServiceAccount", "name": "system:serviceaccounts"}),
        ),
        broken=(
            broken("every verb", cluster_role(verbs=["*"]), "rules[0].verbs is *"),
            broken("every resource", cluster_role("Role", resources=["*"]), "rules[0].resources is *"),
            broken("every group", cluster_role(apiGroups=["*"]), "rules[0].apiGroups is *"),
            broken("escalate", cluster_role("Role", verbs=["escalate"]), "has escalate"),
            broken("bind", cluster_role(verbs=["bind"]), "has bind"),
            broken("impersonate", cluster_role(verbs=["impersonate"]), "take it out"),
            broken("every Secret", cluster_role(resources=["secrets"]), "Secrets of every namespace", "clusterScoped"),
            broken(
                "every token", cluster_role("Role", resources=["serviceaccounts/token"]), "tokens of every ServiceAcc"
            ),
            broken("cluster-admin", binding("cluster-admin"), "gives the ClusterRole cluster-admin"),
            broken("edit", binding("edit"), "gives the ClusterRole edit"),
            broken("everybody", binding("reader", {"kind": "Group", "name": "system:authenticated"}), "ServiceAccount"),
            broken(
                "every ServiceAccount of a namespace",
                binding("reader", {"kind": "Group", "name": "system:serviceaccounts:team"}),
                "system:serviceaccounts:team",
            ),
        ),
        quotes=("subjects[0].name",),
    ),
    "namespace-deny-list": RuleCases(
        compliant=(
            external_secret(),
            synced_secret(),
            synced_secret_set(),
            deployment(),
            cluster_external_secret(),
            configured(external_secret(namespace="default"), denied=["kube-system"]),
        ),
        broken=(
            broken("an ExternalSecret", external_secret(namespace="kube-system"), "metadata.namespace is kube-system"),
            broken("a sync", synced_secret(namespace="default"), "of the declaration is default"),
            broken("one of a set", synced_secret_set(namespace="kube-public"), "is kube-public"),
            broken(
                "a workload",
                Given(DEPLOYMENT, {"metadata": {"namespace": "default"}}),
                "use a namespace of its own",
            ),
            broken(
                "where one is stamped",
                Given(
                    cluster_external_secret().type,
                    {
                        **cluster_external_secret().inputs,
                        "spec": {**cluster_external_secret().inputs["spec"], "namespaces": ["a", "kube-system"]},
                    },
                ),
                "spec.namespaces is kube-system",
            ),
            broken("on the own list", configured(external_secret(), denied=["demo"]), "is demo"),
        ),
    ),
}
