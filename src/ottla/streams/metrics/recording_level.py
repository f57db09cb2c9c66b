"""How much is recorded (`Sensor.RecordingLevel`)."""

from __future__ import annotations

from enum import IntEnum


class RecordingLevel(IntEnum):
    """`metrics.recording.level`: what is recorded are the sensors of that level and of those before it."""

    INFO = 0
    DEBUG = 1
    TRACE = 2
