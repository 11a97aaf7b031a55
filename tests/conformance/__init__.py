"""Behaviour recorded from ESO v2.9.0, against this engine."""
