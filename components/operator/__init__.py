"""The operator: its kinds, and who acts on them."""

from components.operator.builtin import BuiltinOperator, BuiltinOperatorArgs
from components.operator.definitions import CustomResourceDefinitions

__all__ = ["BuiltinOperator", "BuiltinOperatorArgs", "CustomResourceDefinitions"]
