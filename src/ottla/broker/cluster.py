"""`ottla cluster`: a cluster on one machine, a process a node; for trying, for tests, for demonstrations.

Formats what is not formatted, starts `ottla start` for each node, shows what they say behind their names, prints one
line when all are ready, and stops all at Ctrl-C. A node that dies is reported, and not started again.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ottla.broker.cluster_layout import (
    CLUSTER_FILE,
    CONTROLLER_LISTENER,
    CONTROLLER_PORT_OFFSET,
    MAX_VOTERS,
    ClusterLayout,
    FirstVoter,
    LayoutError,
    layout_from_json,
    node_folder,
)
from ottla.broker.initial_controllers import parse_initial_controllers
from ottla.broker.start_config import UsageError
from ottla.broker.storage_format import FormatRequest, StorageError, format_storage
from ottla.protocol.types import uuid_text
from ottla.runtime.config.properties import format_properties
from ottla.runtime.config.server_config import METRICS_LISTEN
from ottla.runtime.disk import Disk
from ottla.runtime.world import new_uuid

if TYPE_CHECKING:
    import argparse

EXIT_FAILED = 1
EXIT_USAGE = 2
DEFAULT_LISTEN = "127.0.0.1:9092"
DEFAULT_NODES = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        f"Node i, from 0 on, listens on the port of --listen plus i; the first {MAX_VOTERS} are controllers too, and"
        f" listen for them on {CONTROLLER_PORT_OFFSET} more. It tells its metrics on the port of --metrics plus i."
    )
    parser.add_argument("--data", required=True, metavar="DIR", help="where the nodes have their folders: DIR/node-i")
    parser.add_argument(
        "--nodes", type=int, metavar="N", help=f"how many (default: {DEFAULT_NODES}, or as many as there were)"
    )
    parser.add_argument(
        "--listen", metavar="HOST:PORT", help=f"where node 0 listens (default: {DEFAULT_LISTEN}, or as it was)"
    )
    parser.add_argument("--metrics", metavar="HOST:PORT", help="where node 0 tells Prometheus how it does")
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="one setting of all nodes; repeatable"
    )


def run(arguments: argparse.Namespace) -> int:
    directory = Path(arguments.data).absolute()
    try:
        settings = _settings(arguments.set)
        layout = _layout(directory, arguments.nodes, arguments.listen)
        prepare(directory, layout, settings, _metrics(arguments.metrics))
    except (UsageError, LayoutError) as error:
        print(f"ottla: {error}", file=sys.stderr)
        return EXIT_USAGE
    except (StorageError, OSError) as error:
        print(f"ottla: {error}", file=sys.stderr)
        return EXIT_FAILED

    from ottla.broker.cluster_supervisor import supervise

    return supervise(directory, layout)


def prepare(
    directory: Path, layout: ClusterLayout, settings: dict[str, str], metrics: tuple[str, int] | None = None
) -> None:
    """Write what the nodes start with. Raises `LayoutError` (nothing is written then), `StorageError`, `OSError`."""
    data_of = {node_id: node_folder(directory, node_id) / "data" for node_id in layout.node_ids}
    properties_of = {node_id: layout.properties(node_id, data, settings) for node_id, data in data_of.items()}
    if metrics is not None:
        host, port = metrics
        for node_id, properties in properties_of.items():
            properties[METRICS_LISTEN] = f"{f'[{host}]' if ':' in host else host}:{port + node_id}"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / CLUSTER_FILE).write_text(layout.to_json(), "utf-8")
    voters = parse_initial_controllers(layout.initial_controllers, CONTROLLER_LISTENER)
    for node_id, data in data_of.items():
        data.parent.mkdir(exist_ok=True)
        (data.parent / "server.properties").write_text(
            format_properties(properties_of[node_id], (" Written by `ottla cluster` at every start.",)), "utf-8"
        )
        request = FormatRequest(
            log_directories=[data],
            metadata_directory=data,
            node_id=node_id,
            controller_endpoints=(),
            cluster_id=layout.cluster_id,
            is_voter=False,
            voters=voters if layout.is_voter(node_id) else None,
        )
        format_storage(Disk(), request, ignore_formatted=True, now_ms=int(time.time() * 1000), new_uuid=new_uuid)


def _layout(directory: Path, nodes: int | None, listen: str | None) -> ClusterLayout:
    """As it was; else as asked for. Raises `UsageError`, `LayoutError`, `OSError`."""
    file = directory / CLUSTER_FILE
    if not file.exists():
        if directory.is_dir() and any(directory.iterdir()):
            raise UsageError(f"--data {directory} has something else in it: name a folder that is empty or not there")
        host, port = _address(listen or DEFAULT_LISTEN)
        nodes = DEFAULT_NODES if nodes is None else nodes
        voters = (FirstVoter(node_id, uuid_text(new_uuid())) for node_id in range(min(MAX_VOTERS, max(1, nodes))))
        return ClusterLayout(uuid_text(new_uuid()), host, port, tuple(voters), nodes)
    there = sum(1 for each in directory.glob("node-*") if each.is_dir())
    try:
        layout = layout_from_json(file.read_text("utf-8"), there if nodes is None else nodes)
    except LayoutError:
        raise
    except ValueError as error:
        raise UsageError(f"{file}: {error}") from error
    if layout.nodes < there:
        raise UsageError(f"the cluster of {directory} has {there} nodes: leave --nodes {layout.nodes} out")
    if listen is not None and _address(listen) != (layout.host, layout.port):
        raise UsageError(f"the cluster of {directory} listens on {layout.host}:{layout.port}: leave --listen out")
    return layout


def _address(listen: str, option: str = "--listen") -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal():
        raise UsageError(f"{option} wants HOST:PORT, not {listen!r}")
    return host.strip("[]"), int(port)


def _metrics(listen: str | None) -> tuple[str, int] | None:
    return None if listen is None else _address(listen, "--metrics")


def _settings(words: list[str]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set wants KEY=VALUE, not {word!r}")
        settings[key.strip()] = value.strip()
    return settings
