"""A flush syncs what has changed since the last one: a disk takes a millisecond and more for each file."""

from __future__ import annotations

import pytest
from tests.simulation.disk import SimulatedDisk
from tests.unit.log.batches import append, batch, open_log

from ottla.log.config import LogConfig


@pytest.fixture
def disk() -> SimulatedDisk:
    return SimulatedDisk(1)


@pytest.fixture
def synced(disk: SimulatedDisk, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files and directories that were synced."""
    names: list[str] = []

    def note(kind: str, name: str) -> None:
        if kind == "sync":
            names.append(name.rpartition("/")[2])

    monkeypatch.setattr(disk, "maybe_fail", note)
    return names


def test_nothing_but_the_log_is_synced_while_only_it_grows(disk: SimulatedDisk, synced: list[str]) -> None:
    log = open_log(disk)
    append(log, batch(1))
    log.flush()
    assert {"00000000000000000000.log", "00000000000000000000.index", log.directory.name} <= set(synced)
    synced.clear()
    append(log, batch(1))
    log.flush()
    assert synced == ["00000000000000000000.log"]
    synced.clear()
    log.flush()
    assert synced == []


def test_an_index_that_grew_is_synced(disk: SimulatedDisk, synced: list[str]) -> None:
    log = open_log(disk, LogConfig(index_interval_bytes=0))
    append(log, batch(1))
    log.flush()
    synced.clear()
    append(log, batch(1))
    log.flush()
    assert set(synced) >= {"00000000000000000000.log", "00000000000000000000.index"}


def test_a_new_segment_is_synced_with_its_name_and_the_snapshot_it_begins_with(
    disk: SimulatedDisk, synced: list[str]
) -> None:
    log = open_log(disk)
    append(log, batch(1))
    log.flush()
    synced.clear()
    log.roll(1)
    append(log, batch(1))
    log.flush()
    new = {f"00000000000000000001{suffix}" for suffix in (".log", ".index", ".timeindex", ".snapshot")}
    assert set(synced) >= new | {log.directory.name}
