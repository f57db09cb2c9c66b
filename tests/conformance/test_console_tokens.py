"""The console's API against a node with SASL and an authorizer: delegation tokens, and levels of features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.conformance.conftest import LOGIN, as_user
from tests.peers.console import Browser, ConsoleProcess, Refused
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.process import NodeProcess

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def browser(secured: NodeProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    directory = tmp_path_factory.mktemp("console-tokens")
    properties = directory / "client.properties"
    properties.write_text("".join(f"{key}={value}\n" for key, value in LOGIN.items()))
    options = ("--bootstrap", secured.address, "--command-config", str(properties))
    with ConsoleProcess(directory, *options) as console:
        yield Browser(console.address)
        assert console.errors == []


def test_a_token_is_made_shown_once_renewed_and_ended(browser: Browser, secured: NodeProcess, tmp_path: Path) -> None:
    made = browser.post("tokens", {"renewers": ["User:ann"], "max_lifetime_ms": 2 * HOUR_MS})
    hmac, shown = made.pop("hmac"), made
    assert (made["owner"], made["renewers"], made["max_ms"] - made["issued_ms"]) == (
        "User:admin",
        ["User:ann"],
        7_200_000,
    )
    wait_for(lambda: browser.get("tokens") == {"tokens": [shown], "problem": None}, "the broker to know the token")
    by_token = LOGIN | {
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required "
        f'username="{made["token_id"]}" password="{hmac}" tokenauth="true";',
    }
    as_user(secured, tmp_path, by_token).works("topics", "list")
    renewed = browser.post(f"tokens/{made['token_id']}/renew", {"period_ms": HOUR_MS})
    assert renewed["expires_ms"] <= made["max_ms"]
    browser.post(f"tokens/{made['token_id']}/expire", {})
    wait_for(lambda: browser.get("tokens")["tokens"] == [], "the broker to forget the token")
    with pytest.raises(Refused) as gone:
        browser.post(f"tokens/{made['token_id']}/renew", {})
    assert (gone.value.status, gone.value.code) == (404, "NOT_FOUND")
    entries = browser.get("/api/audit")["entries"]
    assert [(each["action"], each["resource"], each["outcome"]) for each in entries] == [
        ("token.renew", made["token_id"], "failed"),
        ("token.expire", made["token_id"], "done"),
        ("token.renew", made["token_id"], "done"),
        ("token.create", made["token_id"], "done"),
    ]
    assert hmac not in str(entries)


def test_what_a_token_cannot_be_is_said(browser: Browser) -> None:
    for body in ({"renewers": ["ann"]}, {"owner": "ann"}, {"max_lifetime_ms": 0}, {"lifetime": 1}):
        with pytest.raises(Refused) as refused:
            browser.post("tokens", body)
        assert (refused.value.status, refused.value.code) == (400, "BAD_REQUEST")


def test_a_node_alone_has_nothing_to_give_up(browser: Browser) -> None:
    (broker,) = (each["broker_id"] for each in browser.get("brokers")["brokers"])
    assert browser.get("elections") == {"partitions": [], "count": 0}
    assert browser.post("elections", {}) == {"elections": []}
    assert browser.get("reassignments") == {"reassignments": [], "throttles": {}}
    assert browser.post("reassignments/plan", {})["changes"] == []
    assert browser.post("reassignments/cancel", {}) == {"cancelled": 0, "refused": []}
    assert browser.delete("reassignments/throttles") == {"removed": []}
    moved = {"topic": "console-alone", "partition": 0, "replicas": [broker]}
    for ask, status, code in (
        (lambda: browser.delete(f"brokers/{broker}"), 409, "CONFLICT"),
        (lambda: browser.delete("brokers/99"), 404, "BROKER_ID_NOT_REGISTERED"),
        (lambda: browser.delete(f"quorum/voters/{broker}"), 409, "CONFLICT"),
        (lambda: browser.delete("quorum/voters/99"), 404, "NOT_FOUND"),
        (lambda: browser.post("reassignments/plan", {"brokers": [99]}), 404, "BROKER_ID_NOT_REGISTERED"),
        (lambda: browser.post("reassignments/plan", {"brokers": []}), 400, "BAD_REQUEST"),
        (lambda: browser.post("reassignments", {"partitions": []}), 400, "BAD_REQUEST"),
        (lambda: browser.post("reassignments", {"partitions": [moved]}), 404, "UNKNOWN_TOPIC_OR_PARTITION"),
        (lambda: browser.post("reassignments", {"partitions": [moved | {"replicas": [1, 1]}]}), 400, "BAD_REQUEST"),
        (lambda: browser.post("elections", {"type": "unclean"}), 400, "BAD_REQUEST"),
    ):
        with pytest.raises(Refused) as refused:
            ask()  # type: ignore[no-untyped-call]
        assert (refused.value.status, refused.value.code) == (status, code), refused.value


def test_a_feature_is_tried_lowered_and_raised(browser: Browser) -> None:
    def level() -> int:
        found = {each["name"]: each["level"] for each in browser.get("features")["features"]}
        return int(found["share.version"])

    before = level()
    assert before > 0
    down = {"levels": {"share.version": 0}, "kind": "safe_downgrade"}
    assert browser.post("features", down | {"validate_only": True})["levels"] == {"share.version": 0}
    assert level() == before
    browser.post("features", down)
    wait_for(lambda: level() == 0, "the feature to be off")
    browser.post("features", {"levels": {"share.version": before}})
    wait_for(lambda: level() == before, "the feature to be on")
    for body, status in (
        ({"levels": {"share.verson": 1}}, 400),
        ({"levels": {"share.version": -1}}, 400),
        ({"levels": {}}, 400),
        ({"levels": {"metadata.version": 999}}, 422),
        ({"levels": {"share.version": 0}, "kind": "upgrade"}, 422),
    ):
        with pytest.raises(Refused) as refused:
            browser.post("features", body)
        assert refused.value.status == status, refused.value
