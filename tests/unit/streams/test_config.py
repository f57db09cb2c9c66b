"""An application's configuration: Kafka Streams' keys, defaults and refusals."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import ottla.streams
from ottla.streams import config_definitions
from ottla.streams.config import ConfigError, StreamsConfig
from ottla.streams.config_definitions import RENAMED, STREAMS_CONFIGS, WITHOUT_EFFECT

NEEDED = {"application.id": "app", "bootstrap.servers": "localhost:9092,localhost:9093"}


def config(**settings: Any) -> StreamsConfig:
    return StreamsConfig(NEEDED, **settings)


def test_defaults_are_kafka_streams() -> None:
    plain = config()
    assert plain.application_id == "app"
    assert plain.bootstrap_servers == "localhost:9092,localhost:9093"
    assert plain["num.stream.threads"] == 1
    assert plain.commit_interval_ms == 30_000
    assert plain["statestore.cache.max.bytes"] == 10 * 1024 * 1024
    assert plain["replication.factor"] == -1
    assert plain["buffered.records.per.partition"] == 1000
    assert plain["windowstore.changelog.additional.retention.ms"] == 86_400_000
    assert not plain.exactly_once
    assert not plain.wants_streams_groups
    assert plain.optimizations == frozenset()
    assert plain.application_server is None


def test_exactly_once_commits_ten_times_a_second() -> None:
    assert config(processing_guarantee="exactly_once_v2").commit_interval_ms == 100
    assert config(processing_guarantee="exactly_once_v2", commit_interval_ms=500).commit_interval_ms == 500


def test_keywords_keys_texts_and_values_mean_the_same() -> None:
    as_text = config().replaced({"max.task.idle.ms": "250", "allow.os.group.write.access": "TRUE"})
    as_values = config(max_task_idle_ms=timedelta(milliseconds=250), allow_os_group_write_access=True)
    for key in ("max.task.idle.ms", "allow.os.group.write.access"):
        assert as_text[key] == as_values[key]
    assert config(rack_aware_assignment_non_overlap_cost=3)["rack.aware.assignment.non_overlap_cost"] == 3


def test_prefixed_keys_reach_their_client() -> None:
    made = config(producer_compression_type="lz4", topic_segment_bytes=1000).replaced({"client.tag.zone": "a"})
    assert made.with_prefix("producer.") == {"compression.type": "lz4"}
    assert made.topic_configs == {"segment.bytes": "1000"}
    assert made.client_tags == {"zone": "a"}


def test_old_names_count_where_new_ones_are_not_set() -> None:
    assert config(cache_max_bytes_buffering=7)["statestore.cache.max.bytes"] == 7
    both = config(cache_max_bytes_buffering=7, statestore_cache_max_bytes=8)
    assert both["statestore.cache.max.bytes"] == 8


def test_optimizations() -> None:
    assert len(config(topology_optimization="all").optimizations) == 3
    some = config(topology_optimization="merge.repartition.topics, reuse.ktable.source.topics").optimizations
    assert some == {"merge.repartition.topics", "reuse.ktable.source.topics"}


def test_an_object_may_be_named() -> None:
    assert config(default_key_serde="json:dumps")["default.key.serde"].__name__ == "dumps"


def test_application_server() -> None:
    assert config(application_server="10.0.0.1:7070").application_server == ("10.0.0.1", 7070)
    assert config(application_server="[::1]:7070").application_server == ("::1", 7070)


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [
        ({"num_stream_threads": 0}, "at least 1"),
        ({"num_stream_threads": "many"}, "integer"),
        ({"num_standby_replicas": -1}, "at least 0"),
        ({"processing_guarantee": "exactly_once"}, "at_least_once, exactly_once_v2"),
        ({"group_protocol": "consumer"}, "classic, streams"),
        ({"application_server": "nowhere"}, "HOST:PORT"),
        ({"application_server": "host:70000"}, "HOST:PORT"),
        ({"topology_optimization": "all,none"}, "merge.repartition.topics"),
        ({"commit_interval_ms": True}, "integer"),
        ({"default_dsl_store": "sqlite"}, "rocksDB, in_memory"),
        ({"default_key_serde": "nothing"}, "package.module:name"),
        ({"default_key_serde": "no_such_module_at_all:x"}, "imported"),
        ({"upgrade_from": "1.0"}, "2.4"),
        ({"processing_guarantee": "exactly_once_v2", "commit_interval_ms": 20_000}, "producer.transaction.timeout.ms"),
        (
            {
                "processing_guarantee": "exactly_once_v2",
                "producer_max_in_flight_requests_per_connection": 6,
            },
            "at most 5",
        ),
        ({"group_protocol": "streams", "consumer_group_instance_id": "i"}, "static"),
        ({"rack_aware_assignment_tags": "zone"}, "client.tag.zone"),
        ({"no_such_key": 1}, "no such key"),
    ],
)
def test_what_is_wrong_is_refused_with_what_is_allowed(settings: dict[str, Any], allowed: str) -> None:
    with pytest.raises(ConfigError) as refused:
        config(**settings)
    assert allowed in str(refused.value)


def test_what_is_needed_must_be_there() -> None:
    with pytest.raises(ConfigError, match=r"application\.id"):
        StreamsConfig(bootstrap_servers="localhost:9092")
    with pytest.raises(ConfigError, match=r"bootstrap\.servers"):
        StreamsConfig(application_id="a")


def test_keys_without_an_effect_are_known_as_such(caplog: pytest.LogCaptureFixture) -> None:
    definitions = Path(config_definitions.__file__)
    files = Path(ottla.streams.__file__).parent.rglob("*.py")
    sources = "".join(each.read_text("utf-8") for each in files if each != definitions)
    unread = {each for each in STREAMS_CONFIGS if f'"{each}"' not in sources} - RENAMED.keys()
    assert unread | {"rack.aware.assignment.tags"} == WITHOUT_EFFECT  # which are checked, and no more
    config(task_timeout_ms=5)
    assert [each.message for each in caplog.records] == ["task.timeout.ms has no effect here; docs/gaps.md says why"]
