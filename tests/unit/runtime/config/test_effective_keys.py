"""`EFFECTIVE_KEYS` is what the sources ask for: a key cannot gain or lose its effect unnoticed."""

import re
from collections import defaultdict
from pathlib import Path

from ottla.runtime.config.broker import BROKER_CONFIGS
from ottla.runtime.config.effective import EFFECTIVE_KEYS
from ottla.runtime.config.synonyms import BROKER_SYNONYMS

SOURCES = Path(__file__).parents[4] / "src" / "ottla"
DEFINING = {"broker.py", "description.py", "dynamic.py", "effective.py", "group.py", "topic.py", "validation.py"}
READ = re.compile(r"""(?:get_\w+|topic_default|listener_override)\(\s*"([a-z][a-z0-9.]+)"|key = "([a-z][a-z0-9.]+)\"""")


def names_in_sources() -> dict[str, set[str]]:
    """Every broker config that is written anywhere outside of the definitions, with the files."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in sorted(SOURCES.rglob("*.py")):
        if file.parent.name == "config" and file.name in DEFINING:
            continue
        for name in re.findall(r'"([a-z][a-z0-9]*(?:\.[a-z0-9]+)*)"', file.read_text()):
            if name in BROKER_CONFIGS:
                found[name].add(str(file.relative_to(SOURCES)))
    return found


def test_every_effective_key_is_asked_for_somewhere() -> None:
    assert sorted(EFFECTIVE_KEYS - names_in_sources().keys()) == []


def test_every_key_that_the_broker_asks_for_is_effective() -> None:
    topic_synonyms = {synonym.name for synonyms in BROKER_SYNONYMS.values() for synonym in synonyms}
    asked: dict[str, str] = {}
    for file in sorted((SOURCES / "broker").rglob("*.py")):
        for groups in READ.findall(file.read_text()):
            for name in filter(None, groups):
                if name in BROKER_CONFIGS and name not in topic_synonyms:
                    asked[name] = str(file.relative_to(SOURCES))
    assert {name: file for name, file in asked.items() if name not in EFFECTIVE_KEYS} == {}
