"""Sessions in signed cookies: nothing is kept in the server but those that were ended early.

The cookie holds `PAYLOAD.SIGNATURE`, both base64url: JSON, and its HMAC-SHA256 under the console's secret. So does what
is remembered while somebody is at an OpenID provider. The token against forged requests (CSRF) is an HMAC of the
session's id.
"""

from __future__ import annotations

import hmac
import json
import secrets
from typing import Any, Final

from ottla.runtime.base64url import base64url_from_text, base64url_text

SECRET_BYTES: Final = 32
ENDED_MAX: Final = 10_000
COOKIE_BYTES_MAX: Final = 4_000
"""What browsers keep."""


class Signer:
    """What was signed for one purpose is good for no other."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, purpose: str, payload: dict[str, Any]) -> str:
        body = base64url_text(json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode())
        return f"{body}.{base64url_text(self._mac(purpose, body))}"

    def read(self, purpose: str, text: str, now_ms: int) -> dict[str, Any] | None:
        """`None`: it is not ours, or is over (`"e"`, in milliseconds)."""
        body, _, signature = text.partition(".")
        expected = base64url_text(self._mac(purpose, body)).encode()
        if not body or not hmac.compare_digest(expected, signature.encode("utf-8", "replace")):
            return None
        payload = json.loads(base64url_from_text(body))
        return payload if isinstance(payload, dict) and payload.get("e", 0) > now_ms else None

    def token(self, purpose: str, text: str) -> str:
        return base64url_text(self._mac(purpose, text))

    def _mac(self, purpose: str, text: str) -> bytes:
        return hmac.digest(self._secret, f"{purpose}\n{text}".encode("utf-8", "replace"), "sha256")


class Sessions:
    def __init__(self, signer: Signer, lifetime_ms: int) -> None:
        self._signer = signer
        self._lifetime_ms = lifetime_ms
        self._ended: dict[str, int] = {}
        """Session id -> when it is over anyway."""

    def begin(
        self, user: str, groups: frozenset[str], method: str, now_ms: int, refresh_by_ms: int | None = None
    ) -> str:
        """The cookie's value. `refresh_by_ms`: who knows no more of the session than the cookie says believes it until
        then."""
        payload = {
            "i": secrets.token_urlsafe(12),
            "u": user,
            "g": sorted(groups),
            "m": method,
            "e": now_ms + self._lifetime_ms,
            **({} if refresh_by_ms is None else {"f": refresh_by_ms}),
        }
        return self._signer.sign("session", payload)

    def read(self, cookie: str, now_ms: int) -> dict[str, Any] | None:
        payload = self._signer.read("session", cookie, now_ms)
        return None if payload is None or payload["i"] in self._ended else payload

    def end(self, session: str, expires_ms: int, now_ms: int) -> None:
        if len(self._ended) >= ENDED_MAX:
            self._ended = {each: over for each, over in self._ended.items() if over > now_ms}
            while len(self._ended) >= ENDED_MAX:
                del self._ended[next(iter(self._ended))]
        self._ended[session] = expires_ms

    def is_over(self, session: str) -> bool:
        return session in self._ended

    def csrf_token(self, session: str) -> str:
        return self._signer.token("csrf", session)

    def csrf_fits(self, session: str, token: str) -> bool:
        return hmac.compare_digest(self.csrf_token(session).encode(), token.encode("utf-8", "replace"))


def cookies_of(header: str) -> dict[str, str]:
    """Of a Cookie header; the first of equal names."""
    found: dict[str, str] = {}
    for part in header.split(";"):
        name, equals, value = part.strip().partition("=")
        if equals and name not in found:
            found[name] = value
    return found


def set_cookie(name: str, value: str, *, path: str, max_age_s: int, secure: bool) -> tuple[str, str]:
    """The header that sets it, or with an empty value takes it away.

    SameSite is Lax, as a browser that comes back from an OpenID provider is to send it.
    """
    parts = [f"{name}={value}", f"Path={path}", f"Max-Age={max_age_s if value else 0}", "HttpOnly", "SameSite=Lax"]
    return "Set-Cookie", "; ".join([*parts, *(["Secure"] if secure else [])])
