"""What every command that talks to a cluster shares: `--bootstrap` and its kin, the client, and errors in one line."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from ottla.clients.client import KafkaClient
from ottla.clients.errors import BrokerUnreachableError, ClientError
from ottla.clients.security import ClientSecurity, client_security
from ottla.console.cli.output import note
from ottla.protocol.errors import KafkaError, ProtocolError
from ottla.runtime.config.properties import parse_properties
from ottla.runtime.sockets import SocketNetwork

DEFAULT_BOOTSTRAP = "localhost:9092"
EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2


class UsageError(Exception):
    """The command line asks for something that cannot be; the message says what to write."""


def cluster_arguments(*, controllers: bool = False) -> argparse.ArgumentParser:
    """A parent for the parsers of operations."""
    parser = argparse.ArgumentParser(add_help=False)
    add_cluster_arguments(parser, controllers=controllers)
    return parser


def add_cluster_arguments(parser: argparse.ArgumentParser, *, controllers: bool = False) -> None:
    """What every command takes that talks to a cluster; with `controllers` it may talk to its controllers."""
    parser.add_argument(
        "--bootstrap",
        metavar="HOST:PORT[,…]",
        default=DEFAULT_BOOTSTRAP,
        help="where a broker of the cluster listens (default: %(default)s)",
    )
    if controllers:
        parser.add_argument(
            "--bootstrap-controller",
            metavar="HOST:PORT[,…]",
            help="where a controller listens: asks the controllers, whether there are brokers or not",
        )
    parser.add_argument(
        "--command-config",
        metavar="FILE",
        help="a client.properties, as Kafka's tools take it: security.protocol, sasl.*, ssl.*",
    )
    parser.add_argument("--json", action="store_true", help="JSON for programs, instead of tables")
    parser.add_argument(
        "--timeout", type=float, default=30.0, metavar="SECONDS", help="how long to try (default: %(default)g)"
    )


def read_security(arguments: argparse.Namespace) -> ClientSecurity:
    """Of `--command-config`. `UsageError` and `ClientError` name what is wrong with it, and no secret."""
    name = arguments.command_config
    if name is None:
        return client_security({})
    try:
        return client_security(parse_properties(Path(name).read_text("utf-8")))
    except OSError as error:
        raise UsageError(f"--command-config {name}: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"--command-config {name}: {error}") from error


def run_with_client(
    arguments: argparse.Namespace, operate: Callable[[KafkaClient, argparse.Namespace], Awaitable[int]]
) -> int:
    """Connect, operate, and turn what goes wrong into one line and an exit code."""

    async def main() -> int:
        security = read_security(arguments)
        network = SocketNetwork(asyncio.get_running_loop())
        controllers = getattr(arguments, "bootstrap_controller", None)
        try:
            client = KafkaClient(
                network,
                controllers or arguments.bootstrap,
                client_id="ottla-cli",
                request_timeout_ms=arguments.timeout * 1000,
                security=security,
                of_controllers=controllers is not None,
            )
            async with client:
                return await operate(client, arguments)
        finally:
            network.close()

    try:
        return asyncio.run(main())
    except UsageError as error:
        note(f"ottla: {error}")
        return EXIT_USAGE
    except BrokerUnreachableError as error:
        note(f"ottla: {error}\nIs a node running? `ottla start` starts one; --bootstrap HOST:PORT names another.")
        return EXIT_FAILED
    except KafkaError as error:
        note(f"ottla: {error.message} [{error.code.name}]")
        return EXIT_FAILED
    except (ClientError, ProtocolError) as error:
        note(f"ottla: {error}")
        return EXIT_FAILED


def key_values(words: list[str] | None) -> dict[str, str]:
    """`key=value` words as a dictionary; `UsageError` names the word that is none."""
    values: dict[str, str] = {}
    for word in words or []:
        key, separator, value = word.partition("=")
        if not separator or not key:
            raise UsageError(f"'{word}' is no setting: write KEY=VALUE")
        values[key] = value
    return values
