"""Dynamic resources: thin, importable, stateless; what they mean is in `secretsync` (D4)."""
