"""What a record costs in a filter and a projection over dicts, by way of doing it: `python -m bench.expressions`.

The question of ADR 9: what may a fused chain of expressions become? CPU of this process; numpy and pyarrow are measured
where they are installed. The second table is a whole task, JSON read and written, with lambdas and with expressions.
"""

from __future__ import annotations

import importlib
import json
import random
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

from ottla.streams import Consumed, Produced, Serdes, StreamsBuilder, col, struct
from ottla.streams.operators.fused import Link, Step, StepKind, fuse
from ottla.streams.operators.stateless import Filter, MapValues
from ottla.streams.record import NO_HEADERS, RawRecord, TopicPartition
from ottla.streams.tasks.stream_task import StreamTask

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDS: Final = 200_000
BATCHES: Final = (500, 5_000)
ROUNDS: Final = 5
SERDE: Final[Any] = Serdes.json()


def records(count: int) -> list[dict[str, Any]]:
    chosen = random.Random(1)
    return [
        {
            "id": each,
            "user": f"user{chosen.randrange(10_000)}",
            "amount": chosen.randrange(1_000),
            "price": chosen.random() * 10,
            "country": chosen.choice(["DE", "CZ", "FR"]),
        }
        for each in range(count)
    ]


AMOUNT: Final = col("amount") > 500
COUNTRY: Final = col("country") != "FR"
TOTAL: Final = struct(user=col("user"), total=col("amount") * col("price") + 1)
OUT: Final[list[Any]] = []


def sink(key: Any, value: Any, timestamp_ms: int, headers: Any, /) -> None:
    OUT.append(value)


def lambdas() -> Any:
    first = Filter(lambda _, value: value["amount"] > 500)
    second = Filter(lambda _, value: value["country"] != "FR")
    third = MapValues(lambda value: {"user": value["user"], "total": value["amount"] * value["price"] + 1})
    first.forward, second.forward, third.forward = second.process, third.process, sink
    return first.process


def fused() -> Any:
    steps = [(StepKind.FILTER, AMOUNT), (StepKind.FILTER, COUNTRY), (StepKind.MAP_VALUES_WITH_KEY, TOTAL)]
    push = fuse([Link("node", Step(kind, expression), sink) for kind, expression in steps], sink)
    assert push is not None
    return push


def each(push: Any) -> Callable[[list[dict[str, Any]]], None]:
    def run(values: list[dict[str, Any]]) -> None:
        for value in values:
            push(None, value, 1, NO_HEADERS)

    return run


def one_loop(values: list[dict[str, Any]]) -> None:
    """What a chain could be that takes the whole batch."""
    for value in values:
        get = value.get
        amount, country, price, user = get("amount"), get("country"), get("price"), get("user")
        if not (amount is not None and amount > 500) or not (country is not None and country != "FR"):
            continue
        sink(
            None,
            {"user": user, "total": None if amount is None or price is None else +amount * +price + 1},
            1,
            NO_HEADERS,
        )


def lists(values: list[dict[str, Any]]) -> None:
    """A list a column; what is left after a filter is a list of positions."""
    amount = [value.get("amount") for value in values]
    left = [at for at, each in enumerate(amount) if each is not None and each > 500]
    country = [values[at].get("country") for at in left]
    left = [at for at, each in zip(left, country, strict=True) if each is not None and each != "FR"]
    price = [values[at].get("price") for at in left]
    total = [None if each is None else amount[at] * each + 1 for at, each in zip(left, price, strict=True)]
    for at, each in zip(left, total, strict=True):
        sink(None, {"user": values[at].get("user"), "total": each}, 1, NO_HEADERS)


def numpy_columns(numpy: Any) -> Callable[[list[dict[str, Any]]], None]:
    def run(values: list[dict[str, Any]]) -> None:
        amount, price, country = (
            numpy.array([value.get(name) for value in values]) for name in ("amount", "price", "country")
        )
        left = numpy.flatnonzero((amount > 500) & (country != "FR"))
        total = (amount * price + 1)[left].tolist()
        for at, each in zip(left.tolist(), total, strict=True):
            sink(None, {"user": values[at].get("user"), "total": each}, 1, NO_HEADERS)

    return run


def arrow_columns(arrow: Any) -> Callable[[list[dict[str, Any]]], None]:
    compute = importlib.import_module("pyarrow.compute")

    def run(values: list[dict[str, Any]]) -> None:
        amount, price, country = (
            arrow.array([value.get(name) for value in values]) for name in ("amount", "price", "country")
        )
        mask = compute.and_(compute.greater(amount, 500), compute.not_equal(country, "FR"))
        total = compute.add(compute.multiply(amount, price), 1).filter(mask).to_pylist()
        for at, each in zip(compute.indices_nonzero(mask).to_pylist(), total, strict=True):
            sink(None, {"user": values[at].get("user"), "total": each}, 1, NO_HEADERS)

    return run


def ways() -> dict[str, Callable[[list[dict[str, Any]]], None]]:
    found = {
        "lambdas, an operator each": each(lambdas()),
        "fused, a function a record": each(fused()),
        "one loop a batch": one_loop,
        "a list a column": lists,
    }
    for name, make in (("numpy", numpy_columns), ("pyarrow", arrow_columns)):
        try:
            found[name] = make(importlib.import_module(name))
        except ImportError:
            print(f"({name} is not installed)")
    return found


def cpu_us(run: Callable[[], object], count: int) -> float:
    start = time.process_time()
    run()
    return (time.process_time() - start) / count * 1e6


def _again(way: Callable[[list[dict[str, Any]]], None], values: list[dict[str, Any]]) -> None:
    for _ in range(RECORDS // len(values)):
        OUT.clear()
        way(values)


def chains() -> None:
    for batch in BATCHES:
        values = records(batch)
        best: dict[str, float] = {}
        for _ in range(ROUNDS):
            for name, way in ways().items():
                cost = cpu_us(partial(_again, way, values), len(values) * (RECORDS // batch))
                best[name] = min(best.get(name, cost), cost)
        print(f"batches of {batch}: CPU a record, of which a third passes")
        for name, cost in best.items():
            print(f"  {name:28} {cost:6.3f} µs")


class Nowhere:
    """A collector that keeps nothing."""

    def send(self, *record: Any) -> None: ...

    def partitions_for(self, topic: str) -> int:
        return 1


def application(predicate: Any, mapper: Any) -> StreamTask:
    builder = StreamsBuilder()
    stream = builder.stream("in", Consumed(Serdes.str(), SERDE)).filter(predicate)
    stream.map_values(mapper).to("out", Produced(Serdes.str(), SERDE))
    built = builder.build().build({"application.id": "bench"})
    task = StreamTask(built.sub_topologies[0], 0, [TopicPartition("in", 0)], "bench", built.config, Nowhere())
    task.initialize({})
    return task


def tasks() -> None:
    raws = [
        RawRecord("in", 0, at, at, b"key", json.dumps(value, separators=(",", ":")).encode())
        for at, value in enumerate(records(RECORDS // 10))
    ]
    filtered = lambda _, value: value["amount"] > 500  # noqa: E731
    mapped = lambda value: {"user": value["user"], "total": value["amount"] * value["price"] + 1}  # noqa: E731
    with mock.patch("ottla.streams.tasks.wiring.fuse", lambda *_: None):
        rows = application(filtered, mapped)
    made = {
        "lambdas, an operator each": rows,
        "lambdas, fused": application(filtered, mapped),
        "expressions, fused": application(AMOUNT, TOTAL),
    }
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, task in made.items():

            def run(task: StreamTask = task) -> None:
                for start in range(0, len(raws), 500):
                    task.add_records(TopicPartition("in", 0), raws[start : start + 500])
                    task.process(0, 500)

            best[name] = min(best.get(name, 1e9), cpu_us(run, len(raws)))
    print("a whole task, JSON to JSON: CPU a record, of which half passes")
    for name, cost in best.items():
        print(f"  {name:28} {cost:6.3f} µs")


if __name__ == "__main__":
    chains()
    tasks()
