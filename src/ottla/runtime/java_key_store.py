"""Java's own key stores (`sun.security.provider.JavaKeyStore`, the type JKS), read; nothing is written.

    ┌────────────┬─────────┬───────┬───────────────────────────────────┬─────────────────────────────────────────────┐
    │ 0xFEEDFEED │ version │ count │ entries                           │ SHA-1 of the password, a phrase and all    │
    │ u32        │ u32     │ u32   │                                   │ that stands before it                       │
    └────────────┴─────────┴───────┴───────────────────────────────────┴─────────────────────────────────────────────┘
    entry: tag u32, alias (u16 length, text), date u64, and
           tag 1, a private key: length u32, EncryptedPrivateKeyInfo (DER); count u32, certificates
           tag 2, who is trusted: a certificate
    certificate: type (u16 length, text; from version 2 on), length u32, DER

A key is hidden by a stream of SHA-1 digests that begins with a salt: salt (20 bytes), the hidden key, SHA-1 of the
password and the key. Passwords are hashed as UTF-16, big-endian.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

MAGIC: Final = b"\xfe\xed\xfe\xed"
MAX_BYTES: Final = 16 * 1024 * 1024
_VERSIONS: Final = (1, 2)
_PRIVATE_KEY, _TRUSTED = 1, 2
_PHRASE: Final = b"Mighty Aphrodite"
_DIGEST_BYTES: Final = 20
_SEQUENCE, _OCTETS = 0x30, 0x04


class KeyStoreError(ValueError):
    """What is wrong with a store; without any of its secrets."""


@dataclass(frozen=True)
class PrivateKeyEntry:
    hidden: bytes
    """DER of an EncryptedPrivateKeyInfo."""
    chain: list[bytes]


@dataclass
class JavaKeyStore:
    """Certificates are DER."""

    keys: list[PrivateKeyEntry] = field(default_factory=list)
    trusted: list[bytes] = field(default_factory=list)


def parse(data: bytes, password: str | None) -> JavaKeyStore:
    """With a password the store is checked whole. Raises `KeyStoreError`."""
    reader = _Reader(data[:-_DIGEST_BYTES])
    if reader.take(4) != MAGIC or (version := reader.number(4)) not in _VERSIONS:
        raise KeyStoreError("it is no key store of Java's type JKS")
    if password is not None:
        digest = hashlib.sha1(_utf16(password) + _PHRASE + data[:-_DIGEST_BYTES]).digest()
        if not hmac.compare_digest(digest, data[-_DIGEST_BYTES:]):
            raise KeyStoreError("the password is wrong, or the file is damaged")
    store = JavaKeyStore()
    for _ in range(reader.number(4)):
        tag = reader.number(4)
        reader.take(reader.number(2))  # its alias
        reader.take(8)  # its date
        if tag == _PRIVATE_KEY:
            hidden = reader.take(reader.number(4))
            store.keys.append(PrivateKeyEntry(hidden, [_certificate(reader, version) for _ in range(reader.number(4))]))
        elif tag == _TRUSTED:
            store.trusted.append(_certificate(reader, version))
        else:
            raise KeyStoreError(f"it has an entry of the kind {tag}, which a JKS has not")
    return store


def reveal(hidden: bytes, password: str) -> bytes:
    """The DER (PKCS #8) of a private key. Raises `KeyStoreError`."""
    data = _hidden_octets(hidden)
    salt, covered, check = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    secret, stream, digest = _utf16(password), bytearray(), salt
    while len(stream) < len(covered):
        digest = hashlib.sha1(secret + digest).digest()
        stream += digest
    key = bytes(one ^ other for one, other in zip(covered, stream, strict=False))
    if not hmac.compare_digest(hashlib.sha1(secret + key).digest(), check):
        raise KeyStoreError("the key's password is wrong")
    return key


def _certificate(reader: _Reader, version: int) -> bytes:
    if version > 1:
        reader.take(reader.number(2))  # its type, X.509
    return reader.take(reader.number(4))


def _hidden_octets(der: bytes) -> bytes:
    """Of SEQUENCE { SEQUENCE { algorithm … }, OCTET STRING }."""
    outer = _Reader(_Reader(der).element(_SEQUENCE))
    outer.element(_SEQUENCE)
    data = outer.element(_OCTETS)
    if len(data) < 2 * _DIGEST_BYTES:
        raise KeyStoreError("its key is not hidden as Java does")
    return data


def _utf16(password: str) -> bytes:
    return password.encode("utf-16-be")


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, count: int) -> bytes:
        end = self._position + count
        if end > len(self._data):
            raise KeyStoreError("it ends too early")
        found = self._data[self._position : end]
        self._position = end
        return found

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")

    def element(self, tag: int) -> bytes:
        """The contents of a DER element."""
        if self.number(1) != tag:
            raise KeyStoreError("its key is not hidden as Java does")
        length = self.number(1)
        return self.take(self.number(length & 0x7F) if length & 0x80 else length)
