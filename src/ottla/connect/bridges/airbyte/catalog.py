"""Which streams of an Airbyte source are read, and how (`ConfiguredAirbyteCatalog`). Pure."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INCREMENTAL: Final = "incremental"
FULL_REFRESH: Final = "full_refresh"
AUTO: Final = "auto"


def stream_key(name: str, namespace: str | None) -> str:
    return f"{namespace}.{name}" if namespace else name


def choose_streams(streams: Sequence[Mapping[str, Any]], patterns: Sequence[str]) -> list[Mapping[str, Any]]:
    """Those that a pattern takes and none with `!` does. `ConnectError` where none is left: it names what there is."""
    chosen = [each for each in streams if _takes(patterns, stream_key(each["name"], each.get("namespace")))]
    if not chosen:
        known = ", ".join(stream_key(each["name"], each.get("namespace")) for each in streams) or "none"
        raise ConnectError(f"airbyte.streams={','.join(patterns)} takes no stream; the source has: {known}")
    return chosen


def _takes(patterns: Sequence[str], name: str) -> bool:
    refused = any(fnmatchcase(name, each[1:]) for each in patterns if each.startswith("!"))
    wanted = [each for each in patterns if not each.startswith("!")] or ["*"]
    return not refused and any(fnmatchcase(name, each) for each in wanted)


def configured_catalog(
    streams: Sequence[Mapping[str, Any]], mode: str, cursors: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """`mode`: `auto` reads what is new where the source can, `full_refresh` everything each time.

    `cursors` names the field by which a stream is read on, where its source leaves that to its user.
    """
    return {"streams": [_configured(each, mode, cursors) for each in streams]}


def _configured(stream: Mapping[str, Any], mode: str, cursors: Mapping[str, str]) -> dict[str, Any]:
    own = cursors.get(stream_key(stream["name"], stream.get("namespace")))
    cursor = [own] if own else list(stream.get("default_cursor_field") or [])
    can = INCREMENTAL in (stream.get("supported_sync_modes") or ())
    incremental = mode == AUTO and can and bool(cursor or stream.get("source_defined_cursor"))
    return {
        "stream": dict(stream),
        "sync_mode": INCREMENTAL if incremental else FULL_REFRESH,
        "destination_sync_mode": "append",
        "cursor_field": cursor,
        "primary_key": stream.get("source_defined_primary_key") or [],
    }


def key_properties(stream: Mapping[str, Any]) -> list[str]:
    """The primary key as fields of the record; none where it is within one of them."""
    paths = stream.get("source_defined_primary_key") or []
    known = (stream.get("json_schema") or {}).get("properties") or {}
    fields = [path[0] for path in paths if isinstance(path, list) and len(path) == 1 and path[0] in known]
    return fields if len(fields) == len(paths) else []
