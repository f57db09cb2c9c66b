"""A Singer tap of numbers, for tests: `numbers_tap.py --config FILE [--state FILE] [--catalog FILE] [--discover]`.

Its settings: `folder`, `mode` (well, die, rubbish, hang, slow), `password`. In the folder, `limit` holds how far it
counts; `pid` is written when it starts, `arguments` says how it was started.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}, "text": {"type": ["null", "string"]}}}
EVERY = 10


def say(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    for option in ("--config", "--state", "--catalog"):
        parser.add_argument(option)
    parser.add_argument("--discover", action="store_true")
    options = parser.parse_args()
    config = json.loads(Path(options.config).read_text())
    folder, mode = Path(config["folder"]), config.get("mode", "well")
    if options.discover:
        say({"streams": [{"stream": each, "tap_stream_id": each, "schema": SCHEMA} for each in ("numbers", "others")]})
        return
    (folder / "arguments").write_text(" ".join(sys.argv))
    (folder / "pid").write_text(str(os.getpid()))
    first = json.loads(Path(options.state).read_text())["next"] if options.state else 0
    catalog = json.loads(Path(options.catalog).read_text()) if options.catalog else {"streams": []}
    streams = [each["stream"] for each in catalog["streams"] if each.get("selected")]
    for stream in streams:
        say({"type": "SCHEMA", "stream": stream, "schema": SCHEMA, "key_properties": ["n"]})
    print(f"counting from {first}", file=sys.stderr, flush=True)
    for number in range(first, int((folder / "limit").read_text())):
        for stream in streams:
            say({"type": "RECORD", "stream": stream, "record": {"n": number, "text": f"number {number}"}})
        if number % EVERY == EVERY - 1:
            say({"type": "STATE", "value": {"next": number + 1}})
        if mode == "slow":
            time.sleep(0.005)
    if mode == "die":
        sys.exit("there is nothing behind that")
    if mode == "rubbish":
        sys.stdout.write("this is no JSON\n")
    if mode == "hang":
        time.sleep(3600)


main()
