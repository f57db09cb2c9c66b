"""Coming in by SASL, request by request: Ottla answers, or closes, as Apache Kafka does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.interop.sasl_scenarios import SCENARIOS, SETTINGS, play
from tests.peers.apache_kafka import KafkaNode
from tests.peers.ottla_node import OttlaNode

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.java
@pytest.mark.timeout(300)
async def test_the_same_answers(tmp_path: Path) -> None:
    with KafkaNode(tmp_path / "kafka", SETTINGS) as kafka, OttlaNode(tmp_path / "ottla", SETTINGS) as ottla:
        theirs, ours = await asyncio.gather(play(kafka.address), play(ottla.address))
    assert len(theirs) > 2 * len(SCENARIOS)
    assert [(mine, yours) for mine, yours in zip(ours, theirs, strict=True) if mine != yours] == []
