"""The levels of loggers, under Java's names, looked at and set while the worker runs (`Loggers`, KIP-495)."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

ROOT: Final = "root"
_LEVELS: Final = {
    "OFF": logging.CRITICAL + 10,
    "FATAL": logging.CRITICAL,
    "ERROR": logging.ERROR,
    "WARN": logging.WARNING,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
    "TRACE": 5,
    "ALL": 1,
}
_modified_ms: dict[str, int] = {}


def is_level(level: str) -> bool:
    return level.upper() in _LEVELS


def level_of(logger: str) -> dict[str, Any] | None:
    """`None`: there is no such logger."""
    if logger.lower() == ROOT:
        return _shown(ROOT, logging.getLogger())
    found = logging.root.manager.loggerDict.get(logger)
    return _shown(logger, found) if isinstance(found, logging.Logger) else None


def all_levels() -> dict[str, Any]:
    """Every logger that is there, by name."""
    loggers = {
        name: logger for name, logger in logging.root.manager.loggerDict.items() if isinstance(logger, logging.Logger)
    }
    return {name: _shown(name, logger) for name, logger in sorted({**loggers, ROOT: logging.getLogger()}.items())}


def set_level(namespace: str, level: str) -> list[str]:
    """Of a logger and all below it; which they are."""
    number = _LEVELS[level.upper()]
    if namespace.lower() == ROOT:
        names = [*_loggers(), ROOT]
    else:
        logging.getLogger(namespace)
        names = [name for name in _loggers() if name == namespace or name.startswith(namespace + ".")]
    for name in names:
        logger = logging.getLogger() if name == ROOT else logging.getLogger(name)
        if logger.getEffectiveLevel() != number:
            _modified_ms[name] = int(time.time() * 1000)
        logger.setLevel(number)
    return sorted(names)


def _loggers() -> list[str]:
    return [name for name, logger in logging.root.manager.loggerDict.items() if isinstance(logger, logging.Logger)]


def _shown(name: str, logger: logging.Logger) -> dict[str, Any]:
    level = logger.getEffectiveLevel()
    named = next((text for text, number in _LEVELS.items() if number <= level), "ALL")
    return {"level": named, "last_modified": _modified_ms.get(name)}
