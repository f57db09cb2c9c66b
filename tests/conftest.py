"""Fixtures of all tests: nodes in processes of their own.

`OTTLA_TEST_PEER=apache-kafka` runs the tests of `tests/conformance` against Apache Kafka itself: proof of the tests.

Nothing depends on the speed of the machine: no test of a property is slow for Hypothesis, and each tries the same
examples in every run (`HYPOTHESIS_PROFILE=random` looks for new ones, and prints how to get a failure back).
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import HealthCheck, settings
from tests.peers.apache_kafka import KafkaNode, jars
from tests.peers.ottla_node import OttlaNode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.peers.process import NodeProcess

# The tests wait for behaviour, not for defaults: groups rebalance at once, members of share groups hear of it in half a
# second, the internal topic is small. And records of 2023 stay: retention looks half a minute after the start and every
# five minutes, whatever a test is about to read.
TEST_SETTINGS = {
    "group.initial.rebalance.delay.ms": "0",
    "group.share.heartbeat.interval.ms": "500",
    "group.share.min.heartbeat.interval.ms": "500",
    "offsets.topic.num.partitions": "4",
    "log.retention.ms": "-1",
}


# A shell lets what it starts in the background ignore Ctrl-C, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("random", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("random"), derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start with the test at which `tests.run` found the suite dead."""
    first = os.environ.get("OTTLA_TEST_FIRST")
    ids = [item.nodeid for item in items]
    if first in ids:
        start = ids.index(first)
        config.hook.pytest_deselected(items=items[:start])
        items[:] = items[start:]


def pytest_runtest_logstart(nodeid: str) -> None:
    """Tell `tests.run` which test runs, should a client in this process end it."""
    if running := os.environ.get("OTTLA_TEST_RUNNING"):
        Path(running).write_text(nodeid, "utf-8")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Tell it that a test failed: the process may be gone before it can return that."""
    if report.failed and (running := os.environ.get("OTTLA_TEST_RUNNING")):
        Path(running).with_suffix(".failed").touch()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fetch Apache Kafka's jars before the clock of the first test runs that needs them."""
    if any(item.get_closest_marker("java") for item in session.items) and not session.config.option.collectonly:
        with contextlib.suppress(pytest.skip.Exception, pytest.fail.Exception):  # each test says so itself
            jars()


class NodeFactory(Protocol):
    """Makes and starts a node of its own for one test; it ends with the test."""

    def __call__(self, settings: Mapping[str, str] | None = None) -> NodeProcess: ...


def make_node(directory: Path, settings: Mapping[str, str] | None = None) -> NodeProcess:
    """A node of the peer under test, not started: Ottla, or Apache Kafka with `OTTLA_TEST_PEER=apache-kafka`."""
    merged = TEST_SETTINGS | dict(settings or {})
    peer = os.environ.get("OTTLA_TEST_PEER", "ottla")
    if peer == "apache-kafka":
        return KafkaNode(directory, merged)
    assert peer == "ottla", f"OTTLA_TEST_PEER is ottla or apache-kafka, not {peer!r}"
    return OttlaNode(directory, merged)


@pytest.fixture
def ottla_node(tmp_path: Path) -> Iterator[OttlaNode]:
    """An Ottla node of this test alone, running."""
    with OttlaNode(tmp_path / "ottla", TEST_SETTINGS) as node:
        yield node


@pytest.fixture(scope="session")
def kafka_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaNode]:
    """A real Apache Kafka, shared by the whole session: use names of your own, and leave it running."""
    with KafkaNode(tmp_path_factory.mktemp("apache-kafka"), TEST_SETTINGS) as node:
        yield node


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node of the peer under test, shared by the whole session: use names of your own, and leave it running."""
    with make_node(tmp_path_factory.mktemp("node")) as shared:
        yield shared


@pytest.fixture
def own_node(tmp_path: Path) -> Iterator[NodeFactory]:
    """A factory of nodes that a test may restart and kill."""
    nodes: list[NodeProcess] = []

    def start(settings: Mapping[str, str] | None = None) -> NodeProcess:
        made = make_node(tmp_path / f"node-{len(nodes)}", settings)
        nodes.append(made)
        made.start()
        return made

    yield start
    for made in nodes:
        made.close()
