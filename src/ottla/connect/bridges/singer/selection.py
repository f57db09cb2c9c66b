"""Which streams and fields of a tap's catalog are read. Pure.

Patterns are `stream` or `stream.field` with `*` and `?`, and with `!` what is not wanted, as Meltano's `select` has
them: what no pattern takes is left out, and `!` goes before what takes it. Taps look in different places; all are set.
"""

from __future__ import annotations

import copy
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from ottla.connect.api.errors import ConfigError, ConnectError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def select_streams(
    catalog: Mapping[str, Any], patterns: Sequence[str], metadata: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The catalog with `selected` everywhere; `metadata` (by pattern of streams) says more of a stream.

    `ConnectError` where nothing is selected: it names what there is.
    """
    streams = catalog.get("streams")
    if not isinstance(streams, list) or not all(isinstance(each, dict) for each in streams):
        raise ConnectError("the catalog of the tap has no list of streams")
    chosen: list[dict[str, Any]] = [_selected(copy.deepcopy(each), patterns, metadata) for each in streams]
    if not any(each["selected"] for each in chosen):
        known = ", ".join(str(_name(each)) for each in streams) or "none; singer.discover=false reads what it likes"
        raise ConnectError(f"singer.select={','.join(patterns)} selects no stream; the tap has: {known}")
    return {**catalog, "streams": chosen}


def read_metadata(found: object) -> dict[str, dict[str, Any]]:
    """`{"STREAM": {"replication-method": "INCREMENTAL", …}}`. `ConfigError`."""
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise ConfigError('singer.metadata must be {"STREAM": {"KEY": …}} in JSON')
    return found


def _name(stream: Mapping[str, Any]) -> Any:
    return stream.get("stream") or stream.get("tap_stream_id")


def _selected(
    stream: dict[str, Any], patterns: Sequence[str], metadata: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    name = str(_name(stream))
    wanted = _takes(patterns, name, None)
    stream["selected"] = wanted
    schema = stream.get("schema")
    if isinstance(schema, dict):
        schema["selected"] = wanted
    entries: list[dict[str, Any]] = [each for each in stream.get("metadata") or [] if isinstance(each, dict)]
    known = {tuple(each.get("breadcrumb") or ()): each for each in entries}
    properties = schema.get("properties") if isinstance(schema, dict) else None
    for breadcrumb in ((), *(("properties", str(field)) for field in properties or ())):
        entry = known.get(breadcrumb)
        if entry is None:
            entry = {"breadcrumb": list(breadcrumb), "metadata": {}}
            entries.append(entry)
        said = entry.setdefault("metadata", {})
        if not breadcrumb:
            said["selected"] = wanted
            for pattern, more in metadata.items():
                if fnmatchcase(name, pattern):
                    said.update(more)
                    _repeat_outside(stream, more)
        else:
            said["selected"] = said.get("inclusion") == "automatic" or (
                wanted and said.get("inclusion") != "unsupported" and _takes(patterns, name, breadcrumb[1])
            )
    stream["metadata"] = entries
    return stream


def _repeat_outside(stream: dict[str, Any], metadata: Mapping[str, Any]) -> None:
    """Older taps read these of the stream itself."""
    for key in ("replication-method", "replication-key"):
        if key in metadata:
            stream[key.replace("-", "_")] = metadata[key]


def _takes(patterns: Sequence[str], stream: str, field: str | None) -> bool:
    takes = False
    for pattern in patterns:
        of_stream, point, of_field = pattern.removeprefix("!").partition(".")
        if not fnmatchcase(stream, of_stream):
            whole = pattern.removeprefix("!")  # the name of the stream may have points itself
            if not fnmatchcase(stream, whole):
                continue
            point, of_field = "", ""
        if pattern.startswith("!"):
            of_all = not point or of_field == "*"
            if of_all or (field is not None and fnmatchcase(field, of_field)):
                return False
        elif field is None or not point or fnmatchcase(field, of_field):
            takes = True
    return takes
