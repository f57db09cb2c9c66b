"""What Ottla's own driver does with a question of the oracle: the answer in the same form, to be compared."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

from tests.streams.lambdas import text
from tests.streams.op_tree import OpTree

from ottla.streams.dsl.streams_builder import StreamsBuilder
from ottla.streams.serdes.serdes import Serdes
from ottla.streams.state.store import KeyValueStore, SessionStore, StateStore, ValueAndTimestamp, WindowStore
from ottla.streams.testing.topology_test_driver import TopologyTestDriver

if TYPE_CHECKING:
    from collections.abc import Callable

BYTES = Serdes.bytes()
DEFAULTS: dict[str, Any] = {
    "application.id": "app",
    "default.key.serde": Serdes.str(),
    "default.value.serde": Serdes.str(),
}
EVER = (1 << 63) - 1


class RecordingDriver(TopologyTestDriver):
    """Keeps what was written in one list, too, in order."""

    def __init__(self, *arguments: Any) -> None:
        self.everything: list[Any] = []
        super().__init__(*arguments)

    def _capture(self) -> None:
        self.everything += self._written
        super()._capture()


def answer(
    question: dict[str, Any], inspect: Callable[[TopologyTestDriver], None] = lambda driver: None
) -> dict[str, Any]:
    """`outputs`, `stores` and `dropped` as the oracle gives them; `inspect` sees the driver before its end."""
    builder = StreamsBuilder()
    OpTree(builder).write(question["ops"])
    config = DEFAULTS | question.get("config", {})
    outputs: list[dict[str, Any]] = []
    with RecordingDriver(builder.build(config), config, question.get("wall_clock_ms", 0)) as driver:
        for index, given in enumerate(question["inputs"]):
            if "advance_wall_clock_ms" in given:
                driver.advance_wall_clock_time(given["advance_wall_clock_ms"])
            else:
                headers = tuple((name, decoded(value)) for name, value in given.get("headers", ()))
                driver.pipe_raw(
                    given["topic"], decoded(given["key"]), decoded(given["value"]), given["timestamp"], headers
                )
            outputs += [_output(index, record) for record in driver.everything]
            driver.everything.clear()
        stores = {name: rows for name, store in driver.get_all_state_stores().items() if (rows := _rows(store))}
        dropped = driver.dropped_records
        inspect(driver)
        metrics = _metrics(driver)
    return {"outputs": outputs, "stores": stores, "dropped": dropped, "metrics": metrics}


def _metrics(driver: TopologyTestDriver) -> list[dict[str, Any]]:
    return [
        {"group": name.group, "name": name.name, "tags": dict(name.tags), "value": each.value}
        for name, each in driver.metrics().items()
    ]


def stores_restored_from(question: dict[str, Any], outputs: list[dict[str, Any]]) -> dict[str, Any]:
    """What the stores of a topology hold when they have read their changelogs among `outputs`, which another wrote."""
    builder = StreamsBuilder()
    OpTree(builder).write(question["ops"])
    config = DEFAULTS | question.get("config", {})
    with TopologyTestDriver(builder.build(config), config, 0) as driver:
        stores = driver.get_all_state_stores()
        for name, store in stores.items():
            store.restore([_logged(each) for each in outputs if each["topic"] == f"app-{name}-changelog"])
        return {name: rows for name, store in stores.items() if (rows := _rows(store))}


def _logged(record: dict[str, Any]) -> tuple[bytes, bytes | None, int, Any]:
    headers = tuple((name, decoded(value)) for name, value in record["headers"])
    return decoded(record["key"]) or b"", decoded(record["value"]), record["timestamp"] or 0, headers


def decoded(data: str | None) -> bytes | None:
    return None if data is None else b64decode(data)


def encoded(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data).decode()


def _output(index: int, record: Any) -> dict[str, Any]:
    return {
        "input": index,
        "topic": record.topic,
        "key": encoded(record.key),
        "value": encoded(record.value),
        "timestamp": record.timestamp_ms,
        "headers": [[name, encoded(value)] for name, value in record.headers],
    }


def _rows(store: StateStore) -> list[list[Any]]:
    if isinstance(store, KeyValueStore | WindowStore):
        return [_row(key, value) for key, value in store.all()]
    if isinstance(store, SessionStore):
        return [_row(key, value) for key, value in store.find_sessions(None, -EVER, EVER)]
    return []


def _row(key: Any, value: Any) -> list[Any]:
    if isinstance(value, ValueAndTimestamp):
        return [text(key), text(value.value), value.timestamp_ms]
    return [text(key), text(value), None]
