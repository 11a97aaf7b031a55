"""The files made from the models and kept in the repository, so that a change of them is seen in review.

``python -m secretsync.api.crd.generated`` writes them anew; a test fails while they are stale.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from secretsync.api.crd.admission import admission_policies
from secretsync.api.crd.definitions import crds
from secretsync.api.crd.rendering import render_yaml

FOLDER: Final = Path(__file__).parents[1] / "generated"


def files() -> dict[Path, str]:
    """Each file and what it has to hold."""
    return {FOLDER / "crds.yaml": render_yaml(crds()), FOLDER / "admission.yaml": render_yaml(admission_policies())}


def write() -> None:
    """Writes the files."""
    FOLDER.mkdir(exist_ok=True)
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
