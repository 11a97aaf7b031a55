"""The dynamic providers over their wire, without an engine."""
