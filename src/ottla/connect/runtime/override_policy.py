"""Which settings of clients a connector may change (`connector.client.config.override.policy`, KIP-458, KIP-1188)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ottla.connect.api.config_def import ConfigValue
from ottla.connect.api.errors import ConfigError
from ottla.connect.runtime.connector_config import ADMIN_OVERRIDES, CONSUMER_OVERRIDES, PRODUCER_OVERRIDES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

KEY: Final = "connector.client.config.override.policy"
ALLOWLIST_KEY: Final = "connector.client.config.override.allowlist"
_SUFFIX: Final = "ConnectorClientConfigOverridePolicy"
_PRINCIPAL: Final = frozenset(("sasl.jaas.config", "sasl.mechanism", "security.protocol"))


@dataclass(frozen=True, slots=True)
class OverridePolicy:
    """`allowed`: the settings that a connector may change; `None`: all."""

    name: str
    allowed: frozenset[str] | None

    @classmethod
    def of(cls, text: str, allowlist: Collection[str] = ()) -> OverridePolicy:
        """By Java's alias or class; `allowlist` counts for the policy of that name. `ConfigError`."""
        name = text.strip().rpartition(".")[2].removesuffix(_SUFFIX)
        match name:
            case "All":
                return ALL
            case "None":
                return cls(name, frozenset())
            case "Principal":
                return cls(name, _PRINCIPAL)
            case "Allowlist":
                return cls(name, frozenset(allowlist))
        raise ConfigError.of(KEY, text, "it is one of All, Allowlist, None, Principal")

    def refusals(self, props: Mapping[str, str | None]) -> list[ConfigValue]:
        """What a connector sets and may not."""
        if self.allowed is None:
            return []
        refused = []
        for key, text in props.items():
            for prefix in (PRODUCER_OVERRIDES, CONSUMER_OVERRIDES, ADMIN_OVERRIDES):
                name = key.removeprefix(prefix)
                if not key.startswith(prefix) or name in self.allowed:
                    continue
                message = f"The '{self.name}' policy does not allow '{name}' to be overridden in the connector"
                refused.append(ConfigValue(key, text, error_messages=[f"{message} configuration."]))
        return refused


ALL: Final = OverridePolicy("All", None)
