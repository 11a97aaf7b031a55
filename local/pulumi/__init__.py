"""Stand-ins for the parts of Pulumi that a machine without access to their downloads lacks.

The engine is always the official one. What it starts as separate processes (the Python language host, the policy
pack host, the kubernetes, vault and aws provider plugins) is replaced from here only where the official part cannot be
had; `home.prepare` decides that anew at each bootstrap and says so. Each stand-in refuses what it does not do with
an UNIMPLEMENTED error that names the official plugin.
"""

from __future__ import annotations

from typing import Final

ENGINE_VERSION: Final = "3.259.0"
"""The engine whose protocol the stand-ins serve, and with which they are tested."""
