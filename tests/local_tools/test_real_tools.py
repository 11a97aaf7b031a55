"""The five tools as this machine has them: from PATH, from the cache, or made now."""

from __future__ import annotations

import os

import pytest

from local import tools
from local.tools import catalog, language_host, versions

pytestmark = pytest.mark.contract


def test_every_tool_runs_and_is_a_version_that_will_do() -> None:
    paths = tools.ensure_all()
    assert list(paths) == list(catalog.names())
    for name, path in paths.items():
        tool = catalog.find(name)
        found = versions.ask(path, tool.version_arguments)
        assert found is not None, name
        assert found == tool.version or tool.accept.admits(found, tool.oldest), name


def test_the_language_hosts_helper_programs_are_there_and_executable() -> None:
    folder = tools.language_host_scripts()
    for name in (language_host.EXEC, language_host.DYNAMIC):
        assert os.access(folder / name, os.X_OK), name
    assert "import pulumi" in (folder / language_host.EXEC).read_text()
    assert (folder / language_host.DYNAMIC).read_text().startswith("#!")
