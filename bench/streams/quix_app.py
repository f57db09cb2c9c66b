"""The workloads in Quix Streams: `python quix_app.py WORKLOAD BOOTSTRAP GROUP STATE_DIR GUARANTEE COMMIT_MS`.

It runs in a virtual environment of its own, which has nothing of this project.
"""

import sys
from datetime import timedelta
from typing import Any

from quixstreams import Application


def main(workload: str, bootstrap: str, group: str, state_dir: str, guarantee: Any, commit_ms: str) -> None:
    app = Application(
        broker_address=bootstrap,
        consumer_group=group,
        auto_offset_reset="earliest",
        state_dir=state_dir,
        processing_guarantee=guarantee,
        commit_interval=int(commit_ms) / 1000,
        loglevel="ERROR",
    )
    source = app.topic("in", key_deserializer="str", value_deserializer="str")
    sink = app.topic("out", key_serializer="str", value_serializer="str")
    records = app.dataframe(source)
    if workload == "map-filter":
        records = records.filter(lambda value: not value.endswith("0")).apply(lambda value: value + "0")
    elif workload == "count":
        records = records.apply(count, stateful=True)
    elif workload == "windowed-sum":
        window = records.tumbling_window(timedelta(minutes=1))
        sums = window.reduce(lambda total, value: total + int(value), int).current()
        records = sums.apply(lambda window: str(window["value"]))
    elif workload == "join":
        table = app.dataframe(app.topic("table", key_deserializer="str", value_deserializer="str"))
        records = records.join_asof(table, how="inner", on_merge=lambda value, name: value + name)
    records.to_topic(sink)
    app.run()


def count(_: Any, state: Any) -> str:
    total: int = state.get("total", 0) + 1
    state.set("total", total)
    return str(total)


if __name__ == "__main__":
    main(*sys.argv[1:])
