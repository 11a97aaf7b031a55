"""A stack's configuration as frozen, typed settings: one module per section, read in one place."""

from components.settings.cluster import ClusterSettings
from components.settings.operator import OperatorSettings
from components.settings.stack import PREFIX, SECTIONS, Settings, parse
from components.settings.sync import SyncSettings
from components.settings.vault import VaultSettings

__all__ = [
    "PREFIX",
    "SECTIONS",
    "ClusterSettings",
    "OperatorSettings",
    "Settings",
    "SyncSettings",
    "VaultSettings",
    "parse",
]
