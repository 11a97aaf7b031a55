"""Measures how fast the engine is, how many calls a controller makes, and how long the platform's commands take."""
