"""`ottla perf produce|consume|latency`: how fast, from here, with this client."""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Awaitable
from dataclasses import asdict

from ottla.clients.client import KafkaClient
from ottla.console.cli.argument_types import typed
from ottla.console.cli.output import bytes_text, note, print_json, table
from ottla.console.cli.quantities import parse_bytes
from ottla.console.cli.session import EXIT_OK, UsageError, cluster_arguments, run_with_client
from ottla.console.operations.latencies import Latencies, LatencySummary
from ottla.console.operations.load import LoadProgress, ProduceLoad, consume_load, echo_load, produce_load
from ottla.protocol.record_batch import CompressionType

TERMINAL_INTERVAL_S = 0.5
LINE_INTERVAL_S = 5.0
"""How often a line is written where there is no terminal."""
RECORD_BYTES_MAX = 16 * 1024 * 1024
_FROM_START_OF_LINE = "\r\x1b[K"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "What is measured is the cluster as this client sees it, which is written in Python: a JVM or librdkafka sends"
        " more in bulk. Latencies of a paced load (--rate) tell more of the cluster than those of a full one."
    )
    common = [cluster_arguments()]
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")

    produce = commands.add_parser("produce", parents=common, help="send records, acknowledged by all replicas")
    produce.add_argument("topic", metavar="TOPIC")
    _add_amount(produce, records=100_000, record_bytes=100)
    produce.add_argument("--rate", type=float, metavar="N", help="records a second (default: as many as go)")
    produce.add_argument("--batch-size", type=_bytes, default=65536, metavar="BYTES", help="(default: 64K)")
    produce.add_argument("--linger", type=float, default=5.0, metavar="MS", help="(default: %(default)g)")
    produce.add_argument("--compression", choices=[each.name.lower() for each in CompressionType], default="none")
    produce.add_argument("--partition", type=int, metavar="N", help="all to this partition")

    consume = commands.add_parser("consume", parents=common, help="read records")
    consume.add_argument("topic", metavar="TOPIC")
    consume.add_argument("--records", type=_count, metavar="N", help="stop after so many (default: all that are there)")
    consume.add_argument("--from-end", action="store_true", help="only what is written from now on; needs --records")

    latency = commands.add_parser("latency", parents=common, help="one record after the other, there and back")
    latency.add_argument("topic", metavar="TOPIC")
    _add_amount(latency, records=1000, record_bytes=100)


def _record_bytes(text: str) -> int:
    size = parse_bytes(text)
    if size > RECORD_BYTES_MAX:
        raise ValueError(f"a record of at most {RECORD_BYTES_MAX} bytes")
    return size


def _positive(text: str) -> int:
    if not text.replace("_", "").isdecimal() or int(text) < 1:
        raise ValueError(f"'{text}' is no number of records: write 100000")
    return int(text)


_bytes = typed(parse_bytes)
_size = typed(_record_bytes)
_count = typed(_positive)


def _add_amount(parser: argparse.ArgumentParser, *, records: int, record_bytes: int) -> None:
    parser.add_argument("--records", type=_count, default=records, metavar="N", help="(default: %(default)s)")
    parser.add_argument(
        "--size", type=_size, default=record_bytes, metavar="BYTES", help="of a value (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    operations = {"produce": _produce, "consume": _consume, "latency": _latency}
    return run_with_client(arguments, operations[arguments.operation])


async def _produce(client: KafkaClient, arguments: argparse.Namespace) -> int:
    if arguments.rate is not None and not arguments.rate > 0:
        raise UsageError("--rate: a number of records a second above zero")
    load = ProduceLoad(
        arguments.records,
        arguments.size,
        arguments.rate,
        batch_bytes=arguments.batch_size,
        linger_ms=arguments.linger,
        compression=CompressionType[arguments.compression.upper()],
        partition=arguments.partition,
    )
    progress = LoadProgress()
    await _watched(produce_load(client, arguments.topic, load, progress), progress, arguments.records)
    return _report(arguments, progress, {"acknowledged": progress.latencies})


async def _consume(client: KafkaClient, arguments: argparse.Namespace) -> int:
    if arguments.from_end and arguments.records is None:
        raise UsageError("--from-end needs --records N: there is no end of what is still to come")
    progress = LoadProgress()
    load = consume_load(client, arguments.topic, progress, records=arguments.records, from_end=arguments.from_end)
    await _watched(load, progress, arguments.records)
    return _report(arguments, progress, {"age": progress.latencies} if arguments.from_end else {})


async def _latency(client: KafkaClient, arguments: argparse.Namespace) -> int:
    progress, acknowledged = LoadProgress(), Latencies()
    load = echo_load(
        client, arguments.topic, progress, acknowledged, records=arguments.records, record_bytes=arguments.size
    )
    await _watched(load, progress, arguments.records)
    return _report(arguments, progress, {"acknowledged": acknowledged, "there and back": progress.latencies})


async def _watched(load: Awaitable[None], progress: LoadProgress, total: int | None) -> None:
    """Run it, with a line that is written anew on a terminal, and now and then a line elsewhere."""

    async def show() -> None:
        is_terminal = sys.stderr.isatty()
        while True:
            await asyncio.sleep(TERMINAL_INTERVAL_S if is_terminal else LINE_INTERVAL_S)
            begin, end = (_FROM_START_OF_LINE, "") if is_terminal else ("", "\n")
            sys.stderr.write(f"{begin}{_line(progress, total)}{end}")
            sys.stderr.flush()

    showing = asyncio.ensure_future(show())
    try:
        await load
    finally:
        showing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await showing
        if sys.stderr.isatty():
            sys.stderr.write(_FROM_START_OF_LINE)


def _line(progress: LoadProgress, total: int | None) -> str:
    of = f" of {total:,}" if total is not None else ""
    latencies = progress.latencies.summary()
    return (
        f"{progress.records:,}{of} records, {progress.records / progress.seconds:,.0f}/s,"
        f" {bytes_text(int(progress.bytes / progress.seconds))}/s,"
        f" p50 {latencies.p50_ms:.1f} ms, p99 {latencies.p99_ms:.1f} ms"
    )


def _report(arguments: argparse.Namespace, progress: LoadProgress, latencies: dict[str, Latencies]) -> int:
    rate, byte_rate = progress.records / progress.seconds, progress.bytes / progress.seconds
    summaries: dict[str, LatencySummary] = {name: each.summary() for name, each in latencies.items()}
    if arguments.json:
        print_json(
            {
                "topic": arguments.topic,
                "records": progress.records,
                "bytes": progress.bytes,
                "seconds": progress.seconds,
                "records_per_s": rate,
                "bytes_per_s": byte_rate,
                "latency": {name.replace(" ", "_"): asdict(each) for name, each in summaries.items()},
            }
        )
        return EXIT_OK
    print(
        f"{progress.records:,} records, {bytes_text(progress.bytes)}, in {progress.seconds:.2f} s:"
        f" {rate:,.0f} records/s, {bytes_text(int(byte_rate))}/s."
    )
    if summaries:
        rows = [
            (name, *(f"{value:.2f}" for value in (s.mean_ms, s.p50_ms, s.p95_ms, s.p99_ms, s.p999_ms, s.max_ms)))
            for name, s in summaries.items()
        ]
        print(table(("LATENCY, MS", "MEAN", "P50", "P95", "P99", "P99.9", "MAX"), rows))
    else:
        note("--from-end --records N measures the age of records as they come, too.")
    return EXIT_OK
