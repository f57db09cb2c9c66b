"""`ottla brokers list|describe|unregister`."""

import argparse

from ottla.clients.client import KafkaClient
from ottla.console.cli.output import bytes_text, note, print_json, table
from ottla.console.cli.session import EXIT_OK, UsageError, cluster_arguments, run_with_client
from ottla.console.operations import brokers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    common = [cluster_arguments()]
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")

    commands.add_parser("list", parents=common, help="the registered brokers, what they lead and how much they store")

    describe = commands.add_parser("describe", parents=common, help="brokers with their log directories")
    describe.add_argument("brokers", nargs="*", type=int, metavar="BROKER", help="ids (default: all)")

    unregister = commands.add_parser("unregister", parents=common, help="forget a broker that will not come back")
    unregister.add_argument("broker", type=int, metavar="BROKER", help="its id")
    unregister.add_argument("--force", action="store_true", help="even if it is active, or replicas are assigned to it")


def run(arguments: argparse.Namespace) -> int:
    operations = {"list": _list, "describe": _describe, "unregister": _unregister}
    return run_with_client(arguments, operations[arguments.operation])


async def _list(client: KafkaClient, arguments: argparse.Namespace) -> int:
    described = await brokers.describe_brokers(client)
    if arguments.json:
        print_json([_as_json(each) for each in described])
        return EXIT_OK
    rows = [
        (
            each.broker.broker_id,
            f"{each.broker.host}:{each.broker.port}",
            each.broker.rack,
            _state(each.broker),
            each.leads,
            each.replicas,
            each.out_of_sync,
            bytes_text(each.replica_bytes),
        )
        for each in described
    ]
    print(table(("BROKER", "ADDRESS", "RACK", "STATE", "LEADS", "REPLICAS", "OUT OF SYNC", "STORED"), rows))
    _tell_unreachable(described)
    return EXIT_OK


async def _describe(client: KafkaClient, arguments: argparse.Namespace) -> int:
    described = await brokers.describe_brokers(client, arguments.brokers or None)
    if arguments.json:
        print_json([_as_json(each) for each in described])
        return EXIT_OK
    for position, each in enumerate(described):
        broker = each.broker
        rack = f", rack {broker.rack}" if broker.rack is not None else ""
        print(
            f"{chr(10) if position else ''}broker {broker.broker_id} at {broker.host}:{broker.port}{rack}:"
            f" {_state(broker)}, leads {each.leads} of its {each.replicas} replicas, {each.out_of_sync} out of sync"
        )
        if each.log_directories:
            rows = [
                (
                    directory.path,
                    directory.error or ("cordoned" if directory.cordoned else "online"),
                    directory.replicas,
                    bytes_text(directory.replica_bytes),
                    bytes_text(directory.usable_bytes),
                    bytes_text(directory.total_bytes),
                )
                for directory in each.log_directories
            ]
            print(table(("LOG DIRECTORY", "STATE", "REPLICAS", "STORED", "FREE", "OF"), rows))
    _tell_unreachable(described)
    return EXIT_OK


async def _unregister(client: KafkaClient, arguments: argparse.Namespace) -> int:
    (described,) = await brokers.describe_brokers(client, [arguments.broker])
    if not arguments.force:
        if not described.broker.fenced:
            raise UsageError(f"broker {arguments.broker} is active: stop it first, or give --force")
        if described.replicas:
            raise UsageError(
                f"{described.replicas} replicas are assigned to broker {arguments.broker}: move them to others first"
                " (`ottla reassign plan`), or give --force"
            )
    await brokers.unregister_broker(client, arguments.broker, active_too=arguments.force)
    if arguments.json:
        print_json({"broker_id": arguments.broker})
    else:
        print(f"Unregistered broker {arguments.broker}.")
    return EXIT_OK


def _as_json(described: brokers.BrokerDescription) -> dict[str, object]:
    broker = described.broker
    return {
        "broker_id": broker.broker_id,
        "host": broker.host,
        "port": broker.port,
        "rack": broker.rack,
        "state": _state(broker),
        "leads": described.leads,
        "replicas": described.replicas,
        "out_of_sync": described.out_of_sync,
        "replica_bytes": described.replica_bytes,
        "log_directories": described.log_directories,
        "unreachable": described.unreachable,
    }


def _state(broker: brokers.Broker) -> str:
    return "fenced" if broker.fenced else "active"


def _tell_unreachable(described: list[brokers.BrokerDescription]) -> None:
    for each in described:
        if each.unreachable is not None and not each.broker.fenced:
            note(f"The log directories of broker {each.broker.broker_id} are not known: {each.unreachable}")
