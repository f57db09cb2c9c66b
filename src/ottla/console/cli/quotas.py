"""`ottla quotas list|alter`: how much users, clients and addresses may do."""

import argparse

from ottla.clients.client import KafkaClient
from ottla.console.cli.output import note, print_json, table
from ottla.console.cli.quantities import parse_bytes
from ottla.console.cli.session import EXIT_OK, UsageError, cluster_arguments, key_values, run_with_client
from ottla.console.operations import quotas
from ottla.console.operations.near_names import did_you_mean


def add_arguments(parser: argparse.ArgumentParser) -> None:
    common = [cluster_arguments()]
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")

    listing = commands.add_parser("list", parents=common, help="the quotas that were set")
    _add_entity(listing)

    alter = commands.add_parser("alter", parents=common, help="set or remove quotas of one entity")
    _add_entity(alter)
    alter.add_argument(
        "--set", action="append", metavar="KEY=VALUE", help=f"{', '.join(quotas.QUOTA_KEYS)}; byte rates as 10M, too"
    )
    alter.add_argument("--delete", action="append", default=[], metavar="KEY", help="may be repeated")
    alter.add_argument("--validate-only", action="store_true", help="only say whether it could be done")


def _add_entity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--user", metavar="NAME", help="of this user; '' is every user's default")
    parser.add_argument("--client-id", metavar="ID", help="of this client id, with --user or alone; '' likewise")
    parser.add_argument("--ip", metavar="ADDRESS", help="of this address (connection_creation_rate); '' likewise")


def run(arguments: argparse.Namespace) -> int:
    operations = {"list": _list, "alter": _alter}
    return run_with_client(arguments, operations[arguments.operation])


def _entity(arguments: argparse.Namespace) -> dict[str, str]:
    given = {"user": arguments.user, "client-id": arguments.client_id, "ip": arguments.ip}
    entity = {kind: name for kind, name in given.items() if name is not None}
    if "ip" in entity and len(entity) > 1:
        raise UsageError("--ip stands alone: a quota is of an address, or of a user and a client id")
    return entity


async def _list(client: KafkaClient, arguments: argparse.Namespace) -> int:
    found = await quotas.list_quotas(client, _entity(arguments))
    if arguments.json:
        print_json(found)
    elif found:
        rows = [
            (
                *(_name(quota.entity, kind) for kind in quotas.ENTITY_TYPES),
                key,
                f"{value:g}" if value < 1e6 else int(value),
            )
            for quota in found
            for key, value in quota.values.items()
        ]
        print(table(("USER", "CLIENT", "IP", "QUOTA", "VALUE"), rows))
    else:
        note("No quota was set.")
    return EXIT_OK


async def _alter(client: KafkaClient, arguments: argparse.Namespace) -> int:
    entity = _entity(arguments)
    if not entity:
        raise UsageError("whose quota? give --user, --client-id or both, or --ip")
    changes: dict[str, float | None] = {key: _value(key, text) for key, text in key_values(arguments.set).items()}
    changes |= dict.fromkeys(map(_key, arguments.delete))
    if not changes:
        raise UsageError("nothing to alter: give --set KEY=VALUE or --delete KEY")
    await quotas.alter_quotas(client, entity, changes, validate_only=arguments.validate_only)
    if arguments.json:
        print_json({"entity": entity, "set": {k: v for k, v in changes.items() if v is not None}})
    else:
        whose = ", ".join(f"{kind} {name or '(default)'}" for kind, name in entity.items())
        print(f"{'Would alter' if arguments.validate_only else 'Altered'} the quota of {whose}.")
    return EXIT_OK


def _key(key: str) -> str:
    if key not in quotas.QUOTA_KEYS:
        there = ", ".join(quotas.QUOTA_KEYS)
        raise UsageError(f"there is no quota '{key}'; there are {there}.{did_you_mean(key, quotas.QUOTA_KEYS)}")
    return key


def _value(key: str, text: str) -> float:
    _key(key)
    try:
        if key in quotas.BYTE_RATES:
            return float(parse_bytes(text))
        value = float(text)
    except ValueError as error:
        raise UsageError(f"{key}: {error}") from None
    if not 0 < value < float("inf"):
        raise UsageError(f"{key}: '{text}' is no amount above zero")
    return value


def _name(entity: dict[str, str], kind: str) -> str | None:
    return None if kind not in entity else entity[kind] or "(default)"
