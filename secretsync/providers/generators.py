"""Values that are made rather than read: the generators Fake, Password, UUID and SSHKey (ESO v2.9.0)."""

from __future__ import annotations

import base64
import secrets
import string
import uuid
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from secretsync.api import FakeGenerator, PasswordEncoding, PasswordGenerator, PasswordSpec
from secretsync.errors import GeneratorError
from secretsync.providers import ssh_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsync.api import JsonObject

_DEFAULT_LENGTH: Final = 24
_DEFAULT_SYMBOLS: Final = '~!@#$%^&*()_+`-={}|[]\\:"<>?,./'
_LONGEST: Final = 65_536


def generate(kind: str, obj: JsonObject, *, namespace: str) -> dict[str, bytes]:
    """New values from a generator.

    Args:
        kind: its kind.
        obj: the generator object.
        namespace: where it is, for errors.

    Raises:
        GeneratorError: the kind is not served, or its specification cannot be met.
    """
    name = (obj.get("metadata") or {}).get("name", "")
    place = f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
    try:
        make = _GENERATORS[kind]
    except KeyError:
        raise GeneratorError(
            f"generators of kind {kind} are not served", place=place, remedy=f"use one of {', '.join(_GENERATORS)}"
        ) from None
    try:
        return make(obj)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, each["loc"])) for each in error.errors(include_input=False))
        raise GeneratorError(f"its specification is wrong in {fields}", place=place, remedy="correct it") from None
    except ValueError as error:
        raise GeneratorError(str(error), place=place, remedy="change its specification") from None


def _fake(obj: JsonObject) -> dict[str, bytes]:
    return {key: value.encode() for key, value in FakeGenerator.from_json(obj).spec.data.items()}


def _uuid(_obj: JsonObject) -> dict[str, bytes]:
    return {"uuid": str(uuid.uuid4()).encode()}


def _password(obj: JsonObject) -> dict[str, bytes]:
    spec = PasswordGenerator.from_json(obj).spec
    keys = spec.secret_keys or ("password",)
    if "" in keys or len(set(keys)) != len(keys):
        raise ValueError("secretKeys must be non-empty and unique")
    return {key: _encoded(password(spec).encode(), spec.encoding) for key in keys}


def password(spec: PasswordSpec) -> str:
    """One password: so many digits, symbols and letters, each drawn from its set, in random order.

    Raises:
        ValueError: the numbers do not fit each other.
    """
    length = spec.length if spec.length > 0 else _DEFAULT_LENGTH
    if length > _LONGEST:
        raise ValueError(f"length is above {_LONGEST}")
    digits = length // 4 if spec.digits is None else max(0, spec.digits)
    symbols = length // 4 if spec.symbols is None else max(0, spec.symbols)
    letters = length - digits - symbols
    if letters < 0:
        raise ValueError("the number of digits and symbols must not be above the length")
    alphabet = string.ascii_lowercase if spec.no_upper else string.ascii_letters
    symbol_characters = spec.symbol_characters or _DEFAULT_SYMBOLS
    drawn: list[str] = []
    parts = (("letters", letters, alphabet), ("digits", digits, string.digits), ("symbols", symbols, symbol_characters))
    for what, number, characters in parts:
        drawn += _draw(what, number, characters, drawn, repeat=spec.allow_repeat)
    secrets.SystemRandom().shuffle(drawn)
    return "".join(drawn)


def _draw(what: str, number: int, characters: str, taken: list[str], *, repeat: bool) -> list[str]:
    if repeat:
        return [secrets.choice(characters) for _ in range(number)]
    free = sorted(set(characters) - set(taken))
    if number > len(free):
        raise ValueError(f"the number of {what} is above that of the characters to draw from, and none may repeat")
    return secrets.SystemRandom().sample(free, number)


def _encoded(value: bytes, encoding: PasswordEncoding) -> bytes:
    match encoding:
        case PasswordEncoding.base64:
            return base64.b64encode(value)
        case PasswordEncoding.base64url:
            return base64.urlsafe_b64encode(value)
        case PasswordEncoding.base32:
            return base64.b32encode(value)
        case PasswordEncoding.hex:
            return value.hex().encode()
        case _:
            return value


def _ssh_key(obj: JsonObject) -> dict[str, bytes]:
    spec = obj.get("spec") or {}
    private, public = ssh_keys.generate(
        str(spec.get("keyType") or "rsa"), spec.get("keySize"), str(spec.get("comment") or "")
    )
    return {"privateKey": private, "publicKey": public}


_GENERATORS: Final[dict[str, Callable[[JsonObject], dict[str, bytes]]]] = {
    "Fake": _fake,
    "Password": _password,
    "SSHKey": _ssh_key,
    "UUID": _uuid,
}
