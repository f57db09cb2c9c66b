"""`ottla elect-leaders`: let the preferred replicas lead; without saying where, show who leads in their place."""

import argparse

from ottla.clients.client import KafkaClient
from ottla.clients.consumer import TopicPartition
from ottla.console.cli.output import note, print_json, table
from ottla.console.cli.session import EXIT_FAILED, EXIT_OK, UsageError, add_cluster_arguments, run_with_client
from ottla.console.operations.elections import elect_leaders, leaderships
from ottla.console.operations.partition_files import FileError, read_partitions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Let the preferred replicas lead. Without --topic, --file or --all, show where others do."
    add_cluster_arguments(parser)
    parser.add_argument("--topic", action="append", metavar="TOPIC[:PARTITION]", help="there; may be repeated")
    parser.add_argument("--all", action="store_true", help="in all partitions")
    parser.add_argument("--file", metavar="FILE", help="where this file of kafka-leader-election says")
    parser.add_argument(
        "--unclean",
        action="store_true",
        help="in partitions without a leader: any replica that is there, though it may have lost records",
    )


def run(arguments: argparse.Namespace) -> int:
    return run_with_client(arguments, _run)


async def _run(client: KafkaClient, arguments: argparse.Namespace) -> int:
    asked = [bool(arguments.topic), arguments.all, arguments.file is not None]
    if sum(asked) > 1:
        raise UsageError("--topic, --all and --file say each for itself where: give one of them")
    if not any(asked):
        return await _show(client, arguments)
    partitions = None if arguments.all else await _partitions(client, arguments)
    elections = await elect_leaders(client, partitions, unclean=arguments.unclean)
    failed = any(each.error for each in elections)
    if arguments.json:
        print_json(elections)
    elif elections:
        rows = [
            (
                each.topic,
                each.partition,
                "elected" if each.elected else each.error or "not needed",
                each.leader,
                each.message,
            )
            for each in elections
        ]
        print(table(("TOPIC", "PARTITION", "ELECTION", "LEADER", "WHY"), rows))
    else:
        note("No partition needs an election.")
    return EXIT_FAILED if failed else EXIT_OK


async def _show(client: KafkaClient, arguments: argparse.Namespace) -> int:
    """Partitions that an election would change."""
    found = await leaderships(client)
    wanted = [each for each in found if each.needs_election(unclean=arguments.unclean)]
    if arguments.json:
        print_json(wanted)
        return EXIT_OK
    if wanted:
        rows = [
            (each.topic, each.partition, each.leader, each.preferred, _ids(each.replicas), _ids(each.isr))
            for each in wanted
        ]
        print(table(("TOPIC", "PARTITION", "LEADER", "PREFERRED", "REPLICAS", "IN SYNC"), rows))
        note("Nothing was changed: --all elects in these, --topic TOPIC[:PARTITION] in some.")
    elif arguments.unclean:
        note("Every partition has a leader.")
    else:
        note("Every partition is led by its preferred replica, or that is not in sync.")
    return EXIT_OK


async def _partitions(client: KafkaClient, arguments: argparse.Namespace) -> list[TopicPartition]:
    if arguments.file is not None:
        try:
            return read_partitions(arguments.file)
        except FileError as error:
            raise UsageError(f"--file {error}") from None
    partitions: list[TopicPartition] = []
    for word in arguments.topic:
        topic, colon, index = word.rpartition(":")
        if colon and not index.isdecimal():
            raise UsageError(f"--topic: '{word}' is neither TOPIC nor TOPIC:PARTITION")
        there = await leaderships(client, [topic if colon else word])
        if colon and int(index) not in [each.partition for each in there]:
            raise UsageError(f"topic '{topic}' has partitions 0 to {len(there) - 1}, not {index}")
        partitions += [
            TopicPartition(each.topic, each.partition) for each in there if not colon or each.partition == int(index)
        ]
    return partitions


def _ids(nodes: tuple[int, ...]) -> str:
    return ",".join(map(str, nodes))
