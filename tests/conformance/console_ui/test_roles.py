"""Signing in, and what a role sees: only its topics, masked fields, nothing that changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.conformance.console_ui.browser import HEIGHT, TIMEOUT_MS, WIDTH, Screen, axe_violations
from tests.peers.console import ConsoleProcess
from tests.peers.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProviderServer
from tests.peers.process import free_port

from ottla.console.web.access.passwords import hash_password

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conformance.console_ui.shop import Shop

pytestmark = pytest.mark.long

SWITCHED = {"connector.class": "FileStreamSource", "topic": "switched", "file": "/dev/null"}
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
    assert axe_violations(page) == []
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


def test_who_signs_out_is_signed_out_at_the_provider(browser: Any, shop: Shop, tmp_path: Path) -> None:
    people = {"sub": "17", "preferred_username": "eve", "groups": ["operators"]}
    with OidcProviderServer(people) as provider:
        single = f'[oidc]\nname = "Company"\nissuer = "{provider.issuer}"\nclient_id = "{CLIENT_ID}"\n'
        secret = f'client_secret = "{CLIENT_SECRET}"\n'
        role = '[[role]]\nname = "all"\ngroups = ["operators"]\npermissions = [{ resource = "*", actions = ["*"] }]\n'
        cluster = f'[[cluster]]\nname = "shop"\nbootstrap = "{shop.node.address}"\n'
        config = tmp_path / "console.toml"
        config.write_text(cluster + role + single + secret)
        with ConsoleProcess(tmp_path / "console", "--config", str(config)) as console:
            context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
            context.set_default_timeout(TIMEOUT_MS)
            screen = Screen(context.new_page(), f"http://{console.address}", "shop")
            screen.open("overview")
            company = screen.page.get_by_role("link", name="Company")
            company.click()
            screen.page.locator(".figures").wait_for()
            screen.button("Sign out").click()
            company.wait_for()
            assert screen.page.url.startswith(f"http://{console.address}/")
            context.close()
        assert [each["post_logout_redirect_uri"] for each in provider.ended] == [f"http://{console.address}/"]
        assert screen.complaints == []


def test_groups_of_workers_are_switched(browser: Any, shop: Shop, tmp_path: Path) -> None:
    """Of one nobody answers; in the other the second worker does."""
    nobody = f"http://127.0.0.1:{free_port()}"
    groups = f'connect = {{ away = "{nobody}", main = "{nobody},http://{shop.connect.address}" }}\n'
    config = tmp_path / "console.toml"
    config.write_text(f'[[cluster]]\nname = "shop"\nbootstrap = "{shop.node.address}"\n{groups}')
    assert shop.connect.ask("PUT", "/connectors/switched/config", SWITCHED).status == 201
    with ConsoleProcess(tmp_path / "console", "--config", str(config)) as console:
        context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
        context.set_default_timeout(TIMEOUT_MS)
        screen = Screen(context.new_page(), f"http://{console.address}", "shop")
        page = screen.page
        screen.open("connect")
        page.get_by_role("alert").filter(has_text="UNREACHABLE").wait_for()
        page.get_by_label("Group of workers").select_option("main")
        page.get_by_role("link", name="switched").click()
        screen.title().filter(has_text="switched").wait_for()
        assert page.url.endswith("/connect/switched?group=main")
        page.get_by_role("link", name="Logs").click()
        page.get_by_role("log").get_by_text("RUNNING").first.wait_for()
        context.close()
    assert shop.connect.ask("DELETE", "/connectors/switched").status == 204
    assert screen.complaints == []
