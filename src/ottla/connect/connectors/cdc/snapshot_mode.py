"""When tables are read whole, and what follows (`snapshot.mode`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.config_def import BOOLEAN, LOW, MEDIUM, STRING, ConfigDef
from ottla.connect.api.validators import ValidString

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME: Final = "snapshot.mode"
_CONFIGURED: Final = "snapshot.mode.configuration.based."
_OF_SCHEMAS: Final = "Has no effect: no history of schemas is kept."


class SnapshotMode(NamedTuple):
    at_first: bool
    """Where there is no stored offset."""
    at_every_start: bool = False
    when_lost: bool = False
    """Where changes since the stored offset are not there any more; otherwise that is an error."""
    streams: bool = True
    """The changes follow."""


_MODES: Final = {
    "always": SnapshotMode(at_first=True, at_every_start=True),
    "initial": SnapshotMode(at_first=True),
    "initial_only": SnapshotMode(at_first=True, streams=False),
    "no_data": SnapshotMode(at_first=False),
    "when_needed": SnapshotMode(at_first=True, when_lost=True),
}


def define_snapshot_mode(definition: ConfigDef) -> ConfigDef:
    return (
        definition.define(NAME, STRING, "initial", MEDIUM, "When the tables are read whole: always (at every start), "
                "initial (if there is no stored offset), initial_only (and then nothing more), no_data (never), "
                "when_needed (if there is no offset, or changes since it are lost), configuration_based (as "
                f"{_CONFIGURED}… says).", validator=ValidString(*_MODES, "configuration_based"))
        .define(_CONFIGURED + "snapshot.data", BOOLEAN, False, LOW, "Whether they are read at every start.")
        .define(_CONFIGURED + "snapshot.on.data.error", BOOLEAN, False, LOW, "Whether they are read when changes since "
                "the stored offset are lost.")
        .define(_CONFIGURED + "start.stream", BOOLEAN, False, LOW, "Whether the changes follow.")
        .define(_CONFIGURED + "snapshot.schema", BOOLEAN, False, LOW, _OF_SCHEMAS)
        .define(_CONFIGURED + "snapshot.on.schema.error", BOOLEAN, False, LOW, _OF_SCHEMAS)
    )  # fmt: skip


def snapshot_mode(parsed: Mapping[str, Any]) -> SnapshotMode:
    mode = _MODES.get(parsed[NAME])
    if mode is not None:
        return mode
    reads: bool = parsed[_CONFIGURED + "snapshot.data"]
    when_lost: bool = parsed[_CONFIGURED + "snapshot.on.data.error"]
    return SnapshotMode(reads, reads, when_lost, parsed[_CONFIGURED + "start.stream"])
