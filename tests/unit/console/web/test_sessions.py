"""Cookies that were signed here, and those that were not."""

from __future__ import annotations

import pytest

from ottla.console.web.access.oidc import safe_return
from ottla.console.web.access.passwords import PasswordHash, Passwords, hash_password
from ottla.console.web.access.sessions import ENDED_MAX, Sessions, Signer, cookies_of, set_cookie

NOW_MS = 1_000_000


def sessions(secret: bytes = b"one") -> Sessions:
    return Sessions(Signer(secret), 60_000)


def test_a_session_is_read_as_it_was_written_until_it_is_over() -> None:
    one = sessions()
    cookie = one.begin("ada", frozenset(["b", "a"]), "password", NOW_MS)
    found = one.read(cookie, NOW_MS + 59_999)
    assert found is not None
    assert (found["u"], found["g"], found["m"]) == ("ada", ["a", "b"], "password")
    assert one.read(cookie, NOW_MS + 60_000) is None
    assert sessions(b"two").read(cookie, NOW_MS) is None


def test_nothing_else_is_believed() -> None:
    signer = Signer(b"one")
    one = Sessions(signer, 60_000)
    cookie = one.begin("ada", frozenset(), "password", NOW_MS)
    body, _, signature = cookie.partition(".")
    for wrong in (
        "",
        ".",
        body,
        f"{body}.",
        f"{body}x.{signature}",
        f"{body}.{signature[:-2]}",
        "é.é",
        f".{signature}",
    ):
        assert one.read(wrong, NOW_MS) is None
    assert one.read(signer.sign("oidc", {"u": "ada", "i": "x", "e": NOW_MS * 2}), NOW_MS) is None


def test_one_that_was_ended_stays_ended() -> None:
    one = sessions()
    cookie = one.begin("ada", frozenset(), "password", NOW_MS)
    found = one.read(cookie, NOW_MS)
    assert found is not None
    one.end(found["i"], found["e"], NOW_MS)
    assert one.read(cookie, NOW_MS) is None
    for number in range(ENDED_MAX - 1):
        one.end(str(number), NOW_MS + 10, NOW_MS)
    one.end("one more", NOW_MS * 2, NOW_MS + 20)  # those that are over make room
    assert one.read(cookie, NOW_MS) is None


def test_a_token_is_of_its_session() -> None:
    one = sessions()
    assert one.csrf_fits("a", one.csrf_token("a"))
    assert not one.csrf_fits("a", one.csrf_token("b"))
    assert not one.csrf_fits("a", "é")


def test_cookies() -> None:
    assert cookies_of("a=1; b=2=3;c; a=4") == {"a": "1", "b": "2=3"}
    name, value = set_cookie("a", "x", path="/", max_age_s=5, secure=True)
    assert (name, value) == ("Set-Cookie", "a=x; Path=/; Max-Age=5; HttpOnly; SameSite=Lax; Secure")
    assert "Max-Age=0" in set_cookie("a", "", path="/", max_age_s=5, secure=False)[1]


@pytest.mark.parametrize("path", ["//evil", "/\\evil", "http://evil", "", "evil", "/a\nb"])
def test_nobody_is_sent_elsewhere(path: str) -> None:
    assert safe_return(path) == "/"


def test_a_page_keeps_its_fragment() -> None:
    assert safe_return("/#/local/topics?x=ü") == "/#/local/topics?x=%C3%BC"


async def test_passwords() -> None:
    passwords = Passwords({"ada": PasswordHash.parse(hash_password("right"))})
    assert await passwords.fit("ada", "right")
    assert await passwords.fit("ada", "right")
    assert not await passwords.fit("ada", "wrong")
    assert not await passwords.fit("bob", "right")


@pytest.mark.parametrize(
    "text", ["right", "scrypt:3:AA:AA", "scrypt:16384:AA:AA", "scrypt:1073741824:AA:AA", "scrypt::"]
)
def test_what_is_no_hash_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(ValueError, match="password") as refused:
        PasswordHash.parse(text)
    assert text not in str(refused.value)
