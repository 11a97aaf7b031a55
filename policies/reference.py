"""Generates ``docs/policies.md`` from the rules and the configuration files of the environments."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from pulumi_policy import EnforcementLevel, ResourceValidationPolicy

from policies import configuration
from policies.rules import POLICIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pulumi_policy import Policy

    from policies.configuration import Configuration

_HEAD = """# Policies

Generated from the code (`python -m policies.reference > docs/policies.md`).

A rule judges what a preview is about to make, and says which resource breaks it, why, and the smallest change that
passes. No message holds a value.

```
make preview STACK=prod     # over doubles of the cloud, with the file of the stack's environment
pulumi preview --policy-pack policies --policy-pack-config policies/config/prod.json
```

The file of a stack is that of its setting `external-secrets:environment`. It gives a rule its level (`mandatory` stops
an update, `advisory` is only printed, `disabled` is not asked) and the parameters that differ from the defaults.
`"rule": "advisory"` is short for `"rule": {"enforcementLevel": "advisory"}`; `"all"` is the level of every rule that
has none of its own in the file. The engine passes over a misspelt rule or parameter; a test does not.

What is not known before an update is never taken for a fault. What is known beside it is judged all the same.

"""
_TAIL = """
An empty column means the default. Exceptions are parameters, so they stand in a file that is reviewed:
`region-wide-reads-dated` takes them with a date and a reason, and reports one that has ended; `no-plain-secrets` and
`no-secret-outputs` take the place that only looks like a secret; lists of names let single resources through.
"""


def page() -> str:
    """The whole page."""
    files = {
        environment: configuration.read(configuration.path(environment).read_text(encoding="utf-8"))
        for environment in configuration.ENVIRONMENTS
    }
    return _HEAD + "\n".join([*_rules(files), "", *_parameters(files)]) + "\n" + _TAIL


def _rules(files: Mapping[str, Configuration]) -> Iterator[str]:
    yield "## The rules"
    yield ""
    yield f"| rule | wants | severity | {' | '.join(files)} |"
    yield f"|---|---|---|{'---|' * len(files)}"
    for policy in POLICIES:
        levels = " | ".join(_level(each, policy) for each in files.values())
        severity = policy.severity.value if policy.severity is not None else ""
        yield f"| `{policy.name}` | {_cell(policy.description)} | {severity} | {levels} |"
    whole = [f"`{policy.name}`" for policy in POLICIES if not isinstance(policy, ResourceValidationPolicy)]
    yield ""
    yield f"Rules judge single resources, except {', '.join(whole)}, which sees the whole stack."


def _level(file: Configuration, policy: Policy) -> str:
    level = file.level(policy)
    return level.value if level is not EnforcementLevel.MANDATORY else "**mandatory**"


def _parameters(files: Mapping[str, Configuration]) -> Iterator[str]:
    yield "## Parameters"
    yield ""
    yield f"| rule | parameter | means | default | {' | '.join(files)} |"
    yield f"|---|---|---|---|{'---|' * len(files)}"
    for policy in POLICIES:
        schema = policy.config_schema
        for name, each in schema.properties.items() if schema is not None else ():
            given = [file.parameters.get(policy.name, {}).get(name) for file in files.values()]
            cells = " | ".join("" if value is None else _value(value) for value in given)
            default = _value(each["default"])
            yield f"| `{policy.name}` | `{name}` | {_cell(each['description'])} | {default} | {cells} |"


def _value(value: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return ", ".join(f"`{each}`" for each in value)
    return f"`{json.dumps(value)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
