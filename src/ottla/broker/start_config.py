"""The configuration that a node is given, read and looked at before anything is started.

Settings from weakest to strongest: Ottla's embedded defaults, `--config FILE`, the environment, `--data` and
`--listen`, `--set`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ottla.runtime.config.definition import ConfigError
from ottla.runtime.config.endpoints import parse_endpoints
from ottla.runtime.config.properties import parse_properties
from ottla.runtime.config.providers import resolve_variables
from ottla.runtime.config.server_config import (
    LOG_FORMAT,
    LOG_LEVEL,
    METRICS_LISTEN,
    METRICS_TLS,
    OTLP_ENDPOINT,
    TRACES_ENDPOINT,
    ServerConfig,
)
from ottla.runtime.config.static_config import server_config_of
from ottla.runtime.log_format import FORMATS, LEVELS
from ottla.runtime.tracing.wish import wish_for

if TYPE_CHECKING:
    from ottla.runtime.tls_context import TlsContexts

DATA_VARIABLE = "OTTLA_DATA"


class UsageError(Exception):
    """The command line, or a file that it names, is wrong."""


def read_config(
    file: str | None, data: str | None, listen: str | None, settings: list[str], *, environment: bool = False
) -> ServerConfig:
    """The configuration of a node. `UsageError` or `ConfigError` says what is wrong with it, in one line."""
    return server_config_of(read_properties(file, data, listen, settings, environment=environment))


def read_properties(
    file: str | None, data: str | None, listen: str | None, settings: list[str], *, environment: bool = False
) -> dict[str, str]:
    """What is set, without Ottla's defaults; variables (`config.providers`) are replaced.

    The later wins: the file, `KAFKA_…` if `environment` is to be read, and what the command line says.
    """
    properties = _read_file(file) if file else {}
    if environment:
        from ottla.runtime.config.environment import properties_in

        properties |= properties_in(os.environ)
    if data:
        for key in ("log.dir", "metadata.log.dir"):
            properties.pop(key, None)
        properties["log.dirs"] = data
    if listen:
        properties["listeners"] = _listeners(listen, properties)
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set wants KEY=VALUE, not {setting!r}")
        properties[key.strip()] = value.strip()
    variable = os.environ.get(DATA_VARIABLE)
    if variable and not {"log.dirs", "log.dir"} & properties.keys():
        properties["log.dirs"] = variable
    return resolve_variables(properties, os.environ)


def _read_file(name: str) -> dict[str, str]:
    try:
        return parse_properties(Path(name).read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"--config {name}: {reason}") from error


def _listeners(listen: str, properties: dict[str, str]) -> str:
    """`listeners` with one PLAINTEXT listener at HOST:PORT; those of the controller stay."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit():
        raise UsageError(f"--listen wants HOST:PORT, not {listen!r}")
    parse_endpoints("--listen", (f"PLAINTEXT://{host}:{port}",), {"PLAINTEXT": "PLAINTEXT"})
    controllers = {name.strip().upper() for name in properties.get("controller.listener.names", "").split(",")}
    kept = [
        item.strip()
        for item in properties.get("listeners", "").split(",")
        if item.partition("://")[0].strip().upper() in controllers
    ]
    return ",".join([f"PLAINTEXT://{host}:{port}", *filter(None, kept)])


def check_own(config: ServerConfig) -> None:
    """Raises `ConfigError`."""
    for key, allowed in ((LOG_FORMAT, FORMATS), (LOG_LEVEL, LEVELS)):
        value = config.own(key)
        if value is not None and value not in allowed:
            raise ConfigError(key, value, f"it must be one of {', '.join(allowed)}")
    listen = config.own(METRICS_LISTEN)
    if listen is not None:
        from ottla.runtime.metrics.listen import parse_listen

        try:
            parse_listen(listen)
        except ValueError as error:
            raise ConfigError(METRICS_LISTEN, listen, str(error)) from error
    try:
        metrics_tls(config)
    except ValueError as error:
        raise ConfigError(METRICS_TLS[0], config.own(METRICS_TLS[0]), str(error)) from error
    endpoint = config.own(OTLP_ENDPOINT)
    if endpoint is not None:
        from ottla.runtime.metrics.otlp_exporter import own_settings

        try:
            own_settings(endpoint, "")
        except ValueError as error:
            raise ConfigError(OTLP_ENDPOINT, endpoint, str(error)) from error
    traces = config.own(TRACES_ENDPOINT)
    try:
        wish_for(traces)
    except ValueError as error:
        raise ConfigError(TRACES_ENDPOINT, traces, str(error)) from error


def metrics_tls(config: ServerConfig) -> TlsContexts | None:
    """`ValueError` says what is wrong with it."""
    certificate, key, ca, client_auth = map(config.own, METRICS_TLS)
    if certificate is None and key is None and client_auth is None:
        return None
    from ottla.runtime.tls_files import TlsFiles

    certificate_file, key_file, ca_file = (None if name is None else Path(name) for name in (certificate, key, ca))
    return TlsFiles(certificate_file, key_file, ca_file, client_auth or "none").server()


def check_security(config: ServerConfig) -> None:
    """What only those who want it pay for at the start. Raises `ConfigError`, before anything is written."""
    if config.get_str("authorizer.class.name"):
        from ottla.broker.authorizer.authorizer import make_authorizer
        from ottla.metadata.image import EMPTY_IMAGE

        make_authorizer(config, lambda: EMPTY_IMAGE)
    if any(one.security_protocol != "PLAINTEXT" for one in config.broker_listeners):
        from ottla.broker.listener_security import listener_security
        from ottla.metadata.image import EMPTY_IMAGE
        from ottla.runtime.clock import SystemClock

        listener_security(config, lambda: EMPTY_IMAGE, SystemClock())
