"""`docs/guide/connectors.md`: its tables of settings are computed from each connector's `ConfigDef`. `make docs`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.house.source import REPOSITORY

from ottla.connect.api.config_def import config_text
from ottla.connect.runtime.plugin_table import PLUGINS, PluginKind
from ottla.connect.runtime.plugins import load_class

if TYPE_CHECKING:
    from ottla.connect.api.config_def import ConfigKey

CONNECTORS_MD = REPOSITORY / "docs" / "guide" / "connectors.md"
_TABLE = re.compile(r"(<!-- settings of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_OWN = "ottla.connect.connectors."
_ELSEWHERE = (f"{_OWN}postgres", f"{_OWN}mysql")
"""Change data capture has a page of its own."""
_HEAD = "\n| setting | type | default | what it says |\n|---|---|---|---|\n"


def render_connectors() -> str:
    """The page as it is, with its tables as they should be."""
    return _TABLE.sub(lambda found: found[1] + table(found[2]) + found[3], CONNECTORS_MD.read_text("utf-8"))


def described() -> set[str]:
    return {name for _, name, _ in _TABLE.findall(CONNECTORS_MD.read_text("utf-8"))}


def own_connectors() -> dict[str, str]:
    """Location by the last part of the name: those that Kafka Connect does not come with, and that host no others."""
    kinds = (PluginKind.SOURCE, PluginKind.SINK)
    others = ("org.apache.kafka.", "ottla.connect.bridges.")
    entries = [entry for entry in PLUGINS if entry.kind in kinds and not entry.name.startswith(others)]
    return {re.split("[.:]", entry.name)[-1]: entry.location for entry in entries}


def table(name: str) -> str:
    definition = load_class(own_connectors()[name])().config()
    return _HEAD + "".join(_row(key) for key in definition.config_keys.values()) + "\n"


def _row(key: ConfigKey) -> str:
    default = "**required**" if not key.has_default else _shown(config_text(key.default_value, key.type))
    allowed = str(key.validator) if key.validator is not None else ""
    limits = f" `{allowed}`" if allowed.startswith(("[", "(")) else ""
    text = f"{key.documentation}{limits}".replace("|", "\\|")
    return f"| `{key.name}` | {key.type.value.lower()} | {default} | {text} |\n"


def _shown(text: str | None) -> str:
    return f"`{text}`" if text else ""
