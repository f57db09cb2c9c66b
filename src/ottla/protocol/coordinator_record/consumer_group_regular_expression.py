"""ConsumerGroupRegularExpression, record type 16 of `__consumer_offsets`: value version 0."""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue
from ottla.protocol.types import Int64


class ConsumerGroupRegularExpressionKey(CoordinatorKey, record_type=16, versions="0", flexible="none"):
    """A regular expression that a consumer group subscribes to."""

    group_id: str
    regular_expression: str


class ConsumerGroupRegularExpressionValue(CoordinatorValue, record_type=16, versions="0", flexible="0+"):
    """The topics that the expression resolved to."""

    topics: list[str]
    version: Int64
    timestamp: Int64
