"""`ottla acls list|add|remove`: who may do what."""

import argparse
from collections.abc import Iterable, Iterator

from ottla.clients.acls import AclFilter
from ottla.clients.client import KafkaClient
from ottla.console.cli.argument_types import one_of, principal
from ottla.console.cli.output import note, print_json, table
from ottla.console.cli.session import EXIT_OK, UsageError, cluster_arguments, run_with_client
from ottla.console.operations import acls
from ottla.console.operations.acls import CLUSTER_NAME, WILDCARD, Acl

_KINDS = {
    "topic": ("TOPIC", "TOPIC"),
    "group": ("GROUP", "GROUP"),
    "transactional_id": ("TRANSACTIONAL_ID", "ID"),
    "token": ("DELEGATION_TOKEN", "ID"),
    "user": ("USER", "PRINCIPAL"),
}
"""Option to resource type, and what stands for its name."""
EXAMPLES = """examples:
  ottla acls add --principal User:alice --operation read --topic orders
  ottla acls add --principal User:loader --producer --topic orders- --prefixed
  ottla acls add --principal User:reader --consumer --topic orders --group readers
  ottla acls remove --principal User:alice --execute"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    common = [cluster_arguments()]
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")

    listing = commands.add_parser("list", parents=common, help="the ACLs that there are, or some of them")
    _add_resources(listing)
    _add_filter(listing)

    add = commands.add_parser("add", parents=common, help="allow or deny something")
    _add_resources(add)
    add.add_argument("--principal", action="append", required=True, type=principal, metavar="USER", help="User:NAME")
    add.add_argument(
        "--operation",
        dest="operations",
        action="append",
        default=[],
        type=_operation,
        metavar="OPERATION",
        help=_OPERATIONS,
    )
    add.add_argument("--host", action="append", metavar="ADDRESS", help="only from there (default: anywhere)")
    add.add_argument("--deny", action="store_true", help="forbid it, whatever else allows it")
    add.add_argument("--prefixed", action="store_true", help="the names are beginnings of names")
    add.add_argument("--producer", action="store_true", help="all that a producer needs, of --topic")
    add.add_argument("--idempotent", action="store_true", help="with --producer, for clusters before Apache Kafka 2.8")
    add.add_argument("--consumer", action="store_true", help="all that a consumer needs, of --topic and --group")

    remove = commands.add_parser("remove", parents=common, help="take ACLs away")
    _add_resources(remove)
    _add_filter(remove)
    remove.add_argument("--all", action="store_true", help="whatever there is")
    remove.add_argument("--execute", action="store_true", help="do it; without, only show what would go")


_OPERATIONS = ", ".join(acls.OPERATIONS).lower().replace("_", "-")
_operation = one_of("operation", acls.OPERATIONS)


def _add_resources(parser: argparse.ArgumentParser) -> None:
    for option, (kind, metavar) in _KINDS.items():
        parser.add_argument(
            f"--{option.replace('_', '-')}",
            action="append",
            default=[],
            metavar=metavar,
            help=f"this {kind.lower().replace('_', ' ')}, * for all; may be repeated",
        )
    parser.add_argument("--cluster", action="store_true", help="the cluster itself")


def _add_filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--principal", action="append", type=principal, metavar="USER", help="User:NAME")
    parser.add_argument(
        "--operation", dest="operations", action="append", type=_operation, metavar="OPERATION", help=_OPERATIONS
    )
    parser.add_argument("--host", metavar="ADDRESS", help="only those from there")
    parser.add_argument("--permission", type=one_of("permission", acls.PERMISSIONS), metavar="KIND", help="allow, deny")
    parser.add_argument(
        "--pattern",
        choices=["match", "literal", "prefixed"],
        default="literal",
        help="match: whatever applies to the names, prefixes and * too (default: literal)",
    )


def run(arguments: argparse.Namespace) -> int:
    operations = {"list": _list, "add": _add, "remove": _remove}
    return run_with_client(arguments, operations[arguments.operation])


async def _list(client: KafkaClient, arguments: argparse.Namespace) -> int:
    found: set[Acl] = set()
    for wanted in _filters(arguments):
        found.update(await acls.list_acls(client, wanted))
    _show(arguments, sorted(found))
    return EXIT_OK


async def _add(client: KafkaClient, arguments: argparse.Namespace) -> int:
    wanted = list(dict.fromkeys(_wanted(arguments)))
    await acls.create_acls(client, wanted)
    _show(arguments, wanted)
    if not arguments.json:
        note(f"Added {_count(wanted)}.")
    return EXIT_OK


async def _remove(client: KafkaClient, arguments: argparse.Namespace) -> int:
    filters = list(_filters(arguments))
    if filters == [AclFilter()] and not arguments.all:
        raise UsageError("that would be every ACL: say which (--principal, --topic …), or give --all")
    if arguments.execute:
        gone = await acls.delete_acls(client, filters)
    else:
        gone = sorted({each for wanted in filters for each in await acls.list_acls(client, wanted)})
    _show(arguments, gone)
    if not arguments.execute:
        note("Nothing was changed: --execute removes these." if gone else "No ACL matches.")
    elif not arguments.json:
        note(f"Removed {_count(gone)}.")
    return EXIT_OK


def _resources(arguments: argparse.Namespace) -> Iterator[tuple[str, str]]:
    for option, (kind, _) in _KINDS.items():
        for name in getattr(arguments, option):
            yield kind, name
    if arguments.cluster:
        yield "CLUSTER", CLUSTER_NAME


def _filters(arguments: argparse.Namespace) -> Iterator[AclFilter]:
    patterns = {"match": acls.MATCH, **{name.lower(): number for name, number in acls.PATTERN_TYPES.items()}}
    resources: list[tuple[str, str] | None] = list(_resources(arguments)) or [None]
    for resource in resources:
        for who in arguments.principal or [None]:
            for operation in arguments.operations or [None]:
                wanted = AclFilter(principal=who, host=arguments.host)
                if resource is not None:
                    number, pattern = acls.RESOURCE_TYPES[resource[0]], patterns[arguments.pattern]
                    wanted = wanted._replace(resource_type=number, resource_name=resource[1], pattern_type=pattern)
                if operation is not None:
                    wanted = wanted._replace(operation=acls.OPERATIONS[operation])
                if arguments.permission is not None:
                    wanted = wanted._replace(permission_type=acls.PERMISSIONS[arguments.permission])
                yield wanted


def _wanted(arguments: argparse.Namespace) -> Iterator[Acl]:
    grants = list(_grants(arguments))
    if not grants:
        raise UsageError(
            "nothing to add: name --topic, --group, --cluster …, and an --operation (or --producer, --consumer)"
        )
    pattern = "PREFIXED" if arguments.prefixed else "LITERAL"
    permission = "DENY" if arguments.deny else "ALLOW"
    for kind, name, operation in grants:
        for who in arguments.principal:
            for host in arguments.host or [WILDCARD]:
                used = "LITERAL" if kind == "CLUSTER" else pattern
                yield Acl(kind, name, used, who, host, operation, permission)


def _grants(arguments: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    """Resource type, name and operation of all that is asked for."""
    if arguments.producer and not arguments.topic:
        raise UsageError("--producer needs a --topic")
    if arguments.consumer and not (arguments.topic and arguments.group):
        raise UsageError("--consumer needs a --topic and a --group")
    if not (arguments.operations or arguments.producer or arguments.consumer):
        raise UsageError("say what may be done: --operation, --producer or --consumer")
    for kind, name in _resources(arguments):
        if kind == "USER":
            name = principal(name)
        yield from ((kind, name, each) for each in (*arguments.operations, *_sets(arguments, kind)))
    if arguments.producer and arguments.idempotent:
        yield "CLUSTER", CLUSTER_NAME, "IDEMPOTENT_WRITE"


def _sets(arguments: argparse.Namespace, kind: str) -> Iterable[str]:
    """What producers and consumers need of such a resource."""
    if arguments.producer and kind == "TOPIC":
        yield from acls.PRODUCER_OPERATIONS
    if arguments.producer and kind == "TRANSACTIONAL_ID":
        yield from acls.TRANSACTIONAL_OPERATIONS
    if arguments.consumer and kind == "TOPIC":
        yield from acls.CONSUMER_OPERATIONS
    if arguments.consumer and kind == "GROUP":
        yield from acls.GROUP_OPERATIONS


def _show(arguments: argparse.Namespace, shown: list[Acl]) -> None:
    if arguments.json:
        print_json(shown)
    elif shown:
        rows = [
            (
                each.resource_type,
                f"{each.resource_name}{'…' if each.pattern_type == 'PREFIXED' else ''}",
                each.principal,
                each.host,
                each.operation,
                each.permission,
            )
            for each in shown
        ]
        print(table(("RESOURCE", "NAME", "PRINCIPAL", "HOST", "OPERATION", "PERMISSION"), rows))
    elif arguments.operation != "add" and getattr(arguments, "execute", None) is None:
        note("No ACL matches.")


def _count(shown: list[Acl]) -> str:
    return f"{len(shown)} ACL{'' if len(shown) == 1 else 's'}"
