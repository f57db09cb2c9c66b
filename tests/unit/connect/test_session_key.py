"""What workers say among themselves: signed, and refused in a line where it is not."""

from __future__ import annotations

import pytest

from ottla.connect.distributed.session_key import ALGORITHM, SIGNATURE, new_session_key, sign, verify
from ottla.connect.runtime.rest_error import RestError

HMAC = "HmacSHA256"


def test_what_is_signed_is_taken() -> None:
    key = new_session_key(HMAC)
    verify(key, [HMAC], sign(key, HMAC, b"body"), b"body")


@pytest.mark.parametrize(
    ("signature", "status"),
    [(None, 400), ("kein Schlüssel", 400), ("!", 400), ("AAAA", 403)],
)
def test_anything_else_is_refused(signature: str | None, status: int) -> None:
    headers = {ALGORITHM: HMAC} | ({} if signature is None else {SIGNATURE: signature})
    with pytest.raises(RestError) as refused:
        verify(new_session_key(HMAC), [HMAC], headers, b"body")
    assert refused.value.status == status
