"""Share groups, request by request: Ottla answers what Apache Kafka does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.interop.share_group_scenarios import SCENARIOS, SETTINGS, ShareTranscript, play_share
from tests.peers.apache_kafka import KafkaNode
from tests.peers.ottla_node import OttlaNode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """(Apache Kafka, Ottla), configured alike."""
    with (
        KafkaNode(tmp_path_factory.mktemp("kafka"), SETTINGS) as kafka,
        OttlaNode(tmp_path_factory.mktemp("ottla"), SETTINGS) as ottla,
    ):
        yield kafka.address, ottla.address


@pytest.mark.java
@pytest.mark.timeout(400)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_the_same_answers(
    addresses: tuple[str, str], scenario: Callable[[ShareTranscript], Awaitable[None]]
) -> None:
    kafka, ottla = await asyncio.gather(*(play_share(address, scenario) for address in addresses))
    assert len(kafka) > 8
    assert ottla == kafka
