"""MongoDB's own connector as an oracle (`MongoOracle.java`), beside `ConnectOracle`.

Each question is an object with "ask": json (a document as JSON, by each formatter), parse (JSON as a document), output
(a document as a key or value), topic (of an event), put (records into a sink), poll (records of a source).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.connect.oracle.process import ConnectOracle
from tests.peers.apache_kafka import fetched_jars

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION: Final = "2.0.1"
_ARTIFACTS: Final = (("org.mongodb.kafka", "mongo-kafka-connect", VERSION),)


class MongoOracle(ConnectOracle):
    main = "MongoOracle"

    def sources(self) -> Sequence[Path]:
        return [*super().sources(), Path(__file__).parent / "MongoOracle.java"]

    def class_path(self) -> str:
        return f"{super().class_path()}:{fetched_jars(f'mongo-kafka-connect-{VERSION}', _ARTIFACTS)}/*"
