"""The one-process node."""
