"""`ottla topics list|create|describe|alter|delete`."""

import argparse
import asyncio

from ottla.clients.client import KafkaClient
from ottla.clients.topics import BROKER_DEFAULT
from ottla.console.cli.output import note, print_json, table
from ottla.console.cli.session import EXIT_OK, UsageError, cluster_arguments, key_values, run_with_client
from ottla.console.operations import topics
from ottla.console.operations.configs import alter_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    common = [cluster_arguments()]
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")

    listing = commands.add_parser("list", parents=common, help="the topics of the cluster")
    listing.add_argument("--internal", action="store_true", help="Kafka's own topics too")

    create = commands.add_parser("create", parents=common, help="create topics")
    create.add_argument("topics", nargs="+", metavar="TOPIC")
    create.add_argument("--partitions", type=int, default=BROKER_DEFAULT, metavar="N")
    create.add_argument("--replication-factor", type=int, default=BROKER_DEFAULT, metavar="N")
    create.add_argument("--config", action="append", metavar="KEY=VALUE", help="a topic config; may be repeated")
    create.add_argument("--if-not-exists", action="store_true", help="a topic that is there already is no error")
    create.add_argument("--validate-only", action="store_true", help="only say whether it could be done")

    describe = commands.add_parser("describe", parents=common, help="partitions, offsets and configs of topics")
    describe.add_argument("topics", nargs="+", metavar="TOPIC")

    alter = commands.add_parser("alter", parents=common, help="more partitions, other configs")
    alter.add_argument("topics", nargs="+", metavar="TOPIC")
    alter.add_argument("--partitions", type=int, metavar="N", help="raise the number of partitions to N")
    alter.add_argument("--config", action="append", metavar="KEY=VALUE", help="set a topic config; may be repeated")
    alter.add_argument("--delete-config", action="append", default=[], metavar="KEY", help="back to the default")

    delete = commands.add_parser("delete", parents=common, help="delete topics and all their records")
    delete.add_argument("topics", nargs="+", metavar="TOPIC")


def run(arguments: argparse.Namespace) -> int:
    operations = {"list": _list, "create": _create, "describe": _describe, "alter": _alter, "delete": _delete}
    return run_with_client(arguments, operations[arguments.operation])


async def _list(client: KafkaClient, arguments: argparse.Namespace) -> int:
    found = await topics.list_topics(client, include_internal=arguments.internal)
    if arguments.json:
        print_json(found)
    elif found:
        rows = [(topic.name, topic.partitions, topic.replication_factor, topic.topic_id) for topic in found]
        print(table(("TOPIC", "PARTITIONS", "REPLICAS", "ID"), rows))
    else:
        note("There are no topics yet: `ottla topics create NAME`, or just `ottla produce NAME`.")
    return EXIT_OK


async def _create(client: KafkaClient, arguments: argparse.Namespace) -> int:
    configs = key_values(arguments.config)
    created = []
    for name in arguments.topics:
        if arguments.if_not_exists and name in (await client.refresh_metadata([name])).topics:
            continue
        created.append(
            await topics.create_topic(
                client,
                name,
                partitions=arguments.partitions,
                replication_factor=arguments.replication_factor,
                configs=configs,
                validate_only=arguments.validate_only,
            )
        )
    if arguments.json:
        print_json(created)
    for topic in [] if arguments.json else created:
        verb = "Would create" if arguments.validate_only else "Created"
        partitions = f"{topic.partitions} partition{'' if topic.partitions == 1 else 's'}"
        print(f"{verb} topic {topic.name}: {partitions}, replication factor {topic.replication_factor}.")
    return EXIT_OK


async def _describe(client: KafkaClient, arguments: argparse.Namespace) -> int:
    described = await asyncio.gather(*(topics.describe_topic(client, name) for name in arguments.topics))
    if arguments.json:
        print_json(described)
        return EXIT_OK
    for position, topic in enumerate(described):
        summary = topic.summary
        print(f"{chr(10) if position else ''}{summary.name}  (id {summary.topic_id})")
        for key, value in topic.configs.items():
            print(f"  {key}={value}")
        rows = [
            (
                each.partition,
                each.leader,
                each.leader_epoch,
                _ids(each.replicas),
                _ids(each.isr),
                each.first_offset,
                each.next_offset,
            )
            for each in topic.partitions
        ]
        print(table(("PARTITION", "LEADER", "EPOCH", "REPLICAS", "IN SYNC", "FIRST", "NEXT"), rows))
    return EXIT_OK


async def _alter(client: KafkaClient, arguments: argparse.Namespace) -> int:
    values = key_values(arguments.config)
    if arguments.partitions is None and not values and not arguments.delete_config:
        raise UsageError("nothing to alter: give --partitions N, --config KEY=VALUE or --delete-config KEY")
    for name in arguments.topics:
        await topics.find_topic(client, name)
        if values or arguments.delete_config:
            await alter_config(client, "topic", name, values=values, deleted=arguments.delete_config)
        if arguments.partitions is not None:
            await topics.add_partitions(client, name, arguments.partitions)
        if not arguments.json:
            print(f"Altered topic {name}.")
    if arguments.json:
        print_json(arguments.topics)
    return EXIT_OK


async def _delete(client: KafkaClient, arguments: argparse.Namespace) -> int:
    await topics.delete_topics(client, arguments.topics)
    if arguments.json:
        print_json(arguments.topics)
    else:
        print(f"Deleted {', '.join(arguments.topics)}.")
    return EXIT_OK


def _ids(nodes: tuple[int, ...]) -> str:
    return ",".join(map(str, nodes))
