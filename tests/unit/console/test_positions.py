"""Where to begin, as people write it."""

from datetime import datetime

import pytest

from ottla.console.operations.positions import BEGINNING, END, Position, parse_position

NOW_MS = 1_800_000_000_000


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("beginning", BEGINNING),
        ("Earliest", BEGINNING),
        ("end", END),
        ("latest", END),
        ("0", Position(offset=0)),
        ("1234", Position(offset=1234)),
        ("@1767225600000", Position(timestamp=1767225600000)),
        ("90s", Position(timestamp=NOW_MS - 90_000)),
        ("15m", Position(timestamp=NOW_MS - 900_000)),
        ("-2h", Position(timestamp=NOW_MS - 7_200_000)),
        ("3d", Position(timestamp=NOW_MS - 259_200_000)),
        ("2026-11-23T14:00:05.500Z", Position(timestamp=1795442405500)),
        ("2026-11-23T14:00:05+02:00", Position(timestamp=1795435205000)),
    ],
)
def test_positions(text: str, position: Position) -> None:
    assert parse_position(text, NOW_MS) == position


def test_a_time_without_a_zone_is_local() -> None:
    local = datetime(2026, 11, 23, 14).astimezone()
    assert parse_position("2026-11-23T14:00", NOW_MS).timestamp == int(local.timestamp() * 1000)


@pytest.mark.parametrize("text", ["", "soon", "-5", "1.5", "@x", "2026-13-01"])
def test_what_is_no_position_says_what_is(text: str) -> None:
    with pytest.raises(ValueError, match="write beginning, end"):
        parse_position(text, NOW_MS)
