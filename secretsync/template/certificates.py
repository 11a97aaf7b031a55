"""PEM blocks, certificate chains, PKCS#12, JWK and RSA, as the functions of ESO's template engine v2 treat them."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.serialization import pkcs12

from secretsync.template import pkcs12_store
from secretsync.template.failures import FunctionFailure
from secretsync.template.govalues import StringList, decode, encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

_CERTIFICATE: Final = "CERTIFICATE"
_BEGIN: Final = re.compile(rb"(?:^|(?<=\n))-----BEGIN ([^\n]*?)-----[ \t\r]*\n")
_HEADER: Final = re.compile(rb"[^\n:]+:[^\n]*\n")
_LINE: Final = 64
_MAX_BLOCKS: Final = 500
_CURVES: Final[dict[str, type[ec.EllipticCurve]]] = {
    "P-256": ec.SECP256R1,
    "P-384": ec.SECP384R1,
    "P-521": ec.SECP521R1,
}


@dataclass(frozen=True, slots=True, repr=False)
class Block:
    """One PEM block: its type and the decoded bytes."""

    kind: str
    data: bytes

    def __repr__(self) -> str:
        return f"Block({self.kind!r}, {len(self.data)} bytes)"

    def pem(self) -> str:
        """The block as Go's encoding/pem writes it: 64 characters a line."""
        text = base64.b64encode(self.data).decode()
        lines = "".join(text[start : start + _LINE] + "\n" for start in range(0, len(text), _LINE))
        return f"-----BEGIN {self.kind}-----\n{lines}-----END {self.kind}-----\n"


def blocks(text: str) -> tuple[list[Block], bool]:
    """The PEM blocks of a text, whatever stands between them, and whether anything but space follows the last one."""
    data = encode(text).replace(b"\r\n", b"\n")
    found: list[Block] = []
    unclosed: set[bytes] = set()
    end = position = 0
    while begin := _BEGIN.search(data, position):
        kind = begin.group(1)
        position = begin.end()
        finish = -1 if kind in unclosed else data.find(b"\n-----END " + kind + b"-----", position - 1)
        if finish < 0:
            unclosed.add(kind)
            continue
        decoded = _decoded(data[position:finish])
        if decoded is None:
            continue
        found.append(Block(decode(kind), decoded))
        line_end = data.find(b"\n", finish + 1)
        end = position = len(data) if line_end < 0 else line_end + 1
        if len(found) > _MAX_BLOCKS:
            raise FunctionFailure(f"there are more than {_MAX_BLOCKS} PEM blocks")
    return found, end < len(data)


def _decoded(body: bytes) -> bytes | None:
    while header := _HEADER.match(body):
        body = body[header.end() :]
    try:
        return binascii.a2b_base64(body.translate(None, b" \t\r\n"), strict_mode=True)
    except ValueError:
        return None


def filter_pem(kind: str, text: str) -> str:
    """The blocks of a type, compared without regard to case."""
    found, junk = blocks(text)
    chosen = "".join(block.pem() for block in found if block.kind.casefold() == kind.casefold())
    if not chosen and junk:
        raise FunctionFailure("the text has no PEM block of this type but something else at its end")
    return chosen


def _certificates(text: str) -> list[x509.Certificate]:
    return [_parse_certificate(block.data) for block in blocks(text)[0]]


def _parse_certificate(data: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(data)
    except ValueError:
        raise FunctionFailure("a PEM block is not a certificate") from None


def _pem(certificate: x509.Certificate) -> str:
    return Block(_CERTIFICATE, certificate.public_bytes(serialization.Encoding.DER)).pem()


def _subject_id(certificate: x509.Certificate) -> bytes:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return b""


def _authority_id(certificate: x509.Certificate) -> bytes:
    try:
        return certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier or b""
    except x509.ExtensionNotFound:
        return b""


def ordered(certificates: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The chain from the leaf to the root, linked by key identifiers alone.

    Raises:
        FunctionFailure: there is no single leaf, or the links make a circle (also where identifiers are absent).
    """
    parents: dict[int, int] = {}
    for child, certificate in enumerate(certificates):
        authority = _authority_id(certificate)
        for candidate, other in enumerate(certificates):
            if candidate != child and _subject_id(other) == authority:
                parents[child] = candidate
                break
    leaves = [index for index in range(len(certificates)) if index not in parents.values()]
    if len(leaves) != 1:
        raise FunctionFailure("the chain has no leaf" if not leaves else "the chain has more than one leaf")
    chain: list[x509.Certificate] = []
    current: int | None = leaves[0]
    while current is not None:
        if len(chain) >= len(certificates):
            raise FunctionFailure("the chain is a circle")
        chain.append(certificates[current])
        current = parents.get(current)
    return chain


def _is_root(certificate: x509.Certificate) -> bool:
    authority = _authority_id(certificate)
    return not authority or authority == _subject_id(certificate)


def filter_chain(role: str, text: str) -> str:
    """The certificates of a role (leaf, intermediate, root); empty where there are none or the role is another word."""
    chain = ordered(_certificates(text))
    if role == "leaf" and not _is_root(chain[0]):
        return _pem(chain[0])
    if role == "intermediate":
        chosen = []
        for certificate in chain[1:]:
            if _is_root(certificate):
                break
            chosen.append(_pem(certificate))
        return "".join(chosen)
    if role == "root" and _is_root(chain[-1]):
        return _pem(chain[-1])
    return ""


def subject_names(text: str) -> StringList:
    """The subject alternative names: DNS names, addresses, e-mail addresses, URIs."""
    found, _ = blocks(text)
    if not found:
        raise FunctionFailure("the text has no PEM block")
    certificate = _parse_certificate(found[0].data)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return StringList()
    result = StringList(names.get_values_for_type(x509.DNSName))
    result += [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    result += names.get_values_for_type(x509.RFC822Name)
    result += names.get_values_for_type(x509.UniformResourceIdentifier)
    return result


def _load_store(password: str, data: str) -> pkcs12.PKCS12KeyAndCertificates:
    candidates = [encode(password)] if password else [b"", None]
    for candidate in candidates:
        try:
            store = pkcs12.load_pkcs12(encode(data), candidate)
        except (ValueError, TypeError):
            continue
        if store.key is None or not (store.cert or store.additional_certs):
            raise FunctionFailure("the PKCS#12 store does not hold one key with its certificate")
        return store
    raise FunctionFailure("the PKCS#12 store cannot be read with this password")


def _private_pem(key: PrivateKeyTypes) -> str:
    data = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Block("PRIVATE KEY", data).pem()


def store_key(password: str, data: str) -> str:
    """The private key of a PKCS#12 store as PKCS#8 PEM."""
    return _private_pem(cast("PrivateKeyTypes", _load_store(password, data).key))


def store_certificates(password: str, data: str) -> str:
    """The certificates of a PKCS#12 store, from leaf to root where they can be ordered."""
    store = _load_store(password, data)
    certificates = [extra.certificate for extra in store.additional_certs]
    if store.cert is not None:
        certificates.insert(0, store.cert.certificate)
    try:
        certificates = ordered(certificates)
    except FunctionFailure:
        return "".join(map(_pem, certificates))
    return "".join(map(_pem, certificates))


def load_private_key(text: str) -> PrivateKeyTypes:
    """The first PEM block as a private key: PKCS#1, PKCS#8 or SEC 1.

    Raises:
        FunctionFailure: it is none.
    """
    found, _ = blocks(text)
    if not found:
        raise FunctionFailure("the text has no PEM block")
    try:
        return serialization.load_der_private_key(found[0].data, None)
    except (ValueError, TypeError):
        raise FunctionFailure("the PEM block is not a private key") from None


def make_store(certificate: str, key: str, password: str, *, whole_chain: bool) -> str:
    """A PKCS#12 store in base64: the first certificate, or all of them, with the key."""
    certificates = _certificates(certificate) if whole_chain else _certificates(certificate)[:1]
    if not certificates:
        raise FunctionFailure("the text has no certificate")
    return base64.b64encode(pkcs12_store.write(load_private_key(key), certificates, password)).decode()


def make_truststore(text: str, password: str) -> str:
    """A PKCS#12 trust store in base64, as Java reads it."""
    certificates = [
        pkcs12.PKCS12Certificate(certificate, f"{index}".encode())
        for index, certificate in enumerate(_certificates(text))
    ]
    if not certificates:
        raise FunctionFailure("the text has no certificate")
    return base64.b64encode(pkcs12.serialize_java_truststore(certificates, _encryption(password))).decode()


def _encryption(password: str) -> serialization.KeySerializationEncryption:
    if password:
        return serialization.BestAvailableEncryption(encode(password))
    return serialization.NoEncryption()


def _number(jwk: dict[str, Any], name: str) -> int:
    return int.from_bytes(_octets(jwk, name))


def _octets(jwk: dict[str, Any], name: str) -> bytes:
    text = jwk[name]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _load_jwk(text: str) -> PrivateKeyTypes | PublicKeyTypes:
    try:
        jwk = json.loads(text)
        key = _key_of(jwk)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        raise FunctionFailure("the text is not a JSON Web Key") from None
    if key is None:
        raise FunctionFailure("the type of the JSON Web Key is not supported")
    return key


def _key_of(jwk: dict[str, Any]) -> PrivateKeyTypes | PublicKeyTypes | None:
    kind = jwk["kty"]
    if kind == "RSA":
        public = rsa.RSAPublicNumbers(_number(jwk, "e"), _number(jwk, "n"))
        if "d" not in jwk:
            return public.public_key()
        p, q, d = _number(jwk, "p"), _number(jwk, "q"), _number(jwk, "d")
        first, second, inverse = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
        return rsa.RSAPrivateNumbers(p, q, d, first, second, inverse, public).private_key()
    if kind == "EC":
        curve = _CURVES[jwk["crv"]]()
        point = ec.EllipticCurvePublicNumbers(_number(jwk, "x"), _number(jwk, "y"), curve)
        return (
            ec.EllipticCurvePrivateNumbers(_number(jwk, "d"), point).private_key() if "d" in jwk else point.public_key()
        )
    if kind == "OKP" and jwk["crv"] == "Ed25519":
        if "d" in jwk:
            return ed25519.Ed25519PrivateKey.from_private_bytes(_octets(jwk, "d"))
        return ed25519.Ed25519PublicKey.from_public_bytes(_octets(jwk, "x"))
    if kind == "OKP" and jwk["crv"] == "X25519":
        if "d" in jwk:
            return x25519.X25519PrivateKey.from_private_bytes(_octets(jwk, "d"))
        return x25519.X25519PublicKey.from_public_bytes(_octets(jwk, "x"))
    return None


def jwk_public_pem(text: str) -> str:
    """A public JWK as PKIX PEM; a private one is refused, as in ESO."""
    key = _load_jwk(text)
    if hasattr(key, "private_bytes"):
        raise FunctionFailure("the JSON Web Key is a private one")
    data = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Block("PUBLIC KEY", data).pem()


def jwk_private_pem(text: str) -> str:
    """A private JWK as PKCS#8 PEM."""
    key = _load_jwk(text)
    if not hasattr(key, "private_bytes"):
        raise FunctionFailure("the JSON Web Key is a public one")
    return _private_pem(cast("PrivateKeyTypes", key))


def rsa_decrypt(scheme: str, digest: str, text: str, key: str) -> str:
    """RSA-OAEP with SHA1 or SHA256 (any other name means SHA256); the scheme None gives the text back."""
    if scheme == "None":
        return text
    if scheme != "RSA-OAEP":
        raise FunctionFailure("the decryption scheme is not supported")
    private = load_private_key(key)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise FunctionFailure("the key is not an RSA key")
    algorithm: hashes.HashAlgorithm = hashes.SHA1() if digest == "SHA1" else hashes.SHA256()  # noqa: S303 - the sender chose it
    try:
        return decode(private.decrypt(encode(text), padding.OAEP(padding.MGF1(algorithm), algorithm, None)))
    except ValueError:
        raise FunctionFailure("the text cannot be decrypted with this key") from None
