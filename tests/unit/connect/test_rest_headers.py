"""What pages of other origins may ask, and the headers that every answer gets."""

from __future__ import annotations

import pytest

from ottla.connect.api.errors import ConfigError
from ottla.connect.rest.cross_origin import CrossOrigin
from ottla.connect.rest.response_headers import add_response_headers, parse_response_headers
from ottla.connect.runtime.listener import Listener, server_tls
from ottla.connect.runtime.worker_config import standalone_config

HERE = "http://here.example"


@pytest.mark.parametrize(
    ("origins", "origin", "is_allowed"),
    [
        (["*"], HERE, True),
        ([HERE], HERE, True),
        ([HERE], "http://there.example", False),
        (["http://.*[.]example"], HERE, True),
        (["http://.*[.]example"], "http://here.examples", False),
        (["http://*.example"], HERE, False),  # they are regular expressions
        ([HERE], f"http://there.example {HERE}", True),
    ],
)
def test_origins(origins: list[str], origin: str, is_allowed: bool) -> None:
    told = CrossOrigin(origins, []).headers("GET", {"origin": origin})
    assert told == {"vary": "Origin"} | ({"access-control-allow-origin": origin} if is_allowed else {})


def test_who_has_no_origin_gets_no_headers() -> None:
    assert CrossOrigin(["*"], []).headers("GET", {}) == {"vary": "Origin"}


def test_a_browser_asks_before_it_sends() -> None:
    asked = {"origin": HERE, "access-control-request-method": "PUT"}
    told = CrossOrigin(["*"], ["GET", "PUT"]).headers("OPTIONS", asked)
    assert told["access-control-allow-methods"] == "GET,PUT"
    assert told["access-control-max-age"] == "60"
    assert told["access-control-allow-headers"] == "Content-Type"
    assert CrossOrigin(["*"], []).headers("OPTIONS", asked)["access-control-allow-methods"] == "GET,HEAD,POST"


def test_an_origin_that_is_none() -> None:
    with pytest.raises(ConfigError, match=r"access\.control\.allow\.origin"):
        CrossOrigin(["http://("], [])


def test_headers_of_every_answer() -> None:
    wanted = parse_response_headers(
        'set X-Frame-Options: DENY, "add Cache-Control: no-cache, no-store", setDate Expires: 1000'
    )
    there = [(b"x-frame-options", b"SAMEORIGIN"), (b"cache-control", b"private")]
    assert add_response_headers(wanted, there, now_s=0) == [
        (b"cache-control", b"private"),
        (b"x-frame-options", b"DENY"),
        (b"cache-control", b"no-cache, no-store"),
        (b"expires", b"Thu, 01 Jan 1970 00:00:01 GMT"),
    ]


@pytest.mark.parametrize("text", ["set", "set X", "put X: y", "set a b: c", "setDate Expires: soon", "set X: a\x00b"])
def test_headers_that_are_none(text: str) -> None:
    with pytest.raises(ConfigError, match=r"response\.http\.headers\.config"):
        parse_response_headers(text)


@pytest.mark.parametrize("text", ["ftp://a:1", "http://a", "a:1", "http://a:b", ""])
def test_listeners_that_are_none(text: str) -> None:
    with pytest.raises(ConfigError, match=r"admin\.listeners"):
        Listener.parse("admin.listeners", text)


def test_what_a_worker_advertises() -> None:
    def config(**settings: str) -> str:
        named = {key.replace("_", "."): text for key, text in settings.items()}
        return standalone_config({"offset.storage.file.filename": "f"} | named).advertised_scheme

    assert config(listeners="https://a:1") == "https"
    assert config(listeners="https://a:1,http://a:2") == "http"
    assert config(listeners="http://a:2,https://a:1", rest_advertised_listener="HTTPS") == "https"
    with pytest.raises(ConfigError, match=r"rest\.advertised\.listener"):
        config(listeners="http://a:2", rest_advertised_listener="https")


def test_a_listener_with_tls_needs_a_certificate() -> None:
    with pytest.raises(ConfigError, match=r"listeners\.https\.ssl\.keystore\.location"):
        server_tls({"listeners.https.ssl.client.auth": "none", "ssl.keystore.location": "not looked at"})
