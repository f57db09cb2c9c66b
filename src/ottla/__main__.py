"""The front door: `ottla COMMAND …`, or `python -m ottla COMMAND …`.

`COMMANDS` is the whole table. Only the module of the command that was asked for is imported. Each has
`add_arguments(parser)` and `run(arguments) -> int`, the exit code: 0 done, 1 it failed, 2 it was asked wrongly.
"""

from __future__ import annotations

import importlib
import os
import sys
from argparse import RawDescriptionHelpFormatter
from typing import TYPE_CHECKING, Protocol, cast

from ottla import __version__
from ottla.console.cli.parser import Parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

# name: (module, what it does)
COMMANDS: dict[str, tuple[str, str]] = {
    "start": ("ottla.broker.start", "start a node"),
    "cluster": ("ottla.broker.cluster", "start a cluster on this machine, a process a node"),
    "storage": ("ottla.broker.storage", "format the log directories of a node, as kafka-storage does"),
    "topics": ("ottla.console.cli.topics", "list, create, describe, alter and delete topics"),
    "produce": ("ottla.console.cli.produce", "send lines as records"),
    "consume": ("ottla.console.cli.consume", "print records as they come"),
    "groups": ("ottla.console.cli.groups", "list, describe, move and delete groups of consumers, shares and streams"),
    "configs": ("ottla.console.cli.configs", "describe and alter the configs of topics, brokers and groups"),
    "brokers": ("ottla.console.cli.brokers", "list, describe and unregister brokers"),
    "quorum": ("ottla.console.cli.quorum", "show the metadata quorum, add and remove voters"),
    "apply": ("ottla.console.cli.apply", "make a cluster what a file says, after showing what that changes"),
    "features": ("ottla.console.cli.features", "describe, raise and lower the levels of features"),
    "log-dirs": ("ottla.console.cli.log_dirs", "show what lies in the log directories of brokers"),
    "acls": ("ottla.console.cli.acls", "list, add and remove access rules"),
    "users": ("ottla.console.cli.users", "list, make and delete SCRAM users"),
    "quotas": ("ottla.console.cli.quotas", "list and alter client quotas"),
    "tokens": ("ottla.console.cli.tokens", "make, list, renew and expire delegation tokens"),
    "transactions": ("ottla.console.cli.transactions", "list and describe transactions, end those that hang"),
    "producers": ("ottla.console.cli.producers", "list the producers that partitions remember"),
    "reassign": ("ottla.console.cli.reassign", "move replicas to other brokers, and see how far it is"),
    "elect-leaders": ("ottla.console.cli.elect_leaders", "let the preferred replicas lead"),
    "registry": ("ottla.registry.start", "serve schemas: the Confluent Schema Registry's API, beside any cluster"),
    "schemas": ("ottla.console.cli.schemas", "list, get, register, check, compare and delete schemas of a registry"),
    "connect": ("ottla.connect.start", "run connectors: Kafka Connect's API over connectors of ours"),
    "connectors": ("ottla.console.cli.connectors", "list, create, watch, move and delete connectors of a worker"),
    "mirror": ("ottla.mirror.start", "copy topics, configs, ACLs and groups from cluster to cluster"),
    "streams": ("ottla.streams.application.command", "run an application of Ottla Streams, describe its topology"),
    "sql": ("ottla.console.cli.sql", "ask topics by SQL, now and as they were"),
    "lake": ("ottla.console.cli.lake", "keep topics as tables of Apache Iceberg, each record exactly once"),
    "profile": ("ottla.console.cli.profile", "keep clusters under names: addresses, security, registry"),
    "exporter": ("ottla.console.cli.exporter", "tell Prometheus of lag and topics, beside any cluster"),
    "completion": ("ottla.console.cli.completion", "print what a shell needs to complete commands and names"),
    "console": ("ottla.console.web.start", "serve the web console of a cluster, or of several"),
    "tui": ("ottla.console.cli.tui", "look at a cluster in the terminal, live"),
    "doctor": ("ottla.console.cli.doctor", "say what ails a cluster or a data directory, and what to do"),
    "perf": ("ottla.console.cli.perf", "measure how fast records are produced, consumed, and there and back"),
    "dump-log": ("ottla.console.cli.dump_log", "show what stands in the files of a log"),
    "verify": ("ottla.console.cli.verify", "check whether a data directory is whole"),
    "protocol": ("ottla.console.cli.protocol", "show the code that reads and writes one version of a message"),
}

# What a node may have beside it: `ottla start --with NAME` or `--all`. Name: the module of it.
COMPANIONS: dict[str, str] = {
    "registry": "ottla.registry.beside",
    "connect": "ottla.connect.beside",
    "console": "ottla.console.web.beside",
}

DESCRIPTION = "Apache Kafka's little sister, in Python."


class Command(Protocol):
    """What the module of a command has."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int: ...


def main(argv: Sequence[str] | None = None) -> int:
    if "_ARGCOMPLETE" in os.environ:
        importlib.import_module("ottla.console.cli.completion").complete(COMMANDS)
    words = list(sys.argv[1:] if argv is None else argv)
    name = words[0] if words else ""
    if name not in COMMANDS:
        return _outside_commands(words)
    module, summary = COMMANDS[name]
    command = cast("Command", importlib.import_module(module))
    parser = Parser(prog=f"ottla {name}", description=f"{summary[0].upper()}{summary[1:]}.")
    command.add_arguments(parser)
    parser.set_defaults(companions=COMPANIONS)
    arguments = parser.parse_args(words[1:])
    try:
        return command.run(arguments)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK


def _outside_commands(words: list[str]) -> int:
    """Help, the version, or a word that is no command."""
    width = max(map(len, COMMANDS))
    listing = "\n".join(f"  {name:<{width}}  {summary}" for name, (_, summary) in COMMANDS.items())
    parser = Parser(
        prog="ottla",
        description=DESCRIPTION,
        epilog=f"commands:\n{listing}\n\n`ottla COMMAND --help` says more.",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ottla {__version__}")
    parser.add_argument("command", metavar="COMMAND", choices=list(COMMANDS), help="what to do")
    parser.add_argument("arguments", metavar="…", nargs="...", help="the command's own arguments")
    if not words:
        parser.print_help(sys.stderr)
        return EXIT_USAGE
    parser.parse_args(words)  # exits: help, version or an error
    raise AssertionError("unreachable")


if __name__ == "__main__":
    sys.exit(main())
