"""What a leader does with a round of the group: everything that is configured is given to its members."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from ottla.connect.api.errors import ConnectError
from ottla.connect.distributed.assignor import IncrementalCooperativeAssignor
from ottla.connect.distributed.group_protocol import (
    CONFIG_MISMATCH,
    VERSIONS,
    Assignment,
    Work,
    decode_worker_state,
    encode_assignment,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.distributed.assignor import ClusterAssignment
    from ottla.connect.distributed.group_protocol import WorkerState
    from ottla.connect.store.config_store import ConfigStore
    from ottla.connect.store.task_id import TaskId


class Distribution:
    def __init__(self, configs: ConfigStore, max_delay_ms: int) -> None:
        self._configs = configs
        self._assignor = IncrementalCooperativeAssignor(max_delay_ms)
        self.owners: dict[str | TaskId, str] = {}
        """Where each connector and task runs: the worker's URL."""

    async def assign(
        self, protocol: str, leader: str, members: Mapping[str, bytes], *, last_generation: int, generation: int
    ) -> dict[str, bytes]:
        """By member, what it is told; `last_generation` is the last that this worker saw completed."""
        version = VERSIONS[protocol]
        states = {member: decode_worker_state(data) for member, data in members.items()}
        told = Assignment(version, leader=leader, leader_url=states[leader].url)
        told.config_offset = max(state.config_offset for state in states.values())
        if self._configs.offset < told.config_offset:
            with contextlib.suppress(ConnectError):
                await self._configs.refresh()
            if self._configs.offset < told.config_offset:
                told.error = CONFIG_MISMATCH
                return {member: encode_assignment(told, version) for member in states}
            told.config_offset = self._configs.offset
        chosen = self._assignor.assign(
            self._configured(),
            {member: state.work for member, state in states.items()},
            last_generation=last_generation,
            generation=generation,
            now_ms=int(time.monotonic() * 1000),
        )
        self._note_owners(chosen, states)
        told.delay_ms = self._assignor.delay_ms
        answers: dict[str, bytes] = {}
        for member in states:
            told.assigned, told.revoked = (part.get(member, Work()) for part in (chosen.assigned, chosen.revoked))
            answers[member] = encode_assignment(told, version)
        return answers

    def _configured(self) -> Work:
        configs = self._configs.state
        names = sorted(configs.connectors)
        return Work.of(names, (task for name in names for task in configs.task_ids(name)))

    def _note_owners(self, chosen: ClusterAssignment, states: Mapping[str, WorkerState]) -> None:
        self.owners = {}
        for member, work in chosen.all.items():
            url = states[member].url.rstrip("/")
            self.owners |= dict.fromkeys(work.connectors, url) | dict.fromkeys(work.tasks, url)
