"""SSH key pairs in OpenSSH's own format, with a comment, which the cryptography package cannot write (PROTOCOL.key)."""

from __future__ import annotations

import base64
import secrets
import textwrap
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

_MAGIC: Final = b"openssh-key-v1\x00"
_BLOCK: Final = 8
_CURVES: Final[dict[int, type[ec.EllipticCurve]]] = {256: ec.SECP256R1, 384: ec.SECP384R1, 521: ec.SECP521R1}
_SMALLEST_RSA: Final = 1024
_LARGEST_RSA: Final = 8192


def generate(key_type: str, key_size: int | None, comment: str) -> tuple[bytes, bytes]:
    """A new pair.

    Args:
        key_type: ``rsa``, ``ed25519`` or ``ecdsa``.
        key_size: bits; None for 2048 (rsa) or 256 (ecdsa). An ecdsa size that is no curve means 256 (ESO v2.9.0).
        comment: goes into both keys.

    Returns:
        The private key as PEM and the public key as a line of ``authorized_keys``.

    Raises:
        ValueError: no such type, or a size out of bounds.
    """
    if "\n" in comment or "\r" in comment:
        raise ValueError("comment must not hold line breaks")
    match key_type:
        case "rsa":
            bits = 2048 if key_size is None else key_size
            if not isinstance(bits, int) or not _SMALLEST_RSA <= bits <= _LARGEST_RSA:
                raise ValueError(f"keySize must be between {_SMALLEST_RSA} and {_LARGEST_RSA}")
            return _rsa(rsa.generate_private_key(65537, bits), comment)
        case "ed25519":
            return _ed25519(ed25519.Ed25519PrivateKey.generate(), comment)
        case "ecdsa":
            return _ecdsa(ec.generate_private_key(_CURVES.get(key_size or 256, ec.SECP256R1)()), comment)
        case _:
            raise ValueError("keyType must be rsa, ed25519 or ecdsa")


def _ed25519(key: ed25519.Ed25519PrivateKey, comment: str) -> tuple[bytes, bytes]:
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    seed = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return _written(b"ssh-ed25519", _string(public) + _string(seed + public), line, comment)


def _rsa(key: rsa.RSAPrivateKey, comment: str) -> tuple[bytes, bytes]:
    numbers = key.private_numbers()
    public = numbers.public_numbers
    parts = (public.n, public.e, numbers.d, numbers.iqmp, numbers.p, numbers.q)
    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return _written(b"ssh-rsa", b"".join(map(_integer, parts)), line, comment)


def _ecdsa(key: ec.EllipticCurvePrivateKey, comment: str) -> tuple[bytes, bytes]:
    curve = f"nistp{key.curve.key_size}".encode()
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    body = _string(curve) + _string(point) + _integer(key.private_numbers().private_value)
    return _written(b"ecdsa-sha2-" + curve, body, line, comment)


def _written(kind: bytes, private: bytes, line: bytes, comment: str) -> tuple[bytes, bytes]:
    """PEM and authorized_keys line of a pair whose private fields are `private`."""
    note = comment.encode()
    check = secrets.token_bytes(4)
    section = check + check + _string(kind) + private + _string(note)
    section += bytes(range(1, 1 + -len(section) % _BLOCK))
    blob = base64.b64decode(line.split()[1])
    none = _string(b"none")
    body = _MAGIC + none + none + _string(b"") + (1).to_bytes(4) + _string(blob) + _string(section)
    # Go's PEM writer, which upstream uses, breaks lines at 64 characters, OpenSSH's own at 70.
    text = "\n".join(textwrap.wrap(base64.b64encode(body).decode(), 64))
    name = "OPENSSH PRIVATE " + "KEY"
    pem = f"-----BEGIN {name}-----\n{text}\n-----END {name}-----\n"
    return pem.encode(), line.strip() + (b" " + note if note else b"") + b"\n"


def _string(value: bytes) -> bytes:
    return len(value).to_bytes(4) + value


def _integer(value: int) -> bytes:
    return _string(value.to_bytes(value.bit_length() // 8 + 1))
