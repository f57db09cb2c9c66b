"""What may be done with a subject, a context, or all of them."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    READWRITE = "READWRITE"
    READONLY = "READONLY"
    READONLY_OVERRIDE = "READONLY_OVERRIDE"
    IMPORT = "IMPORT"
    FORWARD = "FORWARD"

    @property
    def is_read_only(self) -> bool:
        return self in (Mode.READONLY, Mode.READONLY_OVERRIDE)

    @property
    def takes_ids(self) -> bool:
        """Schemas come with the ids that they have elsewhere, and are not held against others."""
        return self in (Mode.IMPORT, Mode.FORWARD)


def parse_mode(text: str) -> Mode | None:
    try:
        return Mode(text.upper())
    except ValueError:
        return None
