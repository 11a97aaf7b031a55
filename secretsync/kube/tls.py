"""TLS contexts from PEM held in memory; key material never reaches the disk where the system allows that."""

from __future__ import annotations

import os
import ssl
import tempfile
from pathlib import Path


def client_context(
    *, ca: bytes = b"", certificate: bytes = b"", key: bytes = b"", verify: bool = True
) -> ssl.SSLContext:
    """A context for outgoing connections.

    Args:
        ca: PEM certificates to trust instead of the system's; empty for the system's.
        certificate: PEM client certificate chain; empty for none.
        key: PEM private key of the client certificate; may stand in `certificate` as well.
        verify: whether the server's certificate is checked.

    Raises:
        ValueError: the PEM cannot be used; the message names which one, never its content.
    """
    try:
        context = ssl.create_default_context(cadata=ca.decode("ascii") if ca else None)
    except (ssl.SSLError, ValueError):
        raise ValueError("the CA bundle holds no usable PEM certificate") from None
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate:
        try:
            _load_pair(context, certificate.rstrip(b"\n") + b"\n" + key)
        except (ssl.SSLError, ValueError):
            raise ValueError("the client certificate and its key are not a usable PEM pair") from None
    return context


def _load_pair(context: ssl.SSLContext, pair: bytes) -> None:
    """Hand a PEM pair to OpenSSL, which takes it from files only: an anonymous one in memory where there are such."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("client-certificate", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, pair)
            context.load_cert_chain(f"/proc/self/fd/{descriptor}", password=_no_password)
        finally:
            os.close(descriptor)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pair.pem")
        path.touch(mode=0o600)
        path.write_bytes(pair)
        context.load_cert_chain(path, password=_no_password)


def _no_password() -> str:
    """Keeps OpenSSL from asking on the terminal when a key is encrypted."""
    return ""
