"""`ottla users list|set|delete`: who can log in by SCRAM."""

import argparse

from ottla.clients.client import KafkaClient
from ottla.console.cli.output import note, print_json, table
from ottla.console.cli.secrets import add_password, read_password
from ottla.console.cli.session import EXIT_OK, cluster_arguments, run_with_client
from ottla.console.operations import users
from ottla.protocol.sasl.scram import SCRAM_MECHANISMS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    common = [cluster_arguments()]
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")

    listing = commands.add_parser("list", parents=common, help="the users with a SCRAM password")
    listing.add_argument("users", nargs="*", metavar="USER", help="only these")

    change = commands.add_parser("set", parents=common, help="make a user, or change the password")
    change.add_argument("user", metavar="USER")
    change.add_argument(
        "--mechanism",
        action="append",
        choices=list(SCRAM_MECHANISMS),
        help=f"may be repeated (default: {users.DEFAULT_MECHANISM})",
    )
    change.add_argument(
        "--iterations",
        type=int,
        default=users.DEFAULT_ITERATIONS,
        metavar="N",
        help="of the hash, 4096 to 16384 (default: %(default)s)",
    )
    add_password(change)

    delete = commands.add_parser("delete", parents=common, help="let a user log in no more")
    delete.add_argument("user", metavar="USER")
    delete.add_argument(
        "--mechanism", action="append", default=[], choices=list(SCRAM_MECHANISMS), help="only by this (default: all)"
    )


def run(arguments: argparse.Namespace) -> int:
    operations = {"list": _list, "set": _set, "delete": _delete}
    return run_with_client(arguments, operations[arguments.operation])


async def _list(client: KafkaClient, arguments: argparse.Namespace) -> int:
    found = await users.list_users(client, arguments.users)
    if arguments.json:
        print_json(found)
    elif found:
        rows = [(each.user, each.mechanism, each.iterations) for each in found]
        print(table(("USER", "MECHANISM", "ITERATIONS"), rows))
    else:
        note("There are no SCRAM users yet: `ottla users set NAME`.")
    return EXIT_OK


async def _set(client: KafkaClient, arguments: argparse.Namespace) -> int:
    password = read_password(arguments, arguments.user)
    mechanisms = arguments.mechanism or [users.DEFAULT_MECHANISM]
    for mechanism in mechanisms:
        await users.set_password(client, arguments.user, password, mechanism=mechanism, iterations=arguments.iterations)
    if arguments.json:
        print_json({"user": arguments.user, "mechanisms": mechanisms})
    else:
        print(f"User {arguments.user} logs in by {' or '.join(mechanisms)}.")
    return EXIT_OK


async def _delete(client: KafkaClient, arguments: argparse.Namespace) -> int:
    gone = await users.delete_user(client, arguments.user, arguments.mechanism)
    if arguments.json:
        print_json({"user": arguments.user, "mechanisms": gone})
    else:
        print(f"User {arguments.user} logs in no more by {' or '.join(gone)}.")
    return EXIT_OK
