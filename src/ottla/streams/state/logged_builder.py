"""What all builders of stores have in common: whether a changelog is written, and what its topic is created with."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedBuilder:
    """A `StoreBuilder` but for its `name` and `build`; immutable: each `with_…` returns another one.

    As it is here, a store has neither a cache nor windows.
    """

    logging_enabled: bool = True
    log_config: dict[str, str] = field(default_factory=dict)

    @property
    def caching_enabled(self) -> bool:
        return False

    @property
    def window_retention_ms(self) -> int | None:
        return None

    def with_caching_disabled(self) -> Self:
        return self

    def with_logging_enabled(self, config: Mapping[str, str] | None = None) -> Self:
        """`config`: what the changelog topic is created with."""
        return replace(self, logging_enabled=True, log_config=dict(config or {}))

    def with_logging_disabled(self) -> Self:
        return replace(self, logging_enabled=False, log_config={})
