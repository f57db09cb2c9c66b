"""Which settings of clients a connector may change (`connector.client.config.override.policy`, KIP-458)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from ottla.connect.api.config_def import ConfigValue
from ottla.connect.api.errors import ConfigError
from ottla.connect.runtime.connector_config import ADMIN_OVERRIDES, CONSUMER_OVERRIDES, PRODUCER_OVERRIDES

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY: Final = "connector.client.config.override.policy"
_SUFFIX: Final = "ConnectorClientConfigOverridePolicy"
_PRINCIPAL: Final = ("sasl.jaas.config", "sasl.mechanism", "security.protocol")


class OverridePolicy(Enum):
    ALL = "All"
    NONE = "None"
    PRINCIPAL = "Principal"
    """Who it is, and nothing else."""

    @classmethod
    def of(cls, text: str) -> OverridePolicy:
        """By Java's alias or class. `ConfigError`."""
        name = text.strip().rpartition(".")[2].removesuffix(_SUFFIX)
        try:
            return cls(name)
        except ValueError:
            raise ConfigError.of(KEY, text, "it is one of All, None, Principal") from None

    def refusals(self, props: Mapping[str, str | None]) -> list[ConfigValue]:
        """What a connector sets and may not."""
        if self is OverridePolicy.ALL:
            return []
        refused = []
        for key, text in props.items():
            for prefix in (PRODUCER_OVERRIDES, CONSUMER_OVERRIDES, ADMIN_OVERRIDES):
                name = key.removeprefix(prefix)
                if not key.startswith(prefix) or (self is OverridePolicy.PRINCIPAL and name in _PRINCIPAL):
                    continue
                message = f"The '{self.value}' policy does not allow '{name}' to be overridden in the connector"
                refused.append(ConfigValue(key, text, error_messages=[f"{message} configuration."]))
        return refused
