"""Administrators who ask the controllers themselves to count up, each a config of its own (KIP-919)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.simulation.cluster.workloads.workload import MAY_PASS, connected, pause

from ottla.protocol.api.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from tests.simulation.cluster.client import SimulatedClient
    from tests.simulation.cluster.cluster import SimulatedCluster
    from tests.simulation.cluster.ledger import Ledger

BROKER_RESOURCE: Final = 4
SET: Final = 0
KEYS: Final = ("log.retention.ms", "log.retention.bytes", "message.max.bytes")
FIRST: Final = 10_000


@dataclass(slots=True)
class ConfigWriters:
    pause_s: float = 0.05
    topics: dict[str, int] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    def start(self, cluster: SimulatedCluster, ledger: Ledger) -> None:
        for key in KEYS:
            cluster.client(f"writer-of-{key}", lambda client, key=key: self._write(client, key, ledger))  # type: ignore[misc]

    async def _write(self, client: SimulatedClient, key: str, ledger: Ledger) -> None:
        kafka = await connected(client, of_controllers=True)
        while not client.cluster.is_ending:
            number = self._numbers[key] = self._numbers.get(key, FIRST) + 1
            config = AlterableConfig(name=key, config_operation=SET, value=str(number))
            resource = AlterConfigsResource(resource_type=BROKER_RESOURCE, resource_name="", configs=[config])
            request = IncrementalAlterConfigsRequest(resources=[resource], validate_only=False)
            ledger.configs_asked.setdefault(key, set()).add(str(number))
            try:
                answer = await kafka.send_to(kafka.metadata.controller_id, request, IncrementalAlterConfigsResponse)
                if answer.responses[0].error_code == ErrorCode.NONE:
                    ledger.configs[key] = number
                    ledger.count("configs written")
                    await pause(client, self.pause_s)
                    continue
                ledger.count(ErrorCode(answer.responses[0].error_code).name)
            except MAY_PASS:
                ledger.count("writes lost")
            await pause(client, 0.1)
            try:
                await kafka.refresh_controllers()
            except MAY_PASS:
                kafka.close()
        kafka.close()
