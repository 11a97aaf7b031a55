"""Deleting objects, and waiting until they are gone.

The official plugin deletes in the foreground: what an object owns goes first, then the object, and the operation ends
when the object is gone. The garbage collector does that, and it learns of a new CustomResourceDefinition's kind only
when it next lists the kinds (every 30 seconds), so the foreground deletion of a custom resource of a young definition
hangs for up to 20 seconds. What is done here:

* everything but custom resources: foreground, as the official plugin does; the collector knows these kinds;
* a custom resource whose definition is older than `SETTLED` seconds: foreground too;
* a custom resource of a younger definition, or of one that is being deleted: background. The object's own finalizers
  run and it is waited for all the same; what it owns is collected after it instead of before it.

The annotation `pulumi.com/deletionPropagationPolicy` decides in every case.
"""

from __future__ import annotations

import http.client
import threading
import time
from datetime import UTC, datetime
from typing import Final

import grpc

from local.pulumi.kubernetes.api import KubernetesApi, Reference
from local.pulumi.kubernetes.objects import annotation
from local.pulumi.kubernetes.readiness import timeout_of
from local.pulumi.plugin_errors import PluginError
from local.pulumi.wire import PropertyMap, plain

SETTLED: Final = 60.0
"""Age in seconds from which the garbage collector surely knows a definition's kind: two of its rounds."""
_DEFINITION: Final = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
_POLICIES: Final = ("Foreground", "Background", "Orphan")
_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 0.5


class Deletion:
    """Deletes objects.

    Args:
        api: The API server.
        cancelled: Ends every wait when it is set.
    """

    def __init__(self, api: KubernetesApi, cancelled: threading.Event) -> None:
        self._api = api
        self._cancelled = cancelled
        self._unsettled: dict[tuple[str, str], bool] = {}
        self._lock = threading.Lock()

    def _young_custom_kind(self, reference: Reference) -> bool:
        """Whether the kind comes from a definition that the garbage collector may not know yet; asked once."""
        if "." not in reference.group:
            return False
        key = (reference.api_version, reference.kind)
        with self._lock:
            if key not in self._unsettled:
                self._unsettled[key] = self._ask_definition(reference)
            return self._unsettled[key]

    def _ask_definition(self, reference: Reference) -> bool:
        served = self._api.served(reference.api_version, reference.kind)
        if served is None:
            return False
        answer = self._api.get(Reference(*_DEFINITION, name=f"{served.plural}.{reference.group}"))
        if answer.failed:
            return False
        metadata = answer.body["metadata"]
        age = datetime.now(UTC) - datetime.fromisoformat(metadata["creationTimestamp"])
        return "deletionTimestamp" in metadata or age.total_seconds() < SETTLED

    def _propagation(self, reference: Reference, obj: PropertyMap) -> str:
        named = annotation(obj, "deletionPropagationPolicy")
        if named is None:
            return "Background" if self._young_custom_kind(reference) else "Foreground"
        policy = named.capitalize()
        if policy not in _POLICIES:
            raise PluginError(
                f"the annotation pulumi.com/deletionPropagationPolicy is {named!r}; write foreground, background or "
                "orphan",
                grpc.StatusCode.INVALID_ARGUMENT,
            )
        return policy

    def delete(self, reference: Reference, obj: PropertyMap, timeout: float) -> None:
        """Delete an object and wait until it is gone, or replaced by another of its name.

        Args:
            reference: The object.
            obj: Its outputs of the last operation, for its annotations and uid.
            timeout: The resource's custom timeout in seconds; 0 where it has none.
        """
        answer = self._api.delete(reference, propagation=self._propagation(reference, obj))
        if answer.status == http.client.NOT_FOUND:
            return
        if answer.failed:
            self._api.fail(answer, f"deletion of {reference.kind} {reference.name}", [obj])
        if annotation(obj, "skipAwait") == "true":
            return
        self._until_gone(reference, plain(obj["metadata"]).get("uid"), timeout_of(obj, timeout))
        if reference.kind == _DEFINITION[1]:
            self._api.forget()

    def _until_gone(self, reference: Reference, uid: str | None, timeout: float) -> None:
        limit = time.monotonic() + timeout
        pause = _FIRST_PAUSE
        while True:
            answer = self._api.get(reference)
            if answer.status == http.client.NOT_FOUND:
                return
            if not answer.failed and uid and answer.body["metadata"]["uid"] != uid:
                return
            if self._cancelled.is_set() or time.monotonic() > limit:
                live = answer.body
                finalizers = (live.get("metadata") or {}).get("finalizers") or (live.get("spec") or {}).get(
                    "finalizers"
                )
                why = "was cancelled" if self._cancelled.is_set() else "did not finish in time"
                raise PluginError(
                    f"the deletion of {reference.kind} {reference.name} {why}; it still has the finalizers "
                    f"{', '.join(finalizers or ['none'])}",
                    grpc.StatusCode.DEADLINE_EXCEEDED,
                )
            self._cancelled.wait(pause)
            pause = min(pause * 1.6, _LONGEST_PAUSE)
