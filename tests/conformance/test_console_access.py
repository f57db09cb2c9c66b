"""Who may do what in the console: sign-in by password and OpenID Connect, roles, masks, audit log, forged requests."""

from __future__ import annotations

import base64
import http.client
import json
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import jwt
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from tests.peers.console import Browser, ConsoleProcess, Refused
from tests.peers.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProviderServer
from tests.peers.process import wait_for

from ottla.__main__ import main
from ottla.console.web.access.passwords import hash_password

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.peers.process import NodeProcess

PEOPLE: Final = "console-people"
SECRET_TOPIC: Final = "console-salaries"
AUDIT_TOPIC: Final = "console-audit"
CONFIG: Final = """
secret_file = "secret"
trusted_proxies = ["127.0.0.1"]
sample_interval_s = 5

[[cluster]]
name = "local"
bootstrap = "{address}"

[[cluster]]
name = "frozen"
bootstrap = "{address}"
read_only = true

[[user]]
name = "ada"
password = "{ada}"

[[user]]
name = "bob"
password = "{bob}"

[[user]]
name = "nobody"
password = "{bob}"

[oidc]
name = "Company"
issuer = "{issuer}"
client_id = "{client_id}"
client_secret_file = "client-secret"

[[role]]
name = "admin"
users = ["ada"]
groups = ["operators"]
permissions = [{{ resource = "*", actions = ["*"] }}]

[[role]]
name = "support"
users = ["bob"]
clusters = ["local"]
permissions = [
  {{ resource = "topic", names = ["console-people*"], actions = ["read"] }},
  {{ resource = "sql", actions = ["run"] }},
]

[[mask]]
topics = ["console-people*"]
fields = ["value.card.number"]
how = "partial"
except_roles = ["admin"]

[[mask]]
topics = ["console-people*"]
fields = ["value.**.password", "headers.token"]
except_roles = ["admin"]

[[mask]]
topics = ["console-people*"]
fields = ["value.friends[*].name", "key"]
how = "hash"
except_roles = ["admin"]

[audit]
file = "audit.jsonl"
topic = "{audit}"
cluster = "local"
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[OidcProviderServer]:
    with OidcProviderServer({"sub": "17", "preferred_username": "eve", "groups": ["operators", "others"]}) as running:
        yield running


@pytest.fixture(scope="module")
def console(
    cluster: NodeProcess, provider: OidcProviderServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ConsoleProcess]:
    directory = tmp_path_factory.mktemp("console-access")
    for name in (PEOPLE, SECRET_TOPIC, AUDIT_TOPIC):
        admin = AdminClient({"bootstrap.servers": cluster.address})
        admin.create_topics([NewTopic(name, 1, 1)])[name].result(60)
    producer = Producer({"bootstrap.servers": cluster.address})
    for number, name in enumerate(("Ann", "Ben")):
        value = {
            "name": name,
            "card": {"number": f"49921234567{number}", "kind": "debit"},
            "login": {"password": f"pass-{number}", "hints": [{"password": "x"}]},
            "friends": [{"name": "Zoe"}],
        }
        producer.produce(
            PEOPLE, json.dumps(value).encode(), f"key-{name}".encode(), headers=[("token", b"t"), ("kind", b"k")]
        )
    producer.produce(PEOPLE, b"not JSON: 4992", b"raw")
    producer.produce(SECRET_TOPIC, b"{}")
    assert producer.flush(60) == 0
    text = CONFIG.format(
        address=cluster.address,
        ada=hash_password("ada's"),
        bob=hash_password("bob's"),
        issuer=provider.issuer,
        client_id=CLIENT_ID,
        audit=AUDIT_TOPIC,
    )
    (directory / "client-secret").write_text(f"{CLIENT_SECRET}\n")
    (directory / "console.toml").write_text(text)
    with ConsoleProcess(directory, "--config", str(directory / "console.toml")) as running:
        yield running
        assert running.errors == []


@pytest.fixture(scope="module")
def ada(console: ConsoleProcess) -> Browser:
    browser = Browser(console.address)
    browser.sign_in("ada", "ada's")
    return browser


@pytest.fixture(scope="module")
def bob(console: ConsoleProcess) -> Browser:
    browser = Browser(console.address)
    browser.sign_in("bob", "bob's")
    return browser


def refused(ask: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(Refused) as found:
        ask()
    return found.value.status, found.value.code


def test_nobody_sees_anything_before_signing_in(console: ConsoleProcess) -> None:
    stranger = Browser(console.address)
    session = stranger.get("/api/session")
    assert (session["signed_in"], session["clusters"], session["csrf"]) == (False, [], None)
    assert session["sign_in"] == {
        "required": True,
        "password": True,
        "oidc": {"name": "Company", "login": "/api/oidc/login"},
    }
    for path in ("/api/clusters", "topics", f"topics/{PEOPLE}/messages", "/api/audit"):
        assert refused(lambda path=path: stranger.get(path)) == (401, "UNAUTHENTICATED")  # type: ignore[misc]
    assert refused(lambda: stranger.sign_in("ada", "wrong")) == (401, "UNAUTHENTICATED")
    assert refused(lambda: stranger.sign_in("nobody-there", "wrong")) == (401, "UNAUTHENTICATED")
    stranger.cookies[f"ottla_session_{console.address.rpartition(':')[2]}"] = "e30.AAAA"
    assert refused(lambda: stranger.get("topics")) == (401, "UNAUTHENTICATED")
    assert stranger.send("GET", "/").status == 200


def test_a_session_ends_for_good(console: ConsoleProcess) -> None:
    browser = Browser(console.address)
    session = browser.sign_in("ada", "ada's")
    assert (session["user"], session["roles"]) == ("ada", ["admin"])
    cookies = dict(browser.cookies)
    with browser.events(f"topics/{PEOPLE}/tail") as events:
        next(events)
        browser.delete("/api/session")
        assert next(data for name, data, _ in events if name == "over") == {"reason": "sign-in"}
    assert browser.cookies == {}
    browser.cookies = cookies
    assert refused(lambda: browser.get("topics")) == (401, "UNAUTHENTICATED")


def test_the_cookie_is_no_scripts_business(console: ConsoleProcess) -> None:
    browser = Browser(console.address)
    answer = browser.send("POST", "/api/session", {"user": "ada", "password": "ada's"})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert answer.headers["cache-control"] == "no-store"


def test_roles_say_what_is_seen_and_done(ada: Browser, bob: Browser) -> None:
    assert {each["name"] for each in ada.get("/api/clusters")["clusters"]} == {"local", "frozen"}
    (cluster,) = bob.get("/api/clusters")["clusters"]
    assert (cluster["name"], cluster["masked"]) == ("local", True)
    assert {PEOPLE, SECRET_TOPIC} <= {each["name"] for each in ada.get("topics")["topics"]}
    assert [each["name"] for each in bob.get("topics")["topics"]] == [PEOPLE]
    for ask in (
        lambda: bob.get(f"topics/{SECRET_TOPIC}"),
        lambda: bob.get(f"topics/{SECRET_TOPIC}/messages"),
        lambda: bob.post(f"topics/{PEOPLE}/messages", {"value": None}),
        lambda: bob.delete(f"topics/{PEOPLE}"),
        lambda: bob.post("topics", {"name": "console-people-2"}),
        lambda: bob.get("groups"),
        lambda: bob.get("users"),
        lambda: bob.get("overview"),
        lambda: bob.get("/api/audit"),
        lambda: bob.post("sql", {"query": f'select * from "{SECRET_TOPIC}"'}),
        lambda: bob.post("sql", {"query": f'select * from "{PEOPLE}" where exists (from "{SECRET_TOPIC}")'}),
    ):
        assert refused(ask) == (403, "FORBIDDEN")
    assert refused(lambda: bob.get("/api/clusters/frozen/topics")) == (404, "NOT_FOUND")
    nobody = Browser(ada.address)
    assert nobody.sign_in("nobody", "bob's")["clusters"] == []
    assert refused(lambda: nobody.get("topics")) == (404, "NOT_FOUND")


def test_a_read_only_cluster_changes_nothing(ada: Browser) -> None:
    frozen = Browser(ada.address, "frozen")
    frozen.cookies, frozen.csrf = ada.cookies, ada.csrf
    assert frozen.get(f"topics/{PEOPLE}/messages")["messages"]
    for ask in (
        lambda: frozen.post("topics", {"name": "console-frozen"}),
        lambda: frozen.post(f"topics/{PEOPLE}/messages", {"value": None}),
        lambda: frozen.post("groups/g/reset", {"topics": [PEOPLE], "to": "end", "execute": True}),
        lambda: frozen.put("users/x", {"password": "x"}),
    ):
        assert refused(ask) == (403, "READ_ONLY")
    assert frozen.post("groups/g/reset", {"topics": [PEOPLE], "to": "end", "execute": False})["changes"]


def test_what_is_masked_is_nowhere(ada: Browser, bob: Browser) -> None:
    open_text = json.dumps(ada.get(f"topics/{PEOPLE}/messages"))
    assert "499212345670" in open_text
    assert "pass-1" in open_text
    for query in (
        {},
        {"value_format": "text"},
        {"value_format": "hex", "key_format": "base64"},
        {"value_format": "base64"},
    ):
        page = bob.get(f"topics/{PEOPLE}/messages", {"order": "oldest", **query})
        text = json.dumps(page)
        hidden = ["49921234567", "pass-", "Zoe", "key-", "4992", base64.b64encode(b"key-").decode()[:5], b"pass-".hex()]
        assert [each for each in hidden if each in text] == []
        first, _, raw = page["messages"]
        assert first["value"]["data"]["card"] == {"number": "********5670", "kind": "debit"}
        assert first["value"]["data"]["login"] == {"password": "***", "hints": [{"password": "***"}]}
        assert first["value"]["masked"]
        assert (raw["value"]["data"], raw["value"]["format"]) == ("***", "text")
        assert [each["value"]["data"] for each in first["headers"]] == ["***", "k"]
    one = bob.get(f"topics/{PEOPLE}/messages/0/0")
    assert one["raw"] is None
    names = {each["value"]["data"]["friends"][0]["name"] for each in page["messages"][:2]}
    assert len(names) == 1  # the same name has the same hash
    assert names != {"Zoe"}
    # Nor do filters tell, nor copies, nor SQL.
    for query in ({"value": "49921234567"}, {"where": 'value.login.password starts_with "pass"'}, {"key": "key-"}):
        assert bob.get(f"topics/{PEOPLE}/messages", query)["messages"] == []
    assert len(ada.get(f"topics/{PEOPLE}/messages", {"value": "49921234567"})["messages"]) == 2
    for value_format in ("auto", "text", "bytes"):
        asked = {"query": f'select * from "{PEOPLE}"', "value_format": value_format}
        text = json.dumps(bob.post("sql", asked))
        secrets = ("4992123", "pass-", "Zoe", "key-", base64.b64encode(b'{"name": "Ann"').decode()[:12])
        assert [each for each in secrets if each in text] == []


def test_every_change_and_every_look_is_noted(ada: Browser, bob: Browser, console: ConsoleProcess) -> None:
    began_ms = int(time.time() * 1000)
    ada.post("topics", {"name": "console-noted"})
    ada.delete("topics/console-noted")
    bob.get(f"topics/{PEOPLE}/messages", {"value": "what is searched for"})
    refused(lambda: bob.delete(f"topics/{PEOPLE}"))
    ada.put("users/console-noted", {"password": "a password"})
    wait_for(lambda: "console-noted" in json.dumps(ada.get("users")), "the user")
    ada.delete("users/console-noted")
    entries = [each for each in ada.get("/api/audit", {"limit": 500})["entries"] if each["at_ms"] >= began_ms]
    told = [(e["user"], e["action"], e["resource"], e["outcome"]) for e in reversed(entries)]
    assert told == [
        ("ada", "topic.create", "console-noted", "done"),
        ("ada", "topic.delete", "console-noted", "done"),
        ("bob", "topic.read", PEOPLE, "done"),
        ("bob", "topic.delete", PEOPLE, "refused"),
        ("ada", "user.alter", "console-noted", "done"),
        ("ada", "user.alter", "console-noted", "done"),
    ]
    assert {each["address"] for each in entries} == {"127.0.0.1"}
    written = (console.directory / "audit.jsonl").read_text()
    assert [json.loads(line)["action"] for line in written.splitlines()][-6:] == [each[1] for each in told]
    assert "a password" not in written
    assert "what is searched for" not in written
    wait_for(
        lambda: "user.alter" in json.dumps(ada.get(f"topics/{AUDIT_TOPIC}/messages", {"limit": 20})["messages"]),
        "the entries in their topic",
    )


def test_requests_of_other_sites_are_refused(ada: Browser, console: ConsoleProcess) -> None:
    path = f"/api/clusters/local/topics/{PEOPLE}/messages"
    session = {"Cookie": "; ".join(f"{name}={value}" for name, value in ada.cookies.items())}

    def status(method: str, headers: dict[str, str], target: str = path) -> tuple[int, str]:
        connection = http.client.HTTPConnection(console.address)
        body = b'{"value": null}' if method == "POST" else None
        connection.request(method, target, body, {"Content-Type": "application/json", **session, **headers})
        response = connection.getresponse()
        found = json.loads(response.read() or b"{}")
        connection.close()
        return response.status, found.get("error", {}).get("code", "")

    right = {"X-Ottla-Csrf": ada.csrf or ""}
    assert status("POST", {}) == (403, "CSRF")
    assert status("POST", {"X-Ottla-Csrf": "wrong"}) == (403, "CSRF")
    assert status("POST", {**right, "Origin": "http://evil.example"}) == (403, "CSRF")
    assert status("POST", {**right, "Sec-Fetch-Site": "cross-site"}) == (403, "CSRF")
    assert status("GET", {"Sec-Fetch-Site": "cross-site"}) == (403, "CSRF")
    assert status("GET", {"Host": "evil.example"}) == (421, "WRONG_HOST")
    assert status("GET", {"Host": "evil.example"}, "/")[0] == 421
    assert status("GET", {"Host": "localhost:1"}) == (200, "")
    other = {"Content-Type": "text/plain"}
    assert status("POST", {**right, **other}) == (400, "BAD_REQUEST")
    assert status("POST", {**right, "Origin": f"http://{console.address}"}) == (201, "")


def test_a_proxy_is_believed(ada: Browser, console: ConsoleProcess) -> None:
    headers = {"X-Forwarded-For": "1.1.1.1, 10.0.0.9", "X-Forwarded-Proto": "https"}
    answer = Browser(console.address).send("POST", "/api/session", {"user": "ada", "password": "ada's"}, headers)
    assert answer.headers["set-cookie"].endswith("; Secure")
    assert ada.get("/api/audit", {"limit": 1})["entries"][0]["address"] == "10.0.0.9"


def test_scripts_send_their_password(console: ConsoleProcess) -> None:
    def status(user: str, password: str) -> int:
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        headers = {"Authorization": f"Basic {pair}"}
        return Browser(console.address).send("PUT", "quotas", {"entity": {}, "values": {}}, headers).status

    assert status("ada", "ada's") == 400
    assert status("bob", "bob's") == 403
    assert status("ada", "bob's") == 401


def sign_in_by(console: ConsoleProcess, provider: OidcProviderServer, return_to: str = "/") -> tuple[Browser, str]:
    """As a browser does it, redirect by redirect; and where it ends."""
    browser = Browser(console.address)
    there = browser.send("GET", f"/api/oidc/login?return={return_to}").headers["location"]
    parts = urlsplit(there)
    connection = http.client.HTTPConnection(parts.netloc)
    connection.request("GET", f"{parts.path}?{parts.query}")
    back = connection.getresponse().getheader("Location")
    connection.close()
    assert back is not None
    assert back.startswith(f"http://{console.address}/api/oidc/callback?")
    returned = urlsplit(back)
    return browser, browser.send("GET", f"{returned.path}?{returned.query}").headers["location"]


def test_sign_in_by_openid_connect(console: ConsoleProcess, provider: OidcProviderServer) -> None:
    browser, where = sign_in_by(console, provider, "%2F%23%2Flocal%2Ftopics")
    assert where == "/#/local/topics"
    session = browser.get("/api/session")
    assert (session["user"], session["roles"]) == ("eve", ["admin"])
    assert browser.get(f"topics/{PEOPLE}")["name"] == PEOPLE
    # A code is good once, and only for the browser that asked for it.
    used = urlsplit(provider.redirects[-1])
    for again in (browser, Browser(console.address)):
        assert "sign_in_error" in again.send("GET", f"{used.path}?{used.query}").headers["location"]
    _, elsewhere = sign_in_by(console, provider, "%2F%2Fevil.example")
    assert elsewhere == "/"


def test_signing_out_is_at_the_provider_too(console: ConsoleProcess, provider: OidcProviderServer) -> None:
    browser, _ = sign_in_by(console, provider)
    browser.csrf = browser.get("/api/session")["csrf"]
    parts = urlsplit(browser.delete("/api/session")["sign_out"])
    assert not browser.get("/api/session")["signed_in"]
    connection = http.client.HTTPConnection(parts.netloc)
    connection.request("GET", f"{parts.path}?{parts.query}")
    assert connection.getresponse().getheader("Location") == f"http://{console.address}/"
    connection.close()
    told = jwt.decode(provider.ended[-1]["id_token_hint"], options={"verify_signature": False})
    assert told["preferred_username"] == "eve"


def test_id_tokens_that_are_not_right_are_refused(console: ConsoleProcess, provider: OidcProviderServer) -> None:
    now = int(time.time())
    spoiled: list[Callable[[dict[str, Any]], dict[str, Any]]] = [
        lambda claims: {**claims, "aud": "another"},
        lambda claims: {**claims, "iss": "http://127.0.0.1:1/realm"},
        lambda claims: {**claims, "exp": now - 3600},
        lambda claims: {**claims, "nonce": "another"},
        lambda claims: {name: each for name, each in claims.items() if name != "sub"},
        lambda claims: {**claims, "aud": [CLIENT_ID, "another"]},
    ]
    right_signature = provider.sign
    try:
        for spoil in spoiled:
            provider.spoil = spoil
            browser, where = sign_in_by(console, provider)
            assert where.startswith("/?sign_in_error="), where
            assert not browser.get("/api/session")["signed_in"]
        provider.spoil = lambda claims: claims
        for sign in (
            lambda claims: jwt.encode(claims, "", "none"),
            lambda claims: jwt.encode(claims, CLIENT_SECRET * 2, "HS256", {"kid": "one"}),
            lambda claims: jwt.encode(claims, OidcProviderServer({})._key, "RS256", {"kid": "one"}),
            lambda claims: "not.a.token",
        ):
            provider.sign = sign
            browser, where = sign_in_by(console, provider)
            assert where.startswith("/?sign_in_error="), where
            assert not browser.get("/api/session")["signed_in"]
    finally:
        provider.sign, provider.spoil = right_signature, lambda claims: claims


def test_guessing_is_slow(console: ConsoleProcess) -> None:
    guesser = Browser(console.address)
    for _ in range(10):
        assert refused(lambda: guesser.sign_in("nobody", "a guess")) == (401, "UNAUTHENTICATED")
    assert refused(lambda: guesser.sign_in("nobody", "bob's")) == (429, "TOO_MANY")
    assert guesser.sign_in("bob", "bob's")["user"] == "bob"


def test_sessions_outlive_the_server_when_its_secret_does(console: ConsoleProcess) -> None:
    browser = Browser(console.address)
    browser.sign_in("ada", "ada's")
    with browser.events(f"topics/{PEOPLE}/tail") as events:
        next(events)
        assert console.stop() == 0
        assert [data for name, data, _ in events if name == "over"] == [{"reason": "shutdown"}]
    console.start()
    assert browser.get("/api/session")["user"] == "ada"


def test_a_console_that_all_can_reach_wants_people_to_sign_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["console", "--listen", "0.0.0.0:0"]) == 2
    assert "nobody has to sign in" in capsys.readouterr().err
