"""Inputs after a refresh: the program's own, except where somebody changed the live object.

The rule needs no knowledge of types: an input stays as the program wrote it where the live value is still what the
last operation left behind, and takes the live value elsewhere. So a server's normalisation ("1000m" becoming "1"),
added defaults and labels are no drift, and a hand's edit is.
"""

from __future__ import annotations

from local.pulumi.wire import PropertyValue, Secret, mark_like, plain


def merge_live(old_input: PropertyValue, old_output: PropertyValue, live: PropertyValue) -> PropertyValue:
    """Inputs to record after a read; None where the live object has lost the value.

    Args:
        old_input: What the program said at the last operation; only its keys are looked at.
        old_output: What the object was right after the last operation.
        live: What the object is now.
    """
    if isinstance(old_input, Secret):
        merged = merge_live(old_input.value, plain(old_output), plain(live))
        return None if merged is None else Secret(merged)
    if isinstance(old_input, dict) and isinstance(live, dict):
        old_output = old_output.value if isinstance(old_output, Secret) else old_output
        before = old_output if isinstance(old_output, dict) else {}
        return {
            key: merged
            for key, item in old_input.items()
            if (merged := merge_live(item, before.get(key), live.get(key))) is not None
        }
    if plain(old_output) == plain(live):
        return old_input
    return mark_like(live, old_input)
