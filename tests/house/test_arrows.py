"""The arrows of ARCHITECTURE.md: who may import whom, read from the source."""

from __future__ import annotations

import re
import sys
import tomllib

import pytest
from tests.house.source import REPOSITORY, Module, modules, where

PORTS = ("ottla.runtime.files", "ottla.runtime.time", "ottla.runtime.network")

# A room, and the prefixes of Ottla's modules that it may import beside itself. Runtime's ports are listed one by one.
ARROWS: dict[str, tuple[str, ...]] = {
    "protocol": (),
    "runtime": (),
    "log": ("ottla.protocol", *PORTS),
    "raft": ("ottla.protocol", *PORTS),
    "metadata": ("ottla.protocol", "ottla.runtime.config", *PORTS),
    "coordinator": (
        "ottla.protocol",
        "ottla.metadata.image",
        "ottla.metadata.partition",
        "ottla.metadata.registration",
        "ottla.runtime.config",
        *PORTS,
    ),
    "broker": ("ottla.coordinator", "ottla.metadata", "ottla.raft", "ottla.log", "ottla.protocol", "ottla.runtime"),
    "clients": ("ottla.protocol", "ottla.runtime"),
    "mirror": ("ottla.clients", "ottla.protocol", "ottla.runtime"),
    "streams": ("ottla.clients", "ottla.protocol", "ottla.runtime"),
    "registry": ("ottla.clients", "ottla.protocol", "ottla.runtime"),
    "connect": ("ottla.registry.client", "ottla.registry.schema", "ottla.clients", "ottla.protocol", "ottla.runtime"),
    "tools": ("ottla.log", "ottla.protocol", "ottla.runtime"),
    "console": (
        "ottla.clients",
        "ottla.tools",
        "ottla.connect.api.errors",
        "ottla.connect.catalogue",
        "ottla.connect.lake",
        "ottla.registry.client",
        "ottla.registry.schema",
        "ottla.protocol",
        "ottla.runtime",
    ),
    "testing": (),
}

# Pure parts of other rooms, and the only modules of Ottla that they import beside themselves.
PURE: dict[str, tuple[str, ...]] = {
    "ottla.registry.schema": (),
    "ottla.connect.data": ("ottla.connect.api.errors",),
    "ottla.connect.converters": ("ottla.connect.api", "ottla.connect.data"),
    "ottla.connect.avro": ("ottla.connect.api", "ottla.connect.data", "ottla.registry.schema"),
    "ottla.connect.json_schema": ("ottla.connect.api", "ottla.connect.data", "ottla.connect.converters"),
    "ottla.connect.protobuf": ("ottla.connect.api", "ottla.connect.data", "ottla.registry.schema"),
    "ottla.connect.transforms": ("ottla.connect.api", "ottla.connect.data"),
}

CORES = ("protocol", "log", "raft", "metadata", "coordinator")

# What a core must be handed in instead: sockets, clocks, threads, tasks, randomness, files.
FORBIDDEN_IN_CORES = {
    "asyncio",
    "concurrent",
    "multiprocessing",
    "os",
    "random",
    "secrets",
    "selectors",
    "shutil",
    "signal",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "uuid",
}

OPTIONAL = {
    "jwt": "PyJWT",
    "cryptography": "cryptography",
    "yaml": "PyYAML",
    "confluent_kafka": "confluent-kafka",
    "rocksdict": "rocksdict",
    "google": "protobuf",
    "uvicorn": "uvicorn",
    "fastavro": "fastavro",
    "jsonschema_rs": "jsonschema-rs",
    "duckdb": "duckdb",
    "pyarrow": "pyarrow",
    "sqlglot": "sqlglot",
    "msgspec": "msgspec",
    "psycopg": "psycopg",
    "bson": "pymongo",
    "pymongo": "pymongo",
    "pymysql": "PyMySQL",
    "opentelemetry": "opentelemetry-sdk",
}  # import name -> package of an extra; imported only where it is needed, never at the top

HANDED_IN = {"random.Random"}  # the type of what a core is handed


def test_every_room_has_its_arrows() -> None:
    rooms = {module.room for module in modules()} - {"", "__main__"}
    assert rooms == set(ARROWS)


@pytest.mark.parametrize("room", sorted(ARROWS))
def test_imports_follow_the_arrows(room: str) -> None:
    allowed = (f"ottla.{room}", *ARROWS[room])
    wrong = [
        f"{where(module, line)} imports {name}"
        for module in modules()
        if module.room == room
        for name, line in module.imports()
        if name.startswith("ottla.") and name != "ottla.__version__" and not _is_under(name, allowed)
    ]
    assert wrong == []


@pytest.mark.parametrize("part", PURE)
def test_pure_parts_stand_by_themselves(part: str) -> None:
    wrong = [
        f"{where(module, line)} imports {name}"
        for module in modules()
        if _is_under(module.name, (part,))
        for name, line in module.imports()
        if (name.startswith("ottla.") and not _is_under(name, (part, *PURE[part])))
        or name.split(".")[0] in FORBIDDEN_IN_CORES
    ]
    assert wrong == []


@pytest.mark.parametrize("room", CORES)
def test_cores_touch_nothing_of_the_outer_world(room: str) -> None:
    wrong = [
        f"{where(module, line)} imports {name}"
        for module in modules()
        if module.room == room
        for name, line in module.imports()
        if name.split(".")[0] in FORBIDDEN_IN_CORES and name not in HANDED_IN
    ]
    assert wrong == []


@pytest.mark.parametrize("room", CORES)
def test_cores_open_no_files_by_themselves(room: str) -> None:
    import ast

    wrong = [
        where(module, node.lineno)
        for module in modules()
        if module.room == room
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open"
    ]
    assert wrong == []


def test_dependencies_are_the_declared_ones() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {re.split("[^a-z0-9_]", name)[0] for name in project["dependencies"]}
    declared.add("annotationlib")  # the standard library's, from Python 3.14 on
    extras = " ".join(name for extra in project["optional-dependencies"].values() for name in extra)
    assert all(package in extras for package in OPTIONAL.values())
    wrong = [
        f"{where(module, line)} imports {name}"
        for module in modules()
        for name, line in module.imports()
        if (root := name.split(".")[0]) not in sys.stdlib_module_names
        and root not in declared | {"ottla"}
        and (module.name, root) != ("ottla.testing.plugin", "pytest")  # who loads it is pytest
        and not (root in OPTIONAL and module.text.splitlines()[line - 1].startswith(" "))
    ]
    assert wrong == []


def test_the_rule_sees_a_forbidden_import() -> None:
    import ast
    from pathlib import Path

    text = "from ottla.broker.node import Node\nimport os.path\n"
    module = Module("ottla.log.thief", Path("thief.py"), text, ast.parse(text))
    assert [name for name, _ in module.imports()] == ["ottla.broker.node.Node", "os.path"]
    assert not _is_under("ottla.broker.node.Node", ("ottla.log", *ARROWS["log"]))
    assert not _is_under("ottla.logger", ("ottla.log",))


def _is_under(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)
