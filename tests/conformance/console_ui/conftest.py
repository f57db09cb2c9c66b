"""A node with a registry, a worker of Connect and a console, filled with what a shop would have; and a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.conformance.console_ui import browser as browsers
from tests.conformance.console_ui.browser import HEIGHT, TIMEOUT_MS, WIDTH, Screen
from tests.conformance.console_ui.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with Shop(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


@pytest.fixture(scope="package")  # while it is there a loop of playwright runs, beside which asyncio runs none
def browser() -> Iterator[Any]:
    yield from browsers.launched()


@pytest.fixture
def screen(browser: Any, shop: Shop) -> Iterator[Screen]:
    """A page of its own, light, without anything stored; at the end nothing may have been complained of."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
    context.set_default_timeout(TIMEOUT_MS)
    screen = Screen(context.new_page(), shop.console_url, shop.cluster)
    yield screen
    context.close()
    assert screen.complaints == []
