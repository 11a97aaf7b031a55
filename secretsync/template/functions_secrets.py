"""sprig's functions that make or use secrets: random text, hashes, AES, keys and certificates."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
import string
import uuid
from typing import TYPE_CHECKING, Any, Final

import bcrypt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from gotpl.funcs.sprig import crypto as upstream

from secretsync.template.budget import check_length
from secretsync.template.failures import FunctionFailure
from secretsync.template.functions import Function, define
from secretsync.template.govalues import GoObject, decode, encode, runes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_RANDOM: Final = secrets.SystemRandom()
_RANDOM_WEIGHT: Final = 16
_BCRYPT_LIMIT: Final = 72
_AES_KEY: Final = 32
_AES_BLOCK: Final = 16
_PRINTABLE: Final = "".join(map(chr, range(32, 127)))


class Certificate(GoObject):
    """sprig's certificate: PEM texts of a certificate and its key."""

    go_type = "sprig.certificate"
    __slots__ = ("cert", "key")

    def __init__(self, cert: str, key: str) -> None:
        self.cert = cert
        self.key = key

    def __str__(self) -> str:
        return "{" + f"{self.cert} {self.key}" + "}"

    def to_json(self) -> dict[str, str]:
        """Its exported fields."""
        return {"Cert": self.cert, "Key": self.key}


Certificate.members = {"Cert": lambda self: self.cert, "Key": lambda self: self.key}


def _random_text(alphabet: str) -> Callable[[int], str]:
    # Bytes beyond the largest multiple of the alphabet's size are thrown away, so that every character is as likely.
    size = len(alphabet)
    fair = 256 - 256 % size
    table = bytes(ord(alphabet[byte % size]) for byte in range(256))
    unfair = bytes(range(fair, 256))

    def generate(count: int) -> str:
        if count < 0:
            return ""
        check_length(count * _RANDOM_WEIGHT)
        chosen = b""
        while len(chosen) < count:
            chosen += os.urandom(2 * (count - len(chosen)) + 16).translate(table, unfair)
        return chosen[:count].decode()

    return generate


def _random_bytes(count: int) -> str:
    if count < 0:
        raise FunctionFailure("the count is negative")
    check_length(count)
    return base64.b64encode(os.urandom(count)).decode()


def _shuffle(text: str) -> str:
    chars = list(runes(text))
    _RANDOM.shuffle(chars)
    return "".join(chars)


def _bcrypt(password: str) -> str:
    data = encode(password)
    if len(data) > _BCRYPT_LIMIT:
        return "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes"
    hashed = bcrypt.hashpw(data, bcrypt.gensalt(10, b"2a"))
    return hashed.decode()


def _htpasswd(user: str, password: str, algorithm: str) -> str:
    if ":" in user:
        return f"invalid username: {user}"
    if algorithm == "sha":
        digest = hashlib.sha1(encode(password), usedforsecurity=False).digest()
        return f"{user}:{{SHA}}{base64.b64encode(digest).decode()}"
    return f"{user}:{_bcrypt(password)}"


def _aes(password: str, start: bytes) -> Cipher[modes.CBC]:
    return Cipher(algorithms.AES(encode(password)[:_AES_KEY].ljust(_AES_KEY, b"\0")), modes.CBC(start))


def _encrypt(password: str, text: str) -> str:
    if not text:
        return ""
    data = encode(text)
    padding = _AES_BLOCK - len(data) % _AES_BLOCK
    start = os.urandom(_AES_BLOCK)
    encryptor = _aes(password, start).encryptor()
    return base64.b64encode(start + encryptor.update(data + bytes([padding]) * padding)).decode()


def _decrypt(password: str, text: str) -> str:
    if not text:
        return ""
    try:
        data = binascii.a2b_base64(text.translate({10: None, 13: None}), strict_mode=True)
    except ValueError:
        raise FunctionFailure("the encrypted text is not base64") from None
    if len(data) < 2 * _AES_BLOCK or len(data) % _AES_BLOCK:
        raise FunctionFailure("the encrypted text has a wrong length")
    plain = _aes(password, data[:_AES_BLOCK]).decryptor().update(data[_AES_BLOCK:])
    if plain[-1] > len(plain):
        raise FunctionFailure("the password does not fit the encrypted text")
    return decode(plain[: len(plain) - plain[-1]])


def _certificate(generate: Callable[..., Any]) -> Callable[..., Certificate]:
    def make(*arguments: Any) -> Certificate:  # noqa: ANN401 - the arguments of sprig's functions
        given = [
            upstream.Certificate(item.cert, item.key) if isinstance(item, Certificate) else item for item in arguments
        ]
        made = generate(*given)
        return Certificate(str(made.Cert), str(made.Key))

    return make


def functions() -> Iterator[Function]:
    """All functions of this module."""
    family = "random"
    for name, alphabet in (
        ("randAlphaNum", string.ascii_letters + string.digits),
        ("randAlpha", string.ascii_letters),
        ("randNumeric", string.digits),
        ("randAscii", _PRINTABLE),
    ):
        yield from define(
            family, "(int) string", name, _random_text(alphabet), volatile=True, text_weight=_RANDOM_WEIGHT
        )
    yield from define(family, "(int) string", "randBytes", _random_bytes, volatile=True)
    yield from define(family, "(string) string", "shuffle", _shuffle, volatile=True, text_weight=128)
    yield from define(family, "() string", "uuidv4", lambda: str(uuid.uuid4()), volatile=True)
    family = "cryptography"
    one = 1
    yield from define(family, "(string) string", "bcrypt", _bcrypt, volatile=True, key_work=one)
    yield from define(
        family, "(string, string, HashAlgorithm) string", "htpasswd", _htpasswd, volatile=True, key_work=one
    )
    yield from define(
        family,
        "(uint32, string, string, string, string) string",
        "derivePassword",
        upstream.derive_password,
        key_work=one,
    )
    yield from define(family, "(string, string) string", "encryptAES", _encrypt, volatile=True)
    yield from define(family, "(string, string) string", "decryptAES", _decrypt)
    yield from define(
        family, "(string) string", "genPrivateKey", upstream.generate_private_key, volatile=True, key_work=4
    )
    made = "sprig.certificate"
    names, days = "[]any, []any", "int"
    for name, parameters, generate, work in (
        ("genCA", f"string, {days}", upstream.generate_ca, one),
        ("genCAWithKey", f"string, {days}, string", upstream.generate_ca_with_key, 0),
        ("genSelfSignedCert", f"string, {names}, {days}", upstream.generate_self_signed_certificate, one),
        (
            "genSelfSignedCertWithKey",
            f"string, {names}, {days}, string",
            upstream.generate_self_signed_certificate_with_key,
            0,
        ),
        ("genSignedCert", f"string, {names}, {days}, {made}", upstream.generate_signed_certificate, one),
        (
            "genSignedCertWithKey",
            f"string, {names}, {days}, {made}, string",
            upstream.generate_signed_certificate_with_key,
            0,
        ),
    ):
        signature = f"({parameters}) {made}"
        yield from define(family, signature, name, _certificate(generate), volatile=True, key_work=work)
    yield from define(
        family, f"(string, string) {made}", "buildCustomCert", _certificate(upstream.build_custom_certificate)
    )
