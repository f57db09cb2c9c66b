"""Plugins are found under Java's names, aliases and Python's, and every one of the table is there."""

from __future__ import annotations

import pytest

from ottla.connect.api.errors import ConnectError
from ottla.connect.runtime.plugin_table import PLUGINS, TASKS, PluginEntry, PluginKind
from ottla.connect.runtime.plugins import (
    PluginNotFoundError,
    Plugins,
    kind_of,
    load_class,
    load_task_class,
    task_class_name,
)
from ottla.connect.transforms.names import PREDICATES, TRANSFORMATIONS


@pytest.mark.parametrize("entry", PLUGINS, ids=lambda entry: f"{entry.kind.value} {entry.name}")
def test_every_plugin_is_there(entry: PluginEntry) -> None:
    found = Plugins().load(entry.kind, entry.name)
    assert found.name == entry.name
    assert found.cls().config() is not None
    if entry.kind is not PluginKind.HEADER_CONVERTER:
        assert kind_of(found.cls) is entry.kind


def test_no_transformation_is_forgotten() -> None:
    plugins = Plugins()
    for kind, known in ((PluginKind.TRANSFORMATION, TRANSFORMATIONS), (PluginKind.PREDICATE, PREDICATES)):
        assert {entry.name: load_class(entry.location) for entry in plugins.listed(kind)} == known


@pytest.mark.parametrize("name", TASKS)
def test_tasks_have_javas_names(name: str) -> None:
    assert task_class_name(load_task_class(name)) == name


@pytest.mark.parametrize(
    ("kind", "name", "whole"),
    [
        (PluginKind.SOURCE, "FileStreamSource", "org.apache.kafka.connect.file.FileStreamSourceConnector"),
        (PluginKind.SOURCE, "FileStreamSourceConnector", "org.apache.kafka.connect.file.FileStreamSourceConnector"),
        (
            PluginKind.SINK,
            "ottla.connect.connectors.file_stream_sink:FileStreamSinkConnector",
            "org.apache.kafka.connect.file.FileStreamSinkConnector",
        ),
        (PluginKind.CONVERTER, "Json", "org.apache.kafka.connect.json.JsonConverter"),
        (PluginKind.TRANSFORMATION, "Cast$Value", "org.apache.kafka.connect.transforms.Cast$Value"),
        (
            PluginKind.SOURCE,
            "ottla.connect.connectors.file_stream_source.FileStreamSourceConnector",
            "ottla.connect.connectors.file_stream_source:FileStreamSourceConnector",
        ),
    ],
)
def test_names_of_one(kind: PluginKind, name: str, whole: str) -> None:
    assert Plugins().load(kind, name).name == whole


@pytest.mark.parametrize("name", ["Nope", "", "no_such_module:Nope", "os.path.join", "json:JSONDecoder", "a.b.c", "$:"])
def test_what_is_no_connector(name: str) -> None:
    with pytest.raises(PluginNotFoundError):
        Plugins().connector(name)


def test_a_module_that_needs_another_says_which(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("modules")
    (folder / "broken_plugin.py").write_text("import not_installed_at_all\n")
    monkeypatch.syspath_prepend(str(folder))
    with pytest.raises(ConnectError, match="needs not_installed_at_all"):
        load_class("broken_plugin:Broken")
