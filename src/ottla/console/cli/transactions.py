"""`ottla transactions list|describe|hanging|abort|terminate`."""

import argparse
import time

from ottla.clients.client import KafkaClient
from ottla.clients.consumer import TopicPartition
from ottla.console.cli.argument_types import duration_ms, one_of
from ottla.console.cli.output import duration_text, note, print_json, table, time_text
from ottla.console.cli.session import EXIT_OK, UsageError, cluster_arguments, run_with_client
from ottla.console.operations import transactions
from ottla.console.operations.producers import partitions_of
from ottla.console.operations.topics import list_topics


def add_arguments(parser: argparse.ArgumentParser) -> None:
    common = [cluster_arguments()]
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")

    listing = commands.add_parser("list", parents=common, help="transactional ids and their states")
    states = ", ".join(transactions.STATES)
    listing.add_argument(
        "--state",
        action="append",
        default=[],
        type=one_of("state", transactions.STATES),
        metavar="STATE",
        help=f"{states}; may be repeated",
    )
    listing.add_argument("--producer-id", type=int, action="append", default=[], metavar="N", help="may be repeated")
    listing.add_argument("--longer-than", type=duration_ms, metavar="DURATION", help="open for longer: 90s, 15m …")
    listing.add_argument("--pattern", metavar="REGEX", help="ids that match")

    describe = commands.add_parser("describe", parents=common, help="producer, times and partitions of transactions")
    describe.add_argument("ids", nargs="+", metavar="TRANSACTIONAL-ID")

    hanging = commands.add_parser("hanging", parents=common, help="transactions that no coordinator will ever end")
    hanging.add_argument("topics", nargs="*", metavar="TOPIC", help="in these (default: all)")
    hanging.add_argument("--partition", type=int, metavar="N", help="only in this partition")
    hanging.add_argument(
        "--longer-than",
        type=duration_ms,
        default=transactions.TRANSACTION_TIMEOUT_MAX_MS,
        metavar="DURATION",
        help="idle for longer (default: 15m, Kafka's longest transaction)",
    )

    abort = commands.add_parser("abort", parents=common, help="end a hanging transaction in a partition")
    abort.add_argument("topic", metavar="TOPIC")
    abort.add_argument("--partition", type=int, required=True, metavar="N")
    abort.add_argument("--start-offset", type=int, required=True, metavar="OFFSET", help="as `hanging` shows it")

    terminate = commands.add_parser("terminate", parents=common, help="abort what an id has open, fence its producer")
    terminate.add_argument("id", metavar="TRANSACTIONAL-ID")


def run(arguments: argparse.Namespace) -> int:
    operations = {
        "list": _list,
        "describe": _describe,
        "hanging": _hanging,
        "abort": _abort,
        "terminate": _terminate,
    }
    return run_with_client(arguments, operations[arguments.operation])


async def _list(client: KafkaClient, arguments: argparse.Namespace) -> int:
    found = await transactions.list_transactions(
        client,
        states=arguments.state,
        producer_ids=arguments.producer_id,
        longer_than_ms=-1 if arguments.longer_than is None else arguments.longer_than,
        pattern=arguments.pattern,
    )
    if arguments.json:
        print_json(found)
    elif found:
        rows = [(each.transactional_id, each.state, each.producer_id, each.coordinator) for each in found]
        print(table(("TRANSACTIONAL ID", "STATE", "PRODUCER", "COORDINATOR"), rows))
    else:
        note("There is no such transactional id.")
    return EXIT_OK


async def _describe(client: KafkaClient, arguments: argparse.Namespace) -> int:
    described = [await transactions.describe_transaction(client, each) for each in arguments.ids]
    if arguments.json:
        print_json([_as_json(each) for each in described])
        return EXIT_OK
    now_ms = time.time() * 1000
    for position, each in enumerate(described):
        print(
            f"{chr(10) if position else ''}{each.transactional_id}: {each.state}, producer {each.producer_id}"
            f" epoch {each.producer_epoch}, coordinator {each.coordinator},"
            f" times out after {duration_text(each.timeout_ms)}"
        )
        if each.start_time_ms is not None and each.partitions:
            print(f"  open since {time_text(each.start_time_ms)}, {duration_text(now_ms - each.start_time_ms)}")
        if each.partitions:
            print(table(("TOPIC", "PARTITION"), each.partitions))
    return EXIT_OK


def _as_json(each: transactions.TransactionDescription) -> dict[str, object]:
    return {
        "transactional_id": each.transactional_id,
        "state": each.state,
        "coordinator": each.coordinator,
        "producer_id": each.producer_id,
        "producer_epoch": each.producer_epoch,
        "timeout_ms": each.timeout_ms,
        "start_time_ms": each.start_time_ms,
        "partitions": [{"topic": where.topic, "partition": where.partition} for where in each.partitions],
    }


async def _hanging(client: KafkaClient, arguments: argparse.Namespace) -> int:
    if arguments.partition is not None and len(arguments.topics) != 1:
        raise UsageError("--partition is of one topic: name it")
    topics = arguments.topics or [each.name for each in await list_topics(client, include_internal=True)]
    wheres = [where for topic in topics for where in await partitions_of(client, topic, arguments.partition)]
    found = await transactions.find_hanging(
        client, wheres, now_ms=int(time.time() * 1000), longer_than_ms=arguments.longer_than
    )
    if arguments.json:
        print_json([{"transactional_id": each.transactional_id, "producer": each.producer} for each in found])
        return EXIT_OK
    if not found:
        note("No transaction hangs.")
        return EXIT_OK
    rows = [
        (
            each.producer.topic,
            each.producer.partition,
            each.producer.transaction_start_offset,
            each.producer.producer_id,
            each.producer.producer_epoch,
            None if each.producer.last_timestamp_ms is None else time_text(each.producer.last_timestamp_ms),
        )
        for each in found
    ]
    print(table(("TOPIC", "PARTITION", "START OFFSET", "PRODUCER", "EPOCH", "LAST WRITE"), rows))
    note("`ottla transactions abort TOPIC --partition N --start-offset OFFSET` ends one.")
    return EXIT_OK


async def _abort(client: KafkaClient, arguments: argparse.Namespace) -> int:
    where = TopicPartition(arguments.topic, arguments.partition)
    producer = await transactions.open_at(client, where, arguments.start_offset)
    await transactions.abort(client, producer)
    if arguments.json:
        print_json(producer)
    else:
        print(f"Aborted the transaction of producer {producer.producer_id} in {where.topic}-{where.partition}.")
    return EXIT_OK


async def _terminate(client: KafkaClient, arguments: argparse.Namespace) -> int:
    await transactions.terminate(client, arguments.id)
    if arguments.json:
        print_json({"transactional_id": arguments.id})
    else:
        print(f"Whatever {arguments.id} had open is aborted, and its producer fenced.")
    return EXIT_OK
