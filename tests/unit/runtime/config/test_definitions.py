"""The definitions against those of Apache Kafka 4.3.1, and how texts become values."""

from pathlib import Path

import pytest

from ottla.runtime.config.broker import BROKER_CONFIGS
from ottla.runtime.config.client_metrics import check_interval, parse_match
from ottla.runtime.config.definition import ConfigDefinition, ConfigError, Value, format_double
from ottla.runtime.config.dynamic import CLUSTER_WIDE, DYNAMIC_ONLY_CONFIGS, PER_BROKER, is_dynamic
from ottla.runtime.config.effective import EFFECTIVE_KEYS
from ottla.runtime.config.group import BROKER_CONFIG_OF_GROUP_CONFIG, GROUP_CONFIGS
from ottla.runtime.config.synonyms import BROKER_SYNONYMS, same_broker_configs
from ottla.runtime.config.topic import TOPIC_CONFIGS

GOLDEN = (Path(__file__).parents[3] / "golden" / "configs.txt").read_text().splitlines()[1:]
SCOPES = {"broker": BROKER_CONFIGS, "topic": TOPIC_CONFIGS, "group": GROUP_CONFIGS}


def printed(scope: str, definition: ConfigDefinition) -> str:
    """A definition in the words in which the golden list was printed from Java."""
    default = definition.default
    if definition.is_required:
        text = "(required)"
    elif isinstance(default, tuple):
        text = f"[{', '.join(default)}]"
    elif isinstance(default, bool | int | float | str):
        text = str(definition.format(default))
    else:
        text = "null"
    if definition.type.name == "CLASS" and text != "null":
        text = f"class {text}"
    valid = definition.validator.text if definition.validator else ""
    internal = str(definition.internal).lower()
    return "|".join((scope, definition.name, definition.type.name, text, valid, definition.importance.value, internal))


@pytest.mark.parametrize("scope", SCOPES)
def test_definitions_are_those_of_kafka(scope: str) -> None:
    expected = [line for line in GOLDEN if line.startswith(f"{scope}|")]
    assert [printed(scope, definition) for definition in SCOPES[scope].values()] == expected


@pytest.mark.parametrize("scope", SCOPES)
def test_defaults_are_valid(scope: str) -> None:
    for definition in SCOPES[scope].values():
        if not definition.is_required and definition.default is not None:
            text = definition.format(default_of(definition))
            assert definition.parse(text) == definition.default


def default_of(definition: ConfigDefinition) -> Value:
    default = definition.default
    assert isinstance(default, bool | int | float | str | tuple)
    return default


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("num.partitions", " 12 ", 12),
        ("num.partitions", "+3", 3),
        ("log.retention.bytes", "-1", -1),
        ("log.flush.interval.messages", "9223372036854775807", 2**63 - 1),
        ("auto.create.topics.enable", "FALSE", False),
        ("log.cleaner.min.cleanable.ratio", "1", 1.0),
        ("log.cleaner.min.cleanable.ratio", "2.5e-1", 0.25),
        ("log.cleaner.min.cleanable.ratio", "0.5d", 0.5),
        ("log.cleanup.policy", "compact , delete", ("compact", "delete")),
        ("log.cleanup.policy", "", ()),
        ("log.dirs", "/a,/b", ("/a", "/b")),
        ("compression.gzip.level", "-1", -1),
        ("broker.rack", "  rack one ", "rack one"),
        ("group.consumer.migration.policy", "upgrade", "upgrade"),
        ("controller.quorum.voters", "1@a:9093,2@[::1]:9093", ("1@a:9093", "2@[::1]:9093")),
        ("offsets.topic.replication.factor", "32767", 32767),
    ],
)
def test_texts_become_values(name: str, text: str, value: Value) -> None:
    assert BROKER_CONFIGS[name].parse(text) == value
    assert type(BROKER_CONFIGS[name].parse(text)) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("num.partitions", "0", "of at least 1"),
        ("num.partitions", "", "integer (32 bits)"),
        ("num.partitions", "1.0", "integer"),
        ("num.partitions", "1_000", "integer"),
        ("num.partitions", "٣", "integer"),
        ("num.partitions", "2147483648", "32 bits"),
        ("num.partitions", "9" * 5000, "32 bits"),
        ("offsets.topic.replication.factor", "32768", "16 bits"),
        ("log.retention.bytes", str(2**63), "64 bits"),
        ("auto.create.topics.enable", "yes", "true or false"),
        ("log.cleaner.min.cleanable.ratio", "1.1", "of 0 to 1"),
        ("log.cleaner.min.cleanable.ratio", "much", "a number"),
        ("log.cleanup.policy", "compact,compact", "without duplicates"),
        ("log.cleanup.policy", "compact,", "compact, delete"),
        ("log.cleanup.policy", "Delete", "of compact, delete"),
        ("log.dirs", "", "not empty"),
        ("compression.type", "brotli", "of uncompressed, zstd, lz4, snappy, gzip, producer"),
        ("compression.gzip.level", "0", "of 1 to 9, or -1"),
        ("controller.quorum.voters", "a:9093", "ID@HOST:PORT"),
        ("process.roles", "zookeeper", "of broker, controller"),
    ],
)
def test_wrong_texts_are_refused_with_key_value_and_what_is_allowed(name: str, text: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as caught:
        BROKER_CONFIGS[name].parse(text)
    assert caught.value.key == name
    assert allowed in caught.value.allowed
    assert str(caught.value) == f"Invalid value '{text}' for {name}: {caught.value.allowed}"


def test_topic_and_group_texts() -> None:
    assert TOPIC_CONFIGS["leader.replication.throttled.replicas"].parse("*") == ("*",)
    assert TOPIC_CONFIGS["leader.replication.throttled.replicas"].parse("0:1,2:3") == ("0:1", "2:3")
    assert GROUP_CONFIGS["share.auto.offset.reset"].parse("by_duration:P1DT2H") == "by_duration:P1DT2H"
    for name, text in (
        ("leader.replication.throttled.replicas", "0-1"),
        ("cleanup.policy", "none"),
        ("segment.bytes", "1048575"),
        ("retention.ms", "-2"),
    ):
        with pytest.raises(ConfigError):
            TOPIC_CONFIGS[name].parse(text)
    for text in ("by_duration:", "by_duration:P", "by_duration:PT", "sometimes", "by_duration:-P1D"):
        with pytest.raises(ConfigError):
            GROUP_CONFIGS["share.auto.offset.reset"].parse(text)


def test_client_metrics() -> None:
    assert parse_match("client_id=a.*") == ("client_id", "a.*")
    for pattern in ("client_id", "other=a", "client_id=["):
        with pytest.raises(ConfigError):
            parse_match(pattern)
    check_interval(100)
    for interval in (99, 3_600_001):
        with pytest.raises(ConfigError):
            check_interval(interval)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5"),
        (0.0, "0.0"),
        (-1.0, "-1.0"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (1e7, "1.0E7"),
        (12345678.0, "1.2345678E7"),
        (9999999.5, "9999999.5"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (float("inf"), "Infinity"),
        (float("nan"), "NaN"),
    ],
)
def test_doubles_are_written_as_java_does(value: float, text: str) -> None:
    assert format_double(value) == text


def test_names_that_refer_to_others_exist() -> None:
    for topic_name, synonyms in BROKER_SYNONYMS.items():
        assert topic_name in TOPIC_CONFIGS
        for synonym in synonyms:
            assert synonym.name in BROKER_CONFIGS
            assert synonym.name in same_broker_configs(synonyms[0].name)
    assert set(BROKER_CONFIG_OF_GROUP_CONFIG) <= set(GROUP_CONFIGS)
    assert set(BROKER_CONFIG_OF_GROUP_CONFIG.values()) <= set(BROKER_CONFIGS)
    assert BROKER_CONFIGS.keys() | DYNAMIC_ONLY_CONFIGS.keys() >= PER_BROKER | CLUSTER_WIDE
    assert not PER_BROKER & CLUSTER_WIDE
    assert BROKER_CONFIGS.keys() | DYNAMIC_ONLY_CONFIGS.keys() >= EFFECTIVE_KEYS
    assert is_dynamic("message.max.bytes")
    assert is_dynamic("listener.name.a.ssl.keystore.location")
    assert not is_dynamic("node.id")
