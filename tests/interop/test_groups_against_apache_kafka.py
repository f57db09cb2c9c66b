"""Classic groups and offsets, request by request: Ottla answers, and writes, what Apache Kafka does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.interop.group_scenarios import SCENARIOS, Transcript, play

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@pytest.mark.java
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_the_same_answers_and_records(
    addresses: tuple[str, str], scenario: Callable[[Transcript], Awaitable[None]]
) -> None:
    transcripts = (Transcript(address, scenario.__name__) for address in addresses)
    kafka, ottla = await asyncio.gather(*(play(transcript, scenario) for transcript in transcripts))
    assert len(kafka) > 10
    assert ottla == kafka
