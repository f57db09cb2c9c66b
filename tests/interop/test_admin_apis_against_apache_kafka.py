"""Admin requests, one by one: Ottla answers what Apache Kafka does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.interop.admin_scenarios import play
from tests.interop.connection import Connection
from tests.peers.apache_kafka import KafkaNode
from tests.peers.ottla_node import OttlaNode

from ottla.protocol.api.api_versions import ApiVersionsRequest, ApiVersionsResponse

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """(Apache Kafka, Ottla), at their defaults."""
    with KafkaNode(tmp_path_factory.mktemp("kafka")) as kafka, OttlaNode(tmp_path_factory.mktemp("ottla")) as ottla:
        yield kafka.address, ottla.address
        kafka.kill()  # not registered any more, it would wait for its controller for as long as it is let


async def advertised(address: str) -> tuple[dict[int, tuple[int, int]], set[tuple[str, int, int]]]:
    """(API: its versions, features with their levels)."""
    connection = await Connection.open(address)
    request = ApiVersionsRequest(client_software_name="test", client_software_version="1")
    answer = await connection.ask(request, 4, ApiVersionsResponse)
    connection.close()
    features = {(one.name, one.min_version, one.max_version) for one in answer.supported_features}
    finalized = {(f"{one.name}!", one.min_version_level, one.max_version_level) for one in answer.finalized_features}
    return {one.api_key: (one.min_version, one.max_version) for one in answer.api_keys}, features | finalized


@pytest.mark.java
async def test_the_same_apis_are_advertised(addresses: tuple[str, str]) -> None:
    (theirs, their_features), (ours, our_features) = [await advertised(address) for address in addresses]
    assert ours == theirs
    assert our_features == their_features


@pytest.mark.java
async def test_the_same_answers(addresses: tuple[str, str]) -> None:
    """The last of this file: afterwards the nodes have no broker any more."""
    theirs, ours = await asyncio.gather(*(play(address) for address in addresses))
    assert len(theirs) > 200
    different = [(mine, yours) for mine, yours in zip(ours, theirs, strict=True) if mine != yours]
    assert different == []
