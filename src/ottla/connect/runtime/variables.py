"""`${provider:path:key}` in configurations of connectors, resolved where they are used (`WorkerConfigTransformer`)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ottla.connect.api.errors import ConfigError
from ottla.runtime.config.definition import ConfigError as RuntimeConfigError
from ottla.runtime.config.providers import provider_settings, resolve_variables

if TYPE_CHECKING:
    from collections.abc import Mapping


class Variables:
    """With the `config.providers` of a worker."""

    def __init__(self, worker_properties: Mapping[str, str]) -> None:
        self._providers = provider_settings(worker_properties)

    def resolve(self, config: Mapping[str, str]) -> dict[str, str]:
        """A variable that nobody knows stays. `ConfigError` without any value in it."""
        try:
            return resolve_variables(config, os.environ, self._providers)
        except RuntimeConfigError as error:
            raise ConfigError(str(error)) from error

    def reverse(self, raw_config: Mapping[str, str], configs: list[dict[str, str]]) -> list[dict[str, str]]:
        """Configurations of tasks with the variables of their connector's again, so that no secret is stored."""
        variables = {key: text for key, text in raw_config.items() if self.resolve({key: text})[key] != text}
        return [{key: variables.get(key, text) for key, text in config.items()} for config in configs]
