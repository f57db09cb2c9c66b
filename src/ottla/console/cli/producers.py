"""`ottla producers list TOPIC`: the producers that its partitions remember."""

import argparse

from ottla.clients.client import KafkaClient
from ottla.console.cli.output import note, print_json, table, time_text
from ottla.console.cli.session import EXIT_OK, cluster_arguments, run_with_client
from ottla.console.operations.producers import describe_producers, partitions_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")
    listing = commands.add_parser("list", parents=[cluster_arguments()], help="ids, epochs, last sequence numbers")
    listing.add_argument("topics", nargs="+", metavar="TOPIC")
    listing.add_argument("--partition", type=int, metavar="N", help="only this partition")


def run(arguments: argparse.Namespace) -> int:
    return run_with_client(arguments, _list)


async def _list(client: KafkaClient, arguments: argparse.Namespace) -> int:
    wheres = [where for topic in arguments.topics for where in await partitions_of(client, topic, arguments.partition)]
    found = await describe_producers(client, wheres)
    if arguments.json:
        print_json(found)
    elif found:
        rows = [
            (
                each.topic,
                each.partition,
                each.producer_id,
                each.producer_epoch,
                each.last_sequence,
                None if each.last_timestamp_ms is None else time_text(each.last_timestamp_ms),
                each.transaction_start_offset,
            )
            for each in found
        ]
        print(table(("TOPIC", "PARTITION", "PRODUCER", "EPOCH", "SEQUENCE", "LAST WRITE", "OPEN SINCE OFFSET"), rows))
    else:
        note("No idempotent producer is remembered there.")
    return EXIT_OK
