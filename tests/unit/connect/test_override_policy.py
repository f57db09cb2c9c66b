"""Which settings of clients a connector may change."""

from __future__ import annotations

import pytest

from ottla.connect.api.errors import ConfigError
from ottla.connect.runtime.override_policy import OverridePolicy
from ottla.connect.runtime.plugins import Plugins
from ottla.connect.runtime.validation import validate_connector_config

CONFIG = {
    "name": "a",
    "connector.class": "FileStreamSource",
    "topic": "t",
    "producer.override.linger.ms": "7",
    "producer.override.sasl.mechanism": "PLAIN",
}


@pytest.mark.parametrize(
    ("policy", "refused"),
    [
        ("All", []),
        ("None", ["producer.override.linger.ms", "producer.override.sasl.mechanism"]),
        ("Principal", ["producer.override.linger.ms"]),
        ("Allowlist", ["producer.override.sasl.mechanism"]),
        (
            "org.apache.kafka.connect.connector.policy.PrincipalConnectorClientConfigOverridePolicy",
            ["producer.override.linger.ms"],
        ),
    ],
)
def test_what_is_refused(policy: str, refused: list[str]) -> None:
    infos = validate_connector_config(Plugins(), {}, CONFIG, OverridePolicy.of(policy, ["linger.ms"]))
    wrong = [each["value"]["name"] for each in infos.configs if each["value"]["errors"]]
    assert (wrong, infos.error_count) == (refused, len(refused))


def test_a_policy_that_there_is_not() -> None:
    with pytest.raises(ConfigError, match="All, Allowlist, None, Principal"):
        OverridePolicy.of("Some")
