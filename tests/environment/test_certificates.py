"""The control plane's certificates: made once, renewed in time, trusted by nothing else."""

from __future__ import annotations

import datetime as dt
import ssl
import stat
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from local.environment import certificates

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
ALL = ("ca", "server", "administrator", "controller-manager", "service-account")
LEAVES = ("server", "administrator", "controller-manager")


def _read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_the_first_look_makes_all_and_the_second_none(tmp_path: Path) -> None:
    assert certificates.ensure(tmp_path, now=NOW).renewed == ALL
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert certificates.ensure(tmp_path, now=NOW).renewed == ()
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_every_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    certificates.ensure(tmp_path, now=NOW)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_leaves_are_renewed_a_month_before_they_expire_and_the_authority_stays(tmp_path: Path) -> None:
    certificates.ensure(tmp_path, now=NOW)
    last_day = NOW + certificates.LEAF_LIFETIME - certificates.RENEW_BEFORE
    assert certificates.ensure(tmp_path, now=last_day - dt.timedelta(seconds=1)).renewed == ()
    assert certificates.ensure(tmp_path, now=last_day).renewed == LEAVES


def test_a_new_authority_signs_everything_anew_but_keeps_the_token_key(tmp_path: Path) -> None:
    pki = certificates.ensure(tmp_path, now=NOW)
    key = pki.service_account_key.read_bytes()
    pki.authority.key.unlink()
    assert certificates.ensure(tmp_path, now=NOW).renewed == ("ca", *LEAVES)
    assert pki.service_account_key.read_bytes() == key


@pytest.mark.parametrize("damage", ["empty", "garbage", "foreign key"])
def test_a_damaged_leaf_is_made_anew_alone(tmp_path: Path, damage: str) -> None:
    pki = certificates.ensure(tmp_path, now=NOW)
    match damage:
        case "empty":
            pki.server.certificate.write_bytes(b"")
        case "garbage":
            pki.server.key.write_bytes(b"-----BEGIN nothing")
        case _:
            pki.server.key.write_bytes(pki.administrator.key.read_bytes())
    assert certificates.ensure(tmp_path, now=NOW).renewed == ("server",)


def test_names_and_groups_are_what_kubernetes_reads_from_them(tmp_path: Path) -> None:
    pki = certificates.ensure(tmp_path, now=NOW)
    administrator, manager = _read(pki.administrator.certificate), _read(pki.controller_manager.certificate)
    assert [a.value for a in administrator.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == [
        "system:masters"
    ]
    assert [a.value for a in manager.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [
        "system:kube-controller-manager"
    ]
    assert manager.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME) == []
    names = _read(pki.server.certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "kubernetes.default.svc"} <= set(names.get_values_for_type(x509.DNSName))
    assert {str(address) for address in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "10.0.0.1"}


def test_openssl_takes_key_and_certificate_for_a_pair(tmp_path: Path) -> None:
    pki = certificates.ensure(tmp_path, now=NOW)
    context = ssl.create_default_context(cafile=str(pki.authority.certificate))
    for pair in (pki.server, pki.administrator, pki.controller_manager):
        context.load_cert_chain(str(pair.certificate), str(pair.key))
