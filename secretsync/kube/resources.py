"""What the API server calls the kinds this engine reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object as the API server serves it.

    Attributes:
        group: API group; empty for the core group.
        version: served version, e.g. ``v1``.
        plural: the name in the URL, e.g. ``secrets``.
        kind: the name in the object, e.g. ``Secret``.
        namespaced: whether objects live in a namespace.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        """The object's ``apiVersion``: ``v1`` or ``group/version``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """The URL path of the group and version, without a trailing slash."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


ESO_GROUP: Final = "external-secrets.io"
GENERATORS_GROUP: Final = "generators.external-secrets.io"

NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
SECRETS: Final = Resource("", "v1", "secrets", "Secret", namespaced=True)
CONFIG_MAPS: Final = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
SERVICE_ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount", namespaced=True)
PODS: Final = Resource("", "v1", "pods", "Pod", namespaced=True)
EVENTS: Final = Resource("", "v1", "events", "Event", namespaced=True)
DEPLOYMENTS: Final = Resource("apps", "v1", "deployments", "Deployment", namespaced=True)
LEASES: Final = Resource("coordination.k8s.io", "v1", "leases", "Lease", namespaced=True)
ROLES: Final = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role", namespaced=True)
ROLE_BINDINGS: Final = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", namespaced=True)
CLUSTER_ROLES: Final = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
CLUSTER_ROLE_BINDINGS: Final = Resource(
    "rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False
)
CUSTOM_RESOURCE_DEFINITIONS: Final = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
VALIDATING_ADMISSION_POLICIES: Final = Resource(
    "admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", namespaced=False
)
VALIDATING_ADMISSION_POLICY_BINDINGS: Final = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicyBinding",
    namespaced=False,
)
TOKEN_REVIEWS: Final = Resource("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", namespaced=False)
SELF_SUBJECT_RULES_REVIEWS: Final = Resource(
    "authorization.k8s.io", "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", namespaced=False
)
SELF_SUBJECT_ACCESS_REVIEWS: Final = Resource(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)

EXTERNAL_SECRETS: Final = Resource(ESO_GROUP, "v1", "externalsecrets", "ExternalSecret", namespaced=True)
SECRET_STORES: Final = Resource(ESO_GROUP, "v1", "secretstores", "SecretStore", namespaced=True)
CLUSTER_SECRET_STORES: Final = Resource(ESO_GROUP, "v1", "clustersecretstores", "ClusterSecretStore", namespaced=False)
CLUSTER_EXTERNAL_SECRETS: Final = Resource(
    ESO_GROUP, "v1", "clusterexternalsecrets", "ClusterExternalSecret", namespaced=False
)
PUSH_SECRETS: Final = Resource(ESO_GROUP, "v1alpha1", "pushsecrets", "PushSecret", namespaced=True)
FAKE_GENERATORS: Final = Resource(GENERATORS_GROUP, "v1alpha1", "fakes", "Fake", namespaced=True)
PASSWORDS: Final = Resource(GENERATORS_GROUP, "v1alpha1", "passwords", "Password", namespaced=True)
UUIDS: Final = Resource(GENERATORS_GROUP, "v1alpha1", "uuids", "UUID", namespaced=True)
CLUSTER_GENERATORS: Final = Resource(
    GENERATORS_GROUP, "v1alpha1", "clustergenerators", "ClusterGenerator", namespaced=False
)
