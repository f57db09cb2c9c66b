"""Who may ask what, ACLs, credentials, tokens and quotas, request by request: Ottla answers what Apache Kafka does."""

from __future__ import annotations

import asyncio

import pytest
from tests.interop.security_scenarios import SETTINGS, play
from tests.peers.apache_kafka import KafkaNode
from tests.peers.ottla_node import OttlaNode


@pytest.mark.java
async def test_the_same_answers(tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        KafkaNode(tmp_path_factory.mktemp("kafka"), SETTINGS) as kafka,
        OttlaNode(tmp_path_factory.mktemp("ottla"), SETTINGS) as ottla,
    ):
        theirs, ours = await asyncio.gather(play(kafka.address), play(ottla.address))
    assert len(theirs) > 100
    assert [(mine, yours) for mine, yours in zip(ours, theirs, strict=True) if mine != yours] == []
