"""`${provider:path:key}` in configurations of connectors, resolved where they are used (`WorkerConfigTransformer`)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ottla.connect.api.errors import ConfigError
from ottla.runtime.config.definition import ConfigError as RuntimeConfigError
from ottla.runtime.config.providers import KEY, resolve_variables

if TYPE_CHECKING:
    from collections.abc import Mapping


class Variables:
    """With the `config.providers` of a worker."""

    def __init__(self, worker_properties: Mapping[str, str]) -> None:
        self._providers = {key: text for key, text in worker_properties.items() if key.split(".")[:2] == KEY.split(".")}

    def resolve(self, config: Mapping[str, str]) -> dict[str, str]:
        """A variable that nobody knows stays. `ConfigError` without any value in it."""
        if not self._providers:
            return dict(config)
        try:
            resolved = resolve_variables({**config, **self._providers}, os.environ)
        except RuntimeConfigError as error:
            raise ConfigError(str(error)) from error
        return {key: resolved.get(key, text) for key, text in config.items()}

    def reverse(self, raw_config: Mapping[str, str], configs: list[dict[str, str]]) -> list[dict[str, str]]:
        """Configurations of tasks with the variables of their connector's again, so that no secret is stored."""
        variables = {key: text for key, text in raw_config.items() if self.resolve({key: text})[key] != text}
        return [{key: variables.get(key, text) for key, text in config.items()} for config in configs]
