"""`ottla start`: read the configuration, run a node until it is asked to stop, and say so in one line each."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ottla import __version__
from ottla.broker.start_config import DATA_VARIABLE, UsageError, check_own, check_security, metrics_tls, read_properties
from ottla.runtime.config.definition import ConfigError
from ottla.runtime.config.server_config import (
    LOG_FORMAT,
    LOG_LEVEL,
    METRICS_LISTEN,
    OTLP_ENDPOINT,
    TRACES_ENDPOINT,
    ServerConfig,
)
from ottla.runtime.config.static_config import server_config_of
from ottla.runtime.log_format import FORMATS, LEVELS, TEXT, start_logging
from ottla.runtime.tracing.wish import add_trace_argument

if TYPE_CHECKING:
    import argparse
    from collections.abc import Coroutine, Mapping

    from ottla.broker.companions import Companions
    from ottla.broker.metrics.observation import Observation
    from ottla.broker.node import Node
    from ottla.runtime.loop import StopRequest
    from ottla.runtime.turn import Turn
    from ottla.runtime.world import World

EXIT_FAILED = 1
EXIT_USAGE = 2


def find_companions(arguments: argparse.Namespace, config: ServerConfig) -> Companions | None:
    """What `--all`, `--with` and `--without` name. `UsageError`."""
    if not arguments.beside and not arguments.all:
        if arguments.without:
            raise UsageError("--without leaves something out of --all")
        return None
    from ottla.broker.companion import CompanionError, Plan
    from ottla.broker.companions import Companions, plan_all

    option = "--all" if arguments.all else "--with"
    if not config.is_broker or config.broker_listeners[0].security_protocol != "PLAINTEXT":
        raise UsageError(f"{option} needs a broker whose first listener is PLAINTEXT: elsewhere start it by itself")
    modules: Mapping[str, str] = arguments.companions
    try:
        if arguments.all:
            plans = plan_all(arguments.beside, arguments.without, modules)
        else:
            plans = [Plan.named(word, modules) for word in arguments.beside]
    except CompanionError as error:
        raise UsageError(f"{option} {error}") from error
    return Companions(
        plans,
        in_processes=arguments.all,
        say=_say if arguments.all else _print,
        log_format=config.own(LOG_FORMAT) or TEXT,
        log_level=config.own(LOG_LEVEL) or "WARN",
    )


def _print(line: str) -> None:
    print(line, flush=True)


def _say(line: str) -> None:
    """In the log, whatever its format."""
    import logging

    logging.getLogger("ottla.broker.companions").warning(line)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="DIR", help=f"where data lies (default: ${DATA_VARIABLE}, or ./data)")
    parser.add_argument("--listen", metavar="HOST:PORT", help="where clients connect (default: 127.0.0.1:9092)")
    parser.add_argument("--config", metavar="FILE", help="a server.properties, as Apache Kafka has it")
    parser.add_argument(
        "--environment",
        action="store_true",
        help="take settings from variables: KAFKA_LOG_RETENTION_MS is log.retention.ms, as in the image apache/kafka",
    )
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="one setting of server.properties; repeatable"
    )
    parser.add_argument(
        "--with",
        metavar="NAME[=HOST:PORT]",
        dest="beside",
        action="append",
        default=[],
        help="what else to run in this process: registry, the schema registry (127.0.0.1:8081); connect, a worker of"
        " Connect (127.0.0.1:8083); console, the web console (127.0.0.1:8080); repeatable. With --all: where",
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="run everything: the node, its metrics (127.0.0.1:9404), and what --with names in processes of their own",
    )
    parser.add_argument(
        "--without", metavar="NAME", action="append", default=[], help="leave this out of --all; repeatable"
    )
    parser.add_argument(
        "--metrics",
        metavar="HOST:PORT",
        nargs="?",
        const="127.0.0.1:9404",
        help="tell Prometheus how the node does, and probes whether it is ready (127.0.0.1:9404 if nothing is named)",
    )
    parser.add_argument(
        "--otlp",
        metavar="URL",
        nargs="?",
        const="",
        help="tell an OpenTelemetry collector the same metrics, by OTLP over HTTP ($OTEL_EXPORTER_OTLP_ENDPOINT, or"
        " http://127.0.0.1:4318, if nothing is named)",
    )
    add_trace_argument(parser)
    parser.add_argument("--log-format", choices=FORMATS, help="lines for people, or JSON for machines (default: text)")
    parser.add_argument("--log-level", choices=LEVELS, help="what is worth a line (default: WARN)")
    parser.add_argument("--stop-at-eof", action="store_true", help="stop when the standard input ends: for a program")


def run(arguments: argparse.Namespace) -> int:
    try:
        config = _config(arguments)
        check_own(config)
        check_security(config)
        companions = find_companions(arguments, config)
    except (UsageError, ConfigError) as error:
        print(f"ottla: {error}", file=sys.stderr)
        return EXIT_USAGE

    from ottla.broker.open_files import raise_limit
    from ottla.runtime.loop import run as run_loop

    raise_limit()
    return run_loop(
        lambda stop, turn: _serve(config, stop, turn, stop_at_eof=arguments.stop_at_eof, companions=companions)
    )


def _config(arguments: argparse.Namespace) -> ServerConfig:
    """`UsageError`, `ConfigError`."""
    properties = read_properties(
        arguments.config,
        arguments.data,
        arguments.listen,
        _settings(arguments),
        environment=arguments.environment,
    )
    if arguments.all:
        from ottla.broker.companions import ALL_DEFAULTS

        properties = {**ALL_DEFAULTS, **properties}
    return server_config_of(properties)


def _settings(arguments: argparse.Namespace) -> list[str]:
    """Those of `--set`, and what has an option of its own."""
    own = (
        (METRICS_LISTEN, arguments.metrics),
        (OTLP_ENDPOINT, arguments.otlp),
        (TRACES_ENDPOINT, arguments.traces),
        (LOG_FORMAT, arguments.log_format),
        (LOG_LEVEL, arguments.log_level),
    )
    return [*(f"{key}={value}" for key, value in own if value is not None), *arguments.set]


async def _serve(
    config: ServerConfig, stop: StopRequest, turn: Turn, *, stop_at_eof: bool, companions: Companions | None = None
) -> int:
    import asyncio

    start_logging(config.own(LOG_FORMAT) or TEXT, config.own(LOG_LEVEL) or "WARN")
    _report_keys(config)
    if companions is not None:
        companions.launch()
        await asyncio.sleep(0)  # their processes begin before we import what a node is made of

    from ottla.broker.node import Node, StartError
    from ottla.broker.settings import socket_options
    from ottla.runtime.world import real_world

    if stop_at_eof:
        stop.stop_at_end_of(sys.stdin.fileno())
    world = real_world(asyncio.get_running_loop(), socket_options(config), turn)
    node = Node(config, stop, world)
    observation: Observation | None = None
    is_up = failed = False
    try:
        observation = await _observe(node, config, world, stop)
        is_up = await start_unless_stopped(node, stop)
    except (StartError, OSError) as error:
        print(f"ottla: cannot start: {error}", file=sys.stderr)
        failed = True
    if is_up:
        ready = ready_line if config.is_broker else controller_ready_line
        print(ready(node.address, config.log_dirs), flush=True)
        if observation is not None:
            observation.follow()
        await _run(node, companions, stop, observation)
    if observation is not None:
        await observation.stop_exporting()
    if companions is not None:
        await companions.stop()
    await node.stop()
    if observation is not None:
        observation.close()
    if stop.failure is not None:
        print(f"ottla: stopped: {stop.reason}: {stop.failure}", file=sys.stderr)
    return EXIT_FAILED if failed or stop.failure is not None else 0


async def _observe(node: Node, config: ServerConfig, world: World, stop: StopRequest) -> Observation | None:
    """Let it be watched from its start on, if it is to be. `StartError`."""
    from ottla.runtime.metrics.otlp_resource import SERVICE
    from ottla.runtime.tracing.tracing import start

    listen, endpoint = config.own(METRICS_LISTEN), config.own(OTLP_ENDPOINT)
    tracing = start(SERVICE, f"{config.node_id}")
    if listen is None and endpoint is None and tracing is None:
        return None
    from ottla.broker.metrics.observation import Observation
    from ottla.broker.node import StartError
    from ottla.runtime.metrics.listen import parse_listen

    observation = Observation(node.view, world, stop)
    if listen is not None:
        observation.server.tls = metrics_tls(config)
        try:
            await observation.start(*parse_listen(listen))
        except OSError as error:
            why = error.strerror or error
            raise StartError(f"cannot listen on {listen} for metrics (--metrics HOST:PORT): {why}") from error
    if endpoint is not None:
        from ottla.runtime.metrics.otlp_exporter import own_settings

        observation.export(own_settings(endpoint, f"{config.node_id}"))
    return observation


async def _run(node: Node, companions: Companions | None, stop: StopRequest, observation: Observation | None) -> None:
    """Until it is asked to stop, with what else there is to be."""
    if observation is not None and observation.url is not None and (companions is None or not companions.in_processes):
        print(f"Its metrics are on {observation.url}", flush=True)
    if companions is not None:
        try:
            started = await _finish_unless_stopped(companions.start(node.address, observation), stop)
            if started and companions.in_processes:
                print(_page(node.address, companions, observation), flush=True)
        except Exception as error:  # each says in a line what is wrong with it
            stop.stop("what is to run beside the node cannot start", error)
    await stop.wait()


def _page(address: str, companions: Companions, observation: Observation | None) -> str:
    from ottla.broker.companions import Line, page
    from ottla.runtime.metrics.process import age_s

    lines = [Line("broker", address, f"ottla consume greetings --from beginning{_bootstrap(address)}", is_there=True)]
    lines += companions.lines()
    if observation is not None and observation.url is not None:
        lines.append(Line("metrics", observation.url, f"curl -s {observation.url}", is_there=True))
    return page(lines, age_s())


async def start_unless_stopped(node: Node, stop: StopRequest) -> bool:
    """False: it has to stop before it is up. It was asked to while it waited for its cluster, or its disk failed."""
    return await _finish_unless_stopped(node.start(), stop)


async def _finish_unless_stopped(work: Coroutine[Any, Any, None], stop: StopRequest) -> bool:
    import asyncio

    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not working.done():
        working.cancel()
        await asyncio.wait((working,))
        return False
    working.result()
    return True


def _bootstrap(address: str) -> str:
    return "" if address.endswith(":9092") else f" --bootstrap {address}"


def ready_line(address: str, log_dirs: tuple[str, ...]) -> str:
    """What a person reads, and what a script waits for: the first line on standard output."""
    data = ",".join(log_dirs)
    try_it = f"Try: ottla produce greetings{_bootstrap(address)}"
    return f"Ottla {__version__} is ready on {address}, data in {data}. {try_it}"


def controller_ready_line(address: str, log_dirs: tuple[str, ...]) -> str:
    """Of a node that is only a controller."""
    return (
        f"Ottla {__version__} is ready as a controller on {address}, data in {','.join(log_dirs)}. "
        f"Try: ottla quorum status --bootstrap-controller {address}"
    )


def _report_keys(config: ServerConfig) -> None:
    if config.ineffective_keys:
        print(f"ottla: no effect yet: {', '.join(config.ineffective_keys)}", file=sys.stderr)
    if config.unknown_keys:
        print(f"ottla: unknown to Kafka 4.3 and ignored: {', '.join(config.unknown_keys)}", file=sys.stderr)
