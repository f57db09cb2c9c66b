"""Share groups, request by request: Ottla answers what Apache Kafka does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.interop.group_scenarios import play
from tests.interop.share_group_scenarios import SCENARIOS, ShareTranscript

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@pytest.mark.java
@pytest.mark.timeout(400)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_the_same_answers(
    addresses: tuple[str, str], scenario: Callable[[ShareTranscript], Awaitable[None]]
) -> None:
    transcripts = (ShareTranscript(address, f"share-{scenario.__name__}") for address in addresses)
    kafka, ottla = await asyncio.gather(*(play(transcript, scenario) for transcript in transcripts))
    assert len(kafka) > 8
    assert ottla == kafka
