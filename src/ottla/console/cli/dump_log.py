"""`ottla dump-log PATH…`: what stands in the files of a log, read without a node."""

import argparse
import json
import sys
from itertools import islice
from pathlib import Path
from typing import Any

from ottla.console.cli.output import note, print_json, time_text
from ottla.console.cli.session import EXIT_FAILED, EXIT_OK, EXIT_USAGE
from ottla.tools.dump import Options, UnknownFileError, dump, files_of
from ottla.tools.record_decoding import DECODERS

RAW = "raw"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Show the batches and records of .log files and metadata snapshots, and the entries of .index, .timeindex,"
        " .txnindex, .snapshot and checkpoint files. Reads only; a node may be running."
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files, or directories of partitions: all in them")
    parser.add_argument("--records", action="store_true", help="the records of each batch, too")
    parser.add_argument(
        "--decode",
        choices=[*DECODERS, RAW],
        help="what records are (default: as the directory says: __cluster_metadata, __consumer_offsets, …)",
    )
    parser.add_argument("--from-offset", type=int, default=0, metavar="OFFSET", help="from the batch with it on")
    parser.add_argument("--count", type=int, metavar="N", help="at most so many lines of each file")
    parser.add_argument("--json", action="store_true", help="JSON for programs, a line each")


def run(arguments: argparse.Namespace) -> int:
    """1 if anything cannot be read or has a wrong checksum."""
    options = Options(arguments.records, arguments.decode, arguments.from_offset)
    is_right = True
    try:
        files = [file for path in arguments.paths for file in files_of(Path(path))]
        for file in files:
            if not arguments.json and len(files) > 1:
                print(f"{file}:")
            for item in islice(dump(file, options), arguments.count):
                is_right = is_right and item["kind"] != "error" and item.get("crc_is_right", True)
                if arguments.json:
                    print_json({"file": str(file), **item})
                else:
                    sys.stdout.write(f"{_line(item)}\n")
    except UnknownFileError as error:
        note(f"ottla: {error}")
        return EXIT_USAGE
    except OSError as error:
        note(f"ottla: {error.filename}: {error.strerror or error}")
        return EXIT_FAILED
    return EXIT_OK if is_right else EXIT_FAILED


def _line(item: dict[str, Any]) -> str:
    kind = item["kind"]
    if kind == "batch":
        return _batch(item)
    if kind == "record":
        return _record(item)
    if kind == "line":
        return str(item["text"])
    if kind == "error":
        where = f"at position {item['position']}: " if "position" in item else ""
        return f"ERROR {where}{item['error']}"
    return "  ".join(f"{name} {_short(name, value)}" for name, value in item.items() if name != "kind")


def _batch(item: dict[str, Any]) -> str:
    words = [
        f"offsets {item['base_offset']}-{item['last_offset']}",
        f"{item['count']} record{'' if item['count'] == 1 else 's'}",
        f"position {item['position']}",
        f"{item['size']} B",
        f"epoch {item['leader_epoch']}",
        f"{item['timestamp_type']} {time_text(item['max_timestamp'])}",
    ]
    if item["compression"] != "none":
        words.append(item["compression"])
    if item["producer_id"] >= 0:
        words.append(f"producer {item['producer_id']} epoch {item['producer_epoch']} sequence {item['base_sequence']}")
    words += [word for word in ("transactional", "control") if item[word]]
    if item["delete_horizon"] is not None:
        words.append(f"may go after {time_text(item['delete_horizon'])}")
    if not item["crc_is_right"]:
        words.append("WRONG CHECKSUM")
    return "  ".join(words)


def _record(item: dict[str, Any]) -> str:
    said = item.get("decoded")
    line = f"  | {item['offset']}  {time_text(item['timestamp'])}"
    if said is not None and "undecoded" not in said:
        body = {name: value for name, value in said.items() if name in ("key", "data", "deleted")}
        return f"{line}  {said['type']}  {_plain(body)}"
    shown = [_text(item, "key"), _text(item, "value")]
    headers = [f"{each['name']}={_text(each, 'value')}" for each in item.get("headers", ())]
    return "  ".join([line, *shown, *headers, *([f"({said['undecoded']})"] if said else ())])


def _plain(body: dict[str, Any]) -> str:
    return "  ".join(
        " ".join(f"{name}={_inner(each)}" for name, each in value.items()) if isinstance(value, dict) else name
        for name, value in body.items()
    )


def _inner(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _text(item: dict[str, Any], name: str) -> str:
    if name in item:
        return "null" if item[name] is None else str(item[name])
    return f"base64:{item[f'{name}_base64']}"


def _short(name: str, value: object) -> str:
    if value is None:
        return "-"
    return time_text(value) if name.endswith("timestamp") and isinstance(value, int) else str(value)
