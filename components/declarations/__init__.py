"""The declarations of a stack: native YAML, completed by what the stack file says; pure, no Pulumi in it."""

from components.declarations.aws import AWSStoreAccess
from components.declarations.declared import Declarations, Lane, identity
from components.declarations.reading import declare
from components.declarations.vault import VaultAccess

__all__ = ["AWSStoreAccess", "Declarations", "Lane", "VaultAccess", "declare", "identity"]
