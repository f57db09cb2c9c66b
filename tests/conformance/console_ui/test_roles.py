"""Signing in, and what a role sees: only its topics, masked fields, nothing that changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.conformance.console_ui.browser import HEIGHT, TIMEOUT_MS, WIDTH, Screen, axe_source
from tests.peers.console import ConsoleProcess

from ottla.console.web.access.passwords import hash_password

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conformance.console_ui.shop import Shop

pytestmark = pytest.mark.long

CONFIG = """
[[cluster]]
name = "shop"
bootstrap = "{bootstrap}"

[[cluster]]
name = "mirror"
bootstrap = "{bootstrap}"
read_only = true

[[user]]
name = "ada"
password = "{hash}"

[[role]]
name = "clerk"
users = ["ada"]

[[role.permissions]]
resource = "topic"
names = ["ord*"]
actions = ["view", "read"]

[[role.permissions]]
resource = "cluster"
actions = ["view"]

[[mask]]
topics = ["orders"]
fields = ["value.customer"]
"""


@pytest.fixture
def screen(browser: Any, shop: Shop, tmp_path: Path) -> Iterator[Screen]:
    config = tmp_path / "console.toml"
    config.write_text(CONFIG.format(bootstrap=shop.node.address, hash=hash_password("secret")))
    with ConsoleProcess(tmp_path / "console", "--config", str(config)) as console:
        context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
        context.set_default_timeout(TIMEOUT_MS)
        screen = Screen(context.new_page(), f"http://{console.address}", "shop")
        yield screen
        context.close()
    assert screen.complaints == []


def test_a_clerk_signs_in_and_sees_what_the_role_allows(screen: Screen) -> None:
    page = screen.page
    screen.open("topics", "orders")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill("wrong")
    screen.button("Sign in").click()
    page.get_by_role("alert").wait_for()
    page.evaluate(axe_source())
    assert page.evaluate("async () => (await axe.run()).violations.map(each => each.id)") == []
    page.get_by_label("Password").fill("secret")
    screen.button("Sign in").click()
    screen.title().filter(has_text="orders").wait_for()
    screen.grid_rows().first.click()
    message = page.get_by_role("region", name="Message")
    message.get_by_text("masked").first.wait_for()
    assert "customer-" not in message.get_by_role("group", name="Value").inner_text()
    assert message.get_by_role("button", name="Produce a copy").count() == 0
    assert page.get_by_role("link", name="ACLs").count() == 0
    screen.open("topics")
    page.get_by_role("link", name="orders", exact=True).wait_for()
    assert page.get_by_role("link", name="payments", exact=True).count() == 0
    assert page.get_by_role("button", name="Create topic").count() == 0
    screen.open("topics", "payments")
    page.get_by_role("alert").wait_for()
    screen.button("Sign out").click()
    page.get_by_label("Password").wait_for()


def test_clusters_are_switched_and_a_read_only_one_says_so(screen: Screen) -> None:
    page = screen.page
    screen.open("overview")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill("secret")
    screen.button("Sign in").click()
    page.locator(".figures").wait_for()
    assert page.get_by_text("Read-only").count() == 0
    page.get_by_label("Cluster", exact=True).select_option("mirror")
    page.get_by_text("Read-only").wait_for()
    assert "#/mirror/overview" in page.url
