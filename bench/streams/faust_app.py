"""The workloads in Faust: `python faust_app.py WORKLOAD BOOTSTRAP GROUP STATE_DIR GUARANTEE COMMIT_MS`.

It runs in a virtual environment of its own, which has nothing of this project. Faust has no joins: its table is filled
by an agent of its own, and looked into by hand.
"""

import sys
from typing import Any

import faust

PARTITIONS = 4


def main(workload: str, bootstrap: str, group: str, state_dir: str, guarantee: str, commit_ms: str) -> None:
    app = faust.App(
        group,
        broker=f"kafka://{bootstrap}",
        store="rocksdb://",
        datadir=state_dir,
        processing_guarantee=guarantee,
        broker_commit_interval=int(commit_ms) / 1000,
        broker_commit_every=1_000_000,
        consumer_auto_offset_reset="earliest",
        topic_partitions=PARTITIONS,
        topic_disable_leader=True,
        stream_wait_empty=False,
        web_enabled=False,
        autodiscover=False,
    )

    def topic(name: str) -> Any:
        kinds = {"key_type": str, "value_type": str, "key_serializer": "raw", "value_serializer": "raw"}
        return app.topic(name, **kinds)

    AGENTS[workload](app, topic("in"), topic("out"), topic("table"))
    faust.Worker(app, loglevel="ERROR").execute_from_commandline()


def map_filter(app: Any, records: Any, out: Any, _: Any) -> None:
    @app.agent(records)  # type: ignore[untyped-decorator, unused-ignore]
    async def kept(stream: Any) -> None:
        async for key, value in stream.items():
            if not value.endswith("0"):
                await out.send(key=key, value=value + "0")


def count(app: Any, records: Any, out: Any, _: Any) -> None:
    counts = app.Table("counts", default=int, partitions=PARTITIONS)

    @app.agent(records)  # type: ignore[untyped-decorator, unused-ignore]
    async def counted(stream: Any) -> None:
        async for event in stream.events():
            key = event.key
            counts[key] += 1
            await out.send(key=key, value=str(counts[key]))


def windowed_sum(app: Any, records: Any, out: Any, _: Any) -> None:
    sums = app.Table("sums", default=int, partitions=PARTITIONS).tumbling(60.0).relative_to_stream()

    @app.agent(records)  # type: ignore[untyped-decorator, unused-ignore]
    async def summed(stream: Any) -> None:
        async for key, value in stream.items():
            sums[key] += int(value)
            await out.send(key=key, value=str(sums[key].current()))


def join(app: Any, records: Any, out: Any, table: Any) -> None:
    names = app.Table("names", default=str, partitions=PARTITIONS)

    @app.agent(table)  # type: ignore[untyped-decorator, unused-ignore]
    async def known(stream: Any) -> None:
        async for key, name in stream.items():
            names[key] = name

    @app.agent(records)  # type: ignore[untyped-decorator, unused-ignore]
    async def joined(stream: Any) -> None:
        async for key, value in stream.items():
            name = names.get(key)
            if name is not None:
                await out.send(key=key, value=value + name)


AGENTS = {"map-filter": map_filter, "count": count, "windowed-sum": windowed_sum, "join": join}

if __name__ == "__main__":
    main(*sys.argv[1:])
