"""`ottla registry`: an instance of the schema registry beside any Kafka cluster, until it is asked to stop."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ottla.registry.settings import DEFAULT_LISTEN, GROUP, TOPIC, RegistrySettings, SettingsError, parse_listen
from ottla.registry.store.config import DEFAULT_LEVEL
from ottla.runtime.log_format import FORMATS, TEXT, start_logging
from ottla.runtime.tls_files import TlsFiles, add_server_arguments
from ottla.runtime.tracing.wish import add_trace_argument, wish_for

if TYPE_CHECKING:
    import argparse

    from ottla.registry.instance import Instance
    from ottla.runtime.loop import StopRequest
    from ottla.runtime.metrics.server import MetricsServer

EXIT_FAILED = 1
EXIT_USAGE = 2
EXTRA = "pip install 'ottla[registry]'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bootstrap", metavar="HOST:PORT", default="localhost:9092", help="the cluster (%(default)s)")
    parser.add_argument("--listen", metavar="HOST:PORT", default=DEFAULT_LISTEN, help="where it serves (%(default)s)")
    parser.add_argument("--advertise", metavar="HOST", help="where other instances reach this one (default: --listen)")
    parser.add_argument("--topic", default=TOPIC, help="the topic that holds everything (%(default)s)")
    parser.add_argument("--group", default=GROUP, help="the group that elects the leader (%(default)s)")
    parser.add_argument(
        "--compatibility", metavar="LEVEL", default=DEFAULT_LEVEL.value, help="where none is configured (%(default)s)"
    )
    parser.add_argument("--config", metavar="FILE", help="client.properties: how to speak with the cluster")
    parser.add_argument("--users", metavar="FILE", help="users and permissions, as JSON: who may do what")
    parser.add_argument("--hash-password", metavar="USER", help="read a password, print its entry for --users, and end")
    parser.add_argument("--follow", action="store_true", help="never lead")
    parser.add_argument("--no-mode-changes", action="store_true", help="refuse every change of a mode")
    add_server_arguments(parser)
    parser.add_argument("--metrics", metavar="HOST:PORT", help="where it tells Prometheus how it does")
    add_trace_argument(parser)
    parser.add_argument("--log-format", choices=FORMATS, default=TEXT, help="lines for people, or JSON (%(default)s)")
    parser.add_argument("--session-timeout-ms", type=int, default=10_000, help="after which a leader is given up")


def run(arguments: argparse.Namespace) -> int:
    if arguments.hash_password is not None:
        return _hash_password(arguments.hash_password)
    try:
        settings = _settings(arguments)
        metrics = _metrics_address(arguments.metrics)
        _wish_for_traces(arguments.traces)
    except SettingsError as error:
        print(f"ottla: {error}", file=sys.stderr)
        return EXIT_USAGE
    from ottla.runtime.loop import run as run_loop

    start_logging(arguments.log_format)
    return run_loop(lambda stop, _: _serve(settings, stop, metrics))


def _metrics_address(text: str | None) -> tuple[str, int] | None:
    from ottla.runtime.metrics.listen import parse_listen as parse_metrics_listen

    try:
        return None if text is None else parse_metrics_listen(text)
    except ValueError as error:
        raise SettingsError(f"--metrics: {error}") from None


def _wish_for_traces(endpoint: str | None) -> None:
    try:
        wish_for(endpoint)
    except ValueError as error:
        raise SettingsError(f"--traces: {error}") from None


def _hash_password(name: str) -> int:
    from getpass import getpass

    from ottla.registry.rest.access import user_entry

    password = getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    print(json.dumps(user_entry(name, password)))
    return 0


def _settings(arguments: argparse.Namespace) -> RegistrySettings:
    from ottla.clients.client import parse_bootstrap
    from ottla.clients.errors import ClientError
    from ottla.registry.rest.access import AccessFileError, read_access_file
    from ottla.registry.schema.level import CompatibilityLevel, parse_level

    host, port = parse_listen(arguments.listen)
    level = parse_level(arguments.compatibility)
    if level is None:
        raise SettingsError(f"--compatibility is one of {', '.join(CompatibilityLevel)}")
    try:
        parse_bootstrap(arguments.bootstrap)
        client = _properties(arguments.config) if arguments.config else {}
        access = read_access_file(Path(arguments.users)) if arguments.users else None
    except AccessFileError as error:
        raise SettingsError(f"--users {arguments.users}: {error}") from None
    except ClientError as error:
        raise SettingsError(str(error)) from None
    return RegistrySettings(
        arguments.bootstrap,
        host,
        port,
        arguments.advertise,
        arguments.topic,
        arguments.group,
        level,
        client,
        leader_eligible=not arguments.follow,
        mode_changes=not arguments.no_mode_changes,
        session_timeout_ms=arguments.session_timeout_ms,
        access=access,
        tls=TlsFiles.of(arguments),
    )


def _properties(name: str) -> dict[str, str]:
    from ottla.clients.security import client_security
    from ottla.runtime.config.properties import parse_properties

    try:
        properties = parse_properties(Path(name).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"--config {name}: {error}") from None
    client_security(properties)
    return properties


async def _serve(settings: RegistrySettings, stop: StopRequest, metrics: tuple[str, int] | None) -> int:
    try:
        instance = await start_instance(settings)
        watched = None if metrics is None else await _tell_metrics(instance, metrics)
    except StartError as error:
        print(f"ottla: {error}", file=sys.stderr)
        return EXIT_FAILED
    print(f"Schema registry of {settings.bootstrap} is ready on {instance.url}. Ctrl-C stops it.", flush=True)
    if watched is not None:
        print(f"Its metrics are on {watched.url}", flush=True)
    await stop.wait()
    await instance.stop()
    if watched is not None:
        watched.close()
    return 0


async def _tell_metrics(instance: Instance, address: tuple[str, int]) -> MetricsServer:
    """`StartError`, with the instance stopped."""
    import asyncio

    from ottla.runtime.metrics.health import Check
    from ottla.runtime.metrics.process import read_process
    from ottla.runtime.metrics.server import MetricsServer
    from ottla.runtime.sockets import SocketNetwork

    def ready() -> list[Check]:
        leader = instance.registry.leader
        return [Check("leader", leader is not None, "nobody leads" if leader is None else leader.url)]

    network, sources = SocketNetwork(asyncio.get_running_loop()), [*instance.sources, read_process]
    server = MetricsServer(network, sources, ready=ready, tls=instance.tls)
    try:
        await server.start(*address)
    except OSError as error:
        await instance.stop()
        raise StartError(
            f"cannot listen on {address[0]}:{address[1]} for metrics: {error.strerror or error}"
        ) from error
    return server


class StartError(Exception):
    """It cannot start; the text is one line."""


async def start_instance(settings: RegistrySettings) -> Instance:
    import asyncio

    from ottla.clients.errors import ClientError
    from ottla.protocol.errors import KafkaError
    from ottla.registry.errors import RegistryError
    from ottla.registry.instance import Instance
    from ottla.registry.schemas_topic import TopicError
    from ottla.runtime.sockets import SocketNetwork
    from ottla.runtime.tracing.tracing import start

    start("ottla-registry")
    try:
        instance = Instance(SocketNetwork(asyncio.get_running_loop()), settings)
    except OSError as error:
        raise StartError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from error
    except ValueError as error:
        raise StartError(str(error)) from error
    try:
        await instance.start()
    except ImportError as error:
        await instance.stop()
        raise StartError(f"the registry needs {error.name}: {EXTRA}") from error
    except (TopicError, KafkaError, ClientError, RegistryError) as error:
        await instance.stop()
        raise StartError(f"the registry cannot start: {error}") from error
    return instance
