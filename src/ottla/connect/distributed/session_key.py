"""Requests between workers are signed with a key that stands in the topic of configurations (KIP-507)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time
from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import ConfigError
from ottla.connect.runtime.rest_error import BadRequestError, RestError
from ottla.connect.store.config_records import SessionKey

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGNATURE: Final = "x-connect-authorization"
ALGORITHM: Final = "x-connect-request-signature-algorithm"
_DIGESTS: Final = {
    "hmacsha1": hashlib.sha1,
    "hmacsha224": hashlib.sha224,
    "hmacsha256": hashlib.sha256,
    "hmacsha384": hashlib.sha384,
    "hmacsha512": hashlib.sha512,
}
"""Java's names of the algorithms, without their case."""


def check_algorithm(key: str, name: str) -> None:
    """`ConfigError`."""
    if name.lower() not in _DIGESTS:
        raise ConfigError.of(key, name, "it is one of HmacSHA1, HmacSHA224, HmacSHA256, HmacSHA384, HmacSHA512")


def new_session_key(algorithm: str) -> SessionKey:
    return SessionKey(os.urandom(_DIGESTS[algorithm.lower()]().digest_size), algorithm, int(time.time() * 1000))


def sign(key: SessionKey, algorithm: str, body: bytes) -> dict[str, str]:
    """The headers of a signed request."""
    signature = hmac.new(key.key, body, _DIGESTS[algorithm.lower()]).digest()
    return {SIGNATURE: base64.b64encode(signature).decode(), ALGORITHM: algorithm}


def verify(key: SessionKey | None, algorithms: list[str], headers: Mapping[str, str], body: bytes) -> None:
    """`RestError` says what is wrong with the signature."""
    signature, algorithm = headers.get(SIGNATURE), headers.get(ALGORITHM)
    if signature is None or algorithm is None:
        raise BadRequestError("Internal request missing required signature")
    if algorithm not in algorithms or algorithm.lower() not in _DIGESTS:
        raise BadRequestError(
            f"This worker does not support the '{algorithm}' key signing algorithm used by other workers. This worker "
            f"is currently configured to use: [{', '.join(algorithms)}]. Check that all workers' configuration files "
            "permit the same set of signature algorithms, and correct any misconfigured worker and restart it."
        )
    try:
        given = base64.b64decode(signature, validate=True)
    except ValueError as error:
        raise BadRequestError(str(error)) from None
    if key is None:
        raise RestError(
            503,
            "This worker is still starting up and has not been able to read a session key from the config topic yet",
        )
    if not hmac.compare_digest(hmac.new(key.key, body, _DIGESTS[algorithm.lower()]).digest(), given):
        raise RestError(403, "Internal request contained invalid signature.")
