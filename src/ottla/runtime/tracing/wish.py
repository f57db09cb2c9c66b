"""Whether traces are wanted: `--traces [URL]`, or OpenTelemetry's own OTEL_TRACES_EXPORTER=otlp in the environment.

The option becomes the variables, so that the processes that this one starts (parts of `ottla start --all`, tasks of
Connect, instances of Streams) tell theirs, too. All else is said by OpenTelemetry's variables, which its SDK reads.
"""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

EXPORTER: Final = "OTEL_TRACES_EXPORTER"
ENDPOINT: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
OTLP: Final = "otlp"
PATH: Final = "/v1/traces"
EXTRA: Final = "pip install 'ottla[otel]'"
_NEEDS: Final = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")


def add_trace_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--traces",
        metavar="URL",
        nargs="?",
        const="",
        help="tell an OpenTelemetry collector what happens, as traces, by OTLP over HTTP ($OTEL_EXPORTER_OTLP_ENDPOINT,"
        " or http://localhost:4318, if nothing is named)",
    )


def wish_for(endpoint: str | None) -> None:
    """Of the option: `None` was not said, and "" names no collector. `ValueError` says what is wrong with it."""
    if endpoint is None:
        return
    check_endpoint(endpoint)
    os.environ[EXPORTER] = OTLP
    if endpoint:
        whole = endpoint if urlsplit(endpoint).path.endswith(PATH) else f"{endpoint.rstrip('/')}{PATH}"
        os.environ[ENDPOINT] = whole


def check_endpoint(endpoint: str) -> None:
    """`ValueError`: no collector can be there, or nothing is installed that would tell it."""
    parts = urlsplit(endpoint)
    if endpoint and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ValueError(f"it must be http://HOST:PORT of a collector, such as http://127.0.0.1:4318, not {endpoint!r}")
    if missing := missing_package():
        raise ValueError(f"traces need {missing}: {EXTRA}")


def is_wished(environment: Mapping[str, str] = os.environ) -> bool:
    """By the option, or by whoever has started this process."""
    return OTLP in (each.strip() for each in environment.get(EXPORTER, "").split(","))


def missing_package() -> str | None:
    for name in _NEEDS:
        try:
            found = importlib.util.find_spec(name)
        except ModuleNotFoundError:
            found = None
        if found is None:
            return name
    return None
