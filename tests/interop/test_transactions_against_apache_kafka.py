"""Transactions, request by request: Ottla answers, and writes, what Apache Kafka does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.interop.group_scenarios import play
from tests.interop.transaction_scenarios import (
    LATEST_VERSION,
    OF_OLDER_CLUSTERS,
    SCENARIOS,
    TransactionTranscript,
    finalize,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@pytest.mark.java
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_the_same_answers_and_records(
    addresses: tuple[str, str], scenario: Callable[[TransactionTranscript], Awaitable[None]]
) -> None:
    transcripts = (TransactionTranscript(address, f"{scenario.__name__}-{LATEST_VERSION}") for address in addresses)
    kafka, ottla = await asyncio.gather(*(play(transcript, scenario) for transcript in transcripts))
    assert len(kafka) > 10
    assert ottla == kafka


@pytest.mark.java
@pytest.mark.parametrize(
    ("version", "scenario"), OF_OLDER_CLUSTERS, ids=lambda value: getattr(value, "__name__", str(value))
)
async def test_the_same_where_less_is_finalized(
    addresses: tuple[str, str], version: int, scenario: Callable[[TransactionTranscript], Awaitable[None]]
) -> None:
    for address in addresses:
        await finalize(address, version)
    try:
        transcripts = (TransactionTranscript(address, f"{scenario.__name__}-{version}") for address in addresses)
        kafka, ottla = await asyncio.gather(*(play(transcript, scenario) for transcript in transcripts))
    finally:
        for address in addresses:
            await finalize(address, LATEST_VERSION)
    assert len(kafka) > 10
    assert ottla == kafka
