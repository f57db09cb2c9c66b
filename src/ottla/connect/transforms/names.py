"""Java's names of the transformations and predicates, as they stand in a connector's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.connect.transforms.cast import CastKey, CastValue
from ottla.connect.transforms.extract_field import ExtractFieldKey, ExtractFieldValue, HoistFieldKey, HoistFieldValue
from ottla.connect.transforms.filter import Filter
from ottla.connect.transforms.flatten import FlattenKey, FlattenValue
from ottla.connect.transforms.headers import DropHeaders, HeaderFromKey, HeaderFromValue, InsertHeader
from ottla.connect.transforms.insert_field import InsertFieldKey, InsertFieldValue
from ottla.connect.transforms.mask_field import MaskFieldKey, MaskFieldValue
from ottla.connect.transforms.predicates import HasHeaderKey, RecordIsTombstone, TopicNameMatches
from ottla.connect.transforms.replace_field import ReplaceFieldKey, ReplaceFieldValue
from ottla.connect.transforms.routers import RegexRouter, TimestampRouter
from ottla.connect.transforms.set_schema_metadata import SetSchemaMetadataKey, SetSchemaMetadataValue
from ottla.connect.transforms.timestamp_converter import TimestampConverterKey, TimestampConverterValue
from ottla.connect.transforms.value_to_key import ValueToKey

if TYPE_CHECKING:
    from ottla.connect.api.transformation import Predicate, Transformation

PACKAGE: Final = "org.apache.kafka.connect.transforms."

_TRANSFORMATIONS: Final[dict[str, type[Transformation]]] = {
    "Cast$Key": CastKey,
    "Cast$Value": CastValue,
    "DropHeaders": DropHeaders,
    "ExtractField$Key": ExtractFieldKey,
    "ExtractField$Value": ExtractFieldValue,
    "Filter": Filter,
    "Flatten$Key": FlattenKey,
    "Flatten$Value": FlattenValue,
    "HeaderFrom$Key": HeaderFromKey,
    "HeaderFrom$Value": HeaderFromValue,
    "HoistField$Key": HoistFieldKey,
    "HoistField$Value": HoistFieldValue,
    "InsertField$Key": InsertFieldKey,
    "InsertField$Value": InsertFieldValue,
    "InsertHeader": InsertHeader,
    "MaskField$Key": MaskFieldKey,
    "MaskField$Value": MaskFieldValue,
    "RegexRouter": RegexRouter,
    "ReplaceField$Key": ReplaceFieldKey,
    "ReplaceField$Value": ReplaceFieldValue,
    "SetSchemaMetadata$Key": SetSchemaMetadataKey,
    "SetSchemaMetadata$Value": SetSchemaMetadataValue,
    "TimestampConverter$Key": TimestampConverterKey,
    "TimestampConverter$Value": TimestampConverterValue,
    "TimestampRouter": TimestampRouter,
    "ValueToKey": ValueToKey,
}
TRANSFORMATIONS: Final = {PACKAGE + name: each for name, each in _TRANSFORMATIONS.items()}

PREDICATES: Final[dict[str, type[Predicate]]] = {
    f"{PACKAGE}predicates.{each.__name__}": each for each in (HasHeaderKey, RecordIsTombstone, TopicNameMatches)
}
