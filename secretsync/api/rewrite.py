"""What is done to the keys of one dataFrom entry."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from secretsync.api.base import Items, Model
from secretsync.api.enums import RewriteMergeConflictPolicy, RewriteMergePriorityPolicy, RewriteMergeStrategy


class RewriteRegexp(Model):
    """Replaces what a regular expression matches in each key."""

    source: str
    """Regular expression (RE2)."""
    target: str
    """Replacement; $1 or ${name} insert a group."""


class RewriteTransform(Model):
    """Makes each key anew from a template."""

    template: str
    """Go template; .value is the old key."""


class RewriteMerge(Model):
    """Joins the values, each a JSON object, into one map of keys or one JSON value."""

    into: str = ""
    """Key of the result; needed with strategy JSON."""
    priority: Items[str] = ()
    """Keys merged last, in this order; they win."""
    conflict_policy: RewriteMergeConflictPolicy = RewriteMergeConflictPolicy.Error
    """Whether two values may have the same member."""
    priority_policy: RewriteMergePriorityPolicy = RewriteMergePriorityPolicy.Strict
    """Whether every key in priority must exist."""
    strategy: RewriteMergeStrategy = RewriteMergeStrategy.Extract
    """Extract: members become keys. JSON: one key holds the merged object."""


class Rewrite(Model):
    """One operation on the keys; exactly one of the three is set."""

    merge: RewriteMerge | None = None
    """Join the values."""
    regexp: RewriteRegexp | None = None
    """Replace by regular expression."""
    transform: RewriteTransform | None = None
    """Replace by template."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.merge is not None) + (self.regexp is not None) + (self.transform is not None) != 1:
            raise PydanticCustomError("exactly_one", "needs exactly one of merge, regexp, transform")
        return self
