"""Whoever speaks nonsense at a controller's listener: an error or a closed connection, and the controller leads on."""

from __future__ import annotations

import socket
import time
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.interop.quorum_nodes import wait_for_status
from tests.peers.cluster import CONTROLLER, Quorum, Voter
from tests.peers.ottla_cluster import OttlaClusterNode
from tests.unit.broker.test_hostile import mutated
from tests.unit.broker.wire import framed
from tests.unit.protocol.message_samples import samples

from ottla.broker.controller_api_table import CONTROLLER_HANDLERS
from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.header import RequestHeader, request_header_version

if TYPE_CHECKING:
    from collections.abc import Iterator

SILENCE_S = 0.05
"""A fetch may be parked."""


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OttlaClusterNode]:
    node = OttlaClusterNode(tmp_path_factory.mktemp("hostile"), 1, Quorum((Voter(1),)), roles=CONTROLLER)
    try:
        node.start()
        yield node
        assert node.is_running
        assert "Traceback" not in node.output, node.output
    finally:
        if node.is_running:
            node.kill()
        node.close()


def answered(node: OttlaClusterNode, frame: bytes) -> bytes:
    """What comes back before it closes, or says nothing for a while."""
    host, port = node.controller_address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(frame)
        connection.settimeout(SILENCE_S)
        try:
            return connection.recv(65536)
        except (TimeoutError, ConnectionError):
            return b""


@pytest.mark.parametrize("key", sorted(CONTROLLER_HANDLERS), ids=lambda key: API[key].name)
def test_fuzzed_requests(controller: OttlaClusterNode, key: ApiKey) -> None:
    """Some of them name a leader or an epoch that cannot be: it leads again soon, in an epoch of its own."""
    random = Random(key)
    api = API[key]
    for version in sorted({api.stable_versions.oldest, api.stable_versions.latest}):
        for message in samples(api.request, version, 3, brief=True):
            body = message.encode(version)
            for sent in (body, mutated(body, random)):
                header = RequestHeader(
                    request_api_key=key, request_api_version=version, correlation_id=7, client_id="x"
                )
                answer = answered(controller, framed(header.encode(request_header_version(key, version)) + sent))
                assert not answer or answer[4:8] == (7).to_bytes(4)
    assert controller.is_running, controller.output
    started_s = time.monotonic()
    wait_for_status([controller], lambda seen: seen.high_watermark > 0, "it leads", 20)
    assert time.monotonic() - started_s < 10
