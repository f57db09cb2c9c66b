"""Our codec against bytes and JSON that Apache Kafka's classes wrote."""

from __future__ import annotations

import pytest
from tests.golden.golden_messages import GoldenMessage, read_golden
from tests.unit.protocol.kafka_json import to_json
from tests.unit.protocol.message_samples import EVERY_VERSION, MESSAGES

GOLDEN = read_golden()


def test_the_file_has_every_message_in_every_version() -> None:
    assert [(line.name, line.version) for line in GOLDEN] == [(m.__name__, version) for m, version in EVERY_VERSION]


@pytest.mark.parametrize("line", GOLDEN, ids=lambda line: f"{line.name}-{line.version}")
def test_apache_kafka_and_we_mean_the_same_by_the_same_bytes(line: GoldenMessage) -> None:
    message = MESSAGES[line.name].decode(line.data, line.version)
    assert to_json(message, line.version) == line.json
    assert message.encode(line.version) == line.data
