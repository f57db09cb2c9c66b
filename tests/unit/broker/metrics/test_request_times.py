"""Requests counted always, timed by sample, their errors read from answers."""

from __future__ import annotations

import pytest

from ottla.broker.metrics.request_times import MAX_STRIDE, RequestTimes, VersionMeasure
from ottla.broker.request_context import ClientConnection
from ottla.broker.request_counts import RequestCounts
from ottla.protocol.api.api_versions import ApiVersionsResponse
from ottla.protocol.api.fetch import FetchableTopicResponse, FetchResponse, PartitionData
from ottla.protocol.api.metadata import MetadataResponse, MetadataResponseTopic
from ottla.protocol.api.offset_fetch import OffsetFetchResponse
from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.errors import ErrorCode

FRAME = memoryview(bytes(100))
CLIENT = ClientConnection(client_host="127.0.0.1", client_port=1, listener="PLAINTEXT")


class ManualClock:
    def __init__(self) -> None:
        self.ms = 1000.0

    def __call__(self) -> float:
        return self.ms


def test_the_steps_of_a_request_are_told_apart() -> None:
    clock = ManualClock()
    times = RequestTimes(clock)
    timing = times.begin(RequestCounts(ApiKey.FETCH, 16), 120, 1)
    timing.also("FetchConsumer")
    clock.ms += 2
    timing.handled()
    clock.ms += 500
    timing.answered()
    clock.ms += 1
    timing.sent()
    for told in (times, times.kinds["FetchConsumer"]):
        assert {
            part: told.summary(part, 1).total for part in ("local", "remote", "response_send", "total", "size")
        } == {
            "local": 2,
            "remote": 500,
            "response_send": 1,
            "total": 503,
            "size": 120,
        }


def test_who_is_asked_often_is_timed_seldom_and_sums_stand_for_all() -> None:
    clock = ManualClock()
    times, counts = RequestTimes(clock), RequestCounts(ApiKey.PRODUCE, 9)
    counts.watch(VersionMeasure(times, ApiKey.PRODUCE, 9))
    timed = 0
    requests = 100_000
    for _ in range(requests):
        clock.ms += 0.01  # 100,000 a second
        counts.single += 1
        timing = counts.begin(FRAME, CLIENT) if counts.single > counts.time_at else None
        if timing is not None:
            clock.ms += 1.0  # only while it is looked at
            timing.handled()
            timing.sent()
            timed += 1
    assert requests / MAX_STRIDE <= timed < requests / 50
    assert times.summary("total", requests).total == pytest.approx(requests * 1.0, rel=0.02)


def test_who_is_asked_now_and_then_is_timed_each_time() -> None:
    clock = ManualClock()
    times, counts = RequestTimes(clock), RequestCounts(ApiKey.HEARTBEAT, 4)
    counts.watch(VersionMeasure(times, ApiKey.HEARTBEAT, 4))
    for requests in range(1, 50):
        clock.ms += 100
        counts.single += 1
        assert counts.single > counts.time_at
        timing = counts.begin(FRAME, CLIENT)
        assert timing is not None
        timing.sent()
        assert len(times) == requests


@pytest.mark.parametrize("together", [1, 30])
def test_requests_that_are_served_together_are_one_sample_of_their_weight(together: int) -> None:
    clock = ManualClock()
    times = RequestTimes(clock)
    timing = times.begin(RequestCounts(ApiKey.PRODUCE, 9), 100, together)
    clock.ms += 4
    timing.handled()
    timing.sent()
    assert times.summary("total", together).total == 4 * together


def test_quantiles_are_of_the_last_five_minutes() -> None:
    clock = ManualClock()
    times = RequestTimes(clock)

    def take(ms: float) -> None:
        timing = times.begin(RequestCounts(ApiKey.METADATA, 12), 1, 1)
        clock.ms += ms
        timing.sent()
        clock.ms += 100

    take(10_000)
    clock.ms += 300_000
    assert all(value == 0 for _, value in times.summary("total", 1).quantiles)
    for ms in range(1, 100):
        take(ms)
    quantiles = dict(times.summary("total", 100).quantiles)
    assert quantiles == {"0.50": 50, "0.75": 75, "0.95": 95, "0.98": 98, "0.99": 99, "0.999": 99}


def fetched(*codes: ErrorCode, code: ErrorCode = ErrorCode.NONE) -> FetchResponse:
    partitions = [
        PartitionData(partition_index=i, error_code=each, high_watermark=0, aborted_transactions=[], records=b"")
        for i, each in enumerate(codes)
    ]
    return FetchResponse(error_code=code, responses=[FetchableTopicResponse(partitions=partitions)])


def test_errors_are_counted_where_an_answer_tells_them() -> None:
    times = RequestTimes(ManualClock())
    fetch = VersionMeasure(times, ApiKey.FETCH, 13)
    fetch.answered(fetched(ErrorCode.NONE, ErrorCode.OFFSET_OUT_OF_RANGE, ErrorCode.OFFSET_OUT_OF_RANGE))
    fetch.answered(fetched(code=ErrorCode.FETCH_SESSION_ID_NOT_FOUND))
    assert times.errors == {ErrorCode.OFFSET_OUT_OF_RANGE: 2, ErrorCode.FETCH_SESSION_ID_NOT_FOUND: 1}
    assert times.without_error == 2  # of the partition, and of the first answer as a whole

    times = RequestTimes(ManualClock())
    topic = MetadataResponseTopic(error_code=ErrorCode.LEADER_NOT_AVAILABLE, name="t", partitions=[])
    answer = MetadataResponse(topics=[topic], brokers=[])
    VersionMeasure(times, ApiKey.METADATA, 9).answered(answer)
    assert (times.errors, times.without_error) == ({ErrorCode.LEADER_NOT_AVAILABLE: 1}, 0)
    VersionMeasure(times, ApiKey.METADATA, 13).answered(answer)  # since then it has an error of its own
    assert (times.errors, times.without_error) == ({ErrorCode.LEADER_NOT_AVAILABLE: 2}, 1)


def test_an_answer_without_a_place_for_errors_has_none() -> None:
    times = RequestTimes(ManualClock())
    VersionMeasure(times, ApiKey.API_VERSIONS, 3).answered(ApiVersionsResponse(error_code=0, api_keys=[]))
    VersionMeasure(times, ApiKey.OFFSET_FETCH, 1).answered(OffsetFetchResponse(topics=[], groups=[]))
    assert times.without_error == 1


def test_every_answer_of_every_version_can_be_read() -> None:
    for key, api in API.items():
        for version in api.stable_versions:
            VersionMeasure(RequestTimes(ManualClock()), key, version).answered(api.response())
