"""The loggers of this process under Kafka's names for levels: the resource BROKER_LOGGER. KIP-412."""

import logging
from collections.abc import Mapping

from ottla.protocol.errors import ErrorCode, KafkaError

ROOT = "root"
LEVELS: Mapping[str, int] = {
    "TRACE": logging.DEBUG,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
}
_NAMES = {logging.DEBUG: "DEBUG", logging.INFO: "INFO", logging.WARNING: "WARN", logging.ERROR: "ERROR"}


def current_levels() -> dict[str, str]:
    """Effective level by name: the root, and Ottla's own."""
    names = [name for name in sorted(logging.root.manager.loggerDict) if name.split(".")[0] == "ottla"]
    levels = {ROOT: _name_of(logging.root.getEffectiveLevel())}
    levels.update((name, _name_of(logging.getLogger(name).getEffectiveLevel())) for name in names)
    return levels


def check_logger(name: str) -> None:
    """Raises `KafkaError` INVALID_CONFIG."""
    if name not in current_levels():
        raise KafkaError(ErrorCode.INVALID_CONFIG, f"No logger is named {name}")


def check_level(name: str, level: str | None) -> None:
    """Raises `KafkaError` INVALID_CONFIG."""
    if level not in LEVELS:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG, f"The level of {name} must be one of {', '.join(LEVELS)}, not {level}"
        )


def set_level(name: str, level: str) -> None:
    _logger(name).setLevel(LEVELS[level])


def unset_level(name: str) -> None:
    """Back to its parent's. The root has none: `KafkaError` INVALID_REQUEST."""
    if name == ROOT:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "The root logger must have a level")
    _logger(name).setLevel(logging.NOTSET)


def _logger(name: str) -> logging.Logger:
    return logging.root if name == ROOT else logging.getLogger(name)


def _name_of(level: int) -> str:
    if level > logging.ERROR:
        return "FATAL"
    return _NAMES[max(logging.DEBUG, level // 10 * 10)]
