"""Pulumi components that stand up an external-secrets platform."""
