"""`ottla streams`: run an application, in one process or several, or describe its topology.

    ottla streams run app:topology --set application.id=app --set bootstrap.servers=localhost:9092
    ottla streams describe app:topology
    ottla streams describe app:topology --svg topology.svg

`app:topology` is a `Topology`, a `StreamsBuilder`, or a function that makes one; it may be given the configuration.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ottla.runtime.collector import spare_the_collector
from ottla.runtime.config.definition import ConfigError
from ottla.runtime.config.properties import parse_properties
from ottla.runtime.tls_files import TlsFiles, add_server_arguments
from ottla.runtime.tracing.wish import add_trace_argument, wish_for
from ottla.streams.config import StreamsConfig
from ottla.streams.errors import StreamsError
from ottla.streams.topology.drawing import draw

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from ottla.streams.application.kafka_streams import KafkaStreams

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
RESPAWN_PAUSE_S: Final = 1.0
GARBAGE_OBJECTS: Final = 100_000
"""So many new objects bring the collector: records on their way, and what caches hold, are many, and no circles."""
POLL_S: Final = 0.2


class UsageError(Exception):
    """The command line asks for something that cannot be; the message says what to write."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    run_verb = verbs.add_parser("run", help="run an application until it is stopped", description="Run an application.")
    _add_common(run_verb)
    run_verb.add_argument(
        "--processes", metavar="N", type=int, default=1, help="so many processes share the work (default: 1)"
    )
    run_verb.add_argument(
        "--metrics",
        metavar="HOST:PORT",
        help="where it tells Prometheus how it does; of several processes that of the first",
    )
    add_server_arguments(run_verb)
    add_trace_argument(run_verb)
    run_verb.add_argument("--verbose", action="store_true", help="say more of what happens")
    describe = verbs.add_parser("describe", help="print the topology", description="Print an application's topology.")
    _add_common(describe)
    describe.add_argument("--svg", metavar="FILE", help="draw it into a file instead; - is the standard output")


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("application", metavar="MODULE:NAME", help="the topology, or a function that makes it")
    parser.add_argument("--config", metavar="FILE", help="the configuration, as a .properties file")
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="one key of the configuration; may be repeated"
    )


def run(arguments: argparse.Namespace) -> int:
    try:
        config = read_config(arguments.config, arguments.set)
        if arguments.verb == "describe":
            return _describe(arguments.application, config, arguments.svg)
        metrics = _metrics_address(arguments.metrics)
        _wish_for_traces(arguments.traces)
        if arguments.processes > 1:
            return _run_processes(arguments, config, metrics)
        told = None if metrics is None else (metrics, TlsFiles.of(arguments))
        return _run_one(arguments.application, config, told, verbose=arguments.verbose)
    except (UsageError, ConfigError) as error:
        print(f"ottla: {error}", file=sys.stderr)
        return EXIT_USAGE
    except StreamsError as error:
        print(f"ottla: {error}", file=sys.stderr)
        return EXIT_FAILED


def read_config(file: str | None, settings: Sequence[str]) -> dict[str, str]:
    properties: dict[str, str] = {}
    if file is not None:
        try:
            properties |= parse_properties(Path(file).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"--config {file}: {error}") from error
    for setting in settings:
        key, separator, value = setting.partition("=")
        if not separator:
            raise UsageError(f"--set {setting}: write KEY=VALUE")
        properties[key.strip()] = value
    return properties


def load(application: str, properties: dict[str, str]) -> tuple[Any, StreamsConfig]:
    """The topology and the configuration, to which the module may add with `config`, a mapping."""
    name, separator, attribute = application.partition(":")
    if not separator:
        raise UsageError(f"{application}: write MODULE:NAME, for example word_count:topology")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(name)
        found: Any = getattr(module, attribute)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"{application} cannot be imported: {error}") from error
    finally:
        sys.path.pop(0)
    config = StreamsConfig({**dict(getattr(module, "config", {})), **properties})
    if inspect.isfunction(found):
        found = found(config) if inspect.signature(found).parameters else found()
    return _topology(found, config), config


def _topology(found: Any, config: StreamsConfig) -> Any:
    """A `StreamsBuilder` is built with what the configuration optimises; a topology is taken as it is."""
    return found.build(config) if type(found).__name__ == "StreamsBuilder" else found


def _describe(application: str, properties: dict[str, str], svg: str | None) -> int:
    needed = {"application.id": "application", "bootstrap.servers": "localhost:9092"}
    topology, _ = load(application, needed | properties)
    described = topology.describe()
    if svg is None:
        print(described, end="")
    elif svg == "-":
        print(draw(described, application), end="")
    else:
        try:
            Path(svg).write_text(draw(described, application), "utf-8")
        except OSError as error:
            raise UsageError(f"--svg {svg}: {error}") from error
    return EXIT_OK


def _metrics_address(text: str | None) -> tuple[str, int] | None:
    from ottla.runtime.metrics.listen import parse_listen

    try:
        return None if text is None else parse_listen(text)
    except ValueError as error:
        raise UsageError(f"--metrics: {error}") from None


def _wish_for_traces(endpoint: str | None) -> None:
    """Of this process and of those that it starts."""
    try:
        wish_for(endpoint)
    except ValueError as error:
        raise UsageError(f"--traces: {error}") from None


def _run_one(
    application: str, properties: dict[str, str], metrics: tuple[tuple[str, int], TlsFiles] | None, *, verbose: bool
) -> int:
    from ottla.streams.application.instance_state import State
    from ottla.streams.application.kafka_streams import KafkaStreams
    from ottla.streams.application.restore_listener import RestoreProgress

    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    topology, config = load(application, properties)
    app = KafkaStreams(topology, config, state_restore_listener=RestoreProgress())
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    app.set_state_listener(lambda new, old: _say(config.application_id, new.value))
    with _told(app, metrics):
        spare_the_collector(GARBAGE_OBJECTS, 20, 20)
        app.start()
        while not stop.wait(POLL_S) and app.state not in (State.ERROR, State.NOT_RUNNING):
            pass
    if app.state is State.ERROR:
        print(f"ottla: the application ended: {app.failure}", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_OK if app.close() and app.failure is None else EXIT_FAILED


def _told(
    app: KafkaStreams, metrics: tuple[tuple[str, int], TlsFiles] | None
) -> contextlib.AbstractContextManager[object]:
    if metrics is None:
        return contextlib.nullcontext()
    from ottla.streams.application.metrics_listener import MetricsListener

    (host, port), tls = metrics
    try:
        return MetricsListener(app, host, port, tls=tls)
    except ValueError as error:
        raise UsageError(f"--metrics: {error}") from None


def _say(application_id: str, state: str) -> None:
    print(f"{application_id} is {state}", flush=True)


def _run_processes(arguments: argparse.Namespace, properties: dict[str, str], metrics: tuple[str, int] | None) -> int:
    """Each has a state directory of its own, and a port for metrics; one that dies is started again."""
    _, config = load(arguments.application, properties)
    state_dir = str(config["state.dir"])
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def spawn(index: int) -> subprocess.Popen[bytes]:
        settings = properties | {"state.dir": str(Path(state_dir) / f"process-{index}")}
        command = [sys.executable, "-m", "ottla", "streams", "run", arguments.application]
        command += [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        if metrics is not None:
            command += ["--metrics", f"{metrics[0]}:{metrics[1] + index}", *TlsFiles.of(arguments).words]
        return subprocess.Popen(command + (["--verbose"] if arguments.verbose else []), env=os.environ)

    processes = [spawn(index) for index in range(arguments.processes)]
    while not stop.wait(POLL_S):
        ended = [(index, each.returncode) for index, each in enumerate(processes) if each.poll() is not None]
        if ended and all(each.poll() is not None for each in processes):
            return max(code for _, code in ended)
        for index, code in ended:
            if code < 0:  # killed: its tasks have gone to the others, and come back
                time.sleep(RESPAWN_PAUSE_S)
                processes[index] = spawn(index)
    for each in processes:
        if each.poll() is None:
            each.terminate()
    return max(each.wait() for each in processes)
