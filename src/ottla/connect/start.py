"""`ottla connect standalone|distributed`: a worker of Connect beside any Kafka cluster, until it is asked to stop."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.runtime.config.properties import parse_properties
from ottla.runtime.tracing.wish import add_trace_argument, wish_for

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from ottla.connect.runtime.instance import Instance
    from ottla.connect.runtime.worker_config import WorkerConfig
    from ottla.runtime.loop import StopRequest
    from ottla.runtime.metrics.server import MetricsServer

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXTRA: Final = "pip install 'ottla[connect]'"
STANDALONE: Final = "standalone"
DISTRIBUTED: Final = "distributed"
_TOPICS: Final = {
    "config.storage.topic": "configs",
    "offset.storage.topic": "offsets",
    "status.storage.topic": "status",
}
"""What the topics of a group are called by default: `GROUP-configs` and so on."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="mode", required=True, metavar="standalone|distributed")
    standalone = kinds.add_parser(STANDALONE, help="one worker by itself: offsets in a file")
    _shared(standalone)
    standalone.add_argument(
        "--offsets", metavar="FILE", help="where offsets are kept (default: offset.storage.file.filename)"
    )
    standalone.add_argument(
        "connectors", metavar="CONNECTOR", nargs="*", help="connectors to begin with: .properties or JSON files"
    )
    distributed = kinds.add_parser(DISTRIBUTED, help="one of a group of workers: everything in topics")
    _shared(distributed)
    distributed.add_argument("--group", metavar="NAME", help="workers of one group share the work (default: group.id)")


def _shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", metavar="FILE", help="a worker's properties, as Apache Kafka's connect scripts take them"
    )
    parser.add_argument("--bootstrap", metavar="HOST:PORT", help="the cluster (default: bootstrap.servers)")
    parser.add_argument(
        "--listen", metavar="[https://]HOST:PORT", help="where the REST API is served (default: 127.0.0.1:8083)"
    )
    parser.add_argument(
        "--metrics",
        metavar="HOST:PORT",
        help="where it tells Prometheus how it does; by TLS, if others reach it by https",
    )
    add_trace_argument(parser)
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="one more property; may come again"
    )


def run(arguments: argparse.Namespace) -> int:
    try:
        config = _config(arguments)
        metrics = _metrics_address(arguments.metrics)
        _wish_for_traces(arguments.traces)
        connectors = [_read_connector(Path(name)) for name in getattr(arguments, "connectors", [])]
    except ConfigError as error:
        print(f"ottla: {error}", file=sys.stderr)
        return EXIT_USAGE

    from ottla.runtime.loop import run as run_loop

    return run_loop(lambda stop, _: _serve(config, connectors, metrics, stop))


def _metrics_address(text: str | None) -> tuple[str, int] | None:
    from ottla.runtime.metrics.listen import parse_listen

    try:
        return None if text is None else parse_listen(text)
    except ValueError as error:
        raise ConfigError(f"--metrics: {error}") from None


def _wish_for_traces(endpoint: str | None) -> None:
    """Of the worker and of its tasks. `ConfigError`."""
    try:
        wish_for(endpoint)
    except ValueError as error:
        raise ConfigError(f"--traces: {error}") from None


def _config(arguments: argparse.Namespace) -> WorkerConfig:
    properties = _properties(Path(arguments.config)) if arguments.config else {}
    for setting in arguments.set:
        key, separator, text = setting.partition("=")
        if not separator or not key:
            raise ConfigError(f"--set {setting}: write KEY=VALUE")
        properties[key] = text
    if arguments.bootstrap:
        properties["bootstrap.servers"] = arguments.bootstrap
    if arguments.listen:
        properties["listeners"] = arguments.listen if "://" in arguments.listen else f"http://{arguments.listen}"
    if arguments.mode == STANDALONE and arguments.offsets:
        properties["offset.storage.file.filename"] = arguments.offsets
    if arguments.mode == DISTRIBUTED and arguments.group:
        properties["group.id"] = arguments.group
    return worker_config(arguments.mode, properties)


def worker_config(mode: str, properties: dict[str, str]) -> WorkerConfig:
    """With our defaults for what Kafka Connect requires. `ConfigError` names the key."""
    from ottla.connect.runtime.worker_config import distributed_config, standalone_config

    if mode == STANDALONE:
        properties.setdefault("offset.storage.file.filename", "connect.offsets")
        return standalone_config(properties)
    group = properties.setdefault("group.id", "connect-cluster")
    for key, suffix in _TOPICS.items():
        properties.setdefault(key, f"{group}-{suffix}")
    return distributed_config(properties)


def _properties(path: Path) -> dict[str, str]:
    try:
        return parse_properties(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"{path}: {reason}") from error


def _read_connector(path: Path) -> dict[str, Any]:
    """`.properties`, a JSON object of them, or what POST /connectors takes. `ConfigError`."""
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error.strerror if isinstance(error, OSError) else error}") from error
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        found = _properties(path)
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: it holds no object")
    body: dict[str, Any] = found if isinstance(found.get("config"), dict) else {"config": found}
    config: Mapping[str, object] = body["config"]
    name = body.get("name") or config.get("name")
    if not name:
        raise ConfigError(f"Connector configuration at '{path}' is missing the mandatory 'name' configuration")
    if config.get("name", name) != name:
        raise ConfigError(
            f"Connector name configuration in 'config' doesn't match the one specified in 'name' at '{path}'"
        )
    return {**body, "name": name, "config": {**config, "name": name}}


async def _serve(
    config: WorkerConfig, connectors: list[dict[str, Any]], metrics: tuple[str, int] | None, stop: StopRequest
) -> int:
    import logging

    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("ottla").setLevel(logging.INFO)
    try:
        instance = await start_instance(config)
    except ConnectError as error:
        print(f"ottla: {error}", file=sys.stderr)
        return EXIT_FAILED
    code = 0
    watched: MetricsServer | None = None
    try:
        if metrics is not None:
            watched = await _tell_metrics(instance, metrics)
            print(f"Its metrics are on {watched.url}", flush=True)
        await instance.create(connectors)
        kind = f"group {config.text('group.id')}" if config.is_distributed else "standalone"
        print(f"Connect worker ({kind}) of {config.bootstrap} is ready on {instance.url}. Ctrl-C stops it.", flush=True)
        await stop.wait()
    except ConnectError as error:
        print(f"ottla: {error}", file=sys.stderr)
        code = EXIT_FAILED
    if watched is not None:
        watched.close()
    await instance.stop()
    return code


async def _tell_metrics(instance: Instance, address: tuple[str, int]) -> MetricsServer:
    """`ConnectError`."""
    import asyncio

    from ottla.connect.runtime.metrics import ConnectMetrics
    from ottla.runtime.metrics.health import Check
    from ottla.runtime.metrics.process import read_process
    from ottla.runtime.metrics.server import MetricsServer
    from ottla.runtime.sockets import SocketNetwork

    herder = instance.herder
    assert herder is not None, "the worker is not started"

    def ready() -> list[Check]:
        return [Check("herder", herder.is_ready, "takes requests" if herder.is_ready else "is still starting")]

    sources = [ConnectMetrics(herder).read, read_process]
    server = MetricsServer(SocketNetwork(asyncio.get_running_loop()), sources, ready=ready, tls=instance.tls)
    try:
        await server.start(*address)
    except OSError as error:
        text = f"cannot listen on {address[0]}:{address[1]} for metrics: {error.strerror or error}"
        raise ConnectError(text) from error
    return server


async def start_instance(config: WorkerConfig) -> Instance:
    """`ConnectError`, whose text is one line."""
    import asyncio

    from ottla.clients.errors import ClientError
    from ottla.connect.runtime.instance import Instance
    from ottla.protocol.errors import KafkaError
    from ottla.runtime.sockets import SocketNetwork
    from ottla.runtime.tracing.tracing import start

    start("ottla-connect")
    instance = Instance(SocketNetwork(asyncio.get_running_loop()), config)
    try:
        await instance.start()
    except ImportError as error:
        await instance.stop()
        raise ConnectError(f"Connect needs {error.name}: {EXTRA}") from error
    except (KafkaError, ClientError, ConnectError) as error:
        await instance.stop()
        raise ConnectError(f"the worker cannot start: {error}") from error
    return instance
