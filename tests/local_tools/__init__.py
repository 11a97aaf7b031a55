"""The tools of the local environment."""
