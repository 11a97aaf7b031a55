"""A writer of PKCS#12 stores (RFC 7292) whose certificate need not belong to the key.

`cryptography` refuses such a pair; ESO does not look (ESO v2.9.0), e.g. where a chain does not begin with its leaf.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import serialization

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_INTEGER: Final = 0x02
_OCTETS: Final = 0x04
_NULL: Final = b"\x05\x00"
_OBJECT: Final = 0x06
_SEQUENCE: Final = 0x30
_SET: Final = 0x31
_EXPLICIT: Final = 0xA0
_SHORT_LENGTH: Final = 0x80
_PKCS: Final = bytes.fromhex("2a864886f70d01")
_DATA: Final = _PKCS + b"\x07\x01"
_KEY_BAG: Final = _PKCS + b"\x0c\x0a\x01\x01"
_SHROUDED_KEY_BAG: Final = _PKCS + b"\x0c\x0a\x01\x02"
_CERTIFICATE_BAG: Final = _PKCS + b"\x0c\x0a\x01\x03"
_X509: Final = _PKCS + b"\x09\x16\x01"
_LOCAL_KEY_ID: Final = _PKCS + b"\x09\x15"
_SHA256: Final = bytes.fromhex("608648016503040201")
_MAC_PURPOSE: Final = 3
_BLOCK: Final = 64
_ITERATIONS: Final = 2048


def _der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    if size < _SHORT_LENGTH:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, _SHORT_LENGTH | len(length))) + length + body


def _filled(part: bytes) -> bytes:
    """The part repeated to a multiple of the block size."""
    size = _BLOCK * -(-len(part) // _BLOCK)
    return (part * -(-size // len(part)))[:size]


def _mac_key(password: str, salt: bytes) -> bytes:
    """RFC 7292, appendix B.2, for one block of SHA-256."""
    secret = (password + "\0").encode("utf-16-be")
    padded = b"".join(_filled(part) for part in (salt, secret))
    digest = bytes([_MAC_PURPOSE]) * _BLOCK + padded
    for _ in range(_ITERATIONS):
        digest = hashlib.sha256(digest).digest()
    return digest


def _bag(kind: bytes, value: bytes, *, paired: bool) -> bytes:
    attribute = _der(_SEQUENCE, _der(_OBJECT, _LOCAL_KEY_ID), _der(_SET, _der(_OCTETS, b"\x01")))
    attributes = _der(_SET, attribute) if paired else b""
    return _der(_SEQUENCE, _der(_OBJECT, kind), _der(_EXPLICIT, value), attributes)


def _content(data: bytes) -> bytes:
    return _der(_SEQUENCE, _der(_OBJECT, _DATA), _der(_EXPLICIT, _der(_OCTETS, data)))


def write(key: PrivateKeyTypes, certificates: Sequence[x509.Certificate], password: str) -> bytes:
    """A store with a key, encrypted where there is a password, and certificates, the first one named as the key's."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        encryption = serialization.BestAvailableEncryption(password.encode())
    private = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, encryption)
    bags = [_bag(_SHROUDED_KEY_BAG if password else _KEY_BAG, private, paired=True)]
    for index, certificate in enumerate(certificates):
        encoded = certificate.public_bytes(serialization.Encoding.DER)
        value = _der(_SEQUENCE, _der(_OBJECT, _X509), _der(_EXPLICIT, _der(_OCTETS, encoded)))
        bags.append(_bag(_CERTIFICATE_BAG, value, paired=index == 0))
    safes = _der(_SEQUENCE, *(_content(_der(_SEQUENCE, bag)) for bag in bags))
    salt = os.urandom(16)
    mac = hmac.digest(_mac_key(password, salt), safes, "sha256")
    algorithm = _der(_SEQUENCE, _der(_OBJECT, _SHA256), _NULL)
    iterations = _der(_INTEGER, _ITERATIONS.to_bytes(2))
    mac_data = _der(_SEQUENCE, _der(_SEQUENCE, algorithm, _der(_OCTETS, mac)), _der(_OCTETS, salt), iterations)
    return _der(_SEQUENCE, _der(_INTEGER, b"\x03"), _content(safes), mac_data)
