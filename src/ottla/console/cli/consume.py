"""`ottla consume TOPIC`: records as they come, from where one wants, alone or in a group."""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable

from ottla.clients.client import KafkaClient
from ottla.clients.consumer import (
    EARLIEST_TIMESTAMP,
    LATEST_TIMESTAMP,
    READ_COMMITTED,
    READ_UNCOMMITTED,
    ConsumedRecord,
    PartitionReader,
    TopicPartition,
    latest_offsets,
)
from ottla.clients.group import GroupConsumer
from ottla.console.cli.output import json_fields, note, print_json, text_of, time_text
from ottla.console.cli.session import EXIT_OK, UsageError, add_cluster_arguments, run_with_client
from ottla.console.operations.positions import Position, parse_position, resolve
from ottla.console.operations.topics import find_topic
from ottla.protocol.errors import ErrorCode, KafkaError

WAIT_S = 0.2
"""Between two looks whether a topic is there."""
FORMATS = {
    "value": "{value}",
    "key-value": "{key}\\t{value}",
    "full": "{topic}-{partition}@{offset} {time} {headers} {key} {value}",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Print the records of a topic as they come."
    add_cluster_arguments(parser)
    parser.add_argument("topic", metavar="TOPIC")
    parser.add_argument(
        "--from",
        dest="start",
        metavar="POSITION",
        help="beginning, end (the default), an offset, a time (2026-11-23T14:00) or 15m ago;"
        " with --group: where to begin when nothing was committed (beginning or end)",
    )
    parser.add_argument("--partition", type=int, action="append", metavar="N", help="only these; may be repeated")
    parser.add_argument("--group", metavar="GROUP", help="as a member of this group, committing what was printed")
    parser.add_argument("--count", type=int, metavar="N", help="stop after N records")
    parser.add_argument("--wait", action="store_true", help="wait for the topic, if it is not there yet")
    parser.add_argument("--until-end", action="store_true", help="stop at what is the end when it starts")
    parser.add_argument(
        "--format",
        default="value",
        metavar="FORMAT",
        help="value, key-value, full, or a text with {topic} {partition} {offset} {timestamp} {time} {key} {value}"
        " {headers}, \\n and \\t (default: value)",
    )
    parser.add_argument(
        "--read-committed", action="store_true", help="leave out records of open and aborted transactions"
    )


def run(arguments: argparse.Namespace) -> int:
    return run_with_client(arguments, _consume)


async def _consume(client: KafkaClient, arguments: argparse.Namespace) -> int:
    show = _printer(arguments)
    await _find(client, arguments)
    if arguments.group is not None:
        return await _consume_in_group(client, arguments, show)
    position = _position(arguments.start) if arguments.start else Position(timestamp=LATEST_TIMESTAMP)
    wheres = _partitions(client, arguments)
    ends = await latest_offsets(client, wheres)
    reader = PartitionReader(
        client,
        await resolve(client, position, wheres),
        isolation_level=READ_COMMITTED if arguments.read_committed else READ_UNCOMMITTED,
    )
    if not arguments.start and not arguments.until_end and sys.stderr.isatty():
        note("Waiting for new records; `--from beginning` shows what is there. Ctrl-C ends.")

    def at_end() -> bool:
        return arguments.until_end and all(reader.positions[where] >= ends[where] for where in wheres)

    left = arguments.count
    while left != 0 and not at_end():
        records = await reader.poll()
        if arguments.until_end:
            records = [each for each in records if each.offset < ends[TopicPartition(each.topic, each.partition)]]
        left = show(records, left)
    return EXIT_OK


async def _find(client: KafkaClient, arguments: argparse.Namespace) -> None:
    """Until it is there, if that is asked for."""
    while True:
        try:
            await find_topic(client, arguments.topic)
        except KafkaError as error:
            if not arguments.wait or error.code is not ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
                raise
            await asyncio.sleep(WAIT_S)
        else:
            return


async def _consume_in_group(client: KafkaClient, arguments: argparse.Namespace, show: "_Show") -> int:
    if arguments.partition or arguments.until_end:
        raise UsageError("--partition and --until-end do not go with --group: the group decides who reads what")
    reset = _position(arguments.start).timestamp if arguments.start else EARLIEST_TIMESTAMP
    if reset not in (EARLIEST_TIMESTAMP, LATEST_TIMESTAMP):
        raise UsageError("with --group, --from is beginning or end; `ottla groups reset-offsets` moves a group")
    left = arguments.count
    async with GroupConsumer(client, arguments.group, [arguments.topic], reset_timestamp=reset) as consumer:
        while left != 0:
            records = await consumer.poll()
            if not records:
                continue
            shown = len(records) if left is None else min(left, len(records))
            left = show(records, left)
            for record in records[shown:]:  # not shown: the next to read
                where = TopicPartition(record.topic, record.partition)
                consumer.reader.positions[where] = min(consumer.reader.positions[where], record.offset)
            await consumer.commit()
    return EXIT_OK


_Show = Callable[[list[ConsumedRecord], int | None], int | None]


def _printer(arguments: argparse.Namespace) -> _Show:
    """Prints records, at most as many as are left, and says how many are left then."""
    template = FORMATS.get(arguments.format, arguments.format)
    template = template.replace("\\n", "\n").replace("\\t", "\t")
    try:
        _line(template, ConsumedRecord("", 0, 0, 0, None, None, ()))
    except (KeyError, IndexError, ValueError) as error:
        raise UsageError(f"--format: {error} is no field; see `ottla consume --help`") from None

    def show(records: list[ConsumedRecord], left: int | None) -> int | None:
        shown = records if left is None else records[:left]
        if arguments.json:
            for record in shown:
                print_json(_as_json(record))
        elif shown:
            sys.stdout.write("".join(_line(template, record) + "\n" for record in shown))
            sys.stdout.flush()
        return None if left is None else left - len(shown)

    return show


def _line(template: str, record: ConsumedRecord) -> str:
    return template.format(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=record.timestamp,
        time=time_text(record.timestamp),
        key=text_of(record.key),
        value=text_of(record.value),
        headers=",".join(f"{name}={text_of(value)}" for name, value in record.headers),
    )


def _as_json(record: ConsumedRecord) -> dict[str, object]:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        **json_fields("key", record.key),
        **json_fields("value", record.value),
        "headers": [{"name": name, **json_fields("value", value)} for name, value in record.headers],
    }


def _position(text: str) -> Position:
    try:
        return parse_position(text, int(time.time() * 1000))
    except ValueError as error:
        raise UsageError(f"--from: {error}") from None


def _partitions(client: KafkaClient, arguments: argparse.Namespace) -> list[TopicPartition]:
    there = client.metadata.topics[arguments.topic].partitions
    for partition in arguments.partition or []:
        if partition not in there:
            raise UsageError(f"topic '{arguments.topic}' has partitions 0 to {len(there) - 1}, not {partition}")
    return [TopicPartition(arguments.topic, index) for index in arguments.partition or there]
