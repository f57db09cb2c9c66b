"""Writes the heartbeats of a flow into its target: also of a flow that copies nothing, for the one in the other
direction copies them, and whoever reads them at the far end knows that it lives."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ottla.clients.topics import create_compacted_topic
from ottla.mirror.heartbeat import Heartbeat
from ottla.mirror.replication_policy import HEARTBEATS_TOPIC
from ottla.mirror.state_writer import StateRecord, StateWriter

if TYPE_CHECKING:
    from ottla.clients.client import KafkaClient
    from ottla.mirror.flow_config import FlowConfig


class Heartbeats:
    def __init__(self, flow: FlowConfig, target: KafkaClient) -> None:
        self._flow = flow
        self._target = target
        self._writer = StateWriter(target, HEARTBEATS_TOPIC)
        self._is_created = False

    async def emit(self) -> None:
        if not self._is_created:
            factor = self._flow.heartbeats_replication_factor
            await create_compacted_topic(self._target, HEARTBEATS_TOPIC, 1, factor)
            self._is_created = True
        now_ms = int(time.time() * 1000)
        beat = Heartbeat(self._flow.source.alias, self._flow.target.alias, now_ms)
        await self._writer.write([StateRecord(beat.key(), beat.value(), timestamp_ms=now_ms)])
