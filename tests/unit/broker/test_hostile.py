"""Hostile and unlucky clients of a running node: the right error code or a closed connection, bounded memory, and a
neighbour who notices nothing.
"""

from __future__ import annotations

import gzip
import socket
import struct
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, TypeVar

import pytest
from tests.peers.ottla_node import OttlaNode
from tests.unit.broker.wire import framed, request_frame
from tests.unit.protocol.message_samples import samples

from ottla.broker.api_table import HANDLERS
from ottla.protocol.api.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.api.create_topics import (
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from ottla.protocol.api.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.api.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
)
from ottla.protocol.api.metadata import MetadataRequest
from ottla.protocol.api.produce import PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData
from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.codec import MAX_ELEMENTS
from ottla.protocol.crc import crc32c
from ottla.protocol.errors import ErrorCode
from ottla.protocol.header import RequestHeader, request_header_version, response_header_version
from ottla.protocol.record import RecordBatchBuilder
from ottla.protocol.record_batch import CompressionType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.protocol.message import Request, Response

ResponseT = TypeVar("ResponseT", bound="Response")

IDLE_MS = 2000
TIMEOUT_S = 60.0
MIB = 1024 * 1024
NEIGHBOUR_S = 15.0
"""What a neighbour may wait at most while somebody does his worst, on a machine that does other things, too."""
LATEST = -1
PARK = frozenset({ApiKey.PRODUCE, ApiKey.FETCH, ApiKey.JOIN_GROUP, ApiKey.SYNC_GROUP, ApiKey.SHARE_FETCH})
"""May be silent for longer: acks 0, long polling, members that are waited for."""
DANGEROUS = frozenset({ApiKey.UNREGISTER_BROKER})
"""A random byte may say 1, which is the only broker."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OttlaNode]:
    settings = {"connections.max.idle.ms": str(IDLE_MS), "auto.create.topics.enable": "false"}
    with OttlaNode(tmp_path_factory.mktemp("hostile"), settings) as started:
        yield started
        assert "Traceback" not in started.output


class Client:
    """A blocking client that may also misbehave."""

    def __init__(self, node: OttlaNode, receive_buffer_bytes: int = 0) -> None:
        host, port = node.address.split(":")
        self.sock = socket.socket()
        if receive_buffer_bytes:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect((host, int(port)))

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def answer(self, timeout_s: float = TIMEOUT_S) -> bytes | None:
        """One frame; `None` when the node closed, `TimeoutError` when it says nothing."""
        self.sock.settimeout(timeout_s)
        head = self._exactly(4)
        return None if head is None else self._exactly(int.from_bytes(head))

    def _exactly(self, size: int) -> bytes | None:
        data = bytearray()
        while len(data) < size:
            try:
                more = self.sock.recv(size - len(data))
            except ConnectionError:
                return None
            if not more:
                return None
            data += more
        return bytes(data)

    def ask(self, request: Request, version: int, expected: type[ResponseT]) -> ResponseT:
        self.sock.sendall(request_frame(request, version))
        frame = self.answer()
        assert frame is not None, "the connection was closed"
        return expected.decode(frame, version, 4 + response_header_version(request.api_key, version))

    def send_until_closed(self, data: bytes) -> None:
        """What the node does not read any more is not sent."""
        try:
            self.sock.sendall(data)
        except ConnectionError:
            return

    def create_topic(self, name: str, **configs: str) -> None:
        topic = CreatableTopic(
            name=name,
            num_partitions=1,
            replication_factor=1,
            assignments=[],
            configs=[CreatableTopicConfig(name=key.replace("_", "."), value=value) for key, value in configs.items()],
        )
        self.ask(CreateTopicsRequest(topics=[topic]), 7, CreateTopicsResponse)

    def produce(self, topic: str, records: bytes) -> ErrorCode:
        data = PartitionProduceData(index=0, records=records)
        request = ProduceRequest(
            acks=-1, timeout_ms=5000, topic_data=[TopicProduceData(name=topic, partition_data=[data])]
        )
        answer = self.ask(request, 9, ProduceResponse)
        return ErrorCode(answer.responses[0].partition_responses[0].error_code)

    def end_offset(self, topic: str) -> int:
        partition = ListOffsetsPartition(partition_index=0, timestamp=LATEST)
        request = ListOffsetsRequest(
            replica_id=-1, topics=[ListOffsetsTopic(name=topic, partitions=[partition])], isolation_level=0
        )
        return self.ask(request, 7, ListOffsetsResponse).topics[0].partitions[0].offset


def is_served(node: OttlaNode) -> bool:
    """A new neighbour is answered, soon."""
    started = time.monotonic()
    with Client(node) as neighbour:
        request = ApiVersionsRequest(client_software_name="test", client_software_version="1")
        answer = neighbour.ask(request, 3, ApiVersionsResponse)
    return answer.error_code == ErrorCode.NONE and time.monotonic() - started < NEIGHBOUR_S


def memory_bytes(node: OttlaNode, what: str = "VmRSS") -> int:
    """Of the process: what it holds now, or held at most (VmHWM)."""
    for line in Path(f"/proc/{node.pid}/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {what}")


def batch(*, shift_ms: int = 0, producer_id: int = -1, producer_epoch: int = -1, base_sequence: int = -1) -> bytes:
    builder = RecordBatchBuilder(producer_id=producer_id, producer_epoch=producer_epoch, base_sequence=base_sequence)
    builder.append(b"k", b"v", timestamp_ms=int(time.time() * 1000) + shift_ms)
    return bytes(builder.build())


# --- fuzzed frames


def mutated(body: bytes, random: Random) -> bytes:
    data = bytearray(body)
    for _ in range(random.randint(1, 4)):
        if data:
            data[random.randrange(len(data))] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
    kind = random.randrange(4)
    if kind == 0:
        return bytes(data[: random.randrange(len(data) + 1)])
    return bytes(data) + random.randbytes(random.randrange(20)) if kind == 1 else bytes(data)


@pytest.mark.parametrize("key", sorted(HANDLERS.keys() - DANGEROUS), ids=lambda key: API[key].name)
def test_fuzzed_requests(node: OttlaNode, key: ApiKey) -> None:
    random = Random(key)
    api = API[key]
    hello = request_frame(ApiVersionsRequest(client_software_name="test", client_software_version="1"), 3)
    for version in {api.stable_versions.oldest, api.stable_versions.latest}:
        bodies = [message.encode(version) for message in samples(api.request, version, 3, brief=True)]
        for body in (*(mutated(each, random) for each in bodies * 2), random.randbytes(200)):
            header = RequestHeader(request_api_key=key, request_api_version=version, correlation_id=7, client_id="x")
            with Client(node) as client:
                client.sock.sendall(hello)
                assert client.answer() is not None
                client.sock.sendall(framed(header.encode(request_header_version(key, version)) + body))
                try:
                    answer = client.answer(0.05 if key in PARK else TIMEOUT_S)
                except TimeoutError:
                    assert key in PARK
                    continue
                assert answer is None or answer[:4] == (7).to_bytes(4)
    assert is_served(node)


def test_garbage_instead_of_frames(node: OttlaNode) -> None:
    random = Random(5)
    for size in (*range(12), 100, 10_000):
        with Client(node) as client:
            client.sock.sendall(random.randbytes(size))
            client.sock.shutdown(socket.SHUT_WR)
            assert client.answer() is None
    for claimed in (-1, 2**31 - 1, 101 * MIB):
        with Client(node) as client:
            client.sock.sendall(struct.pack(">i", claimed) + bytes(100))
            assert client.answer() is None
    assert is_served(node)


# --- connections


def test_half_open_connections_are_closed_when_they_are_idle(node: OttlaNode) -> None:
    whole = request_frame(MetadataRequest(topics=[]), 12)
    halves = []
    for cut in (0, 3, 4, len(whole) - 1) * 10:
        client = Client(node)
        client.sock.sendall(whole[:cut])
        halves.append(client)
    assert is_served(node)
    for client in halves:
        assert client.answer() is None
        client.sock.close()


def test_a_thousand_idle_connections(node: OttlaNode) -> None:
    before = memory_bytes(node)
    idle = [Client(node) for _ in range(1000)]
    assert is_served(node)
    assert memory_bytes(node) - before < 64 * MIB
    for client in idle:
        client.sock.close()
    assert is_served(node)


def test_a_client_that_never_reads(node: OttlaNode) -> None:
    before = memory_bytes(node)
    request = request_frame(ApiVersionsRequest(client_software_name="test", client_software_version="1"), 3) * 1000
    with Client(node, receive_buffer_bytes=4096) as client:
        client.sock.settimeout(1)
        sent = 0
        try:
            while sent < 256 * MIB:
                sent += client.sock.send(request)
        except (TimeoutError, ConnectionError):
            pass
        assert sent < 64 * MIB  # it is not read from any more
        assert is_served(node)
        assert memory_bytes(node) - before < 32 * MIB


# --- requests that are too much


@pytest.mark.parametrize("elements", [MAX_ELEMENTS + 1, 17_000_000])
def test_a_request_full_of_the_smallest_elements(node: OttlaNode, elements: int) -> None:
    before = memory_bytes(node, "VmHWM")
    header = RequestHeader(request_api_key=3, request_api_version=8, correlation_id=1, client_id="x").encode(1)
    body = elements.to_bytes(4) + bytes(2 * elements) + b"\0\0\0"
    with Client(node) as client:
        client.send_until_closed(framed(header + body))
        assert client.answer() is None
    assert is_served(node)
    assert memory_bytes(node, "VmHWM") - before < 4 * len(body) + 64 * MIB


def test_tagged_fields_without_end(node: OttlaNode) -> None:
    header = RequestHeader(request_api_key=3, request_api_version=12, correlation_id=1, client_id="x").encode(2)
    tags = b"".join(struct.pack("BBB", 0x80 | tag & 0x7F, tag >> 7, 0) for tag in range(128, 2000))
    with Client(node) as client:
        client.sock.sendall(framed(header + b"\1\0\0" + b"\xd0\x0e" + tags))
        assert client.answer() is None
    assert is_served(node)


@pytest.mark.parametrize("compression_type", ["producer", "lz4"])
def test_a_decompression_bomb(node: OttlaNode, compression_type: str) -> None:
    """300 MiB in 300 KiB: refused where it would have to be opened (the topic's compression is another)."""
    before = memory_bytes(node, "VmHWM")
    topic = f"bomb-{compression_type}"
    compressed = gzip.compress(bytes(300 * MIB), 9)
    built = bytearray(batch())
    header_bytes = 61
    bomb = built[:header_bytes] + compressed
    bomb[8:12] = (len(bomb) - 12).to_bytes(4)
    bomb[21:23] = int(CompressionType.GZIP).to_bytes(2)
    bomb[17:21] = crc32c(bytes(bomb[21:])).to_bytes(4)
    with Client(node) as client:
        client.create_topic(topic, compression_type=compression_type)
        code = client.produce(topic, bytes(bomb))
        assert code == (ErrorCode.NONE if compression_type == "producer" else ErrorCode.INVALID_RECORD)
        assert client.produce(topic, batch()) == ErrorCode.NONE
    assert is_served(node)
    assert memory_bytes(node, "VmHWM") - before < 700 * MIB


# --- records


def test_wrong_records_are_refused_and_leave_nothing_behind(node: OttlaNode) -> None:
    hour_ms = 3_600_000
    with Client(node) as client:
        client.create_topic(
            "records", message_timestamp_before_max_ms="600000", message_timestamp_after_max_ms="600000"
        )
        made = client.ask(
            InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=0), 4, InitProducerIdResponse
        )
        producer = {"producer_id": made.producer_id, "producer_epoch": made.producer_epoch}
        assert client.produce("records", batch(base_sequence=0, **producer)) == ErrorCode.NONE
        wrong_crc = bytearray(batch())
        wrong_crc[-1] ^= 1
        wrong_magic = bytearray(batch())
        wrong_magic[16] = 1
        newer = {**producer, "producer_epoch": made.producer_epoch + 1}
        for records, code in (
            (bytes(wrong_crc), ErrorCode.CORRUPT_MESSAGE),
            (bytes(wrong_magic), ErrorCode.INVALID_RECORD),
            (batch()[:-3], ErrorCode.INVALID_RECORD),
            (batch(shift_ms=hour_ms), ErrorCode.INVALID_TIMESTAMP),
            (batch(shift_ms=-hour_ms), ErrorCode.INVALID_TIMESTAMP),
            (batch(base_sequence=5, **producer), ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER),
            (batch(base_sequence=3, **newer), ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER),
        ):
            assert client.produce("records", records) == code
        assert client.end_offset("records") == 1
        assert client.produce("records", batch(base_sequence=0, **newer)) == ErrorCode.NONE
        assert client.produce("records", batch(base_sequence=1, **producer)) == ErrorCode.INVALID_PRODUCER_EPOCH
        assert client.end_offset("records") == 2
    assert is_served(node)
