"""ESO's functions on keys and certificates, with real ones made here."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import json
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from secretsync.errors import TemplateError
from secretsync.template import render

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.unit

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def name_of(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def issue(
    subject: str, key: Key, issuer: str, issuer_key: Key, *, identifiers: bool = True, names: bool = False
) -> str:
    builder = (
        x509.CertificateBuilder()
        .subject_name(name_of(subject))
        .issuer_name(name_of(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(START + dt.timedelta(days=3650))
    )
    if identifiers:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    if names:
        san = [
            x509.DNSName("a.example"),
            x509.IPAddress(ipaddress.ip_address("10.0.0.1")),
            x509.RFC822Name("m@a.example"),
            x509.UniformResourceIdentifier("spiffe://a/b"),
        ]
        builder = builder.add_extension(x509.SubjectAlternativeName(san), critical=False)
    algorithm = None if isinstance(issuer_key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(issuer_key, algorithm).public_bytes(serialization.Encoding.PEM).decode()


def pem(key: Key, form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8) -> str:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


KEYS: dict[str, Key] = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("root", "first", "second", "leaf")}
ROOT = issue("root", KEYS["root"], "root", KEYS["root"])
FIRST = issue("first", KEYS["first"], "root", KEYS["root"])
SECOND = issue("second", KEYS["second"], "first", KEYS["first"])
LEAF = issue("leaf", KEYS["leaf"], "second", KEYS["second"], names=True)
DATA = {
    "root": ROOT,
    "leaf": LEAF,
    "key": pem(KEYS["leaf"]),
    "ordered": LEAF + SECOND + FIRST + ROOT,
    "shuffled": FIRST + "text between\n" + ROOT + LEAF + "\n" + SECOND,
    "twoleaves": LEAF + issue("other", KEYS["leaf"], "root", KEYS["first"]) + ROOT,
    "noids": issue("l", KEYS["leaf"], "r", KEYS["root"], identifiers=False)
    + issue("r", KEYS["root"], "r", KEYS["root"], identifiers=False),
    "junk": "nothing",
}


def out(template: str, **more: str | bytes) -> str:
    return render(template, {**DATA, **more}).decode()


@pytest.mark.parametrize("chain", ["ordered", "shuffled"])
@pytest.mark.parametrize(
    ("role", "wanted"), [("leaf", LEAF), ("intermediate", SECOND + FIRST), ("root", ROOT), ("other", "")]
)
def test_a_chain_gives_the_certificates_of_a_role(chain: str, role: str, wanted: str) -> None:
    assert out(f'{{{{ .{chain} | filterCertChain "{role}" }}}}') == wanted


def test_a_self_signed_certificate_is_a_root_and_no_leaf() -> None:
    assert out('{{ .root | filterCertChain "leaf" }}|{{ .root | filterCertChain "intermediate" }}') == "|"
    assert out('{{ .root | filterCertChain "root" }}') == ROOT


@pytest.mark.parametrize("chain", ["twoleaves", "noids", "junk", "key"])
def test_a_chain_that_cannot_be_ordered_is_an_error(chain: str) -> None:
    with pytest.raises(TemplateError, match="filterCertChain"):
        out(f'{{{{ .{chain} | filterCertChain "leaf" }}}}')


def test_pem_blocks_are_filtered_by_type() -> None:
    mixed = f"junk\n{DATA['key']}more\n{LEAF}"
    assert out('{{ .m | filterPEM "certificate" }}', m=mixed) == LEAF
    assert out('{{ .m | filterPEM "PRIVATE KEY" }}', m=mixed) == DATA["key"]
    assert out('[{{ .m | filterPEM "NONE" }}]', m=mixed) == "[]"
    headed = "-----BEGIN X-----\nProc-Type: 4\n\nYWI=\n-----END X-----\n"
    assert (
        out('{{ .m | filterPEM "X" }}', m=headed.replace("\n", "\r\n")) == "-----BEGIN X-----\nYWI=\n-----END X-----\n"
    )
    broken = "-----BEGIN X-----\n***\n-----END X-----\n-----BEGIN X-----\n" + headed
    assert "YWI=" in out('{{ .m | filterPEM "X" }}', m="-----BEGIN X-----\n***\n-----END X-----\n" + headed)
    assert "YWI=" in out('{{ .m | filterPEM "X" }}', m=broken)
    with pytest.raises(TemplateError, match="filterPEM"):
        out('{{ .junk | filterPEM "X" }}')
    with pytest.raises(TemplateError, match="500"):
        out('{{ .m | filterPEM "X" }}', m="-----BEGIN X-----\nYWI=\n-----END X-----\n" * 501)


def test_subject_names_are_listed() -> None:
    assert out('{{ .leaf | certSANs | join " " }}') == "a.example 10.0.0.1 m@a.example spiffe://a/b"
    assert out("{{ .root | certSANs }}") == "[]"
    with pytest.raises(TemplateError):
        out("{{ .junk | certSANs }}")


@pytest.mark.parametrize("password", ["", "päss"])
def test_a_store_made_from_pem_gives_certificates_and_key_back(password: str) -> None:
    cert, key, make, end = (
        ("pkcs12cert", "pkcs12key", "fullPemToPkcs12 .shuffled .key", "")
        if not password
        else ("pkcs12certPass .pw", "pkcs12keyPass .pw", "fullPemToPkcs12Pass .shuffled .key .pw", "")
    )
    assert out(f"{{{{ {make} | b64dec | {cert} }}}}{end}", pw=password) == LEAF + SECOND + FIRST + ROOT
    assert out(f"{{{{ {make} | b64dec | {key} }}}}", pw=password) == DATA["key"]


def test_a_store_of_one_certificate_takes_the_first_block() -> None:
    assert out("{{ pemToPkcs12 .ordered .key | b64dec | pkcs12cert }}") == LEAF
    assert out('{{ pemToPkcs12Pass .ordered .key "pw" | b64dec | pkcs12certPass "pw" }}') == LEAF


def test_certificates_that_cannot_be_ordered_stay_as_they_are() -> None:
    text = DATA["noids"]
    assert out("{{ fullPemToPkcs12 .noids .key | b64dec | pkcs12cert }}") == text


@pytest.mark.parametrize(
    "make",
    [
        lambda: rsa.generate_private_key(65537, 2048),
        lambda: ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate,
    ],
    ids=["rsa", "ec", "ed25519"],
)
def test_every_kind_of_key_passes_through_a_store(make: Callable[[], Key]) -> None:
    key = make()
    certificate = issue("k", key, "k", key)
    forms = [serialization.PrivateFormat.PKCS8]
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        forms.append(serialization.PrivateFormat.TraditionalOpenSSL)
    for form in forms:
        assert out("{{ pemToPkcs12 .c .k | b64dec | pkcs12key }}", c=certificate, k=pem(key, form)) == pem(key)


@pytest.mark.parametrize(
    "template",
    [
        "{{ .junk | pkcs12key }}",
        '{{ pemToPkcs12Pass .leaf .key "a" | b64dec | pkcs12keyPass "b" }}',
        "{{ pemTruststoreToPKCS12 .root | b64dec | pkcs12cert }}",
        "{{ pemToPkcs12 .junk .key }}",
        "{{ pemToPkcs12 .leaf .junk }}",
        "{{ pemToPkcs12 .leaf .leaf }}",
        "{{ fullPemToPkcs12 .junk .key }}",
        "{{ pemTruststoreToPKCS12 .junk }}",
        "{{ pemTruststoreToPKCS12 .key }}",
    ],
)
def test_what_is_no_store_certificate_or_key_is_an_error(template: str) -> None:
    with pytest.raises(TemplateError):
        out(template)


def test_a_trust_store_holds_the_certificates() -> None:
    made = base64.b64decode(out('{{ pemTruststoreToPKCS12Pass .ordered "pw" }}'))
    assert len(pkcs12.load_pkcs12(made, b"pw").additional_certs) == 4


def encoded(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).rstrip(b"=").decode()


def raw(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwks() -> dict[str, tuple[dict[str, str], list[str], str, str]]:
    """Private JWK, its private members, private PEM, public PEM."""
    result = {}
    keys = (
        rsa.generate_private_key(65537, 2048),
        KEYS["leaf"],
        ed25519.Ed25519PrivateKey.generate(),
        x25519.X25519PrivateKey.generate(),
    )
    for key in keys:
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        public = (
            key.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )
        if isinstance(key, rsa.RSAPrivateKey):
            numbers = key.private_numbers()
            jwk = {
                "kty": "RSA",
                "n": encoded(numbers.public_numbers.n),
                "e": "AQAB",
                "d": encoded(numbers.d),
                "p": encoded(numbers.p),
                "q": encoded(numbers.q),
            }
            result["rsa"] = (jwk, ["d", "p", "q"], private, public)
        elif isinstance(key, ec.EllipticCurvePrivateKey):
            point = key.public_key().public_numbers()
            jwk = {
                "kty": "EC",
                "crv": "P-256",
                "x": encoded(point.x),
                "y": encoded(point.y),
                "d": encoded(key.private_numbers().private_value),
            }
            result["ec"] = (jwk, ["d"], private, public)
        elif isinstance(key, (ed25519.Ed25519PrivateKey, x25519.X25519PrivateKey)):
            curve = "Ed25519" if isinstance(key, ed25519.Ed25519PrivateKey) else "X25519"
            jwk = {
                "kty": "OKP",
                "crv": curve,
                "x": raw(key.public_key().public_bytes_raw()),
                "d": raw(key.private_bytes_raw()),
            }
            result[curve] = (jwk, ["d"], private, public)
    return result


@pytest.mark.parametrize(("jwk", "members", "private", "public"), jwks().values())
def test_web_keys_become_pem(jwk: dict[str, str], members: list[str], private: str, public: str) -> None:
    shown = {name: value for name, value in jwk.items() if name not in members}
    assert out("{{ .j | jwkPrivateKeyPem }}", j=json.dumps(jwk)) == private
    assert out("{{ .j | jwkPublicKeyPem }}", j=json.dumps(shown)) == public
    with pytest.raises(TemplateError, match="private one"):
        out("{{ .j | jwkPublicKeyPem }}", j=json.dumps(jwk))
    with pytest.raises(TemplateError, match="public one"):
        out("{{ .j | jwkPrivateKeyPem }}", j=json.dumps(shown))


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "1", '{"kty":"EC","crv":"P-1"}', '{"kty":"oct","k":"YQ"}', '{"kty":"OKP","crv":"Q"}']
)
def test_what_is_no_web_key_is_an_error(text: str) -> None:
    with pytest.raises(TemplateError, match="JSON Web Key"):
        out("{{ .j | jwkPrivateKeyPem }}", j=text)


@pytest.mark.parametrize(
    ("digest", "algorithm"),
    [("SHA1", hashes.SHA1()), ("SHA256", hashes.SHA256()), ("other", hashes.SHA256())],  # noqa: S303 - what ESO offers
)
def test_rsa_decrypts(digest: str, algorithm: hashes.HashAlgorithm) -> None:
    key = rsa.generate_private_key(65537, 2048)
    cipher = key.public_key().encrypt(b"\xfftext", padding.OAEP(padding.MGF1(algorithm), algorithm, None))
    template = f'{{{{ rsaDecrypt "RSA-OAEP" "{digest}" .c .k }}}}'
    assert render(template, {"c": cipher, "k": pem(key)}) == b"\xfftext"
    with pytest.raises(TemplateError, match="cannot be decrypted"):
        render(template, {"c": cipher[::-1], "k": pem(key)})
    with pytest.raises(TemplateError, match="not an RSA key"):
        render(template, {"c": cipher, "k": DATA["key"]})


def test_hexadecimal_is_decoded() -> None:
    assert render("{{ hexdec .h }}", {"h": "00ff41"}) == b"\x00\xffA"
    with pytest.raises(TemplateError, match="hexadecimal"):
        render("{{ hexdec .h }}", {"h": "0g"})


def test_generated_certificates_fit_together() -> None:
    made = out(
        '{{ $ca := genCA "ca" 10 }}{{ $c := genSignedCert "a" (list "10.0.0.1") (list "a.example") 5 $ca }}'
        "{{ $b := buildCustomCert ($c.Cert | b64enc) ($c.Key | b64enc) }}{{ $c.Cert }}{{ $ca.Cert }}"
        "{{ eq $b.Key $c.Key }}"
        '{{ (genSelfSignedCertWithKey "s" nil nil 1 (genPrivateKey "ecdsa")).Cert | certSANs }}'
        "{{ toJson $b | len | lt 100 }}{{ print $b | len | lt 100 }}"
    )
    first, second = x509.load_pem_x509_certificates(made.encode())
    first.verify_directly_issued_by(second)
    assert made.endswith("true[]truetrue")


def test_aes_and_password_hashes() -> None:
    assert (
        out('{{ encryptAES "k" .t | decryptAES "k" }}{{ encryptAES "k" "" }}{{ decryptAES "k" "" }}', t="söme text")
        == "söme text"
    )
    for wrong in ("***", "YWJj", base64.b64encode(bytes(31)).decode()):
        with pytest.raises(TemplateError, match="decryptAES"):
            out('{{ decryptAES "k" .t }}', t=wrong)
    assert out('{{ htpasswd "u" "p" "sha" }}') == "u:{SHA}UWuXg/ylF+7L0dBk2i0WUxCxl1k="
    assert out('{{ htpasswd "u" "p" "bcrypt" }}').startswith("u:$2a$10$")
    assert "72 bytes" in out('{{ bcrypt (repeat 73 "a") }}')
    with pytest.raises(TemplateError):
        out('{{ htpasswd .junk "p" .junk }}')


@pytest.mark.parametrize("password", ["", "pw"])
def test_a_store_may_hold_a_certificate_of_another_key(password: str) -> None:
    made = out(
        "{{ fullPemToPkcs12Pass .ordered .key .pw | b64dec | pkcs12certPass .pw }}", key=pem(KEYS["root"]), pw=password
    )
    assert made == LEAF + SECOND + FIRST + ROOT


def test_a_store_is_read_by_others() -> None:
    data = base64.b64decode(out('{{ fullPemToPkcs12Pass .ordered .key "pw" }}'))
    store = pkcs12.load_pkcs12(data, b"pw")
    assert store.cert is not None
    assert store.cert.certificate.subject == name_of("leaf")
    assert len(store.additional_certs) == 3
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_pkcs12(data, b"other")
