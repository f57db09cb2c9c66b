"""Streams groups, request by request: Ottla answers, and writes, what Apache Kafka does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.interop.streams_group_scenarios import STREAMS_SCENARIOS, play_streams

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.interop.streams_transcript import StreamsTranscript


@pytest.mark.java
@pytest.mark.timeout(400)
@pytest.mark.parametrize("scenario", STREAMS_SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_the_same_answers_and_records(
    addresses: tuple[str, str], scenario: Callable[[StreamsTranscript], Awaitable[None]]
) -> None:
    kafka, ottla = await asyncio.gather(*(play_streams(address, scenario) for address in addresses))
    assert len(kafka) > 10
    assert ottla == kafka
