"""Key stores of Java are read as Java reads them: what keytool writes, in both of its formats, and what is no store."""

from __future__ import annotations

import contextlib
import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from hypothesis import given
from hypothesis import strategies as st
from tests.peers.certificates import Authority

from ottla.runtime.java_key_store import MAGIC, KeyStoreError, parse
from ottla.runtime.key_store import read_key, read_trusted
from ottla.runtime.tls_context import client_context, server_contexts, text_setting

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "a secret"

needs_keytool = pytest.mark.skipif(shutil.which("keytool") is None, reason="apt install openjdk-17-jre-headless")


def keytool(*words: str) -> None:
    done = subprocess.run(["keytool", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def pkcs12_of(authority: Authority, file: Path) -> tuple[str, Path]:
    """(the certificate, a store with it, its key and the authority)."""
    key, certificate = authority.issue("localhost")
    data = pkcs12.serialize_key_and_certificates(
        b"server",
        serialization.load_pem_private_key(key.encode(), None),  # type: ignore[arg-type]
        x509.load_pem_x509_certificate(certificate.encode()),
        [x509.load_pem_x509_certificate(authority.pem.encode())],
        serialization.BestAvailableEncryption(PASSWORD.encode()),
    )
    file.write_bytes(data)
    return certificate, file


def is_served(pem: str, certificate: str, tmp_path: Path) -> None:
    """Python takes key and chain, and the chain begins with the certificate."""
    file = tmp_path / "read.pem"
    file.write_text(pem)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file)
    first = pem[pem.index("-----BEGIN CERTIFICATE") :]
    assert ssl.PEM_cert_to_DER_cert(first[: len(certificate)]) == ssl.PEM_cert_to_DER_cert(certificate)


def test_a_key_of_pkcs12(tmp_path: Path) -> None:
    certificate, file = pkcs12_of(Authority(), tmp_path / "server.p12")
    is_served(read_key(file, PASSWORD, None), certificate, tmp_path)
    with pytest.raises(KeyStoreError, match="password"):
        read_key(file, "wrong", None)


@needs_keytool
@pytest.mark.parametrize("kind", ["JKS", "PKCS12"])
def test_what_keytool_writes(kind: str, tmp_path: Path) -> None:
    authority, store, trust = Authority(), tmp_path / "server.store", tmp_path / "trust.store"
    certificate, source = pkcs12_of(authority, tmp_path / "server.p12")
    authority_file = tmp_path / "ca.pem"
    authority_file.write_text(authority.pem)
    keytool(
        *("-importkeystore", "-srckeystore", str(source), "-srcstoretype", "PKCS12", "-srcstorepass", PASSWORD),
        *("-destkeystore", str(store), "-deststoretype", kind, "-deststorepass", "a store's", "-destkeypass"),
        *("a store's" if kind == "PKCS12" else "a key's", "-srcalias", "server"),
    )
    keytool(
        *("-importcert", "-noprompt", "-alias", "ca", "-file", str(authority_file), "-keystore", str(trust)),
        *("-storetype", kind, "-storepass", "a store's"),
    )
    assert store.read_bytes().startswith(MAGIC) == (kind == "JKS")
    is_served(read_key(store, "a store's", None if kind == "PKCS12" else "a key's"), certificate, tmp_path)
    assert ssl.PEM_cert_to_DER_cert(read_trusted(trust, "a store's")) == ssl.PEM_cert_to_DER_cert(authority.pem)
    with pytest.raises(KeyStoreError, match="password"):
        read_key(store, "wrong", "a key's")
    with pytest.raises(KeyStoreError, match="password"):
        read_trusted(trust, "wrong")
    with pytest.raises(KeyStoreError, match="no private key"):
        read_key(trust, "a store's", None)
    if kind == "JKS":
        with pytest.raises(KeyStoreError, match="key's password"):
            read_key(store, "a store's", "wrong")


def test_a_node_and_a_client_meet_with_the_stores_that_their_settings_name(tmp_path: Path) -> None:
    authority = Authority()
    _, store = pkcs12_of(authority, tmp_path / "server.p12")
    stores = {
        "ssl.keystore.location": str(store),  # of the type JKS, which is Kafka's default
        "ssl.keystore.password": PASSWORD,
        "ssl.truststore.type": "PKCS12",
        "ssl.truststore.location": str(store),
        "ssl.truststore.password": PASSWORD,
        "ssl.client.auth": "required",
    }
    setting = text_setting(stores)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_contexts(setting).current(0).wrap_bio(to_server, to_client, server_side=True)
    client = client_context(setting).wrap_bio(to_client, to_server, server_hostname="localhost")
    for side in (client, server) * 3:
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    certificate = server.getpeercert(binary_form=True)
    assert certificate is not None
    assert certificate == client.getpeercert(binary_form=True)


@given(st.binary(max_size=200))
def test_rubbish_is_no_store(rubbish: bytes) -> None:
    for data in (rubbish, MAGIC + rubbish, MAGIC + bytes([0, 0, 0, 2]) + rubbish):
        with pytest.raises(KeyStoreError):
            parse(data, PASSWORD)


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    file = tmp_path / "server.jks"
    file.write_text("-----BEGIN CERTIFICATE-----")
    with pytest.raises(KeyStoreError, match="neither PKCS #12 nor JKS"):
        read_trusted(file, None)
