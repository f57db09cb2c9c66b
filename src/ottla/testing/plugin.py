"""Fixtures of pytest, there wherever Ottla is installed.

| fixture                 | scope    | what it is                                                              |
|-------------------------|----------|-------------------------------------------------------------------------|
| `ottla_broker`          | session  | a running `ottla.testing.Broker`, started by the first test that asks   |
| `ottla_broker_settings` | session  | keys of `server.properties` for it: override it in your `conftest.py`   |
| `ottla_topic`           | function | the name of a topic that no other test has, made at its first use       |
| `ottla_broker_factory`  | function | brokers of a test's own, to stop and kill: `factory(settings, parts=…)` |
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ottla.testing.broker import Broker

_numbers = itertools.count(1)
MAX_NAME = 200


@pytest.fixture(scope="session")
def ottla_broker_settings() -> Mapping[str, str]:
    return {}


@pytest.fixture(scope="session")
def ottla_broker(ottla_broker_settings: Mapping[str, str]) -> Iterator[Broker]:
    from ottla.testing.broker import Broker

    with Broker(ottla_broker_settings) as broker:
        yield broker


@pytest.fixture
def ottla_topic(request: pytest.FixtureRequest) -> str:
    name: str = request.node.name
    return f"{re.sub('[^A-Za-z0-9._-]', '_', name)[:MAX_NAME]}.{next(_numbers)}"


@pytest.fixture
def ottla_broker_factory() -> Iterator[Callable[..., Broker]]:
    from ottla.testing.broker import Broker

    made: list[Broker] = []

    def make(settings: Mapping[str, str] | None = None, **arguments: Any) -> Broker:
        broker = Broker(settings, **arguments)
        made.append(broker)
        broker.start()
        return broker

    try:
        yield make
    finally:
        for broker in made:
            broker.close()
