"""Kinds of changes to a JSON Schema: which ones keep old data readable, and what is said of those that do not.

STRICT is the default policy; LENIENT takes the rules for open and closed objects less seriously.
"""

from __future__ import annotations

from typing import Final


def _kinds(text: str) -> frozenset[str]:
    return frozenset(text.split())


STRICT: Final = _kinds(
    """
    ID_CHANGED DESCRIPTION_CHANGED TITLE_CHANGED DEFAULT_CHANGED SCHEMA_REMOVED TYPE_EXTENDED MAX_LENGTH_INCREASED
    MAX_LENGTH_REMOVED MIN_LENGTH_DECREASED MIN_LENGTH_REMOVED PATTERN_REMOVED MAXIMUM_INCREASED MAXIMUM_REMOVED
    MINIMUM_DECREASED MINIMUM_REMOVED EXCLUSIVE_MAXIMUM_INCREASED EXCLUSIVE_MAXIMUM_REMOVED
    EXCLUSIVE_MINIMUM_DECREASED EXCLUSIVE_MINIMUM_REMOVED MULTIPLE_OF_REDUCED MULTIPLE_OF_REMOVED
    REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED REQUIRED_ATTRIBUTE_REMOVED DEPENDENCY_ARRAY_NARROWED
    DEPENDENCY_ARRAY_REMOVED DEPENDENCY_SCHEMA_REMOVED MAX_PROPERTIES_INCREASED MAX_PROPERTIES_REMOVED
    MIN_PROPERTIES_DECREASED MIN_PROPERTIES_REMOVED ADDITIONAL_PROPERTIES_ADDED ADDITIONAL_PROPERTIES_EXTENDED
    UNEVALUATED_PROPERTIES_ADDED UNEVALUATED_PROPERTIES_EXTENDED
    PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL
    REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL
    PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL
    PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL
    PROPERTY_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL MAX_ITEMS_INCREASED MAX_ITEMS_REMOVED
    MIN_ITEMS_DECREASED MIN_ITEMS_REMOVED MAX_CONTAINS_INCREASED MAX_CONTAINS_REMOVED MIN_CONTAINS_DECREASED
    MIN_CONTAINS_REMOVED UNIQUE_ITEMS_REMOVED ADDITIONAL_ITEMS_ADDED ADDITIONAL_ITEMS_EXTENDED UNEVALUATED_ITEMS_ADDED
    UNEVALUATED_ITEMS_EXTENDED ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL ITEM_ADDED_TO_CLOSED_CONTENT_MODEL
    ITEM_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL
    ITEM_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL ITEM_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL
    ENUM_ARRAY_EXTENDED COMBINED_TYPE_EXTENDED PRODUCT_TYPE_NARROWED SUM_TYPE_EXTENDED NOT_TYPE_NARROWED
    """
)
LENIENT: Final = STRICT | _kinds(
    """
    ADDITIONAL_PROPERTIES_NARROWED ADDITIONAL_PROPERTIES_REMOVED UNEVALUATED_PROPERTIES_NARROWED
    UNEVALUATED_PROPERTIES_REMOVED REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL
    OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL
    PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL
    PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL
    """
)

_SPECIAL: Final = {
    "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL": (
        "the {reader} schema demands a property at {path} that the {writer} one does not have"
    ),
    "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL": (
        "the {reader} schema is closed, and lacks what the {writer} one has at {path}"
    ),
    "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL": (
        "the {reader} schema is closed, and lacks what the {writer} one has at {path}"
    ),
}
# The end of a kind, and what it means; the first that fits.
_BY_END: Final = (
    ("ADDED_TO_OPEN_CONTENT_MODEL", "the {writer} schema is open: what the {reader} one names at {path} could be all"),
    ("NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", "what else may be there does not fit what is named at {path}"),
    ("_ADDED", "the {reader} schema demands at {path} what the {writer} one does not"),
    ("_REMOVED", "the {reader} schema no longer permits at {path} what the {writer} one does"),
    ("_INCREASED", "the limit at {path} is higher in the {reader} schema than in the {writer} one"),
    ("_EXPANDED", "the limit at {path} is higher in the {reader} schema than in the {writer} one"),
    ("_DECREASED", "the limit at {path} is lower in the {reader} schema than in the {writer} one"),
    ("_NARROWED", "the {reader} schema permits less at {path} than the {writer} one"),
    ("_EXTENDED", "the {reader} schema demands more at {path} than the {writer} one"),
    ("_CHANGED", "the {reader} schema says something else at {path} than the {writer} one"),
)


def description(kind: str) -> str:
    if kind in _SPECIAL:
        return _SPECIAL[kind]
    return next((text for end, text in _BY_END if kind.endswith(end)), "")
