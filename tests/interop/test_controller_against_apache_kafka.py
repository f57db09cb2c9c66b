"""The active controller's answers and every record, beside Apache Kafka's own controller in the same situation."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.interop import controller_scenarios as scenarios
from tests.interop.connection import Connection
from tests.interop.controller_fuzz import Fuzz
from tests.interop.controller_oracle import NODE_ID, Oracle
from tests.peers.apache_kafka_cluster import KafkaClusterNode
from tests.peers.cluster import CONTROLLER, Quorum, Voter

from ottla.broker.config_schema import ServerConfigSchema
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord
from ottla.protocol.metadata_record.register_controller_record import RegisterControllerRecord
from ottla.runtime.config.static_config import server_config_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.java, pytest.mark.timeout(400)]

SESSION_TIMEOUT_MS = 15_000
FUZZ_STEPS = 200
SETTINGS = {
    "metadata.max.idle.interval.ms": "0",  # nothing is appended but for what is asked
    "broker.session.timeout.ms": str(SESSION_TIMEOUT_MS),
    "auto.leader.rebalance.enable": "false",
}


class Controller(KafkaClusterNode):
    """One that is no broker, and alone."""

    def __init__(self, directory: Path, *, release: str = "", static: bool = False) -> None:
        super().__init__(directory, NODE_ID, Quorum((Voter(NODE_ID),), static), roles=CONTROLLER, settings=SETTINGS)
        self._release = ["--release-version", release] if release else []

    def _format_options(self) -> list[str]:
        return [*super()._format_options(), *self._release]


async def oracle_of(controller: Controller, kraft_version: int) -> Oracle:
    connection = await Connection.open(controller.controller_address)
    log = controller.data / "__cluster_metadata-0" / "00000000000000000000.log"
    oracle = Oracle(connection, log, ServerConfigSchema(server_config_of({})), SESSION_TIMEOUT_MS)
    oracle.kraft_version = kraft_version
    await oracle.take_over(RegisterControllerRecord if kraft_version else FeatureLevelRecord)
    return oracle


async def test_the_same_answers_and_records(tmp_path: Path) -> None:
    controller = Controller(tmp_path / "kafka")
    await asyncio.to_thread(controller.start)
    try:
        oracle = await oracle_of(controller, 1)
        script = await scenarios.play(oracle)
        await asyncio.to_thread(controller.stop)
        await asyncio.to_thread(controller.start)
        oracle.use(await Connection.open(controller.controller_address))
        assert await oracle.take_over(RegisterControllerRecord) == ["RegisterControllerRecord"]
        await scenarios.brokers_come_back(script)
        await scenarios.without_elr(script)
        await scenarios.sessions_end(script, 3, 4, limit_s=4 * SESSION_TIMEOUT_MS / 1_000)
    finally:
        await asyncio.to_thread(controller.close)
    assert oracle.asked > 200
    assert oracle.differences == []


async def test_anything_in_any_order(tmp_path: Path) -> None:
    """Of the seeds 1 to 20, each with 700 requests, none found a difference."""
    controller = Controller(tmp_path / "kafka")
    await asyncio.to_thread(controller.start)
    try:
        oracle = await oracle_of(controller, 1)
        await Fuzz(scenarios.Script(oracle), Random(1)).run(FUZZ_STEPS)
    finally:
        await asyncio.to_thread(controller.close)
    assert oracle.differences == []


@pytest.mark.parametrize("release", ["3.5-IV2"])
async def test_with_metadata_of_an_older_release(tmp_path: Path, release: str) -> None:
    """No directories, no eligible leader replicas, no metadata transactions; and a shrinking ISR ends an epoch."""
    controller = Controller(tmp_path / "kafka", release=release, static=True)
    await asyncio.to_thread(controller.start)
    try:
        oracle = await oracle_of(controller, 0)
        script = await scenarios.play(oracle)
        await Fuzz(script, Random(2)).run(FUZZ_STEPS)
    finally:
        await asyncio.to_thread(controller.close)
    assert oracle.differences == []
