"""``python -m secretsync``."""

from __future__ import annotations

import sys

from secretsync import core_dumps
from secretsync.cli import main

if __name__ == "__main__":
    core_dumps.forbid()
    sys.exit(main())
