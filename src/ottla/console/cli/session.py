"""What every command that talks to a cluster shares: `--bootstrap` and its kin, the client, and errors in one line."""

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from ottla.clients.client import KafkaClient
from ottla.clients.errors import BrokerUnreachableError, ClientError
from ottla.clients.security import ClientSecurity, client_security
from ottla.console.cli.output import note
from ottla.console.operations.profiles import PROFILE_VARIABLE, Profile, ProfileError, chosen, config_file
from ottla.protocol.errors import KafkaError, ProtocolError
from ottla.runtime.config.properties import parse_properties
from ottla.runtime.sockets import SocketNetwork

DEFAULT_BOOTSTRAP = "localhost:9092"
DEFAULT_TIMEOUT_S = 30.0
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
        help=f"where a broker of the cluster listens (default: the profile's, else {DEFAULT_BOOTSTRAP})",
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
    parser.add_argument("--profile", metavar="PROFILE", help="a cluster by its name; see `ottla profile`")
    parser.add_argument("--json", action="store_true", help="JSON for programs, instead of tables")
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help=f"how long to try (default: {DEFAULT_TIMEOUT_S:g})"
    )


def apply_profile(arguments: argparse.Namespace) -> None:
    """Fill in what the command line leaves open: from the profile, and else with the defaults.

    The default profile has no say about a cluster that is named by its address: its passwords are not for that one.
    """
    by_address = arguments.bootstrap or getattr(arguments, "bootstrap_controller", None)
    profile, file = Profile(), config_file()
    if not by_address or arguments.profile or os.environ.get(PROFILE_VARIABLE):
        try:
            found = chosen(file, arguments.profile)
        except ProfileError as error:
            raise UsageError(str(error)) from None
        profile = found[1] if found is not None else profile
    arguments.bootstrap = arguments.bootstrap or profile.bootstrap or DEFAULT_BOOTSTRAP
    arguments.timeout = arguments.timeout or profile.timeout_s or DEFAULT_TIMEOUT_S
    arguments.properties = {}
    if arguments.command_config is None:
        arguments.properties = profile.properties
        if profile.command_config is not None:
            arguments.command_config = str(file.parent / profile.command_config)


def find_profile(name: str | None) -> Profile:
    """The one that is named, or the default; one that says nothing, if there is none. `UsageError`."""
    try:
        found = chosen(config_file(), name)
    except ProfileError as error:
        raise UsageError(str(error)) from None
    return Profile() if found is None else found[1]


def client_properties(arguments: argparse.Namespace) -> dict[str, str]:
    """Of `--command-config` and the profile, under Kafka's names. `UsageError`."""
    name = arguments.command_config
    own: dict[str, str] = getattr(arguments, "properties", {})
    if name is None:
        return own
    try:
        return {**parse_properties(Path(name).read_text("utf-8")), **own}
    except OSError as error:
        raise UsageError(f"--command-config {name}: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"--command-config {name}: {error}") from error


def read_security(arguments: argparse.Namespace) -> ClientSecurity:
    """Of `--command-config` and the profile. `UsageError` and `ClientError` name what is wrong with it, no secret."""
    properties = client_properties(arguments)
    try:
        return client_security(properties)
    except ValueError as error:
        if arguments.command_config is None:
            raise
        raise UsageError(f"--command-config {arguments.command_config}: {error}") from error


def run_with_client(
    arguments: argparse.Namespace, operate: Callable[[KafkaClient, argparse.Namespace], Awaitable[int]]
) -> int:
    """Connect, operate, and turn what goes wrong into one line and an exit code."""

    async def main() -> int:
        apply_profile(arguments)
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
