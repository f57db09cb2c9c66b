"""`ottla configs describe|alter`: the configs of a topic, a broker or a group."""

import argparse

from ottla.clients.client import KafkaClient
from ottla.clients.configs import RESOURCE_TYPES
from ottla.console.cli.output import print_json, table
from ottla.console.cli.session import EXIT_OK, UsageError, cluster_arguments, key_values, run_with_client
from ottla.console.operations.configs import alter_config, describe_config
from ottla.console.operations.near_names import did_you_mean
from ottla.console.operations.topics import find_topic


def add_arguments(parser: argparse.ArgumentParser) -> None:
    common = [cluster_arguments()]
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")

    describe = commands.add_parser("describe", parents=common, help="the keys and where their values come from")
    _add_resource(describe)
    describe.add_argument("--all", action="store_true", help="defaults too, not only what was set")
    describe.add_argument("--key", metavar="KEY", help="only this key")

    alter = commands.add_parser("alter", parents=common, help="set keys, or return them to their defaults")
    _add_resource(alter)
    alter.add_argument("--set", action="append", metavar="KEY=VALUE", help="may be repeated")
    alter.add_argument("--delete", action="append", default=[], metavar="KEY", help="may be repeated")
    alter.add_argument("--validate-only", action="store_true", help="only say whether it could be done")


def _add_resource(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=list(RESOURCE_TYPES), metavar="KIND", help=", ".join(RESOURCE_TYPES))
    parser.add_argument("name", metavar="NAME", help="the topic, broker id, group …; '' for the default of all brokers")


def run(arguments: argparse.Namespace) -> int:
    operations = {"describe": _describe, "alter": _alter}
    return run_with_client(arguments, operations[arguments.operation])


async def _describe(client: KafkaClient, arguments: argparse.Namespace) -> int:
    if arguments.kind == "topic":
        await find_topic(client, arguments.name)
    entries = await describe_config(client, arguments.kind, arguments.name)
    if arguments.key is not None:
        names = [entry.name for entry in entries]
        if arguments.key not in names:
            raise UsageError(f"there is no key '{arguments.key}'.{did_you_mean(arguments.key, names)}")
        entries = [entry for entry in entries if entry.name == arguments.key]
    elif not arguments.all:
        entries = [entry for entry in entries if entry.source != "default"]
    if arguments.json:
        print_json(entries)
    else:
        rows = [(entry.name, "(hidden)" if entry.sensitive else entry.value, entry.source) for entry in entries]
        print(table(("KEY", "VALUE", "SOURCE"), rows))
    return EXIT_OK


async def _alter(client: KafkaClient, arguments: argparse.Namespace) -> int:
    values = key_values(arguments.set)
    if not values and not arguments.delete:
        raise UsageError("nothing to alter: give --set KEY=VALUE or --delete KEY")
    if arguments.kind == "topic":
        await find_topic(client, arguments.name)
    await alter_config(
        client,
        arguments.kind,
        arguments.name,
        values=values,
        deleted=arguments.delete,
        validate_only=arguments.validate_only,
    )
    if arguments.json:
        print_json({"kind": arguments.kind, "name": arguments.name})
    else:
        print(f"{'Would alter' if arguments.validate_only else 'Altered'} {arguments.kind} {arguments.name}.")
    return EXIT_OK
