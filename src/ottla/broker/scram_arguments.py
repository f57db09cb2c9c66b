"""Users who are there from the first moment, as `kafka-storage format --add-scram` takes them. KIP-900.

SCRAM-SHA-256=[name=alice,password=alice-secret]
SCRAM-SHA-512=[name=bob,iterations=8192,salt="N3E=",saltedpassword="YCE="]
"""

import base64
from collections.abc import Callable

from ottla.protocol.metadata_record.user_scram_credential_record import UserScramCredentialRecord
from ottla.protocol.sasl.scram import (
    MAX_ITERATIONS,
    MIN_ITERATIONS,
    SCRAM_MECHANISMS,
    ScramMechanism,
    credential_of,
    salted_password,
)

_KEYS = ("name", "password", "iterations", "salt", "saltedpassword")


def parse_scram(text: str, random_bytes: Callable[[int], bytes]) -> UserScramCredentialRecord:
    """`ValueError` says what is wrong; it never holds a password."""
    mechanism_name, equals, rest = text.partition("=")
    mechanism = SCRAM_MECHANISMS.get(mechanism_name.strip())
    if mechanism is None or not equals:
        raise ValueError(f"a user is MECHANISM=[name=…,password=…], with one of {', '.join(SCRAM_MECHANISMS)}")
    values = _values(rest.strip())
    name = values.get("name")
    if not name:
        raise ValueError("a user needs a name")
    iterations = _iterations(values.get("iterations"))
    salt = _base64("salt", values["salt"]) if "salt" in values else random_bytes(32)
    credential = credential_of(mechanism, _salted(mechanism, values, salt, iterations), salt, iterations)
    return UserScramCredentialRecord(
        name=name,
        mechanism=mechanism,
        salt=credential.salt,
        stored_key=credential.stored_key,
        server_key=credential.server_key,
        iterations=credential.iterations,
    )


def _values(text: str) -> dict[str, str]:
    if not (text.startswith("[") and text.endswith("]")):
        raise ValueError("what follows the mechanism stands in brackets: [name=…,password=…]")
    values: dict[str, str] = {}
    for item in text[1:-1].split(","):
        key, equals, value = item.partition("=")
        if not equals or key.strip() not in _KEYS:
            raise ValueError(
                f"a user has {', '.join(f'{each}=…' for each in _KEYS)}, separated by commas, and nothing else"
            )
        value = value.strip()
        quoted = len(value) >= 2 and value[0] == value[-1] == '"'
        values[key.strip()] = value[1:-1] if quoted else value
    return values


def _iterations(text: str | None) -> int:
    if text is None:
        return MIN_ITERATIONS
    if not text.isdecimal() or not MIN_ITERATIONS <= int(text) <= MAX_ITERATIONS:
        raise ValueError(f"iterations are {MIN_ITERATIONS} to {MAX_ITERATIONS}, not {text}")
    return int(text)


def _salted(mechanism: ScramMechanism, values: dict[str, str], salt: bytes, iterations: int) -> bytes:
    """A salted password is stronger than a password, as in Kafka."""
    if "saltedpassword" in values:
        if "salt" not in values:
            raise ValueError("a saltedpassword needs its salt")
        return _base64("saltedpassword", values["saltedpassword"])
    if not values.get("password"):
        raise ValueError("a user needs a password or a saltedpassword")
    return salted_password(mechanism, values["password"], salt, iterations)


def _base64(key: str, text: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except ValueError:
        raise ValueError(f"{key} is no base64") from None
    if not decoded:
        raise ValueError(f"{key} is empty")
    return decoded
