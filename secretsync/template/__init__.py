"""Go templates with sprig and the functions of ESO's template engine v2.

Pure: no file, no network, no environment. Every failure is a :class:`secretsync.errors.TemplateError` that names the
template, the line and the missing key or function, never a value.
"""

from secretsync.template.analysis import referenced_keys, volatile_functions
from secretsync.template.render import render, render_mapping

__all__ = ["referenced_keys", "render", "render_mapping", "volatile_functions"]
