"""`ottla sql "SELECT … FROM topic AS OF TIMESTAMP '…'"`: topics as tables, now and as they were."""

import argparse
import csv
import json
import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ottla.clients.client import KafkaClient
from ottla.console.cli.output import note, table, text_of
from ottla.console.cli.quantities import parse_bytes
from ottla.console.cli.rest_clients import optional_registry_client
from ottla.console.cli.session import (
    EXIT_FAILED,
    EXIT_OK,
    EXIT_USAGE,
    UsageError,
    add_cluster_arguments,
    key_values,
    read_security,
    run_with_client,
)
from ottla.console.sql.answer import Answer, Limits, Settings, answer
from ottla.console.sql.decoding import FORMATS
from ottla.console.sql.lines import columns_of, plain, read_of
from ottla.console.sql.moment import QueryError
from ottla.registry.client.registry_client import RegistryClientError
from ottla.runtime.tls_context import TlsContexts
from ottla.runtime.tls_files import TlsFiles, add_server_arguments
from ottla.runtime.tracing.wish import add_trace_argument, wish_for

EXTRA = 'it needs DuckDB, Arrow and sqlglot: pip install "ottla[sql]"'
PROGRESS_S = 0.5
DEFAULTS = Limits()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Ask topics by SQL. `from orders` is every record, `from latest(orders)` the last value of each key;"
        " `as of timestamp '…'`, `as of offsets '0:12,1:7'` and `between … and …` behind them say which state."
    )
    add_cluster_arguments(parser)
    parser.add_argument(
        "query", metavar="QUERY", nargs="?", help="a SELECT of DuckDB's; - reads it from the standard input"
    )
    parser.add_argument(
        "--serve",
        metavar="HOST:PORT",
        help="answer POST /v1/sql there until Ctrl-C, instead of one query: JSON lines; limits are upper bounds",
    )
    parser.add_argument(
        "--sign-in",
        action="store_true",
        help="with --serve: who asks is a user of the cluster (HTTP Basic), with its ACLs",
    )
    add_server_arguments(parser)
    add_trace_argument(parser)
    parser.add_argument("--csv", action="store_true", help="comma-separated values, with a header")
    parser.add_argument("--registry", metavar="URL", help="where schemas are (default: the profile's)")
    for part in ("key", "value"):
        parser.add_argument(f"--{part}-format", choices=FORMATS, default="auto", help="how it is read (default: auto)")
    parser.add_argument(
        "--attach", metavar="NAME=FILE", action="append", help="a database of DuckDB's, read only; repeatable"
    )
    parser.add_argument(
        "--max-records", type=int, default=DEFAULTS.records, metavar="N", help="read no more (default: %(default)s)"
    )
    parser.add_argument(
        "--max-bytes", type=_bytes, default=DEFAULTS.size_bytes, metavar="SIZE", help="read no more (default: 512M)"
    )
    parser.add_argument(
        "--max-rows", type=int, default=DEFAULTS.rows, metavar="N", help="show no more (default: %(default)s)"
    )
    parser.add_argument(
        "--max-seconds", type=float, default=DEFAULTS.seconds, metavar="S", help="take no longer (default: %(default)g)"
    )


def _bytes(text: str) -> int:
    try:
        return parse_bytes(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(arguments: argparse.Namespace) -> int:
    if (arguments.query is None) == (arguments.serve is None):
        note("ottla: a query is wanted, or --serve HOST:PORT, and not both")
        return EXIT_USAGE
    return run_with_client(arguments, _ask if arguments.serve is None else _serve)


async def _serve(client: KafkaClient, arguments: argparse.Namespace) -> int:
    """`client` has found the cluster: whoever starts this hears at once if there is none."""
    import asyncio

    from ottla.console.sql.server import ListenError, SqlServer, parse_listen
    from ottla.runtime.loop import StopRequest
    from ottla.runtime.sockets import SocketNetwork
    from ottla.runtime.tracing.tracing import start

    try:
        wish_for(arguments.traces)
    except ValueError as error:
        raise UsageError(f"--traces: {error}") from None
    start("ottla-sql")
    loop = asyncio.get_running_loop()
    stop = StopRequest(loop)
    stop.install()
    network = SocketNetwork(loop)
    try:
        server = SqlServer(
            network,
            arguments.bootstrap,
            read_security(arguments),
            replace(_settings(arguments), is_local=False),
            parse_listen(arguments.serve),
            sign_in=arguments.sign_in,
            tls=_server_tls(arguments),
        )
        await server.start()
    except ListenError as error:
        raise UsageError(f"--serve: {error}") from None
    except ModuleNotFoundError as error:
        note(f"ottla: --serve needs {error.name}: pip install 'ottla[sql]'")
        return EXIT_FAILED
    print(f"SQL over {arguments.bootstrap} is ready on {server.url}. Ctrl-C stops it.", flush=True)
    await stop.wait()
    await server.stop()
    network.close()
    return EXIT_OK


def _server_tls(arguments: argparse.Namespace) -> TlsContexts | None:
    try:
        return TlsFiles.of(arguments).server()
    except ValueError as error:
        raise UsageError(str(error)) from None


async def _ask(client: KafkaClient, arguments: argparse.Namespace) -> int:
    text = sys.stdin.read() if arguments.query == "-" else arguments.query
    progress = _Progress()
    try:
        found = await answer(client, text, _settings(arguments), int(time.time() * 1000), progress)
    except ModuleNotFoundError as error:
        note(f"ottla: {EXTRA} ({error})")
        return EXIT_FAILED
    except QueryError as error:
        note(f"ottla: {error}")
        return EXIT_FAILED
    finally:
        progress.end()
    if arguments.json:
        _print_json(found)
    elif arguments.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(found.columns)
        writer.writerows([plain(cell) for cell in row] for row in found.rows)
    else:
        print(table(found.columns, [[_cell(cell) for cell in row] for row in found.rows]))
    if not arguments.json:
        _tell(found)
    return EXIT_OK


def _settings(arguments: argparse.Namespace) -> Settings:
    try:
        registry = optional_registry_client(arguments)
    except RegistryClientError as error:
        raise UsageError(f"--registry: {error}") from None
    attached = key_values(arguments.attach)
    for name, file in attached.items():
        if not name.isidentifier():
            raise UsageError(f"--attach: '{name}' is no name of a database")
        if not Path(file).is_file():
            raise UsageError(f"--attach {name}: there is no file {file}")
    return Settings(
        registry,
        arguments.key_format,
        arguments.value_format,
        attached,
        is_local=True,
        limits=Limits(arguments.max_records, arguments.max_bytes, arguments.max_rows, arguments.max_seconds),
    )


def _tell(found: Answer) -> None:
    """To the standard error: how to have this answer again."""
    if found.is_cut:
        note(f"There are more than {len(found.rows)} rows: --max-rows shows more.")
    for extent in found.extents:
        note(f"Read: {extent}")


def _print_json(found: Answer) -> None:
    told = {
        "columns": columns_of(found),
        "rows": [[plain(cell) for cell in row] for row in found.rows],
        "is_cut": found.is_cut,
        "records": found.records,
        "read": [read_of(each) for each in found.extents],
    }
    print(json.dumps(told, ensure_ascii=False, default=str), flush=True)


def _cell(cell: Any) -> Any:
    """For people: bytes as text where they are, what has parts as JSON."""
    if isinstance(cell, bytes):
        return text_of(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(cell, dict | list):
        return json.dumps(cell, ensure_ascii=False, default=plain)
    return cell


class _Progress:
    """How much was read, for whoever waits at a terminal."""

    def __init__(self) -> None:
        self._shown = 0.0
        self._began = time.monotonic()

    def __call__(self, records: int) -> None:
        now = time.monotonic()
        if sys.stderr.isatty() and now - max(self._shown, self._began) > PROGRESS_S:
            self._shown = now
            print(f"\r{records:,} records read", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
