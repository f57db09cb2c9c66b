"""What Apache Kafka's controller is asked in `controller_scenarios`, asked of a controller of ours, in its own process.

Its answers and its log must be what the decisions say, which are held against Apache Kafka's.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.interop import controller_scenarios as scenarios
from tests.interop.connection import Connection
from tests.interop.controller_fuzz import Fuzz
from tests.interop.controller_oracle import NODE_ID, Oracle
from tests.peers.cluster import CONTROLLER, Quorum, Voter
from tests.peers.ottla_cluster import OttlaClusterNode

from ottla.broker.config_schema import ServerConfigSchema
from ottla.protocol.metadata_record.register_controller_record import RegisterControllerRecord
from ottla.runtime.config.static_config import server_config_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(200)

SESSION_TIMEOUT_MS = 6_000
SETTINGS = {
    "metadata.max.idle.interval.ms": "0",
    "broker.session.timeout.ms": str(SESSION_TIMEOUT_MS),
    "auto.leader.rebalance.enable": "false",
}


async def test_a_controller_answers_and_writes_what_was_decided(tmp_path: Path) -> None:
    quorum = Quorum((Voter(NODE_ID),))
    controller = OttlaClusterNode(tmp_path / "controller", NODE_ID, quorum, roles=CONTROLLER, settings=SETTINGS)
    log = controller.data / "__cluster_metadata-0" / "00000000000000000000.log"
    schema = ServerConfigSchema(server_config_of({}))
    await asyncio.to_thread(controller.start)
    try:
        connection = await Connection.open(controller.controller_address)
        oracle = Oracle(connection, log, schema, SESSION_TIMEOUT_MS, is_apache_kafka=False)
        oracle.kraft_version = 1
        await oracle.take_over(RegisterControllerRecord)
        script = await scenarios.play(oracle)
        await asyncio.to_thread(controller.stop)
        await asyncio.to_thread(controller.start)
        oracle.use(await Connection.open(controller.controller_address))
        assert await oracle.take_over(RegisterControllerRecord) == ["RegisterControllerRecord"]
        await scenarios.brokers_come_back(script)
        await scenarios.without_elr(script)
        await scenarios.sessions_end(script, 3, 4, limit_s=4 * SESSION_TIMEOUT_MS / 1_000)
        await Fuzz(script, Random(3)).run(200)
    finally:
        await asyncio.to_thread(controller.close)
    assert oracle.asked > 400
    assert oracle.differences == []
