"""Exactly-once sources: tasks and workers are killed under load, and `read_committed` readers see each record once."""

from __future__ import annotations

import asyncio
import os
import signal
import textwrap
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import confluent_kafka as ck
import pytest
from tests.connect.test_crashes import SETTINGS, Load, tasks_of
from tests.peers.connect import ConnectProcess, KafkaConnect, OttlaConnect
from tests.peers.process import wait_for

from ottla.clients.client import KafkaClient
from ottla.clients.topics import create_compacted_topic
from ottla.connect.runtime.exactly_once import leader_id
from ottla.connect.store.config_records import TaskCountRecord, decode_config_record
from ottla.connect.store.transactional_writer import PrivilegedWriteError, TransactionalWriter
from ottla.runtime.sockets import SocketNetwork

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.peers.apache_kafka import KafkaNode
    from tests.peers.process import NodeProcess

pytestmark = pytest.mark.timeout(280)

ENABLED = SETTINGS | {"exactly.once.source.support": "enabled"}
STRING = {"value.converter": "org.apache.kafka.connect.storage.StringConverter"}
REQUIRED = {"exactly.once.support": "required"}


def records_to_end(bootstrap: str, topic: str) -> list[tuple[bytes | None, bytes | None]]:
    """Key and value of what a reader of committed records sees, up to the last stable offset of each partition."""
    settings: dict[str, Any] = {"bootstrap.servers": bootstrap, "group.id": "r", "enable.auto.commit": False}
    consumer = ck.Consumer(settings | {"isolation.level": "read_committed", "enable.partition.eof": True})
    found: list[tuple[bytes | None, bytes | None]] = []
    try:
        waiting = set(consumer.list_topics(topic, timeout=30).topics[topic].partitions) or {0}
        consumer.assign([ck.TopicPartition(topic, each, 0) for each in waiting])
        while waiting:
            message = consumer.poll(30)
            assert message is not None, f"{len(found)} records of {topic}"
            error = message.error()
            if error is None:
                found.append((message.key(), message.value()))
            elif error.code() == ck.KafkaError._PARTITION_EOF:
                waiting.discard(message.partition() or 0)
            elif error.code() != ck.KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise AssertionError(error)
        return found
    finally:
        consumer.close()


def committed(bootstrap: str, topic: str) -> list[str]:
    return [(value or b"").decode() for _, value in records_to_end(bootstrap, topic)]


def start_source(worker: ConnectProcess, directory: Path, name: str, more: dict[str, str] | None = None) -> Load:
    load = Load(directory / "in")
    load.write(1000)
    source = {"connector.class": "FileStreamSource", "file": str(directory / "in"), "topic": name, "batch.size": "100"}
    assert worker.ask("PUT", f"/connectors/{name}/config", source | STRING | REQUIRED | (more or {})).status == 201
    return load


def check(bootstrap: str, load: Load, name: str) -> None:
    """Nothing lost, nothing twice, in order."""
    last = str(load.count - 1)
    wait_for(lambda: committed(bootstrap, name)[-1:] == [last], "the last line is committed", 120)
    assert committed(bootstrap, name) == [str(number) for number in range(load.count)]


def count_records(bootstrap: str, group: str, name: str) -> list[int | None]:
    read = [decode_config_record(key, value) for key, value in records_to_end(bootstrap, f"{group}-config")]
    return [each.tasks for each in read if isinstance(each, TaskCountRecord) and each.name == name]


INTERVAL = {"transaction.boundary": "interval", "transaction.boundary.interval.ms": "500"}


@pytest.mark.parametrize("more", [{}, pytest.param(INTERVAL, marks=pytest.mark.long)])
def test_tasks_are_killed(node: NodeProcess, tmp_path: Path, more: dict[str, str]) -> None:
    name = f"once-tasks{len(more)}"
    with OttlaConnect(tmp_path / "worker", node.address, ENABLED, group="once") as worker:
        load = start_source(worker, tmp_path, name, more)
        for _ in range(2):
            [pid] = wait_for(lambda: tasks_of(worker) or None, "the task lives")
            load.write(2000)
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda pid=pid: pid not in tasks_of(worker), "it is gone")  # type: ignore[misc]
        load.write(1000)
        check(node.address, load, name)
        assert count_records(node.address, "once", name) == [1]
        assert worker.ask("PUT", f"/connectors/{name}/fence").status == 400  # nobody signed that
        position = (tmp_path / "in").stat().st_size
        told = worker.ask("GET", f"/connectors/{name}/offsets").body["offsets"]
        assert [each["offset"] for each in told] == [{"position": position}]
        assert worker.ask("PUT", f"/connectors/{name}/stop").status == 204
        worker.wait_until("STOPPED", name, tasks=0)
        assert worker.ask("DELETE", f"/connectors/{name}/offsets").status == 200
        assert worker.ask("GET", f"/connectors/{name}/offsets").body == {"offsets": []}
        assert count_records(node.address, "once", name) == [1, 0]


def test_a_leader_of_before_writes_no_more(node: NodeProcess) -> None:
    """Its write fails whole; when it leads again, it claims again, and the other one is out."""

    async def lead() -> None:
        network = SocketNetwork(asyncio.get_running_loop())
        async with KafkaClient(network, node.address) as client:
            await create_compacted_topic(client, "once-led", 1, 1)
            one, other = (TransactionalWriter(client, "once-led", leader_id("once-led")) for _ in range(2))
            with pytest.raises(PrivilegedWriteError, match="has claimed it"):
                await one.write([(b"a", b"0")])
            await one.begin()
            await one.write([(b"a", b"1"), (b"b", b"1")])
            await other.begin()
            with pytest.raises(PrivilegedWriteError, match="once-led"):
                await one.write([(b"a", b"2"), (b"b", b"2")])
            assert not one.has_begun
            await other.write([(b"a", b"3")])
            await one.begin()
            await one.write([(b"a", b"4")])
            with pytest.raises(PrivilegedWriteError):
                await other.write([(b"a", b"5")])
            one.close()
            other.close()

    asyncio.run(lead())
    assert records_to_end(node.address, "once-led") == [(b"a", b"1"), (b"b", b"1"), (b"a", b"3"), (b"a", b"4")]


def workers_are_killed(bootstrap: str, workers: Sequence[ConnectProcess], directory: Path, name: str) -> None:
    load = start_source(workers[0], directory, name)
    for number in (0, 1, 0):
        workers[1 - number].wait_until("RUNNING", name, timeout_s=120)
        load.write(3000)
        workers[number].kill()
        load.write(3000)
        workers[number].start()
    workers[1].wait_until("RUNNING", name, timeout_s=120)
    check(bootstrap, load, name)


@pytest.mark.long
def test_workers_are_killed(node: NodeProcess, tmp_path: Path) -> None:
    with ExitStack() as stack:
        workers = [OttlaConnect(tmp_path / f"{n}", node.address, ENABLED, group="once-killed") for n in range(2)]
        for worker in workers:
            stack.enter_context(worker)
        workers_are_killed(node.address, workers, tmp_path, "once-workers")


@pytest.mark.java
@pytest.mark.long
def test_workers_are_killed_beside_apache_kafka(kafka_node: KafkaNode, tmp_path: Path) -> None:
    with ExitStack() as stack:
        workers = [OttlaConnect(tmp_path / f"{n}", kafka_node.address, ENABLED, group="once-killed") for n in range(2)]
        for worker in workers:
            stack.enter_context(worker)
        workers_are_killed(kafka_node.address, workers, tmp_path, "once-workers")


@pytest.mark.java
@pytest.mark.long
def test_a_group_of_both_kinds_is_killed(node: NodeProcess, tmp_path: Path) -> None:
    """Java's worker fences ours, and ours Java's: each goes on where the other one was."""
    with ExitStack() as stack:
        kinds: list[type[ConnectProcess]] = [KafkaConnect, OttlaConnect]
        workers = [kind(tmp_path / kind.__name__, node.address, ENABLED, group="once-mixed") for kind in kinds]
        for worker in workers:
            stack.enter_context(worker)
        workers_are_killed(node.address, workers, tmp_path, "once-mixed")


@pytest.mark.long
def test_a_group_that_is_prepared_and_then_enabled(node: NodeProcess, tmp_path: Path) -> None:
    """In two rolling restarts, under load: nothing is lost on the way, and nothing doubled once all are enabled."""
    names = ("a", "b")
    workers = [OttlaConnect(tmp_path / name, node.address, SETTINGS, group="once-rolled") for name in names]
    with ExitStack() as stack:
        for worker in workers:
            stack.enter_context(worker)
        load = Load(tmp_path / "in")
        load.write(1000)
        source = {"connector.class": "FileStreamSource", "file": str(tmp_path / "in"), "topic": "once-rolled"}
        assert workers[0].ask("PUT", "/connectors/rolled/config", source | STRING).status == 201
        for support in ("preparing", "enabled"):
            for number, worker in enumerate(workers):
                workers[1 - number].wait_until("RUNNING", "rolled", timeout_s=120)
                load.write(500)
                worker.stop()
                worker._settings["exactly.once.source.support"] = support
                worker.start()
        workers[0].wait_until("RUNNING", "rolled", timeout_s=120)
        wait_for(lambda: count_records(node.address, "once-rolled", "rolled") or None, "its tasks are recorded")
        last = str(load.count - 1)
        wait_for(lambda: committed(node.address, "once-rolled")[-1:] == [last], "all is read", 120)
        before = committed(node.address, "once-rolled")
        assert list(dict.fromkeys(before)) == [str(number) for number in range(load.count)]
        first = load.count
        load.write(1000)
        for worker in workers:
            worker.kill()
            load.write(1000)
            worker.start()
        last = str(load.count - 1)
        wait_for(lambda: committed(node.address, "once-rolled")[-1:] == [last], "all is read", 120)
        told = committed(node.address, "once-rolled")[len(before) :]
        assert told == [str(number) for number in range(first, load.count)]


@pytest.mark.java
@pytest.mark.long
@pytest.mark.parametrize("support", ["enabled", "preparing"])
def test_what_is_required_is_validated_as_by_kafka_connect(node: NodeProcess, tmp_path: Path, support: str) -> None:
    base = {"name": "v", "connector.class": "FileStreamSource", "topic": "t"}
    wanted: list[dict[str, str]] = [
        {"exactly.once.support": "required", "file": "f"},
        {"exactly.once.support": "REQUIRED"},
        {"exactly.once.support": "requested"},
        {"exactly.once.support": "maybe"},
        {"transaction.boundary": "connector"},
        {"transaction.boundary": "Interval", "transaction.boundary.interval.ms": "-1"},
        {"transaction.boundary": "commit"},
        {"offsets.storage.topic": " "},
    ]
    kinds: list[type[ConnectProcess]] = [KafkaConnect, OttlaConnect]
    told = []
    for kind in kinds:
        settings = SETTINGS | {"exactly.once.source.support": support}
        group = f"once-validated-{support}-{kind.__name__}"
        with kind(tmp_path / kind.__name__, node.address, settings, group=group) as worker:
            answers = []
            for more in wanted:
                path = "/connector-plugins/FileStreamSource/config/validate"
                body = worker.ask("PUT", path, base | more).body
                errors = {each["value"]["name"]: each["value"]["errors"] for each in body["configs"]}
                answers.append((body["error_count"], {name: texts for name, texts in errors.items() if texts}))
            told.append(answers)
    assert told[0] == told[1]


COUNTING = """
    from ottla.connect.api.config_def import ConfigDef
    from ottla.connect.api.connector import ExactlyOnceSupport, SourceConnector
    from ottla.connect.api.record import SourceRecord
    from ottla.connect.api.task import SourceTask
    from ottla.connect.data.schema import STRING_SCHEMA


    class Counting(SourceConnector):
        def start(self, props):
            self._props = dict(props)

        def task_class(self):
            return CountingTask

        def task_configs(self, max_tasks):
            return [{**self._props, "number": str(number)} for number in range(max_tasks)]

        def config(self):
            return ConfigDef()

        def exactly_once_support(self, props):
            return ExactlyOnceSupport.SUPPORTED

        def can_define_transaction_boundaries(self, props):
            return True

        def alter_offsets(self, props, offsets):
            return True


    class CountingTask(SourceTask):
        '''Five by five to ninety; what ends with 4 is the end of a transaction, and what holds a 3 is aborted.'''

        def start(self, props):
            self._partition = {"b": props["number"], "a": 1}
            self._topic = props["to"]
            stored = self.context.offset_storage_reader.offset(self._partition)
            self._next = stored["next"] if stored else 0

        def poll(self):
            if self._next >= 90:
                return None
            numbers = range(self._next, self._next + 5)
            self._next = numbers[-1] + 1
            records = [
                SourceRecord(
                    self._partition, {"next": number + 1}, self._topic, 0, value_schema=STRING_SCHEMA, value=str(number)
                )
                for number in numbers
            ]
            if numbers[-1] % 10 == 4:
                self.context.transaction_context.commit_transaction(records[-1])
            elif numbers[0] == 35:
                self.context.transaction_context.abort_transaction(records[-1])
            else:
                self.context.transaction_context.commit_transaction()
            return records
"""


@pytest.mark.long
def test_a_source_ends_its_transactions_and_has_a_topic_for_its_offsets(node: NodeProcess, tmp_path: Path) -> None:
    (tmp_path / "counting_once.py").write_text(textwrap.dedent(COUNTING))
    settings = ENABLED | {"plugin.path": str(tmp_path)}
    source = STRING | REQUIRED | {
        "connector.class": "counting_once:Counting",
        "to": "once-counted",
        "tasks.max": "2",
        "transaction.boundary": "connector",
        "offsets.storage.topic": "once-own-offsets",
    }  # fmt: skip
    with OttlaConnect(tmp_path / "worker", node.address, settings, group="once-own") as worker:
        assert worker.ask("PUT", "/connectors/counting/config", source).status == 201
        worker.wait_until("RUNNING", "counting", tasks=2)
        wanted = sorted(str(number) for number in range(90) if not 35 <= number < 40) * 2

        def is_whole() -> bool:
            told = worker.ask("GET", "/connectors/counting/offsets").body["offsets"]
            return [each["offset"] for each in told] == [{"next": 90}] * 2

        wait_for(is_whole, "all is read")
        assert sorted(committed(node.address, "once-counted")) == sorted(wanted)
        assert count_records(node.address, "once-own", "counting") == [2]
        # Fewer tasks: those of before are fenced first. What they have read is not read again.
        assert worker.ask("PUT", "/connectors/counting/config", source | {"tasks.max": "1"}).status == 200
        wait_for(lambda: count_records(node.address, "once-own", "counting") == [2, 1], "the next are recorded")
        worker.wait_until("RUNNING", "counting", tasks=1)
        assert worker.ask("PUT", "/connectors/counting/stop").status == 204
        worker.wait_until("STOPPED", "counting", tasks=0)
        first = {"partition": {"a": 1, "b": "0"}, "offset": {"next": 85}}
        assert worker.ask("PATCH", "/connectors/counting/offsets", {"offsets": [first]}).status == 200
        assert worker.ask("PUT", "/connectors/counting/resume").status == 202
        again = sorted([*wanted, *(str(number) for number in range(85, 90))])
        wait_for(lambda: sorted(committed(node.address, "once-counted")) == again, "the last five come again")
        own = {key for key, _ in records_to_end(node.address, "once-own-offsets")}
        assert len(own) == 2
