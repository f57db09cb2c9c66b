"""`python -m tests.conformance.console_ui.pictures`: the pictures of docs/guide/console.md, of a shop that is busy.

A minute and more of traffic passes before, so that there is something to draw.
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka.admin import AdminClient, NewTopic
from tests.conformance.console_ui import browser as browsers
from tests.conformance.console_ui.browser import TIMEOUT_MS, Screen
from tests.conformance.console_ui.shop import Shop, application, order_of
from tests.house.source import REPOSITORY
from tests.peers.cluster import COMBINED
from tests.peers.console import ConsoleProcess
from tests.peers.ottla_cluster import OttlaCluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER: Final = REPOSITORY / "docs" / "guide" / "images"
TRAFFIC_S: Final = 100
SIZE: Final = {"width": 1280, "height": 800}
QUALITY: Final = 78
QUERY: Final = """select dish, count(*) as orders, round(avg(amount), 2) as mean
from orders
where paid
group by dish
order by orders desc"""


@contextlib.contextmanager
def busy(shop: Shop) -> Iterator[None]:
    """Orders come in, more and fewer, until it ends."""
    ended = threading.Event()

    def work() -> None:
        producer = shop.producer()
        began, number = time.time(), 1000
        while not ended.wait(0.1):
            for _ in range(int(30 + 22 * math.sin((time.time() - began) / 9))):
                number += 1
                value = json.dumps(order_of(number), ensure_ascii=False)
                producer.produce(
                    "orders", key=f"customer-{number % 40}", value=value, headers=[("trace", f"{number:08x}")]
                )
                if number % 3 == 0:
                    producer.produce("payments", key=str(number), value=json.dumps({"order": number, "paid": True}))
            producer.flush()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def take(screen: Screen, name: str) -> None:
    screen.page.wait_for_timeout(700)
    session = screen.page.context.new_cdp_session(screen.page)
    picture = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    (FOLDER / f"{name}.webp").write_bytes(base64.b64decode(picture["data"]))
    print(f"{name}.webp: {(FOLDER / f'{name}.webp').stat().st_size // 1024} KiB")


def _message(screen: Screen) -> None:
    screen.open("topics", "orders")
    screen.grid_rows().nth(4).click()
    screen.page.get_by_role("region", name="Message").get_by_text("trace").wait_for()


def _tail(screen: Screen) -> None:
    screen.open("topics", "orders", live="1", where="value.amount > 20")
    screen.until(lambda: screen.grid_rows().count() > 20, "messages come")


def _group(screen: Screen) -> None:
    screen.open("groups", "billing")
    screen.page.get_by_role("table", name="Offsets by partition").wait_for()


def _schema(screen: Screen) -> None:
    screen.open("schemas", "payments-value", version="2", beside="1")
    screen.page.locator(".diff").wait_for()


def _sql(screen: Screen) -> None:
    screen.open("sql")
    screen.page.get_by_label("SQL query. Control and Enter run it.").fill(QUERY)
    screen.page.keyboard.press("Control+Enter")
    screen.grid_rows().first.wait_for()


def _connector(screen: Screen) -> None:
    screen.open("connect", "new")
    screen.page.get_by_label("Search classes").fill("FileStreamSource")
    screen.page.locator(".card-button").first.click()
    screen.page.get_by_text("to mend").wait_for()


def _log(screen: Screen) -> None:
    screen.open("connect", "menu-of-today", "logs")
    screen.page.get_by_role("log").locator("p").nth(4).wait_for()


def _simple(*path: str, until: str = ".page-head") -> Callable[[Screen], None]:
    """Opened, and there is what the selector says."""

    def opened(screen: Screen) -> None:
        screen.open(*path)
        screen.page.locator(until).first.wait_for()

    return opened


PICTURES: Final[tuple[tuple[str, str, Callable[[Screen], None]], ...]] = (
    ("overview", "light", _simple("overview", until=".ranks")),
    ("overview-dark", "dark", _simple("overview", until=".ranks")),
    ("topics", "light", _simple("topics", until="tbody")),
    ("messages", "light", _message),
    ("tail-dark", "dark", _tail),
    ("group", "light", _group),
    ("schema", "light", _schema),
    ("sql-dark", "dark", _sql),
    ("connector", "light", _connector),
    ("log-dark", "dark", _log),
    ("streams", "light", _simple("streams", "menu", until=".topology")),
    ("metrics", "light", _simple("metrics", until=".chart svg")),
)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as directory,
        Shop(Path(directory)) as shop,
        busy(shop),
        application(shop, Path(directory)),
    ):
        _busy_connector(shop, Path(directory))
        time.sleep(TRAFFIC_S)
        with contextlib.contextmanager(browsers.launched)() as browser:
            for name, theme, show in PICTURES:
                if len(sys.argv) < 2 or name in sys.argv[1:]:
                    _picture(browser, shop, name, theme, show)
            if len(sys.argv) < 2 or "reassignment" in sys.argv[1:]:
                _cluster_picture(browser)


def _busy_connector(shop: Shop, directory: Path) -> None:
    """Without a trace in its log: those name the paths of whoever takes the pictures."""
    name, file = "menu-of-today", directory / "menu.txt"
    file.write_text("Svíčková\nGoulash\n")
    config = {"connector.class": "FileStreamSource", "topic": "menu", "file": str(file)}
    assert shop.connect.ask("PUT", f"/connectors/{name}/config", config).status == 201
    shop.connect.wait_until("RUNNING", name)
    for change, state in (("pause", "PAUSED"), ("resume", "RUNNING"), ("pause", "PAUSED"), ("resume", "RUNNING")):
        assert shop.connect.ask("PUT", f"/connectors/{name}/{change}").status == 202
        shop.connect.wait_until(state, name)
    assert shop.connect.ask("POST", f"/connectors/{name}/restart?includeTasks=true").status == 202
    shop.connect.wait_until("RUNNING", name)


def _cluster_picture(browser: Any) -> None:
    """A proposal, of a cluster of three."""
    with (
        tempfile.TemporaryDirectory() as directory,
        OttlaCluster(Path(directory) / "cluster", (COMBINED,) * 3) as cluster,
        ConsoleProcess(Path(directory) / "console", "--bootstrap", cluster.bootstrap) as console,
    ):
        admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
        topics = {"orders": [[1, 2], [2, 3], [3, 1], [1, 3]], "payments": [[2, 1], [3, 2]]}
        made = [NewTopic(name, len(replicas), replica_assignment=replicas) for name, replicas in topics.items()]
        for each in admin.create_topics(made).values():
            each.result(60)
        context = browser.new_context(viewport=SIZE, color_scheme="light", reduced_motion="reduce")
        context.set_default_timeout(TIMEOUT_MS)
        screen = Screen(context.new_page(), f"http://{console.address}", "local")
        screen.open("brokers", "reassignments")
        screen.button("Move replicas").click()
        screen.page.get_by_label("Broker 3").uncheck()
        screen.button("Propose").click()
        screen.page.get_by_text("would change").first.wait_for()
        take(screen, "console-reassignment")
        context.close()


def _picture(browser: Any, shop: Shop, name: str, theme: str, show: Callable[[Screen], None]) -> None:
    context = browser.new_context(viewport=SIZE, color_scheme=theme, reduced_motion="reduce")
    context.set_default_timeout(TIMEOUT_MS)
    screen = Screen(context.new_page(), shop.console_url, shop.cluster)
    show(screen)
    take(screen, f"console-{name}")
    context.close()


if __name__ == "__main__":
    main()
