"""Which changes replace an object, because the API server does not allow them in place."""

from __future__ import annotations

from typing import Final

from local.pulumi.kubernetes.objects import ANNOTATIONS
from local.pulumi.wire import UNKNOWN, PropertyMap, plain

_ALWAYS: Final = ("kind", "metadata.name", "metadata.namespace")
_RBAC: Final = "rbac.authorization.k8s.io"
_FIELDS: Final = {
    ("", "Secret"): ("type",),
    ("", "Pod"): ("spec",),
    ("", "PersistentVolumeClaim"): ("spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"),
    ("apps", "Deployment"): ("spec.selector",),
    ("apps", "DaemonSet"): ("spec.selector",),
    ("apps", "ReplicaSet"): ("spec.selector",),
    ("apps", "StatefulSet"): (
        "spec.selector",
        "spec.serviceName",
        "spec.podManagementPolicy",
        "spec.volumeClaimTemplates",
    ),
    ("batch", "Job"): ("spec.selector", "spec.template", "spec.completionMode"),
    (_RBAC, "RoleBinding"): ("roleRef",),
    (_RBAC, "ClusterRoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): ("spec.group", "spec.scope"),
}
_DATA: Final = {("", "Secret"): ("data", "stringData"), ("", "ConfigMap"): ("data", "binaryData")}


def replacing_fields(group: str, kind: str, *, mutable_data: bool) -> tuple[str, ...]:
    """Property paths whose change replaces an object of the kind.

    Args:
        group: API group; empty for the core one.
        kind: The kind.
        mutable_data: Whether the provider changes the data of Secrets or ConfigMaps in place, and this one is not
            immutable. By the official plugin's default they are replaced, so that pods see a new name.
    """
    data = () if mutable_data else _DATA.get((group, kind), ())
    return (*_ALWAYS, *_FIELDS.get((group, kind), ()), *data)


def delete_first(news: PropertyMap, old_outputs: PropertyMap) -> bool:
    """Whether the old object has to go before the new one comes: they have the same, given name."""
    new, old = plain(news.get("metadata")), plain(old_outputs.get("metadata"))
    if not isinstance(new, dict) or not isinstance(old, dict):
        return False
    automatic = (new.get("annotations") or {}).get(ANNOTATIONS + "autonamed") == "true"
    same = new.get("name") == old.get("name") and new.get("namespace") == old.get("namespace")
    return new.get("name") is not UNKNOWN and same and not automatic
