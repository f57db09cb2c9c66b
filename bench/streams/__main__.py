"""`python -m bench.streams`: Ottla Streams beside Kafka Streams, Quix Streams and Faust, the same input, in turns.

Each run has a fresh node of Ottla on one core, and the application on the other:

    fill the tables ─► records to warm up ─► all of them committed ─► stop the clock of the application (SIGSTOP)
    ─► the records that are measured ─► go on (SIGCONT) ─► until their offsets are committed

What counts is the CPU of the application's process. `restore`: a store of as many keys as there are records is lost and
comes back from its changelog, from the start of the process until it says RUNNING.

With `--save` a run may have a part only, and be broken off: each figure is put beside those of that day's other parts,
in place of an earlier one of the same engine, workload and guarantee.
"""

from __future__ import annotations

import argparse
import datetime
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from tests.peers.ottla_node import OttlaNode

from bench.streams.contestants import (
    AT_LEAST_ONCE,
    CONTESTANTS,
    ENGINES,
    EXACTLY_ONCE,
    GROUP,
    OF_PYTHON,
    Application,
    Job,
    prepare,
)
from bench.streams.report import table
from bench.streams.results import Figures, Results

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKLOADS: Final = ("map-filter", "count", "windowed-sum", "join", "restore")
PARTITIONS: Final = 4
KEYS: Final = 10_000
FIRST_MS: Final = 1_760_000_000_000
STEP_MS: Final = 10
"""Between two records: 6,000 a window of a minute."""
SHARE: Final = {"Faust": 20}
"""Who is given a part of the records only, for the sake of the time: what counts is CPU a record."""
TIMEOUT_S: Final = 300.0
POLL_S: Final = 0.02
RESULTS: Final = Path(__file__).parent.parent / "results"


def main() -> int:
    arguments = _arguments()
    names = [ENGINES[each] for each in arguments.engines]
    stem = RESULTS / f"{datetime.datetime.now(datetime.UTC).date()}-streams" if arguments.save else None
    results = Results.read(None if stem is None else stem.with_suffix(".json"))
    prepare(names)
    failed = False
    for turn in range(arguments.rounds):
        for workload, guarantee, name in _in_turn(turn, names, arguments.workloads, arguments.guarantees):
            share = SHARE.get(name, 1)
            records, about = (
                arguments.records // share,
                f"{turn + 1}/{arguments.rounds} {workload:13} {guarantee:16} {name:14}",
            )
            try:
                figures = _run(name, workload, guarantee, records, arguments.warm_up // share)
            except (TimeoutError, RuntimeError) as failure:  # whoever cannot does not keep the others from it
                print(f"{about} {failure}", file=sys.stderr, flush=True)
                failed = True
                continue
            results.add((workload, guarantee, name), records, figures)
            print(
                f"{about} {figures.cpu_us:8.2f} µs/record {figures.records_per_s:10,.0f}/s", file=sys.stderr, flush=True
            )
            if stem is not None:
                results.write(stem.with_suffix(".json"))
                stem.with_suffix(".md").write_text(table(results), "utf-8")
    print(table(results))
    return int(failed)


def _in_turn(
    turn: int, names: list[str], workloads: list[str], guarantees: list[str]
) -> Iterator[tuple[str, str, str]]:
    for workload in workloads:
        for guarantee in guarantees:
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                if workload != "restore" or (name not in OF_PYTHON and guarantee == AT_LEAST_ONCE):
                    yield workload, guarantee, name


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.streams", description=__doc__.partition("\n\n")[0])
    guarantees = (AT_LEAST_ONCE, EXACTLY_ONCE)
    for option, choices in (("engines", ENGINES), ("workloads", WORKLOADS), ("guarantees", guarantees)):
        parser.add_argument(f"--{option}", nargs="+", choices=list(choices), default=list(choices), help="only these")
    parser.add_argument("--records", type=int, default=400_000, help="that are measured (default: %(default)s)")
    parser.add_argument("--warm-up", type=int, default=300_000, help="before them (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--save", action="store_true", help="put the figures with those of today in bench/results")
    return parser.parse_args()


def _run(name: str, workload: str, guarantee: str, records: int, warm_up: int) -> Figures:
    directory = Path(tempfile.mkdtemp(prefix="ottla-bench-streams-"))
    settings = {"group.initial.rebalance.delay.ms": "0", "log.retention.ms": "-1"}
    try:
        with OttlaNode(directory / "node", settings, prefix=("taskset", "-c", "0")) as node:
            admin = AdminClient({"bootstrap.servers": node.address, "log_level": 2})  # its end is after the node's
            topics = [NewTopic(topic, PARTITIONS, 1) for topic in ("in", "out", "table")]
            for made in admin.create_topics(topics).values():
                made.result(30)
            _produce(node.address, "table", ((f"k{key}", f"-name-{key}", FIRST_MS) for key in range(KEYS)))
            job = Job("count" if workload == "restore" else workload, guarantee, node.address, directory / "state")
            if workload == "restore":
                return _restore(name, job, admin, records, directory)
            return _measure(name, job, admin, records, warm_up, directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _measure(name: str, job: Job, admin: AdminClient, records: int, warm_up: int, directory: Path) -> Figures:
    _produce(job.bootstrap, "in", _records(0, warm_up, KEYS))
    application = _start(name, job, directory)
    try:
        tables = {"table": KEYS} if job.workload == "join" else {}
        _wait_for_commit(admin, application, {"in": warm_up} | tables)
        application.pause()
        _produce(job.bootstrap, "in", _records(warm_up, records, KEYS))
        before, began = application.cpu_s(), time.monotonic()
        application.go_on()
        _wait_for_commit(admin, application, {"in": warm_up + records})
        took, used = time.monotonic() - began, application.cpu_s() - before
        return Figures(used / records * 1e6, records / took, application.resident_mb())
    finally:
        application.go_on()
        application.stop()


def _restore(name: str, job: Job, admin: AdminClient, records: int, directory: Path) -> Figures:
    _produce(job.bootstrap, "in", _records(0, records, records))
    first = _start(name, job, directory)
    try:
        _wait_for_commit(admin, first, {"in": records})
    finally:
        first.stop()
    shutil.rmtree(job.state)
    again = _start(name, job, directory, log="again.log")
    try:
        deadline = time.monotonic() + TIMEOUT_S
        while not again.says("RUNNING"):
            again.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} does not come back")
            time.sleep(POLL_S)
        took = time.monotonic() - again.began
        return Figures(again.cpu_s() / records * 1e6, records / took, again.resident_mb())
    finally:
        again.stop()


def _start(name: str, job: Job, directory: Path, log: str = "application.log") -> Application:
    command, environment = CONTESTANTS[name](job)
    return Application(command, "1", directory / log, environment)


def _records(first: int, count: int, keys: int) -> Iterator[tuple[str, str, int]]:
    """The same for everybody; keys in an order that no cache likes."""
    for number in range(first, first + count):
        yield f"k{number * 7919 % keys}", str(number % 1000), FIRST_MS + number * STEP_MS


def _produce(bootstrap: str, topic: str, records: Iterator[tuple[str, str, int]]) -> None:
    settings = {"bootstrap.servers": bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 200_000}
    producer = Producer(settings | {"batch.size": 262_144})
    for key, value, timestamp in records:
        while True:
            try:
                producer.produce(topic, value, key, timestamp=timestamp)
                break
            except BufferError:
                producer.poll(0.1)
    if producer.flush(TIMEOUT_S):
        raise TimeoutError(f"the broker does not take the records of {topic}")


def _wait_for_commit(admin: AdminClient, application: Application, expected: dict[str, int]) -> None:
    """Until so many records of each topic are committed."""
    partitions = [TopicPartition(topic, each) for topic in expected for each in range(PARTITIONS)]
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        (answer,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(GROUP, partitions)]).values()
        committed = dict.fromkeys(expected, 0)
        for each in answer.result(30).topic_partitions:
            committed[each.topic] += max(each.offset, 0)
        if all(committed[topic] >= records for topic, records in expected.items()):
            return
        application.check()
        if time.monotonic() > deadline:
            raise TimeoutError(f"only {committed} of {expected} records were committed")
        time.sleep(POLL_S)


if __name__ == "__main__":
    sys.exit(main())
