"""What members of streams groups do (KIP-1071), request by request; see `streams_transcript`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.interop.group_scenarios import TOPIC
from tests.unit.coordinator.streams_topologies import internal_topic, subtopology, topology

from ottla.protocol.api.streams_group_heartbeat import Endpoint, KeyValue, TaskIds, TaskOffset

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.interop.streams_transcript import StreamsTranscript

NAMES = (
    "1f0e6c52-7d0b-4b35-9a44-0f2a7a0e3c11",
    "a7c2d9f0-52be-4c9d-8f1c-6b1b0d5a9e22",
    "5b3e81aa-90c4-4f7e-b6d2-c4f9e07d1f33",
    "e94f20b7-1c68-4a0f-a5b3-92d7c8e6f044",
    "0d8a5e13-ce27-4d96-8b70-3a51f4b9c255",
)
SIMPLE = topology(subtopology("0", TOPIC))


async def streams_alone(t: StreamsTranscript) -> None:
    """One member from joining to leaving, and everything an administrator may ask meanwhile."""
    await t.topic()
    await t.member("m1", 1)
    await t.describe_streams()
    await t.member("m1", of=SIMPLE, process="p1", rack_id="r1", client_tags=[KeyValue(key="zone", value="z")])
    epoch = t.epochs["m1"]
    await t.describe_streams("nobody", "")
    await t.list()
    await t.list(["stable"], ["streams"])
    await t.list(["Empty"], ["streams"])
    await t.list([], ["classic", "consumer", "share"])
    await t.member("m1")
    await t.member("m1", active_tasks=None, standby_tasks=None, warmup_tasks=None)
    await t.member("m1", epoch - 1)
    await t.member("m1", epoch + 1)
    await t.member("m2", epoch)
    await t.member("m1", rack_id="r2")
    await t.member("m1", process="p2", client_tags=[])
    await t.member("m1", rebalance_timeout_ms=30_000)
    await t.describe_streams()
    await t.describe()
    await t.describe(5)
    await t.describe_consumers()
    epoch = t.epochs["m1"]
    for version in (8, 9, 10):
        await t.commit(1, member_id="m1", generation_id=epoch, version=version)
    for other in (epoch + 1, epoch - 1, 1):
        await t.commit(2, member_id="m1", generation_id=other)
    await t.commit(2, member_id="m1", generation_id=epoch - 1, topic="other")
    await t.commit(2, member_id="m3", generation_id=epoch)
    await t.commit(2)
    for member_id, asked in (("m1", epoch), ("m1", epoch + 1), ("m1", epoch - 1), ("m3", epoch), (None, -1)):
        await t.fetch_as(member_id, asked)
    await t.heartbeat("m1", epoch)
    await t.sync("m1", epoch)
    await t.leave(("m1", None))
    await t.delete_offsets(TOPIC, 0)
    await t.delete_offsets("other", 0)
    await t.delete_group()
    await t.member("m1", -1)
    await t.member("m1", -1)
    await t.describe_streams()
    await t.list()
    await t.list(["empty"])
    await t.commit(7)
    await t.fetch_as(None, -1)
    await t.delete_offsets(TOPIC, 0)
    await t.delete_group()
    await t.describe_streams()
    await t.member("m1", -1)
    await t.records()


async def streams_rebalance(t: StreamsTranscript) -> None:
    """Members come, give up and take over, and go: four on three processes, over two subtopologies."""
    await t.topic("rebalance-a", 7)
    await t.topic("rebalance-b", 4)
    shape = topology(subtopology("0", "rebalance-a"), subtopology("1", "rebalance-b"))
    await t.member(NAMES[0], of=shape, process="p0")
    await t.member(NAMES[1], of=shape, process="p1")
    await t.describe_streams()
    epochs = dict(t.epochs)
    await t.member(NAMES[0])
    await t.commit(1, member_id=NAMES[0], generation_id=epochs[NAMES[0]], topic="rebalance-a", partitions=(0, 1))
    await t.commit(1, member_id=NAMES[0], generation_id=epochs[NAMES[0]], topic="rebalance-a", partitions=(6,))
    await t.member(NAMES[1])
    await t.round(NAMES[0], NAMES[1], times=2)
    await t.describe_streams()
    await t.member(NAMES[2], of=shape, process="p1")
    await t.round(*NAMES[:3], times=3)
    await t.describe_streams()
    await t.member(NAMES[3], of=shape, process="p2")
    await t.member(NAMES[4], of=shape, process="p2")
    await t.member(NAMES[1], 0, of=shape, process="p1")
    await t.round(*NAMES[:4], times=3)
    await t.describe_streams()
    await t.member(NAMES[1], -1)
    await t.round(NAMES[0], NAMES[2], NAMES[3], times=2)
    await t.member(NAMES[0], -1)
    await t.round(NAMES[2], NAMES[3], times=2)
    await t.member(NAMES[2], owned=False)
    await t.member(NAMES[1], of=shape, process="p3")
    await t.member(NAMES[2], t.epochs[NAMES[2]] - 1)
    await t.round(NAMES[1], NAMES[2], NAMES[3], times=3)
    await t.describe_streams()
    await t.records()


async def streams_standbys(t: StreamsTranscript) -> None:
    """Copies of states: as many as the group's config says, on other processes."""
    await t.topic("standbys-a", 5)
    await t.topic("standbys-b", 3)
    await t.topic("standbys-changelog", 5)
    await t.set_group_config("streams.num.standby.replicas", "3")
    await t.set_group_config("streams.num.standby.replicas", "1")
    shape = topology(
        subtopology("0", "standbys-a", changelogs=[internal_topic("standbys-changelog")]),
        subtopology("1", "standbys-b"),
    )
    for number, process in enumerate(("p0", "p1", "p1", "p2")):
        await t.member(NAMES[number], of=shape, process=process)
        await t.round(*NAMES[: number + 1], times=2)
    await t.describe_streams()
    await t.member(NAMES[0], -1)
    await t.round(*NAMES[1:4], times=3)
    await t.describe_streams()
    await t.set_group_config("streams.num.standby.replicas", "2")
    await t.round(*NAMES[1:4], times=3)
    await t.member(NAMES[0], of=shape, process="p0")
    await t.round(*NAMES[:4], times=4)
    await t.set_group_config("streams.num.standby.replicas", "0")
    await t.round(*NAMES[:4], times=3)
    await t.describe_streams()
    await t.records()


async def streams_internal_topics(t: StreamsTranscript) -> None:
    """The broker makes repartition topics and changelogs, with as many partitions as they need."""
    await t.topic("internal-a", 4)
    await t.topic("internal-b", 3)
    shape = topology(
        subtopology("0", "internal-a", "internal-b", repartition_sinks=["internal-wide"]),
        subtopology(
            "1",
            repartition_sources=[
                internal_topic("internal-wide", replication_factor=1, cleanup_policy="delete", segment_bytes="52428800")
            ],
            changelogs=[internal_topic("internal-changelog", cleanup_policy="compact", min_compaction_lag_ms="0")],
            repartition_sinks=["internal-fixed"],
            copartitioned=[((), (0,))],
        ),
        subtopology(
            "2", "internal-b", repartition_sources=[internal_topic("internal-fixed", 3)], copartitioned=[((0,), (0,))]
        ),
    )
    await t.member("m1", of=shape)
    await t.describe_streams()
    await t.until_made("internal-wide", "internal-changelog", "internal-fixed")
    await t.list(["not_ready"])
    await t.list(["notready"])
    await t.round("m1", times=2)
    await t.describe_streams()
    await t.more_partitions("internal-changelog", 5)
    await t.round("m1", times=2)
    await t.describe_streams()
    await t.records()


async def streams_bad_topologies(t: StreamsTranscript) -> None:
    """Topologies that no topics could fit, and topics that do not fit."""
    await t.topic("bad-a", 2)
    await t.topic("bad-b", 3)
    shapes = (
        topology(subtopology("0", "__consumer_offsets")),
        topology(subtopology("0", "bad topic")),
        topology(subtopology("0", "bad-a", regex=["x.*"])),
        topology(subtopology("0", "bad-a", changelogs=[internal_topic("bad-changelog", 2)])),
        topology(subtopology("0", "bad-a"), subtopology("0", "bad-b")),
        topology(subtopology("0", "bad-a"), epoch=-1),
        topology(subtopology("0")),
        topology(subtopology("0", "bad-a"), subtopology("1", repartition_sources=[internal_topic("bad-unwritten")])),
        topology(subtopology("0", repartition_sources=[internal_topic("bad-loop")], repartition_sinks=["bad-loop"])),
        topology(subtopology("0", "bad-a", "bad-b", copartitioned=[((0, 7), ())])),
        topology(subtopology("0", "bad-a", changelogs=[internal_topic("bad-twice"), internal_topic("bad-twice")])),
        topology(subtopology("0", "bad-a", repartition_sources=[internal_topic("bad-negative", -2)])),
    )
    for shape in shapes:
        await t.member("m1", of=shape)
    await t.member("m1", of=topology(subtopology("0", "bad-missing-b", "bad-missing-a", "bad-a")))
    await t.describe_streams()
    await t.list(["not_ready"])
    await t.round("m1", times=2)
    await t.member("m1", -1)
    await t.delete_group()
    await t.member("m1", of=topology(subtopology("0", "bad-a", "bad-b", copartitioned=[((0, 1), ())])))
    await t.member("m1", -1)
    await t.delete_group()
    fixed = subtopology(
        "0",
        "bad-a",
        repartition_sources=[internal_topic("bad-fixed", 3)],
        repartition_sinks=["bad-fixed"],
        copartitioned=[((0,), (0,))],
    )
    await t.member("m1", of=topology(fixed))
    await t.member("m1", -1)
    await t.delete_group()
    await t.topic("bad-narrow", 1)
    await t.member("m1", of=topology(subtopology("0", "bad-a", changelogs=[internal_topic("bad-narrow")])))
    await t.describe_streams()
    await t.more_partitions("bad-narrow", 2)
    await t.round("m1", times=2)
    await t.records()


async def streams_refusals(t: StreamsTranscript) -> None:
    """Requests that no group would take."""
    await t.topic()
    task = [TaskIds(subtopology_id="0", partitions=[0])]
    offset = [TaskOffset(subtopology_id="0", partition=0, offset=1)]
    wrong: tuple[dict[str, Any], ...] = (
        {"member_id": ""},
        {"group_id": " "},
        {"rack_id": ""},
        {"instance_id": "i"},
        {"rebalance_timeout_ms": -1},
        {"topology": None},
        {"active_tasks": task},
        {"standby_tasks": None},
        {"warmup_tasks": task},
        {"task_offsets": offset},
        {"task_end_offsets": []},
        {"client_tags": [KeyValue(key="a", value="1"), KeyValue(key="a", value="2")]},
    )
    for fields in wrong:
        await t.member("m1", of=SIMPLE, **fields)
    for epoch in (1, -1, -2, -3):
        await t.member("m1", epoch, of=SIMPLE)
        await t.member("m1", epoch)
    await t.member("m1", of=SIMPLE)
    await t.member("m1", active_tasks=None)
    await t.member("m1", active_tasks=[*task, *task])
    await t.member("m1", active_tasks=[TaskIds(subtopology_id="7", partitions=[0])])
    await t.member("m1", active_tasks=[TaskIds(subtopology_id="0", partitions=[3])])
    await t.member("m1", standby_tasks=[TaskIds(subtopology_id="0", partitions=[-1])])
    await t.member("m1", instance_id="i")
    await t.member("m1", -2, instance_id="i")
    await t.member("m2", of=topology(subtopology("1", TOPIC)))
    await t.member("m2", of=topology(subtopology("0", TOPIC), epoch=1))
    for number in range(2, 6):
        await t.member(f"m{number}", of=SIMPLE)
    await t.member("m1", of=SIMPLE)
    await t.describe_streams()
    await t.records()


async def streams_topics(t: StreamsTranscript) -> None:
    """Topics that grow, go, and come."""
    await t.topic("streams-topics-a", 1)
    shape = topology(subtopology("0", "streams-topics-a", "streams-topics-b"))
    await t.member("m1", of=shape)
    await t.topic("streams-topics-b", 2)
    await t.round("m1", times=2)
    await t.more_partitions("streams-topics-a", 3)
    await t.round("m1", times=2)
    await t.delete_topic("streams-topics-b")
    await t.round("m1", times=3)
    await t.describe_streams()
    await t.topic("streams-topics-b", 1)
    await t.member("m2", of=shape)
    await t.round("m1", "m2", times=3)
    await t.describe_streams()
    await t.records()


async def streams_and_others(t: StreamsTranscript) -> None:
    """Groups without members change their type with whoever comes; others do not."""
    await t.topic()
    await t.commit(5)
    await t.member("m1", 1)
    await t.member("m1", of=SIMPLE)
    await t.list()
    await t.fetch_as(None, -1)
    await t.join()
    await t.join("x")
    await t.beat("c1", 0, topics=[TOPIC])
    await t.beat("c1", 1)
    await t.beat("c1", -1)
    await t.member("m1", -1)
    await t.beat("c1", 0, topics=[TOPIC])
    await t.list()
    classic = (await t.join()).member_id
    await t.list()
    await t.describe_streams()
    await t.join(classic)
    await t.member("m1", of=SIMPLE)
    await t.leave((classic, None))
    await t.member("m1", of=SIMPLE)
    await t.list()
    await t.member("m1", -1)
    await t.delete_group()
    await t.beat("c1", 0, topics=[TOPIC])
    await t.member("m1", of=SIMPLE)
    await t.member("m1", -1)
    await t.describe_streams()
    await t.beat("c1", -1)
    await t.member("m1", of=SIMPLE)
    await t.records()


async def streams_endpoints(t: StreamsTranscript) -> None:
    """Members say where they can be queried, and hear it of each other."""
    await t.topic("endpoints-a", 3)
    await t.topic("endpoints-b", 1)
    shape = topology(subtopology("0", "endpoints-a", "endpoints-b"))
    first, second = Endpoint(host="one", port=1), Endpoint(host="two", port=65535)
    await t.member("m1", of=shape, user_endpoint=first)
    await t.member("m1", endpoint_information_epoch=0)
    await t.member("m2", of=shape, user_endpoint=second)
    for epoch in (0, 1, 1, 2, 3):
        await t.member("m1", endpoint_information_epoch=epoch)
        await t.member("m2", endpoint_information_epoch=epoch)
    await t.member("m3", of=shape)
    for epoch in (4, 0, 5):
        for member_id in ("m1", "m2", "m3"):
            await t.member(member_id, endpoint_information_epoch=epoch)
    # The heartbeat that changes an endpoint still tells the old one in Apache Kafka; so nothing is told with it.
    await t.member("m1", user_endpoint=second, endpoint_information_epoch=4)
    await t.member("m2", -1)
    await t.member("m1", endpoint_information_epoch=0)
    await t.describe_streams()
    await t.records()


async def streams_shutdown(t: StreamsTranscript) -> None:
    """A member asks the whole application to stop; another has an old topology."""
    await t.topic()
    shape = topology(subtopology("0", TOPIC), epoch=3)
    await t.member("m1", of=shape)
    await t.member("m2", of=topology(subtopology("9", TOPIC), epoch=2))
    await t.round("m1", "m2", times=2)
    await t.member("m2", shutdown_application=True)
    await t.member("m1", shutdown_application=True)
    await t.round("m1", "m2")
    await t.member("m2", -1)
    await t.round("m1")
    await t.member("m1", -1, shutdown_application=True)
    await t.member("m3", of=shape)
    await t.member("m9", -1, shutdown_application=True)
    await t.round("m3")
    await t.records()


async def streams_silence(t: StreamsTranscript) -> None:
    """Sessions that end by the group's own config, and tasks that are not given up in time."""
    await t.topic()
    await t.set_group_config("streams.heartbeat.interval.ms", "200")
    await t.set_group_config("streams.session.timeout.ms", "1000")
    await t.set_group_config("streams.session.timeout.ms", "100")
    await t.set_group_config("streams.heartbeat.interval.ms", "20000")
    await t.member("m1", of=SIMPLE)
    await t.until_streams(lambda group: not group.members)
    await t.describe_streams()
    await t.set_group_config("streams.session.timeout.ms", "45000")
    await t.member("m1", of=SIMPLE, rebalance_timeout_ms=800)
    await t.member("m2", of=SIMPLE)
    await t.member("m1")
    await t.until_streams(lambda group: len(group.members) == 1)
    await t.describe_streams()
    await t.member("m1")
    await t.member("m2")
    await t.records()


async def streams_delays(t: StreamsTranscript) -> None:
    """A new group waits for members; assignments have their interval."""
    await t.topic()
    await t.set_group_config("streams.initial.rebalance.delay.ms", "10000")
    await t.member("m1", of=SIMPLE)
    await t.member("m2", of=SIMPLE)
    await t.round("m1", "m2")
    await t.describe_streams()
    await t.until_streams(lambda group: group.assignment_epoch == group.group_epoch)
    await t.describe_streams()
    await t.set_group_config("streams.assignment.interval.ms", "15000")
    await t.round("m1", "m2")
    await t.member("m3", of=SIMPLE)
    await t.describe_streams()
    await t.set_group_config("streams.assignment.interval.ms", "0")
    await t.round("m1", "m2", "m3", times=3)
    await t.describe_streams()
    await t.records()


STREAMS_SCENARIOS: tuple[Callable[[StreamsTranscript], Awaitable[None]], ...] = (
    streams_alone,
    streams_rebalance,
    streams_standbys,
    streams_internal_topics,
    streams_bad_topologies,
    streams_refusals,
    streams_topics,
    streams_and_others,
    streams_endpoints,
    streams_shutdown,
    streams_silence,
    streams_delays,
)
