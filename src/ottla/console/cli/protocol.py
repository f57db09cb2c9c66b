"""`ottla protocol show NAME VERSION`: the straight-line code that reads and writes one version of a message."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

EXIT_USAGE = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="command", required=True, metavar="show")
    show = commands.add_parser("show", help="print the code of one version of a message")
    show.add_argument("name", help="an API (`Heartbeat`) or a message (`HeartbeatRequest`)")
    show.add_argument("version", type=int, help="its version")


def run(arguments: argparse.Namespace) -> int:
    from ottla.protocol.show import show

    try:
        print(show(arguments.name, arguments.version))
    except (ValueError, LookupError) as error:
        print(f"ottla: {error}", file=sys.stderr)
        return EXIT_USAGE
    return 0
