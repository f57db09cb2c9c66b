"""Key stores that Kafka's `ssl.*` settings name: PKCS #12 and Java's JKS, as PEM for Python's `ssl`.

As in Java a file is read by what is in it: `keytool` writes PKCS #12 where JKS was asked for, too.
"""

from __future__ import annotations

import base64
import ssl
from typing import TYPE_CHECKING, Final

from ottla.runtime.java_key_store import MAGIC, MAX_BYTES, KeyStoreError, parse, reveal

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates

KINDS: Final = ("JKS", "PKCS12")


def read_key(file: Path, store_password: str | None, key_password: str | None) -> str:
    """The first private key and its chain. Raises `KeyStoreError`, `OSError`."""
    data = _read(file)
    if not data.startswith(MAGIC):
        return _pkcs12_key(data, store_password)
    keys = parse(data, store_password).keys
    if not keys:
        raise KeyStoreError("it holds no private key")
    password = key_password if key_password is not None else store_password
    key = reveal(keys[0].hidden, password or "")
    text = base64.encodebytes(key).decode()
    pem = f"-----BEGIN PRIVATE KEY-----\n{text}-----END PRIVATE KEY-----\n"
    return pem + "".join(map(ssl.DER_cert_to_PEM_cert, keys[0].chain))


def read_trusted(file: Path, password: str | None) -> str:
    """The certificates of those who are trusted. Raises `KeyStoreError`, `OSError`."""
    data = _read(file)
    if data.startswith(MAGIC):
        found = "".join(map(ssl.DER_cert_to_PEM_cert, parse(data, password).trusted))
    else:
        found = _pkcs12_certificates(data, password)
    if not found:
        raise KeyStoreError("it holds no certificate of anybody to trust")
    return found


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        data = opened.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise KeyStoreError(f"it is larger than {MAX_BYTES} bytes")
    return data


def _pkcs12_key(data: bytes, password: str | None) -> str:
    from cryptography.hazmat.primitives import serialization

    store = _load_pkcs12(data, password)
    if store.key is None or store.cert is None:
        raise KeyStoreError("it holds no private key")
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key = store.key.private_bytes(pem, pkcs8, serialization.NoEncryption())
    chain = (store.cert, *store.additional_certs)
    return (key + b"".join(one.certificate.public_bytes(pem) for one in chain)).decode()


def _pkcs12_certificates(data: bytes, password: str | None) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    found = _load_pkcs12(data, password).additional_certs
    return b"".join(one.certificate.public_bytes(Encoding.PEM) for one in found).decode()


def _load_pkcs12(data: bytes, password: str | None) -> PKCS12KeyAndCertificates:
    try:
        from cryptography.hazmat.primitives.serialization import pkcs12
    except ImportError:
        raise KeyStoreError("PKCS #12 is read by a package that is not here: pip install 'ottla[keystores]'") from None
    try:
        return pkcs12.load_pkcs12(data, None if password is None else password.encode())
    except ValueError:
        raise KeyStoreError("it is neither PKCS #12 nor JKS, or its password is wrong") from None
