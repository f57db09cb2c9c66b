"""Names and passwords in headers: read as they were written, and nothing else."""

from __future__ import annotations

from base64 import b64encode

import pytest

from ottla.runtime.http_basic import basic_authorization, basic_credentials


@pytest.mark.parametrize(("name", "password"), [("ann", "secret"), ("ann", "a:b:"), ("Åsa", "smörgås"), ("", "")])
def test_what_is_written_is_read(name: str, password: str) -> None:
    assert basic_credentials(basic_authorization(name, password)) == (name, password)


def test_the_scheme_may_be_written_in_any_case() -> None:
    assert basic_credentials(f"bASIC {b64encode(b'ann:secret').decode()}") == ("ann", "secret")


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Bearer YW5uOnNlY3JldA==",
        "Basic YW5u",  # without a colon
        "Basic YW5uOnNlY3JldA",
        "Basic /w==",
        "Basic smörgås",
    ],
)
def test_anything_else_is_not_taken_for_one(authorization: str) -> None:
    assert basic_credentials(authorization) is None
