"""What can go wrong in the embedded environment.

    LocalError
    ├── ToolError            a tool could not be provided
    │   ├── ToolNotAvailable     no source has it
    │   ├── BuildFailed          a source has it, but making it failed
    │   └── ChecksumMismatch     what was downloaded is not what was pinned
    ├── PartError            a local process (etcd, API server, OpenBao, node, …)
    │   ├── PartCrashed          it ended though it should run
    │   ├── PartNotReady         it runs but did not become ready in time
    │   └── PortTaken            its port belongs to somebody else
    ├── NodeError            the one-process node
    └── DiskFull             no room left for what has to be written

Every message says where, what, and what to do next; none carries a token, a key or a secret value.
"""

from __future__ import annotations


class LocalError(Exception):
    """Root of the tree; the command line prints it without a traceback.

    Args:
        problem: What is wrong, as a sentence without a full stop.
        place: Where: a tool, a part, a file, a pod.
        remedy: What to do next, as a sentence without a full stop.
    """

    def __init__(self, problem: str, *, place: str = "", remedy: str = "") -> None:
        self.problem = problem
        self.place = place
        self.remedy = remedy
        super().__init__(problem, place, remedy)

    def __str__(self) -> str:
        text = f"{self.place}: {self.problem}" if self.place else self.problem
        return f"{text} ({self.remedy})" if self.remedy else text


class ToolError(LocalError):
    """A tool could not be provided."""


class ToolNotAvailable(ToolError):
    """No source has the tool: not PATH, not the cache, not a download, not a module or wheel."""


class BuildFailed(ToolError):
    """Building or unpacking a tool failed; nothing was left in the cache."""


class ChecksumMismatch(ToolError):
    """A downloaded file is not the one that was pinned; it was thrown away."""


class PartError(LocalError):
    """A local process could not be started, kept or stopped."""


class PartCrashed(PartError):
    """A part ended although it should be running."""


class PartNotReady(PartError):
    """A part runs, but did not become ready in the time it was given."""


class PortTaken(PartError):
    """Another process listens on the port a part needs."""


class NodeError(LocalError):
    """The one-process node cannot do its work."""


class DiskFull(LocalError):
    """There is no room left for what has to be written."""
