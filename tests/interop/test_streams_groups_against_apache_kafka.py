"""Streams groups, request by request: Ottla answers, and writes, what Apache Kafka does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.interop.group_scenarios import play
from tests.interop.streams_group_scenarios import STREAMS_SCENARIOS
from tests.interop.streams_transcript import StreamsTranscript

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@pytest.mark.java
@pytest.mark.timeout(400)
@pytest.mark.parametrize("scenario", STREAMS_SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_the_same_answers_and_records(
    addresses: tuple[str, str], scenario: Callable[[StreamsTranscript], Awaitable[None]]
) -> None:
    transcripts = (StreamsTranscript(address, scenario.__name__) for address in addresses)
    kafka, ottla = await asyncio.gather(*(play(transcript, scenario) for transcript in transcripts))
    assert len(kafka) > 10
    assert ottla == kafka
