"""The examples of ``docs/testing-your-program.md``, run as a user runs them: by pytest, in the project's folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "docs" / "testing-your-program.md"


def test_the_examples_of_the_page_pass(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    examples = tmp_path / "test_examples.py"
    examples.write_text("\n\n".join(blocks), encoding="utf-8")
    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        f"--rootdir={tmp_path}",
        "--confcutdir",
        str(tmp_path),
        "-c",
        "/dev/null",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(examples)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    assert len(blocks) >= 4
    assert f"{len(re.findall('^def test_', examples.read_text(), re.MULTILINE)) + 4} passed" in done.stdout
