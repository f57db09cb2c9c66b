"""`ottla produce TOPIC`: a record for each line of the standard input."""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator

from ottla.clients.client import KafkaClient
from ottla.clients.producer import Producer
from ottla.console.cli.output import note, print_json
from ottla.console.cli.session import EXIT_OK, add_cluster_arguments, key_values, run_with_client
from ottla.protocol.record_batch import CompressionType

READ_BYTES = 64 * 1024
LINE_BYTES_MAX = 64 * 1024 * 1024
PROGRESS_EVERY = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Send each line of the standard input as a record."
    add_cluster_arguments(parser)
    parser.add_argument("topic", metavar="TOPIC", help="made if it is not there and the cluster allows it")
    parser.add_argument(
        "--key-separator", metavar="TEXT", help="what stands before the first TEXT in a line is its key"
    )
    parser.add_argument("--partition", type=int, metavar="N", help="all to this partition")
    parser.add_argument("--header", action="append", metavar="KEY=VALUE", help="on every record; may be repeated")
    parser.add_argument("--null", metavar="TEXT", help="a value of just TEXT is null: a tombstone")
    parser.add_argument("--compression", choices=[each.name.lower() for each in CompressionType], default="none")
    parser.add_argument("--acks", choices=["1", "all"], default="all")
    parser.add_argument("--file", metavar="PATH", help="read this file instead of the standard input")


def run(arguments: argparse.Namespace) -> int:
    return run_with_client(arguments, _produce)


async def _produce(client: KafkaClient, arguments: argparse.Namespace) -> int:
    headers = [(key, value.encode()) for key, value in key_values(arguments.header).items()]
    separator = arguments.key_separator.encode() if arguments.key_separator else None
    null = arguments.null.encode() if arguments.null is not None else None
    await client.topic(arguments.topic, create=True)
    acks = -1 if arguments.acks == "all" else 1
    sent = 0
    async with Producer(client, acks=acks, compression=CompressionType[arguments.compression.upper()]) as producer:
        async for line in _lines(arguments.file):
            key, value = _split(line, separator)
            await producer.send(
                arguments.topic,
                key,
                None if value == null else value,
                headers=headers,
                partition=arguments.partition,
            )
            sent += 1
            if sent % PROGRESS_EVERY == 0:
                note(f"{sent:,} records …")
    _report(arguments, producer)
    return EXIT_OK


def _split(line: bytes, separator: bytes | None) -> tuple[bytes | None, bytes]:
    if separator is None:
        return None, line
    key, found, value = line.partition(separator)
    return (key, value) if found else (None, line)


def _report(arguments: argparse.Namespace, producer: Producer) -> None:
    counts = {partition: count for (_, partition), count in sorted(producer.delivered.items())}
    records = sum(counts.values())
    if arguments.json:
        print_json({"topic": arguments.topic, "records": records, "partitions": counts})
        return
    where = ", ".join(f"{count:,} in partition {partition}" for partition, count in counts.items())
    plural = "" if records == 1 else "s"
    note(f"{records:,} record{plural} to {arguments.topic}" + (f": {where}." if where else "."))


async def _lines(path: str | None) -> AsyncIterator[bytes]:
    """Lines without their ends, as they come: a pipe that stays open is read while it is filled."""
    loop = asyncio.get_running_loop()
    descriptor = sys.stdin.fileno() if path is None else os.open(path, os.O_RDONLY)
    if path is None and sys.stdin.isatty():
        note("A record a line; Ctrl-D ends.")
    rest = b""
    while chunk := await loop.run_in_executor(None, os.read, descriptor, READ_BYTES):
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > LINE_BYTES_MAX:
            raise ValueError(f"a line has more than {LINE_BYTES_MAX} bytes")
        for line in whole:
            yield line.removesuffix(b"\r")
    if rest:
        yield rest
