"""Certificates of the control plane: one authority, and what it signs.

Looked at before each start: what is missing, expires soon, or was signed by another authority is made anew.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local.layout import write_private

if TYPE_CHECKING:
    from pathlib import Path

AUTHORITY_LIFETIME = dt.timedelta(days=3650)
LEAF_LIFETIME = dt.timedelta(days=365)
RENEW_BEFORE = dt.timedelta(days=30)
"""A certificate that expires within this time is made anew."""

SERVICE_ADDRESS = "10.0.0.1"
"""Cluster address of the service ``kubernetes``: the first one of the service range."""

_RSA_BITS = 2048  # what kubeadm makes for service-account tokens
_BACKDATE = dt.timedelta(minutes=5)  # clocks of two readers may differ


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, both PEM files.

    Attributes:
        certificate: path of the certificate.
        key: path of the private key (0600).
    """

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Pki:
    """What the control plane identifies itself and its callers with.

    Attributes:
        authority: the certificate authority.
        server: what the API server and kube-controller-manager show on TLS.
        administrator: client of group ``system:masters``.
        controller_manager: client ``system:kube-controller-manager``.
        service_account_key: RSA key that signs service-account tokens.
        service_account_public_key: its public half.
        renewed: names of the files that this look made anew.
    """

    authority: KeyPair
    server: KeyPair
    administrator: KeyPair
    controller_manager: KeyPair
    service_account_key: Path
    service_account_public_key: Path
    renewed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Leaf:
    name: str
    common_name: str
    organization: str
    usage: x509.ObjectIdentifier
    alternative_names: tuple[x509.GeneralName, ...] = ()


_LEAVES = (
    _Leaf(
        "server",
        "kube-apiserver",
        "",
        ExtendedKeyUsageOID.SERVER_AUTH,
        (
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            x509.IPAddress(ipaddress.ip_address(SERVICE_ADDRESS)),
            x509.DNSName("localhost"),
            x509.DNSName("kubernetes"),
            x509.DNSName("kubernetes.default"),
            x509.DNSName("kubernetes.default.svc"),
            x509.DNSName("kubernetes.default.svc.cluster.local"),
        ),
    ),
    _Leaf("administrator", "administrator", "system:masters", ExtendedKeyUsageOID.CLIENT_AUTH),
    _Leaf("controller-manager", "system:kube-controller-manager", "", ExtendedKeyUsageOID.CLIENT_AUTH),
)


def ensure(folder: Path, *, now: dt.datetime) -> Pki:
    """Makes what is missing or expires soon in ``folder``, leaves the rest as it is.

    Args:
        folder: an existing folder for the files.
        now: the time to judge expiry by, with a time zone.

    Raises:
        LocalError: a file may not be written.
        DiskFull: there is no room left.
    """
    renewed: list[str] = []
    authority = _pair(folder, "ca")
    if not _usable(authority, None, now):
        _make_authority(authority, now)
        renewed.append("ca")
    for leaf in _LEAVES:
        pair = _pair(folder, leaf.name)
        if not _usable(pair, authority, now):
            _make_leaf(pair, leaf, authority, now)
            renewed.append(leaf.name)
    signing, public = folder / "service-account.key", folder / "service-account.pub"
    if not (signing.is_file() and public.is_file()):
        _make_signing_key(signing, public)
        renewed.append("service-account")
    return at(folder, renewed=tuple(renewed))


def at(folder: Path, *, renewed: tuple[str, ...] = ()) -> Pki:
    """The files as they are named in ``folder``, without a look at them."""
    return Pki(
        authority=_pair(folder, "ca"),
        server=_pair(folder, "server"),
        administrator=_pair(folder, "administrator"),
        controller_manager=_pair(folder, "controller-manager"),
        service_account_key=folder / "service-account.key",
        service_account_public_key=folder / "service-account.pub",
        renewed=renewed,
    )


def _pair(folder: Path, name: str) -> KeyPair:
    return KeyPair(folder / f"{name}.crt", folder / f"{name}.key")


def _usable(pair: KeyPair, authority: KeyPair | None, now: dt.datetime) -> bool:
    """Whether a certificate fits its key, lives long enough and was signed by ``authority`` (None: by itself)."""
    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
        key = _private_key(pair.key)
        issuer = x509.load_pem_x509_certificate((authority or pair).certificate.read_bytes())
        certificate.verify_directly_issued_by(issuer)
    except (OSError, ValueError, TypeError, InvalidSignature):
        return False
    return certificate.public_key() == key.public_key() and now + RENEW_BEFORE < certificate.not_valid_after_utc


def _make_authority(pair: KeyPair, now: dt.datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    # The serial number in the name keeps a renewed authority apart from the one before it.
    serial = x509.random_serial_number()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"local-environment-{serial & 0xFFFFFFFF:08x}")])
    certificate = (
        _builder(name, name, key, now=now, lifetime=AUTHORITY_LIFETIME, serial=serial)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(pair, certificate, key)


def _make_leaf(pair: KeyPair, leaf: _Leaf, authority: KeyPair, now: dt.datetime) -> None:
    issuer = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    issuer_key = _private_key(authority.key)
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, leaf.common_name)]
    if leaf.organization:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, leaf.organization))
    builder = (
        _builder(
            x509.Name(attributes),
            issuer.subject,
            key,
            now=now,
            lifetime=LEAF_LIFETIME,
            serial=x509.random_serial_number(),
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([leaf.usage]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if leaf.alternative_names:
        builder = builder.add_extension(x509.SubjectAlternativeName(leaf.alternative_names), critical=False)
    _write(pair, builder.sign(issuer_key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    *,
    now: dt.datetime,
    lifetime: dt.timedelta,
    serial: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + lifetime)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _make_signing_key(private: Path, public: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    write_private(private, _pem(key))
    write_private(
        public,
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
    )


def _write(pair: KeyPair, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    write_private(pair.key, _pem(key))
    write_private(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM))


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError
    return key
