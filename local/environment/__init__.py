"""Starts and stops the parts of the embedded environment as processes of this machine."""

from local.environment.environment import Environment, PartStatus, Progress
from local.environment.locking import EnvironmentBusy

__all__ = ["Environment", "EnvironmentBusy", "PartStatus", "Progress"]
