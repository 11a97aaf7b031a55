"""Stand-in for the official kubernetes provider plugin: any kind that the API server serves.

What it does as the official plugin does: server-side apply with a stored field manager, automatic names and the
default namespace, replacement rules (a Secret's or ConfigMap's data replace it unless the provider makes them mutable),
previews by a server-side dry run, `pulumi.com/` annotations (skipAwait, waitFor, timeoutSeconds, patchForce,
patchFieldManager, deletionPropagationPolicy), waiting for Deployments, Pods, Jobs and CustomResourceDefinitions, import
and `get`, Patch resources, and `yaml.v2` ConfigGroup and ConfigFile.

What it refuses: Helm, Kustomize, List kinds, rendering to a directory, and the functions of the package. Services and
Ingresses are not waited for, and PULUMI_K8S_AWAIT_ALL is not read.
"""
