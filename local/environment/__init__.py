"""Starts and stops the parts of the embedded environment as processes of this machine."""

from local.environment.environment import Environment, PartStatus
from local.environment.locking import EnvironmentBusy
from local.environment.supervisor import Progress

__all__ = ["Environment", "EnvironmentBusy", "PartStatus", "Progress"]
