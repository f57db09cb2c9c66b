"""What operators do, done by hand in the browser: leaders, replicas, voters, brokers, features, tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from tests.cluster.conftest import SETTINGS
from tests.conformance.conftest import LOGIN, NODE
from tests.conformance.console_ui.browser import HEIGHT, TIMEOUT_MS, WIDTH, Screen, axe_violations
from tests.peers.cluster import COMBINED
from tests.peers.console import Browser, ConsoleProcess
from tests.peers.ottla_cluster import OttlaCluster
from tests.peers.ottla_node import OttlaNode
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OttlaCluster]:
    with OttlaCluster(tmp_path_factory.mktemp("cluster"), (COMBINED,) * 3, settings=SETTINGS) as started:
        admin = AdminClient({"bootstrap.servers": started.bootstrap})
        replicas = [[1, 2], [2, 3], [3, 1]]
        admin.create_topics([NewTopic("orders", 3, replica_assignment=replicas)])["orders"].result(60)
        yield started


@pytest.fixture
def at(browser: Any) -> Iterator[Any]:
    """Opens a page of the console at an address; at the end nothing may have been complained of."""
    opened: list[tuple[Any, Screen]] = []

    def open_at(address: str) -> Screen:
        context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
        context.set_default_timeout(TIMEOUT_MS)
        screen = Screen(context.new_page(), f"http://{address}", "local")
        opened.append((context, screen))
        return screen

    yield open_at
    for context, screen in opened:
        context.close()
        assert screen.complaints == []


def assert_axe_finds_nothing(screen: Screen) -> None:
    assert axe_violations(screen.page) == []


def test_a_broker_is_emptied_and_taken_out(cluster: OttlaCluster, at: Any, tmp_path: Path) -> None:
    with ConsoleProcess(tmp_path / "console", "--bootstrap", cluster.bootstrap) as console:
        screen, api = at(console.address), Browser(console.address)
        the_preferred_lead(screen, api)
        replicas_are_moved(screen)
        a_voter_is_removed(screen)
        cluster.nodes[3].kill()
        wait_for(lambda: any(each["fenced"] for each in api.get("brokers")["brokers"]), "broker 3 to be fenced", 60)
        a_broker_is_unregistered(screen)


def the_preferred_lead(screen: Screen, api: Browser) -> None:
    """Other replicas first, and the same leaders: what an election is for."""
    page = screen.page
    partitions = api.get("topics/orders")["partition_list"]
    turned = [
        {"topic": "orders", "partition": each["partition"], "replicas": [*reversed(each["replicas"])]}
        for each in partitions
        if each["leader"] == each["replicas"][0]
    ]
    assert turned
    api.post("reassignments", {"partitions": turned})
    screen.open("brokers")
    page.get_by_role("link", name="Leaders").click()
    screen.button("Elect all preferred leaders").wait_for()
    assert_axe_finds_nothing(screen)
    screen.button("Elect all preferred leaders").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Every partition is led by its preferred replica.").wait_for()


def replicas_are_moved(screen: Screen) -> None:
    page = screen.page
    page.get_by_role("link", name="Reassignments").click()
    page.get_by_text("Nothing is on the move.").wait_for()
    screen.button("Move replicas").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Topic").select_option("orders")
    dialog.get_by_label("Broker 3").uncheck()
    dialog.get_by_label("At most, MiB a second and broker").fill("10")
    dialog.get_by_role("button", name="Propose").click()
    dialog.get_by_text("2 partitions of 3 would change, 2 replicas would be copied.").wait_for()
    assert dialog.get_by_role("table", name="What would change").get_by_role("row").count() == 3
    assert_axe_finds_nothing(screen)
    dialog.get_by_role("button", name="Move 2 partitions").click()
    page.get_by_text("2 partitions set on the way.").wait_for()
    page.get_by_text("Nothing moves any more").wait_for()
    assert_axe_finds_nothing(screen)
    screen.button("Take the throttles away").click()
    page.get_by_text("Throttles removed").wait_for()
    screen.until(lambda: page.get_by_text("Replication is held").count() == 0, "no throttles")


def a_voter_is_removed(screen: Screen) -> None:
    page = screen.page
    page.get_by_role("link", name="Quorum").click()
    screen.button("Remove voter 3").click()
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_role("button", name="Remove voter").is_disabled()
    dialog.get_by_label("Write").fill("3")
    assert_axe_finds_nothing(screen)
    dialog.get_by_role("button", name="Remove voter").click()
    page.get_by_text("Node 3 votes no more.").wait_for()
    screen.until(lambda: page.get_by_role("button", name="Remove voter 3").count() == 0, "it is no voter")


def a_broker_is_unregistered(screen: Screen) -> None:
    page = screen.page
    screen.open("brokers", "3")
    screen.button("Unregister").click()
    page.get_by_role("dialog").get_by_label("Write").fill("3")
    page.get_by_role("dialog").get_by_role("button", name="Unregister").click()
    page.get_by_text("Broker 3 is forgotten.").wait_for()
    screen.until(lambda: page.get_by_role("link", name="Broker 3").count() == 0, "its card is gone")


def test_tokens_and_features(at: Any, tmp_path: Path) -> None:
    with OttlaNode(tmp_path / "node", NODE) as node:
        properties = tmp_path / "client.properties"
        properties.write_text("".join(f"{key}={value}\n" for key, value in LOGIN.items()))
        options = ("--bootstrap", node.address, "--command-config", str(properties))
        with ConsoleProcess(tmp_path / "console", *options) as console:
            screen = at(console.address)
            a_token_is_made_and_ended(screen)
            a_feature_is_turned_off(screen)


def a_token_is_made_and_ended(screen: Screen) -> None:
    page = screen.page
    screen.open("overview")
    page.locator(".figures").wait_for()
    page.keyboard.press("g")
    page.keyboard.press("k")
    page.get_by_text("No tokens.").wait_for()
    screen.button("Make a token").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Renewers").fill("ann")
    dialog.get_by_role("button", name="Make token").click()
    dialog.get_by_role("alert").filter(has_text="User:ann").wait_for()
    dialog.get_by_label("Renewers").fill("User:ann")
    dialog.get_by_label("Hours, at most").fill("2")
    dialog.get_by_role("button", name="Make token").click()
    made = page.get_by_role("dialog", name="The token")
    hmac = made.get_by_role("group", name="HMAC of the token").inner_text()
    assert len(hmac) > 20
    assert_axe_finds_nothing(screen)
    screen.button("I have it").click()
    row = page.get_by_role("row").filter(has_text="User:ann")
    screen.until(lambda: page.reload() is None or row.count() == 1, "the broker knows it")
    assert hmac not in page.content()
    row.get_by_role("button", name="Renew").click()
    page.get_by_role("dialog").get_by_label("Hours from now").fill("1")
    page.get_by_role("dialog").get_by_role("button", name="Renew").click()
    page.get_by_text("The token of User:admin expires at").wait_for()
    row.get_by_role("button", name="Expire").click()
    page.get_by_role("dialog").get_by_role("button", name="Expire token").click()
    page.get_by_text("The token of User:admin has ended.").wait_for()


def a_feature_is_turned_off(screen: Screen) -> None:
    page = screen.page
    screen.open("brokers", "features")
    screen.button("Change share.version").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Level").fill("99")
    dialog.get_by_label("Level").evaluate("field => field.removeAttribute('max')")
    dialog.get_by_role("button", name="Check").click()
    dialog.get_by_role("alert").wait_for()
    dialog.get_by_label("Level").fill("0")
    dialog.get_by_role("button", name="Check").click()
    dialog.get_by_text("The cluster would take it.").wait_for()
    assert_axe_finds_nothing(screen)
    dialog.get_by_role("button", name="Lower the level").click()
    page.get_by_text("share.version is off.").wait_for()
