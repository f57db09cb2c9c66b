"""`ottla mirror`: read `mm2.properties`, run its flows until asked to stop, and show how they are doing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ottla.clients.errors import ClientError
from ottla.mirror.flow_config import MirrorConfigError, read_mirror_config
from ottla.runtime.config.properties import parse_properties

if TYPE_CHECKING:
    import argparse

    from ottla.mirror.flow_config import MirrorConfig
    from ottla.runtime.loop import StopRequest

EXIT_USAGE = 2
REPORT_S = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", metavar="FILE", required=True, help="an mm2.properties, as Apache Kafka's MirrorMaker 2 takes it"
    )
    parser.add_argument(
        "--clusters", metavar="ALIAS", nargs="+", help="only the flows into these clusters (default: all)"
    )
    parser.add_argument(
        "--report",
        metavar="SECONDS",
        type=float,
        default=REPORT_S,
        help="how often to say how the flows are doing where no terminal shows it (default: %(default)g)",
    )


def run(arguments: argparse.Namespace) -> int:
    try:
        config = _read_config(arguments.config, arguments.clusters)
    except (MirrorConfigError, ClientError) as error:
        print(f"ottla: --config {arguments.config}: {error}", file=sys.stderr)
        return EXIT_USAGE

    from ottla.runtime.loop import run as run_loop

    return run_loop(lambda stop, _: _serve(config, arguments.report, stop))


def _read_config(name: str, clusters: list[str] | None) -> MirrorConfig:
    from ottla.clients.security import client_security

    try:
        properties = parse_properties(Path(name).read_text("utf-8"))
    except OSError as error:
        raise MirrorConfigError(str(error.strerror or error)) from error
    except MirrorConfigError:
        raise
    except ValueError as error:
        raise MirrorConfigError(str(error)) from error
    config = read_mirror_config(properties)
    if clusters:
        known = {flow.target.alias for flow in config.flows}
        if unknown := sorted(set(clusters) - known):
            raise MirrorConfigError(f"--clusters {', '.join(unknown)}: nothing flows there")
        config.flows[:] = [flow for flow in config.flows if flow.target.alias in clusters]
    for flow in config.flows:
        for cluster in (flow.source, flow.target):
            client_security(cluster.client)  # what is wrong with it is better said now
    return config


async def _serve(config: MirrorConfig, report_s: float, stop: StopRequest) -> int:
    from ottla.mirror.mirror import Mirror

    if config.ineffective:
        print(f"ottla: no effect: {', '.join(config.ineffective)}", file=sys.stderr)
    mirror = Mirror(config)
    names = ", ".join(flow.name for flow in config.flows if flow.enabled)
    print(f"Mirroring {names}. Ctrl-C stops it, and the next start goes on from there.", flush=True)
    await mirror.run(stop, report_s)
    return 0
