"""What is remembered of people who signed in by OpenID Connect, against a small real provider."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.peers.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProviderServer
from tests.unit.console.web.test_oidc import sign_in

from ottla.console.web.access import oidc_sessions
from ottla.console.web.access.oidc import OidcProvider
from ottla.console.web.access.oidc_sessions import OidcSessions
from ottla.console.web.settings import OidcSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW_MS: Final = 1_000_000
AT_ONCE: Final = 1e-9
"""Minutes: a refresh is due with each request."""


@pytest.fixture
def server() -> Iterator[OidcProviderServer]:
    with OidcProviderServer({"sub": "17", "email": "eve@example.org", "groups": ["operators"]}) as running:
        running.refreshes = 0
        yield running


def provider_of(server: OidcProviderServer, refresh_minutes: float) -> OidcProvider:
    return OidcProvider(OidcSettings(server.issuer, CLIENT_ID, CLIENT_SECRET, refresh_minutes=refresh_minutes))


def session(**more: Any) -> dict[str, Any]:
    return {"i": "one", "g": ["of the sign-in"], **more}


async def signed_in(server: OidcProviderServer, refresh_minutes: float = AT_ONCE) -> OidcSessions:
    provider = provider_of(server, refresh_minutes)
    sessions = OidcSessions(provider)
    sessions.remember("one", await sign_in(provider))
    return sessions


async def test_groups_are_those_of_now_until_the_provider_ends_it(server: OidcProviderServer) -> None:
    sessions = await signed_in(server)
    assert await sessions.groups(session(), NOW_MS) == frozenset({"operators"})
    server.claims["groups"] = ["readers"]
    assert await sessions.groups(session(), NOW_MS) == frozenset({"readers"})
    assert server.refreshes == 2, "each with the token of the one before"
    server.end_sessions()
    assert await sessions.groups(session(), NOW_MS) is None


async def test_it_is_asked_no_sooner_than_it_is_due_and_once_by_many(server: OidcProviderServer) -> None:
    sessions = await signed_in(server, 15)
    assert await sessions.groups(session(), NOW_MS) == frozenset({"operators"})
    assert server.refreshes == 0
    sessions = await signed_in(server)
    found = await asyncio.gather(*(sessions.groups(session(), NOW_MS) for _ in range(5)))
    assert found == [frozenset({"operators"})] * 5
    assert server.refreshes == 1


async def test_somebody_else_is_not_let_in(server: OidcProviderServer) -> None:
    sessions = await signed_in(server)
    server.claims["sub"] = "18"
    assert await sessions.groups(session(), NOW_MS) is None


async def test_a_provider_that_is_away_is_done_without_for_a_while(
    server: OidcProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = await signed_in(server)
    monkeypatch.setattr(oidc_sessions, "AGAIN_S", 0.0)
    server.method = "client_secret_post"  # as if the console's secret had been taken away
    assert await sessions.groups(session(), NOW_MS) == frozenset({"operators"})
    monkeypatch.setattr(oidc_sessions, "UNREACHABLE_MAX_S", -1.0)
    assert await sessions.groups(session(), NOW_MS) is None


async def test_after_a_restart_the_cookie_is_believed_until_a_refresh_was_due(server: OidcProviderServer) -> None:
    provider = provider_of(server, 15)
    sessions = OidcSessions(provider)
    by_ms = sessions.refresh_by_ms(await sign_in(provider), NOW_MS)
    assert by_ms == NOW_MS + 15 * 60_000
    assert await sessions.groups(session(f=by_ms), by_ms) == frozenset({"of the sign-in"})
    assert await sessions.groups(session(f=by_ms), by_ms + 1) is None
    server.refreshes = None
    found = await sign_in(provider)
    assert sessions.refresh_by_ms(found, NOW_MS) is None, "it gives no refresh tokens"
    sessions.remember("one", found)
    assert await sessions.groups(session(), NOW_MS) == frozenset({"operators"})
    assert sessions.forget("one") == found.id_token
    assert sessions.forget("one") is None
