"""`python -m bench.writers TOPIC CONNECTIONS SECONDS ADDRESS…`: a thousand clients that write a record a second each.

ADDRESS is where a partition's leader is, of the partitions 0, 1, …; connection by connection they take turns. All of a
connection's requests are the same bytes (Produce version 7, acks=all, one record of 100 B). A latency runs from the
moment at which a record is due, whatever has kept it, to its acknowledgement. Says `ready` when everything is connected
and has written once, prints one JSON object when it is done, and stays connected until its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import resource
import struct
import sys
import time
from itertools import cycle
from typing import Final

from ottla.protocol.api.produce import PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData
from ottla.protocol.header import RequestHeader
from ottla.protocol.record import RecordBatchBuilder

VERSION: Final = 7
HEADER_VERSION: Final = 1
INTERVAL_S: Final = 1.0
RECORD_BYTES: Final = 100
CONNECTING: Final = 50
"""At the same time."""
CORRELATION_BYTES: Final = 4


def produce_frame(topic: str, partition: int) -> bytes:
    batch = RecordBatchBuilder()
    batch.append(None, bytes(RECORD_BYTES), timestamp_ms=int(time.time() * 1000))
    data = PartitionProduceData(index=partition, records=batch.build())
    request = ProduceRequest(
        acks=-1, timeout_ms=30_000, topic_data=[TopicProduceData(name=topic, partition_data=[data])]
    )
    header = RequestHeader(request_api_key=0, request_api_version=VERSION, correlation_id=1, client_id="writers")
    body = header.encode(HEADER_VERSION) + request.encode(VERSION)
    return struct.pack(">i", len(body)) + body


class Writer:
    def __init__(self, frame: bytes) -> None:
        self.latencies_ms: list[float] = []
        self._frame = frame

    async def connect(self, address: str, limit: asyncio.Semaphore) -> None:
        host, _, port = address.rpartition(":")
        async with limit:
            self._reader, self._writer = await asyncio.open_connection(host, int(port))
            await self._write()

    async def write_on(self, first_s: float, count: int) -> None:
        """At `first_s`, then every `INTERVAL_S`."""
        loop = asyncio.get_running_loop()
        for number in range(count):
            due_s = first_s + number * INTERVAL_S
            await asyncio.sleep(due_s - loop.time())
            await self._write()
            self.latencies_ms.append((loop.time() - due_s) * 1000)

    async def _write(self) -> None:
        self._writer.write(self._frame)
        size = struct.unpack(">i", await self._reader.readexactly(4))[0]
        answer = await self._reader.readexactly(size)
        told = ProduceResponse.decode(answer, VERSION, CORRELATION_BYTES).responses[0].partition_responses[0]
        assert told.error_code == 0, f"the write was refused: {told.error_code}"


async def main(topic: str, connections: int, seconds: int, addresses: list[str]) -> None:
    frames = [produce_frame(topic, partition) for partition in range(len(addresses))]
    writers = [Writer(frames[number % len(frames)]) for number in range(connections)]
    limit = asyncio.Semaphore(CONNECTING)
    where = zip(writers, cycle(addresses), strict=False)
    await asyncio.gather(*(writer.connect(address, limit) for writer, address in where))
    print("ready", flush=True)
    begin_s = asyncio.get_running_loop().time() + INTERVAL_S
    starts = (begin_s + INTERVAL_S * number / connections for number in range(connections))
    await asyncio.gather(*(each.write_on(start_s, seconds) for each, start_s in zip(writers, starts, strict=True)))
    latencies = sorted(latency for writer in writers for latency in writer.latencies_ms)
    count = len(latencies)
    found: dict[str, float] = {"writes": count, "p50_ms": latencies[count // 2], "p99_ms": latencies[count * 99 // 100]}
    print(json.dumps(found), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    _, given_topic, given_connections, given_seconds, *given_addresses = sys.argv
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(main(given_topic, int(given_connections), int(given_seconds), given_addresses))
