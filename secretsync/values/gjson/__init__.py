r"""Property paths over JSON text, with the semantics of tidwall/gjson 1.18, which ESO v2.9.0 reads properties with.

The text is searched without being decoded: what a path selects keeps its raw form, white space and digits included.
JSON that is not valid is searched as gjson does, which means that something may be found in it.

* ``a.b.0`` members and array elements; ``\.`` a dot in a name; ``*`` and ``?`` wildcards in a name
* ``a.#`` number of elements; ``a.#.b`` a member of each; ``a.#(b=="x").c`` first match; ``a.#(b>1)#.c`` all matches
* ``{a,"n":b}`` and ``[a,b]`` new objects and arrays; ``!"x"`` a literal; ``a|b`` a pipe; ``..0`` JSON lines
* modifiers ``@reverse @ugly @pretty @this @valid @flatten @join @keys @values @tostr @fromstr @group @dig``

Work and nesting are bounded, so that no path and no document can hold up a sync: see `limits`.
"""

from secretsync.values.gjson.plain import get
from secretsync.values.gjson.result import Result, Type

__all__ = ["Result", "Type", "get"]
