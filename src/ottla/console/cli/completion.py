"""`ottla completion bash|zsh|fish`: what a shell needs to complete commands, options, names of topics and the like.

Completion itself is argcomplete's: the shell calls `ottla` again with `_ARGCOMPLETE` set, and the front door asks
`complete` here. Names come from the cluster of the command line's `--bootstrap`, within `NAMES_TIMEOUT_MS`.
"""

import argparse
import asyncio
import importlib
import os
from collections.abc import Awaitable, Callable, Mapping

import argcomplete
from argcomplete.shell_integration import shellcode

from ottla.clients.client import KafkaClient
from ottla.clients.groups import list_groups
from ottla.console.cli.session import apply_profile, read_security
from ottla.console.operations.brokers import registered_brokers
from ottla.console.operations.profiles import ProfileError, config_file, read_profiles
from ottla.console.operations.transactions import list_transactions
from ottla.runtime.sockets import SocketNetwork

NAMES_TIMEOUT_MS = 1_000.0
_SHELLS = ("bash", "zsh", "fish")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Print what a shell needs to complete ottla's commands and names."
    parser.epilog = 'bash, zsh: put  eval "$(ottla completion bash)"  into your start file.'
    parser.add_argument("shell", choices=_SHELLS)


def run(arguments: argparse.Namespace) -> int:
    print(shellcode(["ottla"], shell=arguments.shell))
    return 0


def complete(commands: Mapping[str, tuple[str, str]]) -> None:
    """Answer the shell and exit; called by the front door with its table."""
    parser = argparse.ArgumentParser(prog="ottla")
    names = parser.add_subparsers(metavar="COMMAND")
    typed = os.environ.get("COMP_LINE", "").split()[1:2]
    for name, (module, summary) in commands.items():
        command = names.add_parser(name, help=summary)
        if [name] == typed:  # all others would be imported for nothing
            importlib.import_module(module).add_arguments(command)
    _add_completers(parser)
    argcomplete.autocomplete(parser)


def _add_completers(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                _add_completers(child)
        elif action.metavar in ("TOPIC", "TOPIC[:PARTITION]"):
            action.completer = _topic_names  # type: ignore[attr-defined]  # argcomplete's own way
        elif action.metavar == "GROUP":
            action.completer = _group_names  # type: ignore[attr-defined]
        elif action.metavar == "BROKER":
            action.completer = _broker_ids  # type: ignore[attr-defined]
        elif action.metavar == "TRANSACTIONAL-ID":
            action.completer = _transactional_ids  # type: ignore[attr-defined]
        elif action.metavar == "PROFILE":
            action.completer = _profile_names  # type: ignore[attr-defined]


def _topic_names(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    async def ask(client: KafkaClient) -> list[str]:
        return sorted((await client.refresh_metadata(None)).topics)

    return _ask(parsed_args, ask)


def _group_names(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    async def ask(client: KafkaClient) -> list[str]:
        return [group.group_id for group in await list_groups(client)]

    return _ask(parsed_args, ask)


def _broker_ids(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    async def ask(client: KafkaClient) -> list[str]:
        return [str(broker_id) for broker_id in await registered_brokers(client)]

    return _ask(parsed_args, ask)


def _transactional_ids(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    async def ask(client: KafkaClient) -> list[str]:
        return [each.transactional_id for each in await list_transactions(client)]

    return _ask(parsed_args, ask)


def _profile_names(**_: object) -> list[str]:
    try:
        return sorted(read_profiles(config_file()).by_name)
    except ProfileError:
        return []


def _ask(arguments: argparse.Namespace, question: Callable[[KafkaClient], Awaitable[list[str]]]) -> list[str]:
    async def main() -> list[str]:
        network = SocketNetwork(asyncio.get_running_loop())
        apply_profile(arguments)
        try:
            async with (
                asyncio.timeout(NAMES_TIMEOUT_MS / 1000),
                KafkaClient(
                    network, arguments.bootstrap, request_timeout_ms=NAMES_TIMEOUT_MS, security=read_security(arguments)
                ) as client,
            ):
                return await question(client)
        finally:
            network.close()

    try:
        return asyncio.run(main())
    except Exception:
        return []  # no cluster, no names; a shell that completes must not show a traceback
