"""What a console remembers of people who signed in by OpenID Connect: their tokens, and the groups that they have now.

    signed in ──(`refresh_minutes`)──► refresh token ─► provider: the groups of now, or that it is over

Tokens stay in memory: after a restart a session is believed for as long as it would have been before its next refresh,
and then one signs in again, which at the provider one may still be. A provider that gives no refresh tokens is not
asked, and one that cannot be reached is asked again, but is not believed for ever.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ottla.console.web.access.oidc import OidcError, OidcRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.console.web.access.oidc import OidcProvider, SignedIn

_log = logging.getLogger(__name__)

SESSIONS_MAX: Final = 10_000
"""Of more, those that signed in first are remembered no more."""
AGAIN_S: Final = 30.0
"""After which a provider that could not be reached is asked once more."""
UNREACHABLE_MAX_S: Final = 3_600.0
"""For so long people go on without it."""


@dataclass(slots=True)
class _Kept:
    user: str
    subject: str
    groups: frozenset[str] | None
    """`None`: it is over."""
    id_token: str
    refresh_token: str | None
    due: float
    confirmed_at: float
    asking: asyncio.Task[None] | None = None


class OidcSessions:
    def __init__(self, provider: OidcProvider) -> None:
        self._provider = provider
        self._interval_s = provider.settings.refresh_minutes * 60
        self._kept: dict[str, _Kept] = {}

    def refresh_by_ms(self, found: SignedIn, now_ms: int) -> int | None:
        """For the cookie."""
        return now_ms + int(self._interval_s * 1000) if self._refreshes(found) else None

    def remember(self, session: str, found: SignedIn) -> None:
        now = time.monotonic()
        while len(self._kept) >= SESSIONS_MAX:
            del self._kept[next(iter(self._kept))]
        token = found.refresh_token if self._refreshes(found) else None
        self._kept[session] = _Kept(
            found.user, found.subject, found.groups, found.id_token, token, now + self._interval_s, now
        )

    def forget(self, session: str) -> str | None:
        """Its ID token, which says at the provider whose session is to end."""
        kept = self._kept.pop(session, None)
        return None if kept is None else kept.id_token

    async def groups(self, session: Mapping[str, Any], now_ms: int) -> frozenset[str] | None:
        """Those that somebody has now; `None`: the session is over."""
        kept = self._kept.get(str(session["i"]))
        if kept is None:
            refresh_by_ms = session.get("f")
            is_over = refresh_by_ms is not None and now_ms > int(refresh_by_ms)
            return None if is_over else frozenset(str(each) for each in session["g"])
        if kept.refresh_token is not None and time.monotonic() >= kept.due:
            if kept.asking is None:
                kept.asking = asyncio.get_running_loop().create_task(self._refresh(kept, kept.refresh_token))
            await asyncio.shield(kept.asking)  # a refresh token is good for once: what comes of it must not be lost
        if kept.groups is None:
            self._kept.pop(str(session["i"]), None)
        return kept.groups

    def _refreshes(self, found: SignedIn) -> bool:
        return found.refresh_token is not None and self._interval_s > 0

    async def _refresh(self, kept: _Kept, refresh_token: str) -> None:
        try:
            found = await self._provider.refresh(refresh_token, kept.subject)
        except OidcRefusedError as error:
            _log.warning("The session of %s is over: %s", kept.user, error)
            kept.groups = None
        except OidcError as error:
            now = time.monotonic()
            kept.due = now + AGAIN_S
            if now - kept.confirmed_at > self._interval_s + UNREACHABLE_MAX_S:
                kept.groups = None
            _log.warning("The provider does not say whether %s is still signed in: %s", kept.user, error)
        else:
            kept.confirmed_at = time.monotonic()
            kept.due = kept.confirmed_at + self._interval_s
            kept.groups = kept.groups if found.groups is None else found.groups
            kept.id_token = found.id_token or kept.id_token
            kept.refresh_token = found.refresh_token or refresh_token
        finally:
            kept.asking = None
