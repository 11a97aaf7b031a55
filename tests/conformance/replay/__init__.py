"""Replays recorded ExternalSecret cases against a running controller and compares what happens."""
