"""Settings in variables: the names of the image `apache/kafka`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ottla.broker.start_config import read_config
from ottla.runtime.config.environment import properties_in

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("KAFKA_LOG_RETENTION_MS", "log.retention.ms"),
        ("KAFKA_LISTENER_NAME_A__B_SSL_KEY_TYPE", "listener.name.a_b.ssl.key.type"),
        ("KAFKA_LISTENER_NAME_SASL__SSL_SCRAM___SHA___512_SASL_JAAS_CONFIG", None),
        ("KAFKA_A___B", "a-b"),
    ],
)
def test_names(name: str, key: str | None) -> None:
    expected = key or "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config"
    assert properties_in({name: "v"}) == {expected: "v"}


def test_what_is_no_setting() -> None:
    assert properties_in({"KAFKA_HEAP_OPTS": "-Xmx1g", "KAFKA_OPTS": "x", "PATH": "/bin", "KAFKA_": "x"}) == {}


def test_variables_win_over_the_file_and_the_command_line_over_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "server.properties"
    file.write_text("num.partitions=3\nlog.retention.ms=7\nlog.dirs=x\n", "utf-8")
    monkeypatch.setenv("KAFKA_NUM_PARTITIONS", "5")
    monkeypatch.setenv("KAFKA_LOG_RETENTION_MS", "9")
    config = read_config(str(file), None, None, ["log.retention.ms=11"], environment=True)
    assert (config.get_int("num.partitions"), config.get_int("log.retention.ms")) == (5, 11)
    assert read_config(str(file), None, None, []).get_int("num.partitions") == 3
