"""For tests of programs that use these components: no engine, no cluster, no backend, no network.

`record` runs a program against mocks and keeps what it registers. `rehearse` runs declarations through the engine that
syncs them, with upstream values of the test. See ``docs/testing-your-program.md``.
"""

from components.testing.answers import Answers
from components.testing.projects import invented_kubeconfig, record_project, stack_settings
from components.testing.recorder import Recorder, Registration, record
from components.testing.rehearsal import Rehearsed, rehearse

__all__ = [
    "Answers",
    "Recorder",
    "Registration",
    "Rehearsed",
    "invented_kubeconfig",
    "record",
    "record_project",
    "rehearse",
    "stack_settings",
]
