"""How `aggregate` takes aggregations, `total=sum_("amount")`, where else it takes functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.streams.expressions.aggregations import Aggregation
from ottla.streams.expressions.aggregator import Aggregator
from ottla.streams.serdes.json_serde import json_serde

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.streams.dsl.ktable import KTable
    from ottla.streams.serdes.serde import Serde

STATES: Final[Serde[Any]] = json_serde()
"""What aggregations are kept as unless `materialized` has a serde."""


def aggregator_of(initializer: Any, functions: tuple[Any, ...], fields: Mapping[str, Aggregation]) -> Aggregator | None:
    """None where functions are given, all of them; TypeError for a mixture, and where something is missing."""
    if isinstance(initializer, Aggregation) or fields:
        if any(each is not None for each in functions) or not isinstance(initializer, Aggregation | None):
            raise TypeError("aggregate takes an initializer and functions, or aggregations, not some of both")
        return Aggregator.of(initializer, fields)
    if initializer is None or any(each is None for each in functions):
        raise TypeError(
            "aggregate needs an initializer and its functions, or aggregations by name: aggregate(total=sum_('amount'))"
        )
    return None


def finished(table: KTable[Any, Any], aggregator: Aggregator) -> KTable[Any, Any]:
    """The table of results, where states are something else: a node more, which keeps nothing."""
    finisher = aggregator.finisher
    if finisher is None:
        return table
    made = table.map_values(finisher)
    made._value_serde = STATES
    return made
