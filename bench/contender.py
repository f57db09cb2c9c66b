"""A broker under load: a node in a process of its own, pinned to a core, and what the operating system says of it."""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from confluent_kafka.admin import AdminClient, NewTopic

if TYPE_CHECKING:
    from tests.peers.process import NodeProcess

ADMIN_TIMEOUT_S: Final = 30.0
_CPUCLOCK_SCHED: Final = 2  # Linux: the clock of a process is named by its id and this
_API_VERSIONS_V0: Final = struct.pack(">ihhih", 10, 18, 0, 1, -1)


@dataclass
class Contender:
    """One of the two brokers, running."""

    name: str
    node: NodeProcess
    cpu: str
    """The core that it is pinned to."""
    ca: Path | None = None
    """The certificate of the authority whose TLS it speaks; `None`: plaintext."""
    is_ottla: bool = False
    topics: list[str] = field(default_factory=list)

    def cpu_s(self) -> float:
        """User and system time, in seconds, of the process and everything it started."""
        return sum(process_cpu_s(pid) for pid in tree(self.node.pid))

    def resident_mb(self) -> float:
        return sum(resident_kb(pid) for pid in tree(self.node.pid)) / 1024

    def create_topic(self, name: str, partitions: int) -> None:
        admin = self._admin()
        admin.create_topics([NewTopic(name, partitions, 1)])[name].result(ADMIN_TIMEOUT_S)
        self.topics.append(name)

    def delete_topics(self) -> None:
        """Give the disk back: the topics of one round are not the load of the next."""
        if self.topics:
            admin = self._admin()
            for done in admin.delete_topics(self.topics).values():
                done.result(ADMIN_TIMEOUT_S)
            self.topics.clear()

    def _admin(self) -> AdminClient:
        return AdminClient(self.client_config())

    def client_config(self) -> dict[str, str | int | float | bool]:
        """What a client of librdkafka must be told to come in."""
        config: dict[str, str | int | float | bool] = {"bootstrap.servers": self.node.address, "log_level": 0}
        if self.ca is not None:
            config |= {"security.protocol": "ssl", "ssl.ca.location": str(self.ca)}
        return config


def wait_for_answer(address: str, timeout_s: float = 60.0) -> None:
    """Return when ApiVersions is answered at `address`."""
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((host, int(port)), timeout=5) as connection:
                connection.sendall(_API_VERSIONS_V0)
                if connection.recv(64):
                    return
        except OSError:
            time.sleep(0.005)
    raise TimeoutError(f"{address} does not answer ApiVersions")


def tree(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += tree(int(child))
    return found


def process_cpu_s(pid: int) -> float:
    """User and system time of one process, in seconds: its CPU clock, to the microsecond."""
    return time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)


def resident_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0
