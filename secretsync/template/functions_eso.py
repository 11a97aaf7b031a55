"""The functions ESO adds to sprig (template engine v2, ESO v2.9.0)."""

from __future__ import annotations

import binascii
import math
from typing import TYPE_CHECKING, Any

from secretsync.template import certificates, yaml_text
from secretsync.template.failures import FunctionFailure
from secretsync.template.functions import Function, define
from secretsync.template.gofmt import default_format
from secretsync.template.govalues import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator


def _to_yaml(value: object) -> str:
    try:
        return yaml_text.dumps(value)
    except FunctionFailure:
        return ""


def _from_yaml(text: str) -> dict[str, Any]:
    try:
        value = yaml_text.loads(text)
    except yaml_text.YamlFailure as failure:
        return {"Error": f"error converting YAML to JSON: {failure}"}
    if value is None:
        return {}
    if not isinstance(value, dict):
        kind = "array" if isinstance(value, list) else _json_kind(value)
        return {
            "Error": "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal "
            f"{kind} into Go value of type map[string]interface {{}}"
        }
    try:
        result = _floats(value)
    except _NotFinite as found:
        return {"Error": f"error converting YAML to JSON: json: unsupported value: {found}"}
    return result if isinstance(result, dict) else {}


class _NotFinite(Exception):
    """The YAML has an infinity or a NaN, which JSON lacks."""


def _json_kind(value: object) -> str:
    return "bool" if isinstance(value, bool) else "string" if isinstance(value, str) else "number"


def _floats(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return {key: _floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_floats(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise _NotFinite(default_format(value))
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _hex_decode(text: str) -> str:
    try:
        return decode(binascii.unhexlify(encode(text)))
    except ValueError:
        raise FunctionFailure("the text is not hexadecimal") from None


def functions() -> Iterator[Function]:
    """All functions of this module."""
    one, two = "(string) string", "(string, string) string"
    family = "ESO"
    yield from define(family, one, "pkcs12key", lambda data: certificates.store_key("", data))
    yield from define(family, two, "pkcs12keyPass", certificates.store_key)
    yield from define(family, one, "pkcs12cert", lambda data: certificates.store_certificates("", data))
    yield from define(family, two, "pkcs12certPass", certificates.store_certificates)
    for name, whole in (("pemToPkcs12", False), ("fullPemToPkcs12", True)):
        yield from define(family, two, name, _store_maker(whole_chain=whole), volatile=True)
        yield from define(
            family,
            "(string, string, string) string",
            f"{name}Pass",
            _store_maker(whole_chain=whole),
            volatile=True,
            key_work=1,
        )
    yield from define(
        family, one, "pemTruststoreToPKCS12", lambda pem: certificates.make_truststore(pem, ""), volatile=True
    )
    yield from define(family, two, "pemTruststoreToPKCS12Pass", certificates.make_truststore, volatile=True, key_work=1)
    yield from define(family, two, "filterPEM", certificates.filter_pem, text_weight=8)
    yield from define(family, two, "filterCertChain", certificates.filter_chain)
    yield from define(family, "(string) []string", "certSANs", certificates.subject_names)
    yield from define(family, one, "jwkPublicKeyPem", certificates.jwk_public_pem)
    yield from define(family, one, "jwkPrivateKeyPem", certificates.jwk_private_pem)
    yield from define(family, "(any) string", "toYaml", _to_yaml, text_weight=64)
    yield from define(family, "(string) map[string]any", "fromYaml", _from_yaml, text_weight=256)
    yield from define(family, "(string, string, string, string) string", "rsaDecrypt", certificates.rsa_decrypt)
    yield from define(family, one, "hexdec", _hex_decode)


def _store_maker(*, whole_chain: bool) -> Any:  # noqa: ANN401 - a function on strings
    return lambda certificate, key, password="": certificates.make_store(
        certificate, key, password, whole_chain=whole_chain
    )
