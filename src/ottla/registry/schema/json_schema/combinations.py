"""Changes of `allOf`, `anyOf` and `oneOf`: each part of the one must find its own part of the other to fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.registry.schema.json_schema.model import ALL_OF, ANY_OF, ONE_OF, Combined, Schema

if TYPE_CHECKING:
    from ottla.registry.schema.json_schema.comparison import Comparison


def compare_combined(at: Comparison, original: Combined, update: Combined) -> None:
    if original.criterion != update.criterion:
        if not _extends(original, update):
            at.add("COMBINED_TYPE_CHANGED")
            return
        at.add("COMBINED_TYPE_EXTENDED")
    old, new = _distinct(original), _distinct(update)
    if len(old) < len(new):
        at.add("PRODUCT_TYPE_EXTENDED" if update.criterion == ALL_OF else "SUM_TYPE_EXTENDED")
    elif len(old) > len(new):
        at.add("PRODUCT_TYPE_NARROWED" if original.criterion == ALL_OF else "SUM_TYPE_NARROWED")
    fitting: list[dict[int, Comparison]] = []
    for index, part in enumerate(old):
        with at.at(f"{original.criterion}/{index}"):
            trials = {}
            for place, other in enumerate(new):
                trial = at.trial()
                trial.compare(part, other)
                if trial.fits:
                    trials[place] = trial
            fitting.append(trials)
    partners = _matching(fitting)
    for place, index in partners.items():
        at.take(fitting[index][place])
    if len(partners) < min(len(old), len(new)):
        at.add("COMBINED_TYPE_SUBSCHEMAS_CHANGED")


def _extends(original: Combined, update: Combined) -> bool:
    """Whether another way to combine permits at least as much."""
    old_is_single, new_is_single = len(original.parts) == 1, len(update.parts) == 1
    return (
        update.criterion == ANY_OF
        or (old_is_single and (new_is_single or update.criterion == ONE_OF))
        or (new_is_single and original.criterion == ALL_OF)
    )


def _distinct(combined: Combined) -> list[Schema]:
    return list(dict(zip(combined.keys, combined.parts, strict=True)).values())


def _matching(fitting: list[dict[int, Comparison]]) -> dict[int, int]:
    """As many pairs as can be, by augmenting paths: new part → old part."""
    partners: dict[int, int] = {}

    def find(index: int, tried: set[int]) -> bool:
        for place in fitting[index]:
            if place in tried:
                continue
            tried.add(place)
            if place not in partners or find(partners[place], tried):
                partners[place] = index
                return True
        return False

    for index in range(len(fitting)):
        find(index, set())
    return partners
