"""`ottla groups list|describe|reset-offsets|delete-offsets|delete`: classic, consumer, share and streams groups."""

import argparse
import time

from ottla.clients.client import KafkaClient
from ottla.clients.groups import list_groups
from ottla.console.cli.output import note, print_json, table
from ottla.console.cli.session import EXIT_OK, UsageError, cluster_arguments, run_with_client
from ottla.console.operations import groups
from ottla.console.operations.group_members import CLASSIC, SHARE, GroupMember
from ottla.console.operations.positions import parse_position


def add_arguments(parser: argparse.ArgumentParser) -> None:
    common = [cluster_arguments()]
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")

    listing = commands.add_parser("list", parents=common, help="the groups of the cluster")
    listing.add_argument("--type", action="append", choices=groups.TYPES, help="only these; may be repeated")
    listing.add_argument("--state", action="append", metavar="STATE", help="only in this state: Stable, Empty …")

    describe = commands.add_parser("describe", parents=common, help="members, offsets and lag of groups")
    describe.add_argument("groups", nargs="+", metavar="GROUP")

    reset = commands.add_parser("reset-offsets", parents=common, help="move a group to another position")
    reset.add_argument("group", metavar="GROUP")
    reset.add_argument("--to", required=True, metavar="POSITION", help="beginning, end, an offset, a time, or 15m ago")
    reset.add_argument("--topic", action="append", default=[], metavar="TOPIC", help="without: all that it has read")
    reset.add_argument("--partition", type=int, metavar="N", help="only this partition")
    reset.add_argument("--execute", action="store_true", help="do it; without, only show what would become")

    forget = commands.add_parser("delete-offsets", parents=common, help="forget where a group stands in topics")
    forget.add_argument("group", metavar="GROUP")
    forget.add_argument("topics", nargs="+", metavar="TOPIC")

    delete = commands.add_parser("delete", parents=common, help="delete groups and their offsets")
    delete.add_argument("groups", nargs="+", metavar="GROUP")


def run(arguments: argparse.Namespace) -> int:
    operations = {
        "list": _list,
        "describe": _describe,
        "reset-offsets": _reset_offsets,
        "delete-offsets": _delete_offsets,
        "delete": _delete,
    }
    return run_with_client(arguments, operations[arguments.operation])


async def _list(client: KafkaClient, arguments: argparse.Namespace) -> int:
    wanted = [state.casefold() for state in arguments.state or ()]
    found = [
        group
        for group in await list_groups(client)
        if (not arguments.type or (group.type.lower() or CLASSIC) in arguments.type)
        and (not wanted or group.state.casefold() in wanted)
    ]
    if arguments.json:
        print_json(found)
    elif found:
        rows = [(group.group_id, group.state, group.type, group.protocol_type) for group in found]
        print(table(("GROUP", "STATE", "TYPE", "PROTOCOL"), rows))
    elif arguments.type or wanted:
        note("There is no such group.")
    else:
        note("There are no groups yet: `ottla consume TOPIC --group NAME` makes one.")
    return EXIT_OK


async def _describe(client: KafkaClient, arguments: argparse.Namespace) -> int:
    described = [await groups.describe_group(client, group_id) for group_id in arguments.groups]
    if arguments.json:
        print_json([_as_json(group) for group in described])
        return EXIT_OK
    for position, group in enumerate(described):
        protocol = f", protocol {group.protocol}" if group.protocol else ""
        epoch = f", epoch {group.epoch}" if group.epoch is not None else ""
        print(
            f"{chr(10) if position else ''}{group.group_id}: {group.type} group, {group.state}{protocol}{epoch},"
            f" broker {group.coordinator}"
        )
        if group.offsets:
            rows = [
                (each.topic, each.partition, each.committed, each.end, each.lag, each.member_id)
                for each in group.offsets
            ]
            first = "START" if group.type == SHARE else "COMMITTED"
            print(table(("TOPIC", "PARTITION", first, "END", "LAG", "MEMBER"), rows))
        if group.members:
            members = [
                (each.member_id, each.group_instance_id, each.epoch, each.client_id, each.host, _work(each))
                for each in group.members
            ]
            print(table(("MEMBER", "INSTANCE", "EPOCH", "CLIENT", "HOST", "WORK"), members))
    return EXIT_OK


def _work(member: GroupMember) -> str:
    if member.tasks:
        return f"tasks {', '.join(member.tasks)}"
    return f"{len(member.assignment)} partition{'' if len(member.assignment) == 1 else 's'}"


def _as_json(group: groups.GroupDescription) -> dict[str, object]:
    return {
        "group_id": group.group_id,
        "type": group.type,
        "state": group.state,
        "protocol": group.protocol,
        "epoch": group.epoch,
        "coordinator": group.coordinator,
        "members": group.members,
        "offsets": [
            {
                "topic": each.topic,
                "partition": each.partition,
                "committed": each.committed,
                "end": each.end,
                "lag": each.lag,
                "member_id": each.member_id,
            }
            for each in group.offsets
        ],
    }


async def _reset_offsets(client: KafkaClient, arguments: argparse.Namespace) -> int:
    try:
        position = parse_position(arguments.to, int(time.time() * 1000))
    except ValueError as error:
        raise UsageError(f"--to: {error}") from None
    resets = await groups.reset_offsets(
        client,
        arguments.group,
        arguments.topic,
        position,
        partition=arguments.partition,
        execute=arguments.execute,
    )
    if arguments.json:
        print_json(resets)
    else:
        print(
            table(
                ("TOPIC", "PARTITION", "BEFORE", "AFTER"), [(r.topic, r.partition, r.before, r.after) for r in resets]
            )
        )
    if not arguments.execute:
        note("Nothing was changed: --execute does it.")
    return EXIT_OK


async def _delete_offsets(client: KafkaClient, arguments: argparse.Namespace) -> int:
    await groups.delete_offsets(client, arguments.group, arguments.topics)
    if arguments.json:
        print_json({"group": arguments.group, "topics": arguments.topics})
    else:
        print(f"Group {arguments.group} has no offsets in {', '.join(arguments.topics)} any more.")
    return EXIT_OK


async def _delete(client: KafkaClient, arguments: argparse.Namespace) -> int:
    await groups.delete_groups(client, arguments.groups)
    if arguments.json:
        print_json(arguments.groups)
    else:
        print(f"Deleted {', '.join(arguments.groups)}.")
    return EXIT_OK
