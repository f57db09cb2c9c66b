"""A Singer target, for tests, that keeps all it reads until its input ends, and then appends it to a file."""

import argparse
import json
import sys
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config")
    config = json.loads(Path(parser.parse_args().config).read_text())
    kept, state, schemas = [], None, {}
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "SCHEMA":
            schemas[message["stream"]] = message["schema"]["properties"]
        elif message["type"] == "RECORD":
            if not set(message["record"]) <= set(schemas[message["stream"]]):
                sys.exit("a record with fields that its schema does not know")
            kept.append(json.dumps(message["record"], sort_keys=True) + "\n")
        elif message["type"] == "STATE":
            state = message["value"]
    if Path(config["file"] + ".broken").exists():
        sys.exit("the disk is full")
    with Path(config["file"]).open("a") as out:
        out.writelines(kept)
    print(json.dumps(state))


main()
