"""Topics and messages, done by hand in the browser: create, produce, see, seek, filter, tail, scroll."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.conformance.console_ui.shop import BEGAN_MS, ORDERS

if TYPE_CHECKING:
    from tests.conformance.console_ui.browser import Screen
    from tests.conformance.console_ui.shop import Shop

pytestmark = pytest.mark.long


def test_a_topic_is_created_written_read_and_deleted(screen: Screen) -> None:
    page = screen.page
    screen.open("topics")
    screen.button("Create topic").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("no spaces")
    assert dialog.get_by_text("Letters, digits").is_visible()
    dialog.get_by_label("Name").fill("menu")
    dialog.get_by_label("Partitions").fill("2")
    dialog.get_by_role("button", name="Create topic").click()
    screen.title().filter(has_text="menu").wait_for()
    page.get_by_text("This topic is empty.").wait_for()
    screen.button("Produce the first message").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Format of the key").select_option("text")
    dialog.get_by_label("Key", exact=True).fill("k1")
    dialog.get_by_label("Value", exact=True).fill('{"dish": "Goulash"')
    dialog.get_by_role("button", name="Produce").click()
    dialog.get_by_role("alert").filter(has_text="is no JSON").wait_for()
    dialog.get_by_label("Value", exact=True).fill('{"dish": "Goulash"}')
    dialog.get_by_role("button", name="Add a header").click()
    dialog.get_by_label("Name of header 1").fill("trace")
    dialog.get_by_label("Value of header 1").fill("abc")
    dialog.get_by_role("button", name="Produce").click()
    screen.grid_rows().filter(has_text="Goulash").click()
    detail = page.get_by_role("region", name="Message")
    detail.get_by_text("trace").wait_for()
    assert '"dish": "Goulash"' in detail.get_by_role("group", name="Value").inner_text()
    detail.get_by_role("button", name="Produce a copy").click()
    page.get_by_role("dialog").get_by_role("button", name="Produce").click()
    page.get_by_text("Copied to menu").wait_for()
    page.keyboard.press("r")
    screen.until(lambda: screen.grid_rows().count() == 2, "the copy is there")
    page.get_by_role("link", name="Settings").click()
    screen.button("Delete topic").click()
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_role("button", name="Delete topic").is_disabled()
    dialog.get_by_label("Write").fill("menu")
    dialog.get_by_role("button", name="Delete topic").click()
    screen.title().filter(has_text="Topics").wait_for()
    screen.until(lambda: page.get_by_role("link", name="menu", exact=True).count() == 0, "the topic is gone")


def test_what_the_cluster_refuses_is_said(screen: Screen) -> None:
    page = screen.page
    screen.open("topics", create="1")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("orders")
    dialog.get_by_role("button", name="Create topic").click()
    said = dialog.get_by_role("alert")
    said.wait_for()
    assert "orders" in said.inner_text()
    assert "TOPIC_ALREADY_EXISTS" in said.inner_text()


def test_a_time_is_where_reading_starts(screen: Screen) -> None:
    """Records are a second apart, over three partitions: the first shown is the first that is not older."""
    page = screen.page
    at_ms = BEGAN_MS + 100_500
    screen.open("topics", "orders", order="time", **{"from": f"@{at_ms}"})
    first = screen.grid_rows().first
    first.wait_for()
    first.click()
    value = page.get_by_role("region", name="Message").get_by_role("group", name="Value")
    assert '"id": 101' in value.inner_text()
    screen.button("Load all").click()
    screen.until(
        lambda: f"{ORDERS - 101} messages, all there are" in page.locator(".status-bar").inner_text(), "all after it"
    )


def test_the_time_field_seeks(screen: Screen) -> None:
    page = screen.page
    screen.open("topics", "orders")
    page.get_by_text("From time").click()
    local = page.evaluate(
        "ms => new Date(ms - new Date(ms).getTimezoneOffset() * 60000).toISOString().slice(0, 19)",
        BEGAN_MS + 250_000,
    )
    page.get_by_label("From time").last.fill(local)
    screen.until(lambda: "50 messages, all there are" in page.locator(".status-bar").inner_text(), "the last fifty")


def test_an_offset_and_a_partition(screen: Screen) -> None:
    page = screen.page
    screen.open("topics", "orders", order="offset", partitions="1", **{"from": "90"})
    screen.until(lambda: "10 messages" in page.locator(".status-bar").inner_text(), "ten of partition 1")


def test_an_expression_filters_and_a_wrong_one_is_said(screen: Screen) -> None:
    page = screen.page
    screen.open("topics", "orders")
    screen.grid_rows().first.wait_for()
    page.keyboard.press("/")
    page.keyboard.type("value.amount > > 3")
    page.locator("#where-wrong").wait_for()
    page.get_by_label("Filter by an expression").fill('value.address.city == "Brno" and value.id < 20')
    page.keyboard.press("Enter")
    screen.until(lambda: "5 messages" in page.locator(".status-bar").inner_text(), "1, 5, 9, 13, 17")


def test_tombstones_are_marked(screen: Screen) -> None:
    screen.open("topics", "customers")
    screen.grid_rows().filter(has_text="tombstone").first.click()
    screen.page.get_by_text("in a compacted topic it deletes its key").wait_for()


def test_a_live_tail_shows_what_is_written_and_pauses(screen: Screen, shop: Shop) -> None:
    page = screen.page
    screen.open("topics", "payments", live="1")
    page.get_by_text("Waiting for messages.").wait_for()
    page.get_by_text(re.compile("Live, 0 messages")).wait_for()
    producer = shop.producer()
    producer.produce("payments", key="p1", value="first", partition=0)
    producer.flush()
    screen.grid_rows().filter(has_text="first").wait_for()
    screen.button("Pause").click()
    producer.produce("payments", key="p2", value="second", partition=1)
    producer.flush()
    page.get_by_text(re.compile("Paused, 1 waiting")).wait_for()
    assert screen.grid_rows().filter(has_text="second").count() == 0
    screen.button("Go on").click()
    screen.grid_rows().filter(has_text="second").wait_for()


def test_a_setting_is_changed_and_put_back(screen: Screen) -> None:
    page = screen.page
    screen.open("topics", "payments", "configs")
    page.get_by_label("Search settings").fill("max.message.bytes")
    screen.button("Change max.message.bytes").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Value").fill("many")
    dialog.get_by_role("button", name="Save").click()
    dialog.get_by_role("alert").wait_for()
    dialog.get_by_label("Value").fill("2000000")
    dialog.get_by_role("button", name="Save").click()
    page.get_by_role("row").filter(has_text="max.message.bytes").filter(has_text="2000000").wait_for()
    screen.button("Change max.message.bytes").click()
    page.get_by_role("dialog").get_by_role("button", name="Back to the default").click()
    page.get_by_role("row").filter(has_text="max.message.bytes").filter(has_text="1048588").wait_for()


def test_only_rows_in_view_exist(screen: Screen) -> None:
    page = screen.page
    screen.open("topics", "orders", order="oldest")
    screen.button("Load all").click()
    screen.until(lambda: f"{ORDERS} messages, all there are" in page.locator(".status-bar").inner_text(), "all orders")
    assert screen.grid_rows().count() < 60
    page.get_by_role("grid").focus()
    page.keyboard.press("End")
    page.get_by_role("row", selected=True).wait_for()
    assert page.get_by_role("row", selected=True).get_attribute("aria-rowindex") == str(ORDERS + 1)
    page.get_by_role("region", name="Message").wait_for()
    page.keyboard.press("Escape")
    assert page.get_by_role("region", name="Message").count() == 0
