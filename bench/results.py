"""Where figures are kept, and how they are shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).resolve().parent / "results"
"""Figures of this machine; not under version control."""


def write(name: str, document: object) -> Path:
    """Keeps the figures of the last run of a measurement; gives the file's path."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return path


def append(path: Path, document: Mapping[str, object]) -> None:
    """Adds one line of JSON to a file that collects the runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(document) + "\n")
