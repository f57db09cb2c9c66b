"""One oracle for all tests that compare with Java's Kafka Connect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.connect.oracle.process import ConnectOracle

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def oracle() -> Iterator[ConnectOracle]:
    with ConnectOracle() as started:
        yield started
