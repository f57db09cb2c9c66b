"""OpenID Connect against a small real provider: how a client shows who it is, keys that change, providers that fail."""

from __future__ import annotations

import asyncio
import http.client
import time
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from tests.peers.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProviderServer
from tests.peers.process import free_port

from ottla.console.web.access import oidc
from ottla.console.web.access.oidc import OidcError, OidcProvider, SignedIn
from ottla.console.web.settings import OidcSettings
from ottla.runtime.http_request import query_of

if TYPE_CHECKING:
    from collections.abc import Iterator

REDIRECT = "https://console.example/api/oidc/callback"


@pytest.fixture
def server() -> Iterator[OidcProviderServer]:
    with OidcProviderServer({"sub": "17", "email": "eve@example.org", "groups": "operators"}) as running:
        yield running


def settings(server: OidcProviderServer, secret: str | None = CLIENT_SECRET) -> OidcSettings:
    return OidcSettings(server.issuer, CLIENT_ID, secret)


async def test_one_is_signed_out_at_the_provider_too(server: OidcProviderServer) -> None:
    provider = OidcProvider(settings(server))
    found = await sign_in(provider)
    url = await provider.sign_out_url(found.id_token, "https://console.example/")
    assert url is not None
    assert await asyncio.to_thread(_follow, url, "https://console.example/") == "https://console.example/"
    assert server.ended == [
        {
            "client_id": CLIENT_ID,
            "post_logout_redirect_uri": "https://console.example/",
            "id_token_hint": found.id_token,
        }
    ]
    silent = OidcProvider(replace(settings(server), sign_out=False))
    assert await silent.sign_out_url(found.id_token, "https://console.example/") is None


async def sign_in(provider: OidcProvider) -> SignedIn:
    login = await provider.begin("/#/there", REDIRECT, int(time.time() * 1000))
    back = await asyncio.to_thread(_follow, login.location)
    return await provider.finish(query_of(urlsplit(back).query), login.remembered)


def _follow(location: str, to: str = REDIRECT) -> str:
    parts = urlsplit(location)
    connection = http.client.HTTPConnection(parts.netloc)
    connection.request("GET", f"{parts.path}?{parts.query}")
    back = connection.getresponse().getheader("Location") or ""
    connection.close()
    assert back.startswith(to)
    return back


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
async def test_a_client_shows_who_it_is(server: OidcProviderServer, method: str) -> None:
    server.method = method
    found = await sign_in(OidcProvider(settings(server, None if method == "none" else CLIENT_SECRET)))
    assert (found.user, found.groups, found.return_to) == ("eve@example.org", frozenset(["operators"]), "/#/there")
    assert (found.subject, found.refresh_token) == ("17", None)


async def test_a_client_with_a_wrong_secret_is_told_so(server: OidcProviderServer) -> None:
    with pytest.raises(OidcError, match="invalid_client"):
        await sign_in(OidcProvider(settings(server, "wrong")))


async def test_keys_may_change(server: OidcProviderServer, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = OidcProvider(settings(server))
    await sign_in(provider)
    server.change_key()
    with pytest.raises(OidcError, match="does not publish"):
        await sign_in(provider)  # not so soon again
    monkeypatch.setattr(oidc, "KEYS_AGAIN_S", 0.0)
    assert (await sign_in(provider)).user == "eve@example.org"


async def test_a_provider_that_is_not_there_or_is_another() -> None:
    nowhere = OidcSettings(f"http://127.0.0.1:{free_port()}/realm", CLIENT_ID)
    with pytest.raises(OidcError, match="does not answer"):
        await OidcProvider(nowhere).begin("/", REDIRECT, 0)
    with OidcProviderServer({"sub": "1"}) as server:
        other = OidcSettings(f"{server.issuer}/../realm", CLIENT_ID)
        with pytest.raises(OidcError):
            await OidcProvider(other).begin("/", REDIRECT, 0)


async def test_a_provider_that_refuses_says_why(server: OidcProviderServer) -> None:
    provider = OidcProvider(settings(server))
    login = await provider.begin("/", REDIRECT, 0)
    state = [login.remembered["s"]]
    for query, told in (
        ({"state": state, "error": ["access_denied"], "error_description": ["not you"]}, "not you"),
        ({"state": state}, "no code"),
        ({"state": state, "code": ["unknown"]}, "invalid_grant"),
        ({"state": ["other"], "code": ["x"]}, "not begun here"),
        ({"code": ["x"]}, "not begun here"),
    ):
        with pytest.raises(OidcError, match=told):
            await provider.finish(query, login.remembered)
