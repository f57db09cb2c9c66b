"""Passwords of local users: `scrypt:N:SALT:DIGEST` in the config, verified in a thread, and not twice for a pair."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ottla.runtime.base64url import base64url_from_text, base64url_text

if TYPE_CHECKING:
    from collections.abc import Mapping

COST: Final = 1 << 14
"""scrypt's n; r is 8 and p is 1, which takes 16 MiB and some tens of milliseconds."""
COST_MAX: Final = 1 << 17
SALT_BYTES: Final = 18
DIGEST_BYTES: Final = 32
VERIFIED_MAX: Final = 1_000
AT_ONCE_MAX: Final = 4
"""Passwords that are verified at the same time; a flood of guesses takes no more memory than that."""
_MEMORY_BYTES: Final = 256 * 1024 * 1024
_FORM: Final = "scrypt:N:SALT:DIGEST, as `ottla console --hash-password USER` prints it"


@dataclass(frozen=True, slots=True)
class PasswordHash:
    cost: int
    salt: bytes
    digest: bytes

    @classmethod
    def parse(cls, text: str) -> PasswordHash:
        """`ValueError` never holds the text."""
        kind, *parts = text.split(":")
        if kind != "scrypt" or len(parts) != 3 or not parts[0].isdecimal():
            raise ValueError(f"a password is written as {_FORM}")
        cost = int(parts[0])
        if not 2 <= cost <= COST_MAX or cost & (cost - 1):
            raise ValueError(f"the cost of a password is a power of two, {COST_MAX} at most")
        try:
            salt, digest = (base64url_from_text(part) for part in parts[1:])
        except ValueError:
            raise ValueError(f"a password is written as {_FORM}") from None
        if len(digest) != DIGEST_BYTES or not salt:
            raise ValueError(f"a password is written as {_FORM}")
        return cls(cost, salt, digest)

    def fits(self, password: str) -> bool:
        return hmac.compare_digest(_digest(password, self.salt, self.cost), self.digest)


def hash_password(password: str) -> str:
    salt = secrets.token_bytes(SALT_BYTES)
    return f"scrypt:{COST}:{base64url_text(salt)}:{base64url_text(_digest(password, salt, COST))}"


class Passwords:
    """Of all local users. An unknown name takes as long as a wrong password."""

    def __init__(self, by_name: Mapping[str, PasswordHash]) -> None:
        self._by_name = dict(by_name)
        self._nobody = PasswordHash.parse(hash_password(secrets.token_urlsafe()))
        self._verified: dict[tuple[str, bytes], bool] = {}
        self._secret = secrets.token_bytes(32)
        self._turns = asyncio.Semaphore(AT_ONCE_MAX)

    def __bool__(self) -> bool:
        return bool(self._by_name)

    async def fit(self, name: str, password: str) -> bool:
        key = (name, hmac.digest(self._secret, password.encode("utf-8", "replace"), "sha256"))
        if (known := self._verified.get(key)) is not None:
            return known
        async with self._turns:
            stored = self._by_name.get(name)
            fits = await asyncio.to_thread((stored or self._nobody).fits, password)
        found = fits and stored is not None
        if found:  # wrong ones are not remembered: guessing stays slow
            if len(self._verified) >= VERIFIED_MAX:
                self._verified.clear()
            self._verified[key] = True
        return found


def _digest(password: str, salt: bytes, cost: int) -> bytes:
    encoded = password.encode("utf-8", "replace")
    return hashlib.scrypt(encoded, salt=salt, n=cost, r=8, p=1, maxmem=_MEMORY_BYTES, dklen=DIGEST_BYTES)
