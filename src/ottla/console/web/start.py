"""`ottla console`: the web console beside any Kafka cluster, until it is asked to stop."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ottla.console.web.section import ConfigError
from ottla.console.web.settings import (
    DEFAULT_BOOTSTRAP,
    DEFAULT_CLUSTER,
    DEFAULT_LISTEN,
    ClusterSettings,
    ConsoleSettings,
    one_group,
    parse_listen,
)
from ottla.runtime.log_format import FORMATS, TEXT, start_logging
from ottla.runtime.tls_files import NO_TLS, TlsFiles, add_server_arguments
from ottla.runtime.tracing.wish import add_trace_argument, wish_for

if TYPE_CHECKING:
    import argparse

    from ottla.console.web.instance import Instance
    from ottla.runtime.loop import StopRequest

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXTRA: Final = "pip install 'ottla[ui]'"


class StartError(Exception):
    """It cannot start; the text is one line."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--bootstrap", metavar="HOST:PORT", help=f"the cluster (default: that of --config, else {DEFAULT_BOOTSTRAP})"
    )
    parser.add_argument("--listen", metavar="HOST:PORT", help=f"where it serves (default: {DEFAULT_LISTEN})")
    parser.add_argument("--registry", metavar="URL", help="the cluster's schema registry")
    parser.add_argument("--connect", metavar="URL", help="workers of the cluster's Connect (commas between them)")
    parser.add_argument(
        "--command-config", metavar="FILE", help="a client.properties: how to speak with the cluster of --bootstrap"
    )
    parser.add_argument("--config", metavar="FILE", help="console.toml: clusters, users, roles, masks, audit log")
    add_server_arguments(parser)
    parser.add_argument("--read-only", action="store_true", help="change nothing")
    parser.add_argument(
        "--hash-password", metavar="USER", help="read a password, print its [[user]] for --config, and end"
    )
    add_trace_argument(parser)
    parser.add_argument("--log-format", choices=FORMATS, default=TEXT, help="lines for people, or JSON (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    if arguments.hash_password is not None:
        return _hash_password(arguments.hash_password)
    try:
        settings = settings_of(arguments)
        settings.check()
        wish_for(arguments.traces)
    except ValueError as error:
        print(f"ottla: {error}", file=sys.stderr)
        return EXIT_USAGE
    from ottla.runtime.loop import run as run_loop

    start_logging(arguments.log_format)
    return run_loop(lambda stop, _: _serve(settings, stop))


def settings_of(arguments: argparse.Namespace) -> ConsoleSettings:
    """`ConfigError`."""
    from ottla.console.web.config import read_config

    settings = ConsoleSettings() if arguments.config is None else read_config(Path(arguments.config))
    if arguments.listen is not None:
        host, port = parse_listen(arguments.listen)
        settings = replace(settings, host=host, port=port)
    files = TlsFiles.of(arguments)
    if files != NO_TLS:
        settings = replace(settings, tls=files)
    if arguments.read_only:
        settings = replace(settings, read_only=True)
    given = (arguments.bootstrap, arguments.registry, arguments.connect, arguments.command_config)
    if arguments.config is not None and any(each is not None for each in given):
        raise ConfigError("--bootstrap, --registry, --connect and --command-config are said in --config, by cluster")
    if arguments.config is None:
        settings = replace(settings, clusters=(_cluster(arguments),))
    return settings


def _cluster(arguments: argparse.Namespace) -> ClusterSettings:
    from ottla.clients.client import parse_bootstrap
    from ottla.clients.errors import ClientError
    from ottla.clients.security import client_security
    from ottla.runtime.config.properties import parse_properties
    from ottla.runtime.http_client import HttpClient, HttpError

    bootstrap = arguments.bootstrap or DEFAULT_BOOTSTRAP
    properties: dict[str, str] = {}
    try:
        parse_bootstrap(bootstrap)
        if arguments.command_config is not None:
            properties = parse_properties(Path(arguments.command_config).read_text("utf-8"))
        client_security(properties)
        if arguments.registry is not None:
            HttpClient(arguments.registry)
        for url in arguments.connect.split(",") if arguments.connect else ():
            HttpClient(url.strip())
    except OSError as error:
        raise ConfigError(f"--command-config {arguments.command_config}: {error.strerror or error}") from None
    except (ClientError, HttpError, ValueError) as error:
        raise ConfigError(str(error)) from None
    return ClusterSettings(
        DEFAULT_CLUSTER,
        bootstrap,
        arguments.registry,
        one_group(arguments.connect),
        properties=properties,
        tls=_asking(arguments),
    )


def _asking(arguments: argparse.Namespace) -> TlsFiles:
    """Whom it trusts. Its own certificate says who it is, too, to those who want to know."""
    files = TlsFiles.of(arguments)
    return TlsFiles(files.certificate, files.key, files.ca)


def _hash_password(name: str) -> int:
    import json
    from getpass import getpass

    from ottla.console.web.access.passwords import hash_password

    password = getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    quoted = json.dumps(name, ensure_ascii=False)
    print(f'[[user]]\nname = {quoted}\npassword = "{hash_password(password)}"')
    return 0


async def _serve(settings: ConsoleSettings, stop: StopRequest) -> int:
    try:
        instance = await start_instance(settings)
    except StartError as error:
        print(f"ottla: {error}", file=sys.stderr)
        return EXIT_FAILED
    names = ", ".join(each.bootstrap for each in settings.clusters)
    print(f"Console of {names} is ready on {instance.url}. Ctrl-C stops it.", flush=True)
    await stop.wait()
    await instance.stop()
    return 0


async def start_instance(settings: ConsoleSettings) -> Instance:
    """Serving; whoever started it stops it. `StartError`."""
    import asyncio

    from ottla.console.web.instance import Instance
    from ottla.runtime.sockets import SocketNetwork
    from ottla.runtime.tracing.tracing import start

    start("ottla-console")
    try:
        instance = Instance(SocketNetwork(asyncio.get_running_loop()), settings)
    except OSError as error:
        what = error.filename or f"{settings.host}:{settings.port}"
        raise StartError(f"the console cannot start: {what}: {error.strerror or error}") from error
    try:
        await instance.start()
    except ImportError as error:
        await instance.stop()
        raise StartError(f"the console needs {error.name}: {EXTRA}") from error
    return instance
