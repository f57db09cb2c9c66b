"""Values that stand elsewhere: `${provider:[path:]key}` in server.properties, which so holds no secrets. KIP-297, 421.

config.providers=env,file,dir
config.providers.env.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider
config.providers.env.param.allowlist.pattern=KAFKA_.*          nothing else of the environment
config.providers.file.class=….FileConfigProvider               ${file:/etc/secrets.properties:password}
config.providers.dir.class=….DirectoryConfigProvider           ${dir:/run/secrets:password}: the file of that name
config.providers.dir.param.allowed.paths=/run/secrets

As in Apache Kafka, a variable that nobody knows stays as it stands, and what a value is replaced with is not looked at
again. Kafka's `ConfigTransformer`. In configs that are set while a node runs they stand for texts, as paths and
passwords of TLS are; each node looks for itself.
"""

import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from ottla.runtime.config.definition import ConfigError
from ottla.runtime.config.properties import parse_properties

KEY: Final = "config.providers"
_PACKAGE: Final = "org.apache.kafka.common.config.provider."
_VARIABLE: Final = re.compile(r"\$\{([^}]*?):(?:([^}]*?):)?([^}]*?)\}")

Provider: TypeAlias = Callable[[str, str], str | None]
"""(path, key) -> the value."""


def provider_settings(properties: Mapping[str, str]) -> dict[str, str]:
    """Which providers there are, and what is set for them."""
    return {name: text for name, text in properties.items() if name == KEY or name.startswith(f"{KEY}.")}


def resolve_variables(
    properties: Mapping[str, str], environment: Mapping[str, str], settings: Mapping[str, str] | None = None
) -> dict[str, str]:
    """With every variable replaced. `settings`: those of the providers, where they do not stand among the properties.

    Raises `ConfigError`, with no value in it. Nothing happens where there are no providers.
    """
    settings = properties if settings is None else settings
    names = [name for item in settings.get(KEY, "").split(",") if (name := item.strip())]
    if not names:
        return dict(properties)
    providers = {name: made for name in names if (made := _make(settings, name, environment)) is not None}

    def replaced(setting: str, found: re.Match[str]) -> str:
        name, path, key = found[1], found[2] or "", found[3]
        provider = providers.get(name)
        try:
            value = None if provider is None else provider(path, key)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise ConfigError(setting, found[0], f"it cannot be read: {reason}") from None
        return found[0] if value is None else value

    return {setting: _VARIABLE.sub(partial(replaced, setting), text) for setting, text in properties.items()}


def _make(properties: Mapping[str, str], name: str, environment: Mapping[str, str]) -> Provider | None:
    """`None` without a class, which Apache Kafka takes for no provider."""
    key = f"{KEY}.{name}.class"
    kind = properties.get(key)
    if kind is None:
        return None
    prefix = f"{KEY}.{name}.param."
    settings = {setting[len(prefix) :]: text for setting, text in properties.items() if setting.startswith(prefix)}
    match kind.strip().removeprefix(_PACKAGE):
        case "EnvVarConfigProvider":
            return _environment(environment, settings.get("allowlist.pattern", ".*"), f"{prefix}allowlist.pattern")
        case "FileConfigProvider":
            return partial(_from_file, _allowed(settings, prefix))
        case "DirectoryConfigProvider":
            return partial(_from_directory, _allowed(settings, prefix))
    names = "EnvVarConfigProvider, FileConfigProvider, DirectoryConfigProvider"
    raise ConfigError(key, kind, f"it must be one of {names} of Apache Kafka")


def _environment(environment: Mapping[str, str], pattern: str, key: str) -> Provider:
    try:
        allowed = re.compile(pattern)
    except re.error as error:
        raise ConfigError(key, pattern, f"it must be a regular expression: {error}") from None

    def of(path: str, name: str) -> str | None:
        if path:
            raise ValueError("the environment has no paths")
        return environment.get(name) if allowed.fullmatch(name) else None

    return of


def _allowed(settings: Mapping[str, str], prefix: str) -> list[Path] | None:
    """`None`: everything may be read."""
    text = settings.get("allowed.paths", "")
    if not text:
        return None
    paths = [Path(os.path.normpath(item.strip())) for item in text.split(",")]
    for path in paths:
        if not path.is_absolute() or not path.exists():
            raise ConfigError(f"{prefix}allowed.paths", str(path), "each must be absolute, and there")
    return paths


def _may_read(allowed: list[Path] | None, path: Path) -> bool:
    normal = Path(os.path.normpath(path))
    return allowed is None or any(normal == one or one in normal.parents for one in allowed)


def _from_file(allowed: list[Path] | None, path: str, key: str) -> str | None:
    file = Path(path)
    if not path or not _may_read(allowed, file):
        return None
    return parse_properties(file.read_text("utf-8")).get(key)


def _from_directory(allowed: list[Path] | None, path: str, key: str) -> str | None:
    file = Path(path) / key
    if not path or not _may_read(allowed, Path(path)) or file.parent != Path(path) or not file.is_file():
        return None
    return file.read_text("utf-8")
