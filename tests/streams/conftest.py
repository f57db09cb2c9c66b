"""One oracle for all tests that compare with Kafka Streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.streams.oracle.process import StreamsOracle

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def oracle() -> Iterator[StreamsOracle]:
    with StreamsOracle() as started:
        yield started
