"""Groups, schemas, Connect and SQL, done by hand in the browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.conformance.console_ui.browser import axe_violations
from tests.conformance.console_ui.shop import ORDERS, application

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conformance.console_ui.browser import Screen
    from tests.conformance.console_ui.shop import Shop

pytestmark = pytest.mark.long


def test_a_group_is_reset_after_a_look(screen: Screen) -> None:
    page = screen.page
    screen.open("groups")
    page.get_by_role("link", name="billing").click()
    page.get_by_role("table", name="Offsets by partition").get_by_role("row").nth(3).wait_for()
    screen.button("Reset offsets").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("End", exact=True).click()
    dialog.get_by_role("button", name="Preview").click()
    dialog.get_by_role("table", name="What would change").wait_for()
    assert dialog.get_by_role("row").count() == 4
    assert dialog.get_by_text("+60").count() == 3
    dialog.get_by_role("button", name="Move 3 offsets").click()
    page.get_by_text("billing: 3 offsets moved.").wait_for()
    screen.until(lambda: page.locator(".figures dd").first.inner_text() == "0", "no lag")


def test_versions_of_a_schema_beside_each_other(screen: Screen) -> None:
    page = screen.page
    screen.open("schemas")
    page.get_by_role("link", name="payments-value").click()
    screen.button("Compare with the one before").click()
    difference = page.get_by_role("region", name="Difference of Version 1 and Version 2")
    difference.wait_for()
    assert "dish" in difference.locator(".added").all_inner_texts().__str__()
    assert difference.locator(".removed").count() <= 2


def test_a_schema_is_checked_before_it_is_registered(screen: Screen) -> None:
    page = screen.page
    screen.open("schemas", "payments-value")
    screen.button("New version").click()
    dialog = page.get_by_role("dialog")
    text = dialog.get_by_label("Schema", exact=True)
    text.fill('{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"string"}]}')
    dialog.get_by_role("button", name="Check compatibility").click()
    dialog.get_by_text("Not compatible", exact=True).wait_for()
    assert dialog.locator(".messages-list li").count() > 0
    dialog.get_by_role("button", name="Register").click()
    dialog.get_by_role("alert").wait_for()
    text.fill('{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"long"}]}')
    dialog.get_by_role("button", name="Check compatibility").click()
    dialog.get_by_text("Compatible", exact=True).wait_for()
    dialog.get_by_role("button", name="Register").click()
    page.get_by_text("3 versions").wait_for()


def test_a_connector_is_made_with_what_the_worker_says(screen: Screen, tmp_path: Path) -> None:
    page = screen.page
    (tmp_path / "lines").write_text("one\ntwo\n")
    screen.open("connect", "new")
    page.get_by_label("Search classes").fill("FileStreamSource")
    page.locator(".card-button").first.click()
    page.get_by_text("to mend").wait_for()
    page.get_by_label(re.compile("^name")).or_(page.get_by_label(re.compile("Connector name"))).first.fill("lines")
    page.get_by_label(re.compile(r"^topic\b", re.I)).first.fill("lines")
    page.get_by_label(re.compile(r"^file\b", re.I)).first.fill(str(tmp_path / "lines"))
    page.get_by_text("The worker finds nothing wrong.").wait_for()
    screen.button("Create connector").click()
    screen.title().filter(has_text="lines").wait_for()
    page.locator(".page-head .badge").filter(has_text="RUNNING").wait_for()
    screen.button("Pause").click()
    page.locator(".page-head .badge").filter(has_text="PAUSED").wait_for()
    screen.button("Resume").click()
    page.locator(".page-head .badge").filter(has_text="RUNNING").wait_for()
    its_log_is_live(screen)
    screen.open("topics", "lines")
    screen.grid_rows().filter(has_text="two").wait_for()


def its_log_is_live(screen: Screen) -> None:
    page = screen.page
    page.get_by_role("link", name="Logs").click()
    log = page.get_by_role("log", name="Log")
    log.get_by_text("PAUSED").first.wait_for()
    assert axe_violations(page) == []
    before = log.locator("p").count()
    log.focus()
    page.keyboard.press(" ")
    page.get_by_text("Paused, 0 waiting").wait_for()
    screen.button("Restart").click()
    page.get_by_text(re.compile("Paused, [1-9]")).wait_for()
    assert log.locator("p").count() == before
    screen.button("Go on").click()
    screen.until(lambda: log.locator("p").count() > before, "what was written meanwhile")
    page.get_by_label("Search the log").fill("connector paused")
    screen.until(lambda: log.locator("p").filter(has_text="task 0").count() == 0, "only its own lines are left")
    assert log.locator("p").filter(has_text="PAUSED").count() > 0


def test_a_query_says_what_it_read(screen: Screen) -> None:
    page = screen.page
    screen.open("sql")
    editor = page.get_by_label(re.compile("^SQL query"))
    editor.fill("select count(*) as n from orders")
    page.keyboard.press("Control+Enter")
    screen.grid_rows().first.wait_for()
    assert screen.grid_rows().first.inner_text().strip() == str(ORDERS)
    page.get_by_role("region", name="Read exactly").get_by_text("partition 0 from 0 to 100").wait_for()
    editor.fill("select * from orders")
    page.keyboard.press("Control+Enter")
    page.get_by_role("columnheader", name="address").wait_for()
    assert page.get_by_role("grid").evaluate("grid => grid.scrollWidth > grid.clientWidth"), "many columns are scrolled"
    editor.fill("select nothing from nowhere")
    screen.button("Run Ctrl ↵").click()
    page.get_by_role("alert").wait_for()
    page.get_by_role("region", name="Queries").get_by_text("select count(*) as n from orders").click()
    assert editor.input_value() == "select count(*) as n from orders"


def test_the_topology_of_a_streams_application_is_drawn(screen: Screen, shop: Shop, tmp_path: Path) -> None:
    page = screen.page
    with application(shop, tmp_path):
        screen.open("streams", "menu")
        drawn = page.get_by_role("region", name=re.compile("^Topology, drawn"))
        drawn.wait_for(timeout=60_000)
        assert "reads orders" in drawn.get_by_role("listitem").first.inner_text()
        assert drawn.locator("g.sub").count() == 3
        assert drawn.locator("g.topic.repartition").count() == 2
        members = page.get_by_role("table", name="Members").get_by_role("row")
        screen.until(lambda: members.count() == 3, "two members", 60_000)
        page.get_by_text("no lag").first.wait_for(timeout=60_000)
