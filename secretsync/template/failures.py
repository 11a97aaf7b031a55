"""What goes wrong inside a template, before it becomes a TemplateError.

The texts are made of constants and of names that stand in the template: no value ever gets into one.
"""

from __future__ import annotations


class FunctionFailure(Exception):
    """A function refuses its arguments; the text is constant."""


class ExecutionFailure(Exception):
    """A template does not execute.

    Attributes:
        problem: what is wrong, without a value.
        position: byte offset in the source, -1 where it is not known.
    """

    def __init__(self, problem: str, position: int = -1) -> None:
        super().__init__(problem)
        self.problem = problem
        self.position = position


class BudgetExceeded(ExecutionFailure):
    """A template does more work, nests deeper or writes more than it may."""
