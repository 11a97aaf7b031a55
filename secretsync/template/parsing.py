"""The parse tree of a template, from the parser of gotpl. No other module knows where the tree comes from."""

from __future__ import annotations

from typing import Final

from gotpl.errors import TemplateSyntaxError
from gotpl.parse.lexer import lex
from gotpl.parse.nodes import (
    ActionNode,
    BlockNode,
    BoolNode,
    BreakNode,
    CharacterNode,
    CommandNode,
    ComplexNode,
    ContinueNode,
    DotNode,
    FieldNode,
    IdentifierNode,
    IfNode,
    ListNode,
    NilNode,
    NumberNode,
    ParenthesizedNode,
    ParsedTemplate,
    PipeNode,
    RangeNode,
    StringNode,
    TemplateCallNode,
    TermNode,
    TextNode,
    VariableNode,
    WithNode,
)
from gotpl.parse.parser import ParserLimits
from gotpl.parse.parser import _Parser as UpstreamParser
from gotpl.parse.semantic import validate_template
from gotpl.parse.tokens import TokenKind

from secretsync.template.budget import MAX_NESTING, MAX_TEMPLATE_BYTES
from secretsync.template.failures import ExecutionFailure
from secretsync.template.govalues import decode

__all__ = [
    "ActionNode",
    "BlockNode",
    "BoolNode",
    "BreakNode",
    "CharacterNode",
    "CommandNode",
    "ComplexNode",
    "ContinueNode",
    "DotNode",
    "FieldNode",
    "IdentifierNode",
    "IfNode",
    "ListNode",
    "NilNode",
    "NumberNode",
    "ParenthesizedNode",
    "ParsedTemplate",
    "PipeNode",
    "RangeNode",
    "StringNode",
    "SyntaxFailure",
    "TemplateCallNode",
    "TermNode",
    "TextNode",
    "VariableNode",
    "WithNode",
    "number_of",
    "parse",
    "text_of",
]

_LIMITS: Final = ParserLimits(
    max_source_bytes=MAX_TEMPLATE_BYTES, max_tokens=MAX_TEMPLATE_BYTES, max_nesting=MAX_NESTING
)
_QUOTED_PARTS: Final = ("bad number syntax", "unrecognized character", "unexpected '", 'unexpected "')
_SIMPLE_ESCAPES: Final = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_OCTAL: Final = "01234567"
_HEX_WIDTHS: Final = {"x": 2, "u": 4, "U": 8}


class SyntaxFailure(ExecutionFailure):
    """A template does not parse."""


class _Parser(UpstreamParser):
    """gotpl's parser, which lacks a field behind a function name (``now.Year``)."""

    def parse_term(self) -> TermNode:
        term = super().parse_term()
        if not isinstance(term, IdentifierNode) or self.peek().kind is not TokenKind.FIELD:
            return term
        fields, end = self.collect_following_fields(term.end)
        command = CommandNode((term,), term.start, term.end)
        pipeline = PipeNode((), False, (command,), term.start, term.end)  # noqa: FBT003 - no assignment
        return ParenthesizedNode(pipeline, fields, term.start, end)


def _parse(source: str, functions: frozenset[str]) -> ParsedTemplate:
    if len(source.encode("utf-8", "replace")) > MAX_TEMPLATE_BYTES:
        raise SyntaxFailure(f"the template is longer than {MAX_TEMPLATE_BYTES} bytes")
    tokens = tuple(lex(source, functions=functions))
    document = _Parser(source, tokens, "", _LIMITS).parse_document()
    validate_template(source, document, functions=functions)
    return document


def parse(source: str, functions: frozenset[str]) -> ParsedTemplate:
    """The tree of a template.

    Raises:
        SyntaxFailure: the text is no template, calls an unknown function, or is too large or too deep.
    """
    try:
        return _parse(source, functions)
    except TemplateSyntaxError as error:
        text = str(error).split(": ", 1)[-1]
        raise SyntaxFailure(_without_literals(text), error.position) from None
    except RecursionError:
        raise SyntaxFailure("the template nests too deeply", 0) from None
    except IndexError:
        raise SyntaxFailure("the template ends inside an action", len(source.encode())) from None


def _without_literals(text: str) -> str:
    # The parser quotes pieces of the source; a literal in it may be a secret somebody wrote into a template.
    for start in _QUOTED_PARTS:
        if text.startswith(start):
            return start.rstrip(" '\"")
    return text


def text_of(node: StringNode) -> str:
    r"""The string a literal stands for; ``\xNN`` and octal escapes are bytes, as in Go."""
    quoted = node.quoted
    if quoted[0] == "`" or "\\" not in quoted:
        return str(node.value)
    out = bytearray()
    inner = quoted[1:-1]
    index = 0
    while index < len(inner):
        char = inner[index]
        index += 1
        if char != "\\":
            out += char.encode()
            continue
        escape = inner[index]
        index += 1
        if escape in _SIMPLE_ESCAPES:
            out.append(_SIMPLE_ESCAPES[escape])
        elif escape in _OCTAL:
            out.append(int(inner[index - 1 : index + 2], 8))
            index += 2
        elif escape in _HEX_WIDTHS:
            code = int(inner[index : index + _HEX_WIDTHS[escape]], 16)
            index += _HEX_WIDTHS[escape]
            if escape == "x":
                out.append(code)
            else:
                out += chr(code).encode()
        else:
            out += escape.encode()
    return decode(bytes(out))


def number_of(node: NumberNode) -> int | float | complex:
    """The value of a numeric literal: an int, a float where it has a point or an exponent, or imaginary."""
    text = node.text.replace("_", "")
    if text.endswith("i"):
        return complex(0.0, float(text[:-1]))
    lowered = text.lower()
    hexadecimal = lowered.lstrip("+-").startswith("0x")
    if hexadecimal and "p" in lowered:
        return float.fromhex(text)
    if not hexadecimal and any(char in lowered for char in ".ep"):
        return float(text)
    sign = -1 if text.startswith("-") else 1
    digits = lowered.lstrip("+-")
    if digits.startswith(("0x", "0o", "0b")):
        return sign * int(digits, 0)
    return sign * int(digits, 8 if len(digits) > 1 and digits.startswith("0") else 10)
