"""What workers say among themselves: signed, and refused in a line where it is not."""

from __future__ import annotations

import pytest

from ottla.connect.api.errors import ConfigError
from ottla.connect.distributed.session_key import ALGORITHM, SIGNATURE, new_session_key, sign, verify
from ottla.connect.runtime.rest_error import RestError
from ottla.connect.runtime.worker_config import distributed_config

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


@pytest.mark.parametrize("key", ["key.generation.algorithm", "signature.algorithm", "verification.algorithms"])
def test_an_algorithm_that_nobody_knows_is_refused_at_the_start(key: str) -> None:
    topics = {f"{kind}.storage.topic": "t" for kind in ("config", "offset", "status")}
    group = {"group.id": "g"} | topics
    assert distributed_config(group | {f"inter.worker.{key}": "hmacsha512"}).is_distributed
    with pytest.raises(ConfigError, match=rf"inter\.worker\.{key}.*HmacSHA1"):
        distributed_config(group | {f"inter.worker.{key}": "HmacMD6"})
