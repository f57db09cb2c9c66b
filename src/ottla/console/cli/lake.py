"""`ottla lake start|status|list|maintain`: topics kept as tables of Apache Iceberg."""

import argparse
import time
from dataclasses import asdict

from ottla.clients.client import KafkaClient
from ottla.clients.consumer import READ_COMMITTED, TopicPartition, latest_offsets
from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.lake.converter import AUTO, FORMATS
from ottla.connect.lake.inventory import LakeTable, inventory
from ottla.connect.lake.lake import LakeOptions, check, run_lake
from ottla.connect.lake.place import LAKE, MODES, VERSIONS, Place, lake_tables, place_of
from ottla.console.cli.argument_types import duration_ms, typed
from ottla.console.cli.lake_progress import LakeProgress
from ottla.console.cli.output import bytes_text, note, print_json, table, time_text
from ottla.console.cli.quantities import parse_bytes
from ottla.console.cli.session import (
    EXIT_FAILED,
    EXIT_OK,
    EXIT_USAGE,
    UsageError,
    client_properties,
    cluster_arguments,
    find_profile,
    key_values,
    run_with_client,
)
from ottla.console.operations.topics import find_topic
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import uuid_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Keep topics as tables of Apache Iceberg. A lake in a directory has its catalog there; of any other, --set says"
        " what PyIceberg's catalog needs."
    )
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")
    where = [_place_arguments()]
    start = commands.add_parser(
        "start", parents=[*where, cluster_arguments()], help="let topics flow into tables, until Ctrl-C"
    )
    start.add_argument("topics", metavar="TOPIC", nargs="+")
    start.add_argument(
        "--mode",
        choices=MODES,
        default=VERSIONS,
        help="versions: a row for each record; table: the last of each key, and none for a tombstone"
        " (default: %(default)s)",
    )
    start.add_argument(
        "--every",
        type=duration_ms,
        default=10_000,
        metavar="DURATION",
        help="how often is committed: 500ms, 10s, 5m (default: 10s)",
    )
    start.add_argument("--once", action="store_true", help="end when all is there that is in the topics")
    start.add_argument(
        "--partition-by",
        default="",
        metavar="PARTITIONS",
        help="of tables that are made: 'day(kafka_timestamp), bucket(id, 16)'; columns and year, month, day, hour,"
        " bucket, truncate",
    )
    start.add_argument(
        "--column",
        metavar="NAME=TYPE",
        action="append",
        help="of tables that are made: what a field is, whatever the first record says: double, timestamptz, date …;"
        " repeatable",
    )
    for part in ("key", "value"):
        start.add_argument(f"--{part}-format", choices=FORMATS, default=AUTO, help="how it is read (default: auto)")
    start.add_argument("--registry", metavar="URL", help="where schemas are (default: the profile's)")
    start.add_argument(
        "--dead-letters", metavar="TOPIC", help="where records go that are no rows (default: they end the lake)"
    )
    status = commands.add_parser(
        "status", parents=[*where, cluster_arguments()], help="how far each table is, and how far behind its topic"
    )
    _names(status)
    listing = commands.add_parser("list", parents=where, help="the tables of the lake, without asking a cluster")
    _names(listing)
    listing.add_argument("--json", action="store_true", help="JSON for programs, with columns and locations")
    care = commands.add_parser(
        "maintain", parents=where, help="put small files together, forget old snapshots, delete what nobody needs"
    )
    _names(care)
    care.add_argument("--json", action="store_true", help="JSON for programs")
    care.add_argument(
        "--small", type=typed(parse_bytes), default="16M", metavar="SIZE", help="of files (default: %(default)s)"
    )
    care.add_argument(
        "--older-than", type=duration_ms, default="1d", metavar="DURATION", help="of snapshots (default: %(default)s)"
    )
    care.add_argument(
        "--keep", type=int, default=10, metavar="N", help="that many snapshots stay in any case (default: %(default)s)"
    )


def _names(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", metavar="TOPIC", nargs="*", help="topics, or tables (default: all)")


def _place_arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--warehouse", metavar="DIR", help="where the tables lie: a directory, or s3://… and the like, with --set uri=…"
    )
    parser.add_argument(
        "--catalog",
        default=LAKE,
        metavar="NAME",
        help="of a catalog in PyIceberg's configuration (default: %(default)s)",
    )
    parser.add_argument(
        "--set", action="append", metavar="KEY=VALUE", help="a setting of the catalog: type, uri, s3.…; may be repeated"
    )
    parser.add_argument(
        "--namespace", default="topics", metavar="NAME", help="in which the tables are (default: %(default)s)"
    )
    return parser


def run(arguments: argparse.Namespace) -> int:
    try:
        place = place_of(arguments.warehouse, arguments.catalog, arguments.namespace, key_values(arguments.set))
        operation = {"start": _start, "status": _status, "list": _list, "maintain": _maintain}[arguments.operation]
        return operation(place, arguments)
    except (UsageError, ConfigError) as error:
        note(f"ottla: {error}")
        return EXIT_USAGE
    except ConnectError as error:
        note(f"ottla: {error}")
        return EXIT_FAILED


def _start(place: Place, arguments: argparse.Namespace) -> int:
    topic_ids: dict[str, str] = {}

    async def find(client: KafkaClient, _: argparse.Namespace) -> int:
        for name in arguments.topics:
            topic_ids[name] = uuid_text((await find_topic(client, name)).topic_id)
        return EXIT_OK

    failed = run_with_client(arguments, find)
    if failed:
        return failed
    options = LakeOptions(
        arguments.mode,
        arguments.partition_by,
        arguments.every,
        arguments.key_format,
        arguments.value_format,
        arguments.registry or find_profile(arguments.profile).registry,
        arguments.dead_letters,
        key_values(arguments.column),
        arguments.once,
        client_properties(arguments) | {"bootstrap.servers": arguments.bootstrap},
    )
    check(place, topic_ids, options)
    progress = LakeProgress()
    if not arguments.once:
        where = arguments.warehouse or arguments.catalog
        print(f"{', '.join(topic_ids)} of {arguments.bootstrap} into {where}. Ctrl-C stops it.", flush=True)
    try:
        run_lake(place, topic_ids, options, progress)
    finally:
        progress.end()
    note(f"{progress.read:,} records read, and in the lake.")
    return EXIT_OK


def _status(place: Place, arguments: argparse.Namespace) -> int:
    tables = list(inventory(place, tuple(arguments.names)))

    async def show(client: KafkaClient, _: argparse.Namespace) -> int:
        rows = [row for each in tables for row in await _behind(client, each)]
        if arguments.json:
            keys = ("table", "topic", "mode", "partition", "offset", "end", "lag", "committed_ms")
            print_json([dict(zip(keys, row, strict=True)) for row in rows])
        elif rows:
            headers = ("TABLE", "TOPIC", "MODE", "PARTITION", "OFFSET", "END", "LAG", "COMMITTED")
            print(table(headers, [(*row[:-1], _time(row[-1])) for row in rows]))
        else:
            note("The lake has no tables: `ottla lake start` makes them.")
        return EXIT_OK

    return run_with_client(arguments, show)


async def _behind(
    client: KafkaClient, each: LakeTable
) -> list[tuple[str, str, str, int, int, int | None, int | None, int | None]]:
    """Partition by partition; without an end where the topic is no more."""
    try:
        partitions = set((await client.topic(each.topic)).partitions)
    except KafkaError as error:
        if error.code is not ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
            raise
        partitions = set()
    wheres = [TopicPartition(each.topic, partition) for partition in partitions]
    ends = await latest_offsets(client, wheres, isolation_level=READ_COMMITTED)
    rows = []
    for partition in sorted(partitions | each.offsets.keys()):
        end, offset = ends.get(TopicPartition(each.topic, partition)), each.offsets.get(partition, 0)
        lag = None if end is None else max(end - offset, 0)
        rows.append((each.name, each.topic, each.mode, partition, offset, end, lag, each.committed_ms))
    return rows


def _list(place: Place, arguments: argparse.Namespace) -> int:
    tables = list(inventory(place, tuple(arguments.names)))
    if arguments.json:
        print_json([asdict(each) for each in tables])
    elif tables:
        headers = ("TABLE", "TOPIC", "MODE", "ROWS", "FILES", "SIZE", "SNAPSHOTS", "COMMITTED")
        print(
            table(
                headers,
                [
                    (
                        t.name,
                        t.topic,
                        t.mode,
                        t.rows,
                        t.files,
                        bytes_text(t.size_bytes),
                        t.snapshots,
                        _time(t.committed_ms),
                    )
                    for t in tables
                ],
            )
        )
    else:
        note("The lake has no tables: `ottla lake start` makes them.")
    return EXIT_OK


def _maintain(place: Place, arguments: argparse.Namespace) -> int:
    from ottla.connect.lake.maintenance import maintain

    if arguments.keep < 1:
        raise UsageError("--keep: one snapshot stays at least")
    done = {}
    for name, each in lake_tables(place, tuple(arguments.names)):
        now_ms = int(time.time() * 1000)
        done[name] = maintain(
            each, now_ms, small_bytes=arguments.small, kept=arguments.keep, min_age_ms=arguments.older_than
        )
    if arguments.json:
        print_json([{"table": name, **asdict(each)} for name, each in done.items()])
    else:
        headers = ("TABLE", "FILES-BEFORE", "FILES", "SNAPSHOTS-EXPIRED", "FILES-DELETED")
        rows = [(n, d.files_before, d.files_after, d.snapshots_expired, d.files_deleted) for n, d in done.items()]
        print(table(headers, rows))
    return EXIT_OK


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else time_text(at_ms)
