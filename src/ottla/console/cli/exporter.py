"""`ottla exporter`: lag and topics of any cluster for Prometheus, under the names of kafka_exporter.

An Ottla node with `--metrics` tells the same of its own part; this is for Apache Kafka, or nodes that nobody scrapes.
"""

import argparse
import asyncio

from ottla.clients.client import KafkaClient
from ottla.clients.errors import ClientError
from ottla.console.cli.output import note
from ottla.console.cli.session import EXIT_FAILED, EXIT_OK, UsageError, add_cluster_arguments, run_with_client
from ottla.console.operations.lag_snapshot import LagSnapshot, take_snapshot
from ottla.protocol.errors import KafkaError
from ottla.runtime.metrics.listen import parse_listen
from ottla.runtime.metrics.process import read_process
from ottla.runtime.metrics.server import MetricsServer, ScrapeError
from ottla.runtime.sockets import SocketNetwork
from ottla.runtime.tls_files import TlsFiles, add_server_arguments

DEFAULT_LISTEN = "127.0.0.1:9308"
"""The port of kafka_exporter."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_cluster_arguments(parser)
    parser.add_argument(
        "--listen", metavar="HOST:PORT", default=DEFAULT_LISTEN, help="where it is scraped (default: %(default)s)"
    )
    add_server_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    return run_with_client(arguments, _serve)


async def _serve(client: KafkaClient, arguments: argparse.Namespace) -> int:
    try:
        host, port = parse_listen(arguments.listen)
    except ValueError as error:
        raise UsageError(f"--listen: {error}") from None
    try:
        tls = TlsFiles.of(arguments).server()
    except ValueError as error:
        raise UsageError(str(error)) from None
    exporter = Exporter(client)
    network = SocketNetwork(asyncio.get_running_loop())
    server = MetricsServer(network, [exporter.read, read_process], refresh=exporter.refresh, tls=tls)
    await exporter.refresh_or_raise()
    try:
        await server.start(host, port)
    except OSError as error:
        note(f"ottla: cannot listen on {arguments.listen}: {error.strerror or error}")
        return EXIT_FAILED
    print(f"The lag of {arguments.bootstrap} is on {server.url}. Ctrl-C stops it.", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        network.close()
    return EXIT_OK


class Exporter:
    """Looks at the cluster anew with every scrape."""

    def __init__(self, client: KafkaClient) -> None:
        self._client = client
        self._snapshot = LagSnapshot()
        self.read = lambda: self._snapshot.readings()

    async def refresh_or_raise(self) -> None:
        self._snapshot = await take_snapshot(self._client)

    async def refresh(self) -> None:
        try:
            await self.refresh_or_raise()
        except (ClientError, KafkaError) as error:
            raise ScrapeError(f"the cluster cannot be asked: {error}") from error
