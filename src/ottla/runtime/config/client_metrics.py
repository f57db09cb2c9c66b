"""Every config of a client metrics subscription (KIP-714), as Kafka 4.3 defines them (`ClientMetricsConfigs`)."""

import re

from ottla.runtime.config.definition import INT, LIST, MEDIUM, ConfigError, Definitions, definitions
from ottla.runtime.config.definition import ConfigDefinition as Config

CLIENT_METRICS_CONFIGS: Definitions = definitions(
    Config("metrics", LIST, (), None, MEDIUM),
    Config("interval.ms", INT, 300000, None, MEDIUM),
    Config("match", LIST, (), None, MEDIUM),
)

MIN_INTERVAL_MS = 100
MAX_INTERVAL_MS = 3_600_000
MATCH_NAMES = (
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
)


def parse_match(pattern: str) -> tuple[str, str]:
    """Name and regular expression of one item of `match`; `ConfigError` if it is not `NAME=REGEX` of a known name."""
    name, sign, expression = pattern.partition("=")
    name, expression = name.strip(), expression.strip()
    allowed = f"it must be NAME=REGEX, with a name of {', '.join(MATCH_NAMES)}"
    if not sign or name not in MATCH_NAMES:
        raise ConfigError("match", pattern, allowed)
    try:
        re.compile(expression)
    except re.error:
        raise ConfigError("match", pattern, allowed) from None
    return name, expression


def check_interval(interval_ms: int) -> None:
    """`ConfigError` unless clients may push this often."""
    if not MIN_INTERVAL_MS <= interval_ms <= MAX_INTERVAL_MS:
        allowed = f"it must be {MIN_INTERVAL_MS} to {MAX_INTERVAL_MS}"
        raise ConfigError("interval.ms", str(interval_ms), allowed)
