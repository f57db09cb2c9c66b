"""Transactions, transition by transition: what is answered, what is written, and what a load makes of it."""

from __future__ import annotations

import pytest
from tests.unit.coordinator.transactions import ID, OFFSETS, TIMEOUT_MS, A, B, TransactionDriver

from ottla.coordinator.transaction.metadata import MAX_EPOCH, TopicPartition, completed
from ottla.coordinator.transaction.records import decode_record, encode_record, transaction_record
from ottla.coordinator.transaction.state import STATE_BY_ID, VALID_PREVIOUS_STATES, TransactionState
from ottla.protocol.coordinator_record.transaction_log import TransactionLogValue
from ottla.protocol.errors import ErrorCode, ProtocolError

NONE = ErrorCode.NONE
CONCURRENT = ErrorCode.CONCURRENT_TRANSACTIONS
FENCED = ErrorCode.PRODUCER_FENCED
INVALID = ErrorCode.INVALID_TXN_STATE
MAPPING = ErrorCode.INVALID_PRODUCER_ID_MAPPING


@pytest.fixture(params=[0, 2], ids=["v0", "v2"])
def version(request: pytest.FixtureRequest) -> int:
    value = request.param
    assert isinstance(value, int)
    return value


@pytest.fixture
def driver(version: int) -> TransactionDriver:
    return TransactionDriver(version)


# ── InitProducerId ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_id_begins_with_epoch_0_and_each_producer_takes_the_next() -> None:
    driver = TransactionDriver()
    assert [driver.start() for _ in range(3)] == [(1000, 0), (1000, 1), (1000, 2)]
    assert driver.state == "Empty"
    assert driver.transaction.timeout_ms == TIMEOUT_MS
    driver.reload()
    assert driver.start() == (1000, 3)


@pytest.mark.parametrize("timeout_ms", [0, -1, 900_001])
def test_a_timeout_has_bounds(timeout_ms: int) -> None:
    driver = TransactionDriver()
    assert driver.init(timeout_ms=timeout_ms).error_code == ErrorCode.INVALID_TRANSACTION_TIMEOUT
    assert driver.init(timeout_ms=900_000).error_code == NONE


def test_an_empty_transactional_id_is_none() -> None:
    driver = TransactionDriver()
    assert driver.init(transactional_id="").error_code == ErrorCode.INVALID_REQUEST
    assert driver.end((1, 1), commit=True, name="").error_code == ErrorCode.INVALID_REQUEST
    assert driver.add((1, 1), name="") is ErrorCode.INVALID_REQUEST
    assert driver.verify((1, 1), name="") == {A: ErrorCode.INVALID_REQUEST}


def test_a_producer_goes_on_after_an_error_unless_it_was_fenced() -> None:
    driver = TransactionDriver()
    first = driver.start()
    bumped = driver.init(first)
    assert (bumped.producer_id, bumped.producer_epoch) == (1000, 1)
    repeated = driver.init(first)
    assert (repeated.error_code, repeated.producer_epoch) == (NONE, 1)
    other = driver.start()
    assert other == (1000, 2)
    assert driver.init(first).error_code == FENCED
    assert driver.init((1000, 1)).error_code == FENCED
    assert driver.init((77, 2)).error_code == FENCED
    assert driver.init(other).producer_epoch == 3


def test_a_load_forgets_the_last_epoch_and_so_a_repeated_request() -> None:
    driver = TransactionDriver()
    first = driver.start()
    driver.init(first)
    driver.reload()
    assert driver.init(first).error_code == FENCED


def test_a_producer_of_an_id_that_is_new_here_may_have_had_another_before() -> None:
    driver = TransactionDriver()
    answer = driver.init((5, 7))
    assert (answer.error_code, answer.producer_id, answer.producer_epoch) == (NONE, 1000, 0)


def test_an_open_transaction_is_aborted_before_a_new_producer_is_let_in(driver: TransactionDriver) -> None:
    producer = driver.start()
    assert driver.add(producer, A, B) is NONE
    assert driver.init().error_code == CONCURRENT
    assert driver.state == "CompleteAbort"
    [ended] = driver.sent
    assert (ended.producer_id, ended.producer_epoch, ended.commit) == (1000, 1, False)
    assert ended.partitions == {A, B}
    assert driver.start() == (1000, 2)
    assert driver.end_error(producer, commit=True) is FENCED
    assert driver.add(producer) is FENCED


def test_while_markers_are_written_nobody_is_let_in(driver: TransactionDriver) -> None:
    driver.holds_markers = True
    producer = driver.start()
    driver.add(producer, A)
    assert driver.init().error_code == CONCURRENT
    assert driver.state == "PrepareAbort"
    assert driver.init().error_code == CONCURRENT
    driver.write_markers()
    assert driver.init().error_code == NONE


def test_without_a_producer_id_one_is_to_ask_again() -> None:
    driver = TransactionDriver()
    driver.ids.exhausted = True
    assert driver.init().error_code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
    assert driver.log == []
    driver.ids.exhausted = False
    assert driver.init().error_code == NONE


# ── epochs that run out ────────────────────────────────────────────────────────────────────────────────────────────


def test_exhausted_epochs_are_followed_by_a_new_producer_id() -> None:
    driver = TransactionDriver()
    _set_epoch(driver, MAX_EPOCH - 1)
    assert driver.start() == (1001, 0)
    assert driver.transaction.previous_producer_id == 1000
    again = driver.init((1000, MAX_EPOCH - 1))
    assert again.error_code == FENCED, "the last epoch was not asked for by anybody"


def test_a_producer_whose_epochs_ran_out_may_ask_twice() -> None:
    driver = TransactionDriver()
    _set_epoch(driver, MAX_EPOCH - 1)
    exhausted = (1000, MAX_EPOCH - 1)
    first = driver.init(exhausted)
    assert (first.producer_id, first.producer_epoch) == (1001, 0)
    second = driver.init(exhausted)
    assert (second.error_code, second.producer_id, second.producer_epoch) == (NONE, 1001, 0)


def test_the_last_epoch_can_still_be_fenced(driver: TransactionDriver) -> None:
    _set_epoch(driver, MAX_EPOCH - 1)
    driver.add((1000, MAX_EPOCH - 1), A)
    assert driver.init().error_code == CONCURRENT
    assert driver.sent[-1].producer_epoch == MAX_EPOCH
    assert driver.sent[-1].producer_id == 1000
    producer = driver.start()
    assert producer[0] == 1001
    assert driver.add(producer, A) is NONE


def test_a_transaction_of_the_last_epoch_ends_with_a_new_producer_id() -> None:
    driver = TransactionDriver()
    _set_epoch(driver, MAX_EPOCH - 1)
    last = (1000, MAX_EPOCH - 1)
    driver.add(last, A)
    answer = driver.end(last, commit=True)
    assert (answer.error_code, answer.producer_id, answer.producer_epoch) == (NONE, 1001, 0)
    assert (driver.sent[-1].producer_id, driver.sent[-1].producer_epoch) == (1000, MAX_EPOCH)
    again = driver.end(last, commit=True)
    assert (again.error_code, again.producer_id, again.producer_epoch) == (NONE, 1001, 0)
    assert driver.end_error(last, commit=False) is INVALID
    driver.reload()
    assert driver.producer == (1001, 0)


def test_the_decision_waits_for_a_producer_id_when_one_is_needed() -> None:
    driver = TransactionDriver()
    _set_epoch(driver, MAX_EPOCH - 1)
    last = (1000, MAX_EPOCH - 1)
    driver.add(last, A)
    driver.ids.exhausted = True
    assert driver.end_error(last, commit=True) is ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
    assert driver.state == "Ongoing"
    assert driver.init().error_code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
    driver.advance(20_000)
    assert driver.state == "Ongoing"
    driver.ids.exhausted = False
    assert driver.end_error(last, commit=True) is NONE


def _set_epoch(driver: TransactionDriver, epoch: int) -> None:
    """Let the log say that the producer has come to this epoch."""
    driver.start()
    record = decode_record(*driver.log[-1])
    assert record is not None
    assert isinstance(record.value, TransactionLogValue)
    record.value.producer_epoch = epoch
    driver.log[-1] = encode_record(record)
    driver.reload()
    assert driver.producer == (1000, epoch)


# ── AddPartitionsToTxn ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_partition_begins_the_transaction(driver: TransactionDriver, version: int) -> None:
    producer = driver.start()
    driver.clock.time_ms += 5
    begun_ms = driver.clock.time_ms
    assert driver.add(producer, A, version=version) is NONE
    driver.clock.time_ms += 5
    assert driver.add(producer, B, OFFSETS, version=version) is NONE
    transaction = driver.transaction
    assert (transaction.state.text, transaction.start_ms) == ("Ongoing", begun_ms)
    assert transaction.last_update_ms == begun_ms + 5
    assert transaction.partitions == {A, B, OFFSETS}
    written = len(driver.log)
    assert driver.add(producer, A, OFFSETS, version=version) is NONE
    assert len(driver.log) == written, "what is known is not written again"
    driver.reload()
    assert driver.transaction.partitions == {A, B, OFFSETS}


def test_who_may_not_add_partitions(driver: TransactionDriver) -> None:
    assert driver.add((1000, 0)) is MAPPING
    producer = driver.start()
    assert driver.add((producer[0] + 1, 0)) is MAPPING
    assert driver.add((producer[0], 1)) is FENCED
    assert driver.add((producer[0], -1)) is FENCED
    driver.holds_markers = True
    driver.add(producer)
    driver.end(producer, commit=True)
    assert driver.add(producer) is CONCURRENT
    driver.write_markers()
    assert driver.add(driver.producer) is NONE


def test_a_verification_asks_about_each_partition() -> None:
    driver = TransactionDriver()
    assert driver.verify((1000, 0)) == {A: MAPPING}
    producer = driver.start()
    assert driver.verify(producer, A) == {A: ErrorCode.TRANSACTION_ABORTABLE}
    driver.add(producer, A)
    assert driver.verify(producer, A, B) == {A: NONE, B: ErrorCode.TRANSACTION_ABORTABLE}
    assert driver.verify((producer[0], 5)) == {A: FENCED}
    assert driver.verify((5, 0)) == {A: MAPPING}
    driver.holds_markers = True
    driver.end(producer, commit=True)
    assert driver.verify(driver.producer) == {A: CONCURRENT}


# ── EndTxn ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("commit", [True, False])
def test_a_decision_is_followed_by_markers_and_the_end(driver: TransactionDriver, version: int, commit: bool) -> None:
    producer = driver.start()
    driver.add(producer, A, B, version=version)
    driver.holds_markers = True
    answer = driver.end(producer, commit=commit, version=version)
    assert answer.error_code == NONE
    assert driver.state == ("PrepareCommit" if commit else "PrepareAbort")
    [ended] = driver.sent
    epoch = producer[1] + (version == 2)
    assert (ended.transactional_id, ended.producer_id, ended.producer_epoch) == (ID, 1000, epoch)
    assert (ended.commit, ended.partitions, ended.transaction_version) == (commit, frozenset((A, B)), version)
    driver.write_markers()
    assert driver.state == ("CompleteCommit" if commit else "CompleteAbort")
    assert driver.transaction.partitions == frozenset()
    assert driver.producer == (1000, epoch)
    if version == 2:
        assert (answer.producer_id, answer.producer_epoch) == driver.producer
    driver.reload()
    assert driver.producer == (1000, epoch)
    assert len(driver.sent) == 1, "it was completed"


def test_what_has_no_transaction_to_end(driver: TransactionDriver, version: int) -> None:
    assert driver.end((1000, 0), commit=True, version=version).error_code == MAPPING
    producer = driver.start()
    assert driver.end_error((77, 0), commit=True, version=version) is MAPPING
    assert driver.end_error((1000, 3), commit=True, version=version) is FENCED
    assert driver.end_error(producer, commit=True, version=version) is INVALID


def test_endings_without_a_transaction_in_version_0() -> None:
    driver = TransactionDriver(0)
    producer = driver.start()
    assert driver.end_error(producer, commit=False, version=0) is INVALID
    for commit in (True, False):
        driver.add(producer, A, version=0)
        assert driver.end_error(producer, commit=commit, version=0) is NONE
        written = len(driver.log)
        assert driver.end_error(producer, commit=commit, version=0) is NONE, "the same again"
        assert driver.end_error(producer, commit=not commit, version=0) is INVALID
        assert len(driver.log) == written


def test_endings_without_a_transaction_in_version_2() -> None:
    driver = TransactionDriver()
    old = driver.start()
    assert driver.end_error((old[0], old[1] - 1), commit=False) is FENCED
    assert driver.end_error((old[0], old[1] - 1), commit=True) is FENCED
    for commit in (True, False):
        old = driver.producer
        driver.add(old, A)
        assert driver.end_error(old, commit=commit) is NONE
        now = driver.producer
        assert now == (old[0], old[1] + 1)
        retried = driver.end(old, commit=commit)
        assert (retried.error_code, retried.producer_id, retried.producer_epoch) == (NONE, *now)
        assert driver.end_error(old, commit=not commit) is INVALID
        assert driver.end_error(now, commit=True) is INVALID
        assert driver.end_error((old[0], old[1] - 1), commit=commit) is FENCED
        assert driver.end_error((old[0], old[1] + 2), commit=commit) is FENCED
    begun_ms = driver.clock.time_ms = driver.clock.time_ms + 7
    empty = driver.end(driver.producer, commit=False)
    assert (empty.error_code, empty.producer_epoch) == (NONE, now[1] + 1)
    assert (driver.state, driver.transaction.start_ms) == ("CompleteAbort", begun_ms)
    assert driver.sent[-1].partitions == frozenset()


@pytest.mark.parametrize("commit", [True, False])
def test_an_ending_that_is_under_way(driver: TransactionDriver, version: int, commit: bool) -> None:
    driver.holds_markers = True
    producer = driver.start()
    driver.add(producer, A, version=version)
    driver.end(producer, commit=commit, version=version)
    assert driver.end_error(producer, commit=commit, version=version) in (CONCURRENT, FENCED)
    assert driver.end_error(driver.producer, commit=commit, version=version) is CONCURRENT
    driver.write_markers()
    retried = driver.end_error(producer, commit=commit, version=version)
    assert retried is NONE


# ── markers ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_marker_that_cannot_be_written_is_tried_again(driver: TransactionDriver) -> None:
    producer = driver.start()
    driver.add(producer, A, B)
    driver.marker_errors = {B: ErrorCode.NOT_LEADER_OR_FOLLOWER}
    driver.end(producer, commit=True)
    assert driver.state == "PrepareCommit"
    driver.advance(350)
    assert [ended.partitions for ended in driver.sent] == [{A, B}, {B}, {B}, {B}]
    driver.marker_errors = {}
    driver.advance(100)
    assert driver.state == "CompleteCommit"
    driver.advance(1_000)
    assert len(driver.sent) == 5


@pytest.mark.parametrize("error", [ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.TRANSACTION_COORDINATOR_FENCED])
def test_a_newer_coordinator_ends_the_trying(driver: TransactionDriver, error: ErrorCode) -> None:
    producer = driver.start()
    driver.add(producer, A)
    driver.marker_errors = {A: error}
    driver.end(producer, commit=True)
    driver.advance(10_000)
    assert len(driver.sent) == 1
    assert driver.init().error_code == CONCURRENT
    driver.marker_errors = {}
    driver.reload()
    assert driver.state == "CompleteCommit"


def test_the_end_that_cannot_be_written_is_tried_again(driver: TransactionDriver) -> None:
    driver.holds_markers = True
    producer = driver.start()
    driver.add(producer, A)
    driver.end(producer, commit=True)
    driver.append_error = ErrorCode.COORDINATOR_NOT_AVAILABLE
    driver.write_markers()
    assert driver.state == "PrepareCommit"
    driver.append_error = NONE
    driver.holds_markers = False
    driver.advance(100)
    assert driver.state == "CompleteCommit"


@pytest.mark.parametrize("commit", [True, False])
def test_a_load_completes_what_was_decided(driver: TransactionDriver, version: int, commit: bool) -> None:
    driver.holds_markers = True
    producer = driver.start()
    driver.add(producer, A, OFFSETS, version=version)
    driver.end(producer, commit=commit, version=version)
    driver.sent.clear()
    driver.reload()
    [ended] = driver.sent
    assert (ended.partitions, ended.commit) == (frozenset((A, OFFSETS)), commit)
    assert driver.init().error_code == CONCURRENT
    driver.write_markers()
    assert driver.state == ("CompleteCommit" if commit else "CompleteAbort")


def test_late_news_of_markers_change_nothing(driver: TransactionDriver) -> None:
    driver.holds_markers = True
    producer = driver.start()
    driver.add(producer, A)
    driver.end(producer, commit=True)
    driver.write_markers()
    written = len(driver.log)
    driver.write_markers()
    driver.reload()
    driver.write_markers()
    assert len(driver.log) == written


# ── appends that fail ──────────────────────────────────────────────────────────────────────────────────────────────


def test_what_cannot_be_written_did_not_happen(driver: TransactionDriver, version: int) -> None:
    refused = driver.append_error = ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert driver.init().error_code == refused
    driver.append_error = NONE
    producer = driver.start()
    assert producer[1] == 0
    driver.append_error = refused
    assert driver.add(producer, A, version=version) is refused
    assert driver.state == "Empty"
    driver.append_error = NONE
    driver.add(producer, A, version=version)
    driver.append_error = refused
    assert driver.end_error(producer, commit=True, version=version) is refused
    assert driver.init().error_code == refused
    assert (driver.state, driver.sent) == ("Ongoing", [])
    driver.append_error = NONE
    assert driver.end_error(producer, commit=True, version=version) is NONE


# ── time ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced(
    driver: TransactionDriver, version: int
) -> None:
    producer = driver.start()
    driver.advance(TIMEOUT_MS * 2)
    assert driver.state == "Empty"
    driver.add(producer, A, version=version)
    driver.advance(TIMEOUT_MS - 1)
    assert driver.state == "Ongoing"
    driver.advance(TIMEOUT_MS + 1)
    assert driver.state == "CompleteAbort"
    assert driver.sent[-1].commit is False
    assert driver.producer == (1000, 1)
    assert driver.add(producer, A, version=version) is FENCED
    error = driver.end_error(producer, commit=True, version=version)
    assert error is (INVALID if version == 2 else FENCED)
    assert driver.init(producer).error_code == (NONE if version == 2 else FENCED)


def test_many_transactions_time_out_together() -> None:
    driver = TransactionDriver()
    for number in range(50):
        name = f"id-{number}"
        answer = driver.init(transactional_id=name)
        driver.add((answer.producer_id, answer.producer_epoch), TopicPartition("t", number), name=name)
    driver.advance(TIMEOUT_MS * 2)
    states = {metadata.transaction.state for metadata in driver.shard.transactions.by_id.values()}
    assert states == {TransactionState.COMPLETE_ABORT}
    assert len(driver.sent) == 50


def test_ids_that_nobody_uses_are_forgotten() -> None:
    driver = TransactionDriver(transactional_id_expiration_ms=1_000, remove_expired_interval_ms=100)
    producer = driver.start()
    answer = driver.init(transactional_id="other", timeout_ms=800_000)
    driver.add((answer.producer_id, answer.producer_epoch), A, name="other")
    driver.advance(999)
    assert driver.transaction is not None
    driver.advance(101)
    assert list(driver.shard.transactions.by_id) == ["other"], "an open transaction is kept"
    assert driver.log[-1][1] is None
    assert driver.add(producer) is MAPPING
    driver.reload()
    assert list(driver.shard.transactions.by_id) == ["other"]
    assert driver.start() == (1002, 0)


def test_ids_are_kept_when_the_tombstones_cannot_be_written() -> None:
    driver = TransactionDriver(transactional_id_expiration_ms=1_000, remove_expired_interval_ms=100)
    driver.start()
    driver.append_error = ErrorCode.COORDINATOR_NOT_AVAILABLE
    driver.advance(2_000)
    driver.append_error = NONE
    assert driver.start() == (1000, 1)


# ── administration ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_transaction_is_described() -> None:
    driver = TransactionDriver()
    missing = driver.shard.describe_transaction(ID)
    assert (missing.error_code, missing.transactional_id) == (ErrorCode.TRANSACTIONAL_ID_NOT_FOUND, ID)
    producer = driver.start()
    driver.add(producer, B, A, OFFSETS)
    found = driver.shard.describe_transaction(ID)
    assert (found.error_code, found.transaction_state, found.transaction_timeout_ms) == (NONE, "Ongoing", TIMEOUT_MS)
    assert (found.producer_id, found.producer_epoch) == producer
    assert found.transaction_start_time_ms == driver.clock.time_ms
    assert {topic.topic: topic.partitions for topic in found.topics} == {"t": [0, 1], "__consumer_offsets": [3]}


# ── states and records ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_states_are_those_of_kafka() -> None:
    assert {state.id: state.text for state in TransactionState} == {
        0: "Empty",
        1: "Ongoing",
        2: "PrepareCommit",
        3: "PrepareAbort",
        4: "CompleteCommit",
        5: "CompleteAbort",
        6: "Dead",
        7: "PrepareEpochFence",
    }
    assert set(VALID_PREVIOUS_STATES) == set(STATE_BY_ID.values())


def test_an_impossible_step_is_a_bug() -> None:
    driver = TransactionDriver()
    driver.start()
    metadata = driver.shard.transactions.get(ID)
    assert metadata is not None
    with pytest.raises(AssertionError, match="Empty to CompleteAbort"):
        metadata.begin(completed(metadata.transaction, 0))


@pytest.mark.parametrize("transaction_version", [0, 1, 2])
def test_the_version_of_a_record_follows_the_finalized_feature(transaction_version: int) -> None:
    driver = TransactionDriver(transaction_version)
    producer = driver.start()
    driver.add(producer, A, version=transaction_version if transaction_version == 2 else 0)
    for _, value in driver.log:
        assert value is not None
        assert int.from_bytes(value[:2]) == min(transaction_version, 1)
    record = transaction_record(ID, driver.transaction, transaction_version)
    assert encode_record(record) == driver.log[-1]


def test_bytes_of_a_record() -> None:
    """As Apache Kafka 4.3.1 writes it (`kafka-dump-log --transaction-log-decoder` reads it)."""
    driver = TransactionDriver()
    driver.clock.time_ms = 0x0102030405
    driver.add(driver.start(), A)
    key, value = driver.log[-1]
    assert key == b"\0\0" + b"\0\x08payments"
    assert value == (
        b"\0\x01"  # version 1
        + (1000).to_bytes(8)
        + b"\0\0"  # epoch
        + (10_000).to_bytes(4)
        + b"\x01"  # Ongoing
        + b"\x02\x02t\x02\0\0\0\0\0"  # one topic "t" with partition 0
        + (0x0102030405).to_bytes(8) * 2
        + b"\x02"  # two tagged fields: previous producer id, client transaction version
        + b"\x00\x08"
        + (1000).to_bytes(8)
        + b"\x02\x02\0\x02"
    )


def test_strange_records() -> None:
    driver = TransactionDriver()
    driver.start()
    key, value = driver.log[-1]
    assert value is not None
    assert decode_record(b"\0\x05" + key[2:], value) is None, "a type of a later Kafka"
    assert decode_record(key, b"\0\x09" + value[2:]) is None, "a version of a later Kafka"
    with pytest.raises(ProtocolError):
        decode_record(key, value[:-3])
    record = decode_record(key, value)
    assert record is not None
    assert isinstance(record.value, TransactionLogValue)
    record.value.transaction_status = 9
    with pytest.raises(ProtocolError, match="state 9"):
        driver.shard.replay(record, 0)
