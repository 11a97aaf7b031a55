"""``decodingStrategy``: what happens to a fetched value before it becomes a Secret's (ESO v2.9.0).

The Base64 alphabets are decoded as Go's ``encoding/base64`` does with ``StdEncoding`` and ``URLEncoding``: padding is
required, carriage returns and line feeds are ignored wherever they stand, any other foreign byte is an error, and bits
beyond the last whole byte are not checked.
"""

from __future__ import annotations

import binascii
import re
from typing import Final

from secretsync.api.enums import DecodingStrategy
from secretsync.errors import DecodingError

_STANDARD: Final = re.compile(rb"(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}(?:==|[A-Za-z0-9+/]=))?")
_URL: Final = re.compile(rb"(?:[A-Za-z0-9_-]{4})*+(?:[A-Za-z0-9_-]{2}(?:==|[A-Za-z0-9_-]=))?")
_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_LINE_ENDS: Final = b"\r\n"


def decode(value: bytes, strategy: DecodingStrategy) -> bytes:
    """The value as the strategy reads it.

    ``Auto`` tries Base64, then Base64URL, and otherwise leaves the value alone. It therefore also decodes texts that
    merely look encoded, such as ``test`` or ``1234``.

    Raises:
        DecodingError: the value is not of the encoding the strategy names; never with ``Auto`` or ``None``.
    """
    match strategy:
        case DecodingStrategy.None_:
            return value
        case DecodingStrategy.Base64:
            decoded = _standard(value)
        case DecodingStrategy.Base64URL:
            decoded = _url(value)
        case DecodingStrategy.Auto:
            decoded = _standard(value)
            if decoded is None:
                decoded = _url(value)
            return value if decoded is None else decoded
    if decoded is None:
        raise DecodingError(
            f"the value is not {strategy.value}: its alphabet, length or padding is wrong",
            remedy="correct the value upstream, or set decodingStrategy to None or Auto",
        )
    return decoded


def _standard(value: bytes) -> bytes | None:
    text = value.translate(None, _LINE_ENDS)
    return binascii.a2b_base64(text) if _STANDARD.fullmatch(text) else None


def _url(value: bytes) -> bytes | None:
    text = value.translate(None, _LINE_ENDS)
    return binascii.a2b_base64(text.translate(_TO_STANDARD)) if _URL.fullmatch(text) else None
