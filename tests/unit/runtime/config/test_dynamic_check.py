"""What may not change at run time, though each value is valid by itself."""

from __future__ import annotations

import pytest

from ottla.runtime.config.definition import ConfigError
from ottla.runtime.config.dynamic_check import check_dynamic_configs
from ottla.runtime.config.static_config import server_config_of

STATIC = server_config_of({"num.io.threads": "8", "log.dirs": "/data"})


def change(name: str, value: str, *, before: str | None = None, cluster_wide: bool = True) -> None:
    was = {} if before is None else {name: before}
    check_dynamic_configs(STATIC, was, {name: value}, cluster_wide=cluster_wide)


@pytest.mark.parametrize("value", ["4", "8", "16"])
def test_thread_pools_double_or_halve(value: str) -> None:
    change("num.io.threads", value)


@pytest.mark.parametrize("value", ["3", "17"])
def test_thread_pools_change_slowly(value: str) -> None:
    with pytest.raises(ConfigError, match="half or double"):
        change("num.io.threads", value)


def test_a_thread_pool_goes_on_from_where_it_is() -> None:
    change("num.io.threads", "32", before="16")
    with pytest.raises(ConfigError):
        change("num.io.threads", "33", before="16")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max.connections", "0"),
        ("max.connection.creation.rate", "0"),
        ("max.connections.per.ip", "0"),
        ("max.connections.per.ip.overrides", "nonsense"),
        ("log.retention.ms", "0"),
        ("log.roll.ms", "0"),
        ("log.cleaner.dedupe.buffer.size", "1000"),
        ("metric.reporters", "some.Reporter"),
        ("cordoned.log.dirs", "/elsewhere"),
        ("ssl.keystore.location", "/store"),
        ("listener.name.external.ssl.keystore.location", "/store"),
        ("listener.name.external.plain.sasl.jaas.config", "x"),
        ("listener.name.external.max.connections", "many"),
    ],
)
def test_what_the_cluster_may_not_be_told(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as refused:
        change(name, value)
    assert refused.value.key == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("listener.name.external.ssl.keystore.location", "/store"),
        ("max.connections", "1"),
        ("max.connections.per.ip.overrides", "127.0.0.1:5, other:0"),
        ("cordoned.log.dirs", "/data"),
        ("cordoned.log.dirs", "*"),
        ("log.retention.ms", "-1"),
        ("listener.name.external.plain.sasl.jaas.config", "x"),
        ("listener.name.plaintext.ssl.keystore.location", "/store"),
        ("listener.name.plaintext.max.connections", "7"),
        ("listener.name.plaintext.ssl.client.auth", "required"),
    ],
)
def test_what_a_broker_may_be_told(name: str, value: str) -> None:
    change(name, value, cluster_wide=False)


def test_a_listener_that_is_there_keeps_its_protocol() -> None:
    change("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,MORE:SSL", cluster_wide=False)
    with pytest.raises(ConfigError, match="speaks PLAINTEXT"):
        change("listener.security.protocol.map", "PLAINTEXT:SSL", cluster_wide=False)


def test_nobody_of_a_host_where_others_are_let_in() -> None:
    after = {"max.connections.per.ip": "0", "max.connections.per.ip.overrides": "127.0.0.1:5"}
    check_dynamic_configs(STATIC, {}, after, cluster_wide=True)
