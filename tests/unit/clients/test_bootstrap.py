"""Addresses as people write them."""

import pytest

from ottla.clients.client import parse_bootstrap
from ottla.clients.errors import ClientError


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("localhost:9092", [("localhost", 9092)]),
        ("a:1, b:2", [("a", 1), ("b", 2)]),
        ("a,,b:2,", [("a", 9092), ("b", 2)]),
        ("[::1]:9093", [("::1", 9093)]),
        ("[::1]", [("::1", 9092)]),
        ("::1", [("::1", 9092)]),
    ],
)
def test_addresses(text: str, addresses: list[tuple[str, int]]) -> None:
    assert parse_bootstrap(text) == addresses


@pytest.mark.parametrize("text", ["", " , ", "host:port", "host:0", "host:65536", "host:"])
def test_what_is_no_address_is_named(text: str) -> None:
    with pytest.raises(ClientError, match="HOST:PORT"):
        parse_bootstrap(text)
