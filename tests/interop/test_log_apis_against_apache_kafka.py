"""Produce, Fetch and the APIs around the log, request by request: Ottla answers what Apache Kafka does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.interop.log_scenarios import SCENARIOS, Transcript, play

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@pytest.mark.java
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_the_same_answers(addresses: tuple[str, str], scenario: Callable[[Transcript], Awaitable[None]]) -> None:
    kafka, ottla = await asyncio.gather(*(play(address, scenario) for address in addresses))
    assert len(kafka) > 10
    assert ottla == kafka
