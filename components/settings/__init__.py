"""A stack's configuration as frozen, typed settings: one module per section, read in one place."""

from components.settings.aws import AWSSettings, IRSAIdentity, KMSKeySettings, LevelException, PodIdentity, ReadOnlyFrom
from components.settings.aws_secrets import ParameterSettings, SecretSettings
from components.settings.cluster import ClusterSettings
from components.settings.operator import OperatorSettings
from components.settings.stack import PLAIN, PREFIX, SECTIONS, Settings, parse
from components.settings.sync import SyncSettings
from components.settings.upstream import UpstreamSettings
from components.settings.vault import VaultSettings

__all__ = [
    "PLAIN",
    "PREFIX",
    "SECTIONS",
    "AWSSettings",
    "ClusterSettings",
    "IRSAIdentity",
    "KMSKeySettings",
    "LevelException",
    "OperatorSettings",
    "ParameterSettings",
    "PodIdentity",
    "ReadOnlyFrom",
    "SecretSettings",
    "Settings",
    "SyncSettings",
    "UpstreamSettings",
    "VaultSettings",
    "parse",
]
