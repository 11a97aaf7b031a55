"""Stand-ins for the parts of Pulumi that a machine without access to their downloads lacks.

The engine is always the official one. What it starts as separate processes (the Python language host, the policy
pack host, the kubernetes and vault provider plugins) is replaced from here only where the official part cannot be
had; `home.prepare` decides that anew at each bootstrap and says so. Each stand-in refuses what it does not do with
an UNIMPLEMENTED error that names the official plugin.
"""
