"""Pure functions on values and keys between fetch and target: property paths, decoding, conversion, rewrite, hashes.

No module here does I/O or reads a clock. Values are `bytes`, keys are `str`; JSON follows Go's ``encoding/json`` and
paths follow tidwall/gjson 1.18, because ESO v2.9.0 does. The page ``docs/values.md`` says which provider uses what.
"""
