"""`ottla tui`: a cluster in the terminal, live."""

import argparse
import sys

from ottla.clients.client import KafkaClient
from ottla.console.cli.session import EXIT_OK, UsageError, add_cluster_arguments, run_with_client
from ottla.console.tui.browser import Browser
from ottla.console.tui.terminal import Terminal

DEFAULT_INTERVAL_S = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Look at a cluster in the terminal: topics with their records as they come, groups with their lag, brokers,"
        " what the doctor says. Changes nothing."
    )
    add_cluster_arguments(parser)
    parser.add_argument(
        "--interval",
        type=float,
        default=DEFAULT_INTERVAL_S,
        metavar="SECONDS",
        help="how often a page is asked for (default: %(default)g)",
    )


def run(arguments: argparse.Namespace) -> int:
    return run_with_client(arguments, _browse)


async def _browse(client: KafkaClient, arguments: argparse.Namespace) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("this needs a terminal; the other commands do without (`ottla --help`)")
    async with Terminal() as terminal:
        await Browser(client, terminal, arguments.bootstrap, max(0.2, arguments.interval)).run()
    return EXIT_OK
