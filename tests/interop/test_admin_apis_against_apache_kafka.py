"""Admin requests, one by one: Ottla answers what Apache Kafka does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.interop.admin_scenarios import play
from tests.peers.apache_kafka import KafkaNode
from tests.peers.ottla_node import OttlaNode

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.java
async def test_the_same_answers(tmp_path: Path) -> None:
    with KafkaNode(tmp_path / "kafka") as kafka, OttlaNode(tmp_path / "ottla") as ottla:
        theirs, ours = await asyncio.gather(play(kafka.address), play(ottla.address))
    assert len(theirs) > 200
    different = [(mine, yours) for mine, yours in zip(ours, theirs, strict=True) if mine != yours]
    assert different == []
