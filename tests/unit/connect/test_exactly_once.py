"""Exactly-once sources: what is fenced, what is validated, where transactions end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.api.record import SourceRecord
from ottla.connect.connectors.file_stream_source import FileStreamSourceConnector
from ottla.connect.distributed.zombie_fencing import Fencing, fencing_of
from ottla.connect.runtime.exactly_once import SourceSupport
from ottla.connect.runtime.plugins import Plugins
from ottla.connect.runtime.validation import validate_connector_config
from ottla.connect.runtime.worker_config import distributed_config, standalone_config
from ottla.connect.store.cluster_config import ClusterConfig
from ottla.connect.store.config_records import (
    CommitTasksRecord,
    ConfigRecord,
    ConnectorConfigRecord,
    TaskConfigRecord,
    TaskCountRecord,
)
from ottla.connect.store.task_id import TaskId
from ottla.connect.task.transaction_context import SourceTransactionContext

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.connector import ExactlyOnceSupport, SourceConnector

GROUP = {
    "group.id": "g",
    "config.storage.topic": "c",
    "offset.storage.topic": "o",
    "status.storage.topic": "s",
}


def tasks(count: int) -> list[ConfigRecord]:
    made: list[ConfigRecord] = [TaskConfigRecord(TaskId("d", number), {}) for number in range(count)]
    return [*made, CommitTasksRecord("d", count)]


def state_of(*records: ConfigRecord) -> ClusterConfig:
    state = ClusterConfig()
    for record in (ConnectorConfigRecord("d", {}), *records):
        state.replay(record)
    return state


@pytest.mark.parametrize(
    ("records", "wanted"),
    [
        ([], None),
        (tasks(3), Fencing(0, 3, 1)),  # none has ever written in transactions
        ([*tasks(3), TaskCountRecord("d", 3)], None),
        ([*tasks(3), TaskCountRecord("d", 3), *tasks(2)], Fencing(3, 2, 2)),
        ([*tasks(1), TaskCountRecord("d", 1), *tasks(1)], Fencing(0, 1, 2)),  # it fences itself
        ([*tasks(1), TaskCountRecord("d", 1), *tasks(2)], Fencing(1, 2, 2)),
        ([*tasks(2), TaskCountRecord("d", 2), *tasks(0)], Fencing(2, 0, 2)),
    ],
)
def test_what_is_fenced(records: list[ConfigRecord], wanted: Fencing | None) -> None:
    assert fencing_of(state_of(*records), "d") == wanted


def test_what_compaction_has_left_of_old_tasks_does_not_spoil_the_next() -> None:
    state = state_of(TaskConfigRecord(TaskId("d", 5), {}), CommitTasksRecord("d", 6))
    assert state.inconsistent == {"d"}
    for record in tasks(2):
        state.replay(record)
    assert (state.inconsistent, state.task_ids("d")) == (set(), [TaskId("d", 0), TaskId("d", 1)])


@pytest.mark.parametrize("text", ["disabled", "preparing", "enabled"])
def test_a_worker_says_what_it_supports(text: str) -> None:
    config = distributed_config(GROUP | {"exactly.once.source.support": text})
    assert config.source_support is SourceSupport(text)
    assert config.source_support.leads_in_transactions is (text != "disabled")


def test_a_worker_that_says_something_else() -> None:
    with pytest.raises(ConfigError, match=r"exactly\.once\.source\.support"):
        distributed_config(GROUP | {"exactly.once.source.support": "ENABLED"})
    alone = standalone_config({"offset.storage.file.filename": "f", "exactly.once.source.support": "enabled"})
    assert alone.source_support is SourceSupport.DISABLED


FILE = {"name": "a", "connector.class": "FileStreamSource", "topic": "t"}
REQUIRED = {"exactly.once.support": "required"}


@pytest.mark.parametrize(
    ("config", "is_enabled", "errors"),
    [
        (REQUIRED | {"file": "f"}, True, {}),
        (REQUIRED | {"file": "f"}, None, {}),
        (REQUIRED | {"file": "f"}, False, {"exactly.once.support": ["does not have exactly-once source support"]}),
        (REQUIRED, True, {"exactly.once.support": ["does not support exactly-once semantics with the provided"]}),
        (
            REQUIRED,
            False,
            {"exactly.once.support": ["does not have exactly-once source support", "does not support exactly-once"]},
        ),
        ({"exactly.once.support": "maybe"}, True, {"exactly.once.support": ["Invalid value maybe"]}),
        (
            {"transaction.boundary": "Connector"},
            True,
            {"transaction.boundary": ["does not support connector-defined transaction boundaries"]},
        ),
        ({"transaction.boundary": "interval", "transaction.boundary.interval.ms": "7"}, True, {}),
    ],
)
def test_what_is_required_can_be(config: dict[str, str], is_enabled: bool | None, errors: dict[str, list[str]]) -> None:
    infos = validate_connector_config(Plugins(), {}, FILE | config, exactly_once=is_enabled)
    found = {each["value"]["name"]: each["value"]["errors"] for each in infos.configs if each["value"]["errors"]}
    assert found.keys() == errors.keys()
    for name, parts in errors.items():
        assert len(found[name]) == len(parts)
        assert all(part in text for part, text in zip(parts, found[name], strict=True))


class Silent(FileStreamSourceConnector):
    def exactly_once_support(self, _props: Mapping[str, str]) -> ExactlyOnceSupport | None:  # type: ignore[override]
        return None


class Broken(FileStreamSourceConnector):
    def exactly_once_support(self, _props: Mapping[str, str]) -> ExactlyOnceSupport:
        raise RuntimeError("no idea")


@pytest.mark.parametrize(
    ("kind", "text"), [(Silent, "does not implement the API"), (Broken, "occurred during validation: no idea")]
)
def test_connectors_that_do_not_say(kind: type[SourceConnector], text: str) -> None:
    config = FILE | REQUIRED | {"connector.class": f"{kind.__module__}:{kind.__qualname__}"}
    infos = validate_connector_config(Plugins(), {}, config, exactly_once=True)
    assert infos.error_count == 1
    assert text in infos.errors[0]


def test_a_source_says_where_its_transactions_end() -> None:
    context = SourceTransactionContext()
    first, second = (SourceRecord({}, {}, "t", value=1) for _ in range(2))
    assert first == second or first is not second
    context.commit_transaction(second)
    assert context.take_record(first) == (False, False)
    assert context.take_record(second) == (True, False)
    assert context.take_record(second) == (False, False)
    context.abort_transaction()
    assert context.take_batch() == (False, True)
    assert context.take_batch() == (False, False)


def test_a_source_that_wants_both_fails() -> None:
    context = SourceTransactionContext()
    record = SourceRecord({}, {}, "t", value=1)
    context.commit_transaction()
    context.abort_transaction()
    with pytest.raises(ConnectError, match="both commit and abort of same transaction"):
        context.take_batch()
    context.commit_transaction(record)
    context.abort_transaction(record)
    with pytest.raises(ConnectError, match="both commit and abort of same record against topic/partition t/"):
        context.take_record(record)
