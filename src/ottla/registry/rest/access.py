"""Who may do what: users with passwords, and permissions on subjects, from one JSON file.

    {"users": [{"username": "ada", "algorithm": "scrypt", "salt": "…", "password_hash": "…"}],
     "permissions": [{"username": "ada", "operation": "Write", "resource": "Subject:orders-.*"},
                     {"username": "ada", "operation": "Read",  "resource": "Config:"}]}

The file is the one that Karapace has; a resource is a regular expression that must match all of `Subject:NAME`, or of
`Config:`, which stands for config, mode and contexts of all. Write includes Read. A name and password, or the wrong
ones: 401; not allowed: 403.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ottla.registry.errors import RegistryError
from ottla.runtime.http_basic import basic_credentials

if TYPE_CHECKING:
    from pathlib import Path

READ: Final = "Read"
WRITE: Final = "Write"
CONFIG: Final = "Config:"
UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
VERIFIED_MAX: Final = 1_000
_DIGESTS: Final = ("sha256", "sha512")
_SCRYPT: Final = "scrypt"


class AccessFileError(ValueError):
    """The text says what is wrong with the file."""


@dataclass(frozen=True, slots=True)
class Permission:
    operation: str
    resource: re.Pattern[str]

    def allows(self, operation: str, resource: str) -> bool:
        return self.operation in (operation, WRITE) and self.resource.fullmatch(resource) is not None


@dataclass(frozen=True, slots=True)
class User:
    name: str
    permissions: tuple[Permission, ...]

    def may(self, operation: str, resource: str) -> bool:
        return any(permission.allows(operation, resource) for permission in self.permissions)


@dataclass(frozen=True, slots=True)
class Password:
    algorithm: str
    salt: str
    digest: bytes

    def fits(self, password: str) -> bool:
        return hmac.compare_digest(password_digest(self.algorithm, self.salt, password), self.digest)


class Access:
    def __init__(self, users: dict[str, User], passwords: dict[str, Password]) -> None:
        self._users = users
        self._passwords = passwords
        self._verified: dict[tuple[str, bytes], bool] = {}
        self._secret = secrets.token_bytes(32)

    def authenticate(self, authorization: str | None) -> User:
        """The user of an Authorization header. `RegistryError(UNAUTHORIZED)`."""
        credentials = basic_credentials(authorization or "")
        if credentials is not None and self._knows(*credentials):
            return self._users[credentials[0]]
        raise RegistryError(UNAUTHORIZED, "A name and password are wanted that the registry knows")

    def _knows(self, name: str, password: str) -> bool:
        # Passwords are slow to verify on purpose: once for each pair is enough.
        key = (name, hmac.digest(self._secret, password.encode(), "sha256"))
        found = self._verified.get(key)
        if found is None:
            stored = self._passwords.get(name)
            found = stored is not None and stored.fits(password)
            if len(self._verified) >= VERIFIED_MAX:
                self._verified.clear()
            self._verified[key] = found
        return found


def password_digest(algorithm: str, salt: str, password: str) -> bytes:
    if algorithm == _SCRYPT:
        return hashlib.scrypt(password.encode(), salt=salt.encode(), n=16384, r=8, p=1)
    return hashlib.new(algorithm, (salt + password).encode()).digest()


def user_entry(name: str, password: str) -> dict[str, str]:
    """For the file."""
    salt = secrets.token_urlsafe(18)
    digest = base64.b64encode(password_digest(_SCRYPT, salt, password)).decode()
    return {"username": name, "algorithm": _SCRYPT, "salt": salt, "password_hash": digest}


def read_access_file(path: Path) -> Access:
    """`AccessFileError`."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise AccessFileError(error.strerror or str(error)) from None
    except ValueError as error:
        raise AccessFileError(f"it is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise AccessFileError("it is not a JSON object")
    passwords = {entry["username"]: _password(entry) for entry in _entries(value, "users", "username", "password_hash")}
    granted: dict[str, list[Permission]] = {name: [] for name in passwords}
    for entry in _entries(value, "permissions", "username", "operation", "resource"):
        if entry["username"] not in granted:
            raise AccessFileError(f"permissions: there is no user '{entry['username']}'")
        if entry["operation"] not in (READ, WRITE):
            raise AccessFileError(f"permissions: an operation is {READ} or {WRITE}, not '{entry['operation']}'")
        try:
            pattern = re.compile(entry["resource"])
        except re.error as error:
            raise AccessFileError(f"permissions: '{entry['resource']}' is no regular expression: {error}") from None
        granted[entry["username"]].append(Permission(entry["operation"], pattern))
    return Access({name: User(name, tuple(each)) for name, each in granted.items()}, passwords)


def _entries(value: dict[str, object], key: str, *wanted: str) -> list[dict[str, str]]:
    entries = value.get(key)
    if not isinstance(entries, list):
        raise AccessFileError(f"'{key}' is an array")
    for entry in entries:
        if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in wanted):
            raise AccessFileError(f"each of '{key}' needs {', '.join(wanted)}")
    return entries


def _password(entry: dict[str, str]) -> Password:
    algorithm = entry.get("algorithm", _SCRYPT)
    if algorithm not in (_SCRYPT, *_DIGESTS):
        raise AccessFileError(f"users: an algorithm is one of {', '.join((_SCRYPT, *_DIGESTS))}, not '{algorithm}'")
    try:
        digest = base64.b64decode(entry["password_hash"], validate=True)
    except ValueError:
        raise AccessFileError(f"users: the password_hash of '{entry['username']}' is not base64") from None
    return Password(algorithm, entry.get("salt", ""), digest)
