"""`Serdes`: where an application gets its serdes from (`org.apache.kafka.common.serialization.Serdes`)."""

from __future__ import annotations

import dataclasses
import uuid as uuids
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ottla.streams.serdes import primitive
from ottla.streams.serdes.json_serde import json_serde
from ottla.streams.serdes.list_serde import list_serde

if TYPE_CHECKING:
    import builtins

    from ottla.streams.serdes.serde import Serde

T = TypeVar("T")


class Serdes:
    """Each call returns a serde. They have no state, so one may be used everywhere."""

    @staticmethod
    def bytes() -> Serde[builtins.bytes]:
        return primitive.BYTES

    @staticmethod
    def str() -> Serde[builtins.str]:
        """UTF-8."""
        return primitive.STR

    @staticmethod
    def int16() -> Serde[int]:
        return primitive.INT16

    @staticmethod
    def int32() -> Serde[int]:
        return primitive.INT32

    @staticmethod
    def int64() -> Serde[int]:
        """Java's `Long`."""
        return primitive.INT64

    @staticmethod
    def float32() -> Serde[float]:
        return primitive.FLOAT32

    @staticmethod
    def float64() -> Serde[float]:
        """Java's `Double`."""
        return primitive.FLOAT64

    @staticmethod
    def bool() -> Serde[builtins.bool]:
        return primitive.BOOL

    @staticmethod
    def uuid() -> Serde[uuids.UUID]:
        return primitive.UUID

    @staticmethod
    def void() -> Serde[None]:
        """For keys or values that are always null."""
        return primitive.VOID

    @staticmethod
    def list(inner: Serde[T]) -> Serde[builtins.list[T | None]]:
        return list_serde(inner)

    @staticmethod
    def json(kind: type[T] | None = None) -> Serde[T]:
        return json_serde(kind)

    @staticmethod
    def serde_from(kind: type[T]) -> Serde[T]:
        """The serde of a Python type: int is `int64`, float `float64`, and a dataclass is JSON."""
        found = _BY_TYPE.get(kind)
        if found is not None:
            return found
        if dataclasses.is_dataclass(kind) or hasattr(kind, "__struct_fields__"):
            return json_serde(kind)
        raise ValueError(
            f"no serde is known for {kind.__name__}; known are {', '.join(each.__name__ for each in _BY_TYPE)}"
        )


_BY_TYPE: Final[dict[type, Serde[Any]]] = {
    bytes: primitive.BYTES,
    str: primitive.STR,
    int: primitive.INT64,
    float: primitive.FLOAT64,
    bool: primitive.BOOL,
    uuids.UUID: primitive.UUID,
    type(None): primitive.VOID,
}
