"""`ottla connectors list|status|create|…`: what a worker of Connect runs."""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ottla.console.cli.connector_plugins import PLUGIN_OPERATIONS, add_plugin_arguments, run_plugin_operation
from ottla.console.cli.output import note, print_json, table
from ottla.console.cli.rest_clients import connect_api
from ottla.console.cli.session import EXIT_FAILED, EXIT_OK, EXIT_USAGE, UsageError
from ottla.console.operations.connectors import (
    ConnectApi,
    ConnectorFileError,
    ConnectorsError,
    list_connectors,
    path_of,
    read_connector,
)
from ottla.runtime.tls_files import add_client_arguments

DEFAULT_URL = "http://localhost:8083"
_VERBS = {"pause": "paused", "resume": "resumed", "stop": "stopped"}
Operation = Callable[[ConnectApi, argparse.Namespace], Awaitable[int]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    common = [_worker_arguments()]
    commands = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")

    commands.add_parser("list", parents=common, help="all of them, and how they are")
    status = commands.add_parser("status", parents=common, help="a connector and its tasks; 1 if one has failed")
    _name(status)
    describe = commands.add_parser("describe", parents=common, help="configuration, tasks and topics of a connector")
    _name(describe)

    create = commands.add_parser("create", parents=common, help="make a connector, or with --replace change one")
    _file(create)
    create.add_argument("--replace", action="store_true", help="change it where it is there already")
    create.add_argument("--state", choices=("running", "paused", "stopped"), help="how it begins (KIP-980)")
    validate = commands.add_parser(
        "validate", parents=common, help="what is wrong with a configuration; 1 if something"
    )
    _file(validate)
    alter = commands.add_parser("alter", parents=common, help="change keys of a configuration (KIP-477)")
    _name(alter)
    alter.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="may be repeated")
    alter.add_argument("--delete", action="append", default=[], metavar="KEY", help="back to the default")

    for verb, text in (
        ("pause", "hold it, with its tasks"),
        ("resume", "let it go on"),
        ("stop", "end its tasks; its offsets may be changed then"),
        ("delete", "forget it"),
    ):
        _name(commands.add_parser(verb, parents=common, help=text))
    restart = commands.add_parser("restart", parents=common, help="start a connector anew, or its tasks")
    _name(restart)
    restart.add_argument("--task", type=int, metavar="N", help="only this task")
    restart.add_argument("--tasks", action="store_true", help="its tasks, too")
    restart.add_argument("--failed", action="store_true", help="only what has failed")

    offsets = commands.add_parser("offsets", parents=common, help="how far it is; change it where it is stopped")
    _name(offsets)
    offsets.add_argument("--reset", action="store_true", help="forget all of them (KIP-875)")
    offsets.add_argument("--set", metavar="FILE", help="JSON as `offsets --json` prints it")
    plugins = commands.add_parser("plugins", parents=common, help="what the worker has, or what one of it takes")
    plugins.add_argument("plugin", nargs="?", metavar="CLASS")
    plugins.add_argument("--all", action="store_true", help="transformations, predicates and converters, too")
    add_plugin_arguments(commands)


def _worker_arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--url", metavar="URL", help=f"of a worker's REST API (default: the profile's, else {DEFAULT_URL})"
    )
    parser.add_argument("--profile", metavar="PROFILE", help="a cluster by its name; see `ottla profile`")
    add_client_arguments(parser)
    parser.add_argument("--json", action="store_true", help="JSON for programs, instead of tables")
    return parser


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")


def _file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="(default: the file's)")
    parser.add_argument("--file", metavar="FILE", help=".properties, or JSON")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="may be repeated")


def run(arguments: argparse.Namespace) -> int:
    if arguments.operation in PLUGIN_OPERATIONS:
        return run_plugin_operation(arguments)
    operations: dict[str, Operation] = {
        "list": _list,
        "status": _status,
        "describe": _describe,
        "create": _create,
        "validate": _validate,
        "alter": _alter,
        "pause": _change,
        "resume": _change,
        "stop": _change,
        "delete": _delete,
        "restart": _restart,
        "offsets": _offsets,
        "plugins": _plugins,
    }

    async def main() -> int:
        api = connect_api(arguments, arguments.url, DEFAULT_URL)
        try:
            return await operations[arguments.operation](api, arguments)
        finally:
            api.close()

    try:
        return asyncio.run(main())
    except (UsageError, ConnectorFileError) as error:
        note(f"ottla: {error}")
        return EXIT_USAGE
    except ConnectorsError as error:
        hint = "" if error.status else "\nIs a worker running? `ottla connect` starts one; --url URL names another."
        note(f"ottla: {error}{hint}")
        return EXIT_FAILED


async def _list(api: ConnectApi, arguments: argparse.Namespace) -> int:
    found = await list_connectors(api)
    if arguments.json:
        print_json(found)
    elif found:
        rows = [(each.name, each.kind, each.state, each.tasks, each.worker) for each in found]
        print(table(("CONNECTOR", "TYPE", "STATE", "TASKS", "WORKER"), rows))
    else:
        note("There are no connectors yet: `ottla connectors create NAME --file FILE`.")
    return EXIT_OK


async def _status(api: ConnectApi, arguments: argparse.Namespace) -> int:
    status = await api.ask("GET", path_of(arguments.name, "status"))
    parts = [("connector", status["connector"]), *((f"task {task['id']}", task) for task in status["tasks"])]
    if arguments.json:
        print_json(status)
    else:
        print(table(("WHAT", "STATE", "WORKER"), [(what, part["state"], part["worker_id"]) for what, part in parts]))
        for what, part in parts:
            if part.get("trace"):
                print(f"\n{what}: {part['trace'].rstrip()}")
    return EXIT_FAILED if any(part["state"] == "FAILED" for _, part in parts) else EXIT_OK


async def _describe(api: ConnectApi, arguments: argparse.Namespace) -> int:
    info = await api.ask("GET", path_of(arguments.name))
    topics = (await api.ask("GET", path_of(arguments.name, "topics")))[arguments.name]["topics"]
    if arguments.json:
        print_json(info | {"topics": topics})
        return EXIT_OK
    print(
        f"{info['name']}: {info['type']}, {len(info['tasks'])} tasks, topics {', '.join(sorted(topics)) or 'none yet'}"
    )
    print(table(("KEY", "VALUE"), sorted(info["config"].items())))
    return EXIT_OK


async def _create(api: ConnectApi, arguments: argparse.Namespace) -> int:
    name, config = _configuration(arguments)
    if arguments.replace:
        if arguments.state is not None:
            raise UsageError("--state says how a new connector begins; with --replace it is as it was")
        made = await api.ask("PUT", path_of(name, "config"), config)
    else:
        state = {} if arguments.state is None else {"initial_state": arguments.state.upper()}
        made = await api.ask("POST", "/connectors", {"name": name, "config": config, **state})
    if arguments.json:
        print_json(made)
    else:
        print(f"{made['name']}: {made['type']}")
    return EXIT_OK


async def _validate(api: ConnectApi, arguments: argparse.Namespace) -> int:
    name, config = _configuration(arguments)
    plugin = config.get("connector.class")
    if plugin is None:
        raise UsageError("connector.class is missing: which connector is it?")
    body = {"name": name, **config}
    infos = await api.ask("PUT", f"/connector-plugins/{quote(plugin, safe='')}/config/validate", body)
    wrong = [each["value"] for each in infos["configs"] if each["value"]["errors"]]
    if arguments.json:
        print_json(infos)
    elif not infos["error_count"]:
        print(f"{name}: nothing is wrong with it")
    else:
        print(table(("KEY", "WRONG"), [(each["name"], error) for each in wrong for error in each["errors"]]))
    return EXIT_FAILED if infos["error_count"] else EXIT_OK


async def _alter(api: ConnectApi, arguments: argparse.Namespace) -> int:
    patch: dict[str, str | None] = dict(_settings(arguments.set)) | dict.fromkeys(arguments.delete)
    if not patch:
        raise UsageError("--set KEY=VALUE or --delete KEY says what to change")
    changed = await api.ask("PATCH", path_of(arguments.name, "config"), patch)
    if arguments.json:
        print_json(changed)
    else:
        print(table(("KEY", "VALUE"), sorted(changed["config"].items())))
    return EXIT_OK


async def _change(api: ConnectApi, arguments: argparse.Namespace) -> int:
    await api.ask("PUT", path_of(arguments.name, arguments.operation))
    return _done(arguments, _VERBS[arguments.operation])


async def _delete(api: ConnectApi, arguments: argparse.Namespace) -> int:
    await api.ask("DELETE", path_of(arguments.name))
    return _done(arguments, "deleted")


async def _restart(api: ConnectApi, arguments: argparse.Namespace) -> int:
    if arguments.task is not None:
        if arguments.tasks or arguments.failed:
            raise UsageError("--task names one task; --tasks and --failed are for all of them")
        await api.ask("POST", path_of(arguments.name, "tasks", str(arguments.task), "restart"))
    else:
        query = f"?includeTasks={str(arguments.tasks).lower()}&onlyFailed={str(arguments.failed).lower()}"
        await api.ask("POST", path_of(arguments.name, "restart") + query)
    return _done(arguments, "restarted")


def _done(arguments: argparse.Namespace, what: str) -> int:
    if arguments.json:
        print_json({"name": arguments.name, "done": what})
    else:
        print(f"{arguments.name}: {what}")
    return EXIT_OK


async def _offsets(api: ConnectApi, arguments: argparse.Namespace) -> int:
    path = path_of(arguments.name, "offsets")
    if arguments.reset and arguments.set:
        raise UsageError("--reset forgets the offsets, --set FILE sets them: one of the two")
    if arguments.reset or arguments.set:
        answer = await (api.ask("DELETE", path) if arguments.reset else api.ask("PATCH", path, _read(arguments.set)))
        if arguments.json:
            print_json(answer)
        else:
            print(answer["message"])
        return EXIT_OK
    found = await api.ask("GET", path)
    if arguments.json:
        print_json(found)
    elif found["offsets"]:
        rows = [(_compact(each["partition"]), _compact(each["offset"])) for each in found["offsets"]]
        print(table(("PARTITION", "OFFSET"), rows))
    else:
        note(f"{arguments.name} has no offsets yet.")
    return EXIT_OK


async def _plugins(api: ConnectApi, arguments: argparse.Namespace) -> int:
    if arguments.plugin is None:
        found = await api.ask("GET", f"/connector-plugins?connectorsOnly={str(not arguments.all).lower()}")
        rows: list[tuple[object, ...]] = [(each["class"], each["type"], each.get("version")) for each in found]
        headers: tuple[str, ...] = ("CLASS", "TYPE", "VERSION")
    else:
        found = await api.ask("GET", f"/connector-plugins/{quote(arguments.plugin, safe='')}/config")
        rows = [
            (
                key["name"],
                key["type"],
                "(must be set)" if key["required"] else key["default_value"],
                key["documentation"],
            )
            for key in found
        ]
        headers = ("KEY", "TYPE", "DEFAULT", "WHAT IT IS")
    if arguments.json:
        print_json(found)
    else:
        print(table(headers, rows))
    return EXIT_OK


def _configuration(arguments: argparse.Namespace) -> tuple[str, dict[str, str]]:
    named, config = read_connector(Path(arguments.file)) if arguments.file else (None, {})
    config |= _settings(arguments.set)
    name = arguments.name or named or config.get("name")
    if name is None:
        raise UsageError("the connector has no name: write NAME, or name=… in the file")
    if not config:
        raise UsageError("there is no configuration: --file FILE, or --set KEY=VALUE")
    return name, {**config, "name": name}


def _settings(texts: list[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise UsageError(f"--set {text}: write KEY=VALUE")
        found[key] = value
    return found


def _read(name: str) -> Any:
    try:
        return json.loads(Path(name).read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"--set {name}: {reason}") from error


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
