"""An instance that cannot begin says why, and leaves nothing behind."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from ottla.streams import Consumed, Produced, Serdes, StreamsBuilder
from ottla.streams.application.instance_state import State
from ottla.streams.application.kafka_streams import KafkaStreams
from ottla.streams.errors import StreamsError

if TYPE_CHECKING:
    from pathlib import Path


def test_what_librdkafka_refuses_is_said_and_ends_the_start(tmp_path: Path) -> None:
    text = Serdes.str()
    builder = StreamsBuilder()
    builder.stream("in", Consumed(text, text)).to("out", Produced(text, text))
    config = {
        "application.id": "refused",
        "bootstrap.servers": "127.0.0.1:1",
        "group.protocol": "classic",
        "num.stream.threads": "2",
        "state.dir": str(tmp_path),
        "producer.no.such.property": "1",
    }
    before = set(threading.enumerate())
    topology = builder.build(config)
    app = KafkaStreams(topology, config)
    with pytest.raises(StreamsError, match=r"StreamThread-1-producer.*no\.such\.property"):
        app.start()
    assert app.state is State.ERROR
    assert app.close()
    assert {each for each in threading.enumerate() if each.is_alive()} <= before
    again = KafkaStreams(topology, config | {"client.id": "me"})
    with pytest.raises(StreamsError, match="me-StreamThread-1-producer"):  # the state directory is free again
        again.start()
