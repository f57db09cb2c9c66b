"""What every source has whose program runs, ends, and runs again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.connect.api.config_def import BOOLEAN, HIGH, LONG, LOW, MEDIUM, STRING
from ottla.connect.api.validators import Range

if TYPE_CHECKING:
    from ottla.connect.api.config_def import ConfigDef

TOPIC_PREFIX: Final = "topic.prefix"
POLL_INTERVAL: Final = "poll.interval.ms"
DATES_AS_TEXT: Final = "dates.as.text"
IDLE_TIMEOUT: Final = "idle.timeout.ms"


def define_source(definition: ConfigDef) -> ConfigDef:
    return (
        definition.define(TOPIC_PREFIX, STRING, "", HIGH, "Before the name of a stream: its topic.")
        .define(
            POLL_INTERVAL, LONG, 300_000, MEDIUM, "How long after its end the program runs again, in ms; -1: never."
        )
        .define(
            DATES_AS_TEXT,
            BOOLEAN,
            False,
            LOW,
            "Whether dates and times stay the text that they are; a Timestamp has milliseconds and no time zone.",
        )
    )


def define_idle_timeout(definition: ConfigDef) -> ConfigDef:
    return definition.define(
        IDLE_TIMEOUT,
        LONG,
        600_000,
        LOW,
        "How long the program may be silent, in ms, before it counts as hanging and its task fails.",
        validator=Range(1),
    )
