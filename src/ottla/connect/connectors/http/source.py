"""`HttpSourceConnector`: what an API over HTTP answers, as records without a schema.

| `http.offset.mode` | `${offset}` | what is stored |
|---|---|---|
| SIMPLE_INCREMENTING | how many records there were, plus `http.initial.offset` | `{"offset": n}` |
| CHAINING | of the last record, at `http.offset.json.pointer` | `{"offset": it}` |
| CURSOR_PAGINATION | what the answer says of the next page | `{"cursor": page, "index": records of it}` |
| SNAPSHOT | nothing | nothing: all comes again each time |

The next page is a token or a URL at `http.next.page.json.pointer`, or the link `next` of the answer's headers. Each
record has its own offset. The last page is asked again, and what is new on it comes.
"""

from __future__ import annotations

import json
import logging
import re
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

from ottla.connect.api.config_def import HIGH, LONG, LOW, MEDIUM, NO_DEFAULT_VALUE, STRING, ConfigDef
from ottla.connect.api.connector import ExactlyOnceSupport
from ottla.connect.api.errors import ConnectError
from ottla.connect.api.record import SourceRecord
from ottla.connect.api.task import SourceTask
from ottla.connect.api.validators import CaseInsensitiveValidString, NonEmptyString, Range
from ottla.connect.connectors.http.client import (
    MAX_RETRIES,
    Answer,
    HttpClient,
    UnreachableError,
    client_problems,
    define_client,
    filled,
)
from ottla.connect.connectors.http.retries import Retries
from ottla.connect.connectors.simple import SimpleSource, parse
from ottla.connect.data.schema import STRING_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_log = logging.getLogger("ottla.connect.http")
URL: Final = "url"
TOPIC: Final = "topic"
METHOD: Final = "http.request.method"
BODY: Final = "http.request.body"
MODE: Final = "http.offset.mode"
INITIAL: Final = "http.initial.offset"
DATA_POINTER: Final = "http.response.data.json.pointer"
OFFSET_POINTER: Final = "http.offset.json.pointer"
NEXT_POINTER: Final = "http.next.page.json.pointer"
KEY_POINTER: Final = "key.json.pointer"
INTERVAL_MS: Final = "request.interval.ms"
INCREMENTING, CHAINING, CURSOR, SNAPSHOT = "SIMPLE_INCREMENTING", "CHAINING", "CURSOR_PAGINATION", "SNAPSHOT"
WAIT_S: Final = 0.2
_NEXT: Final = re.compile(r'<([^>]*)>[^,]*;\s*rel="?next"?')

CONFIG: Final = define_client(
    ConfigDef()
    .define(URL, STRING, NO_DEFAULT_VALUE, HIGH, "The API; may have ${offset}.")
    .define(TOPIC, STRING, NO_DEFAULT_VALUE, HIGH, "The topic to write to.", validator=NonEmptyString())
    .define(
        METHOD,
        STRING,
        "GET",
        MEDIUM,
        "How it is asked.",
        validator=CaseInsensitiveValidString("GET", "POST"),
    )
    .define(BODY, STRING, "", LOW, "What is sent with a POST; may have ${offset}.")
    .define(
        MODE,
        STRING,
        SNAPSHOT,
        HIGH,
        "What tells new records from old ones.",
        validator=CaseInsensitiveValidString(INCREMENTING, CHAINING, CURSOR, SNAPSHOT),
    )
    .define(INITIAL, STRING, "", MEDIUM, "The offset of the first request.")
    .define(DATA_POINTER, STRING, "", HIGH, "Where in the answer records are (/data/items): one, or an array.")
    .define(OFFSET_POINTER, STRING, "", MEDIUM, "Where in a record its offset is, for CHAINING.")
    .define(NEXT_POINTER, STRING, "", MEDIUM, "Where in the answer the next page is, for CURSOR_PAGINATION.")
    .define(KEY_POINTER, STRING, "", LOW, "Where in a record its key is.")
    .define(INTERVAL_MS, LONG, 15000, MEDIUM, "How often it is asked (ms).", validator=Range(0))
)


class HttpSourceConnector(SimpleSource):
    definition = CONFIG

    @classmethod
    def problems(cls, config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        yield from client_problems(config, URL)
        for key in (DATA_POINTER, OFFSET_POINTER, NEXT_POINTER, KEY_POINTER):
            if config[key] and not config[key].startswith("/"):
                yield key, "a pointer begins with /"
        mode = config[MODE].upper()
        if mode == CHAINING and not config[OFFSET_POINTER]:
            yield OFFSET_POINTER, f"{MODE}={CHAINING} needs it"
        if mode == INCREMENTING and not re.fullmatch(r"\d*", config[INITIAL]):
            yield INITIAL, f"for {MODE}={INCREMENTING} it is a number"

    def exactly_once_support(self, props: Mapping[str, str]) -> ExactlyOnceSupport:
        is_snapshot = props.get(MODE, SNAPSHOT).upper() == SNAPSHOT
        return ExactlyOnceSupport.UNSUPPORTED if is_snapshot else ExactlyOnceSupport.SUPPORTED

    def alter_offsets(
        self, _props: Mapping[str, str], offsets: list[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]
    ) -> bool:
        for partition, _ in offsets:
            if partition is None or partition.keys() != {"url"}:
                raise ConnectError('A partition is {"url": as it is configured}')
        return True


class HttpSourceTask(SourceTask):
    def start(self, props: Mapping[str, str]) -> None:
        self._config = config = parse(CONFIG, props, HttpSourceConnector.problems)
        self._client = HttpClient(config)
        self._mode: str = config[MODE].upper()
        self._partition = {"url": config[URL]}
        stored = self.context.offset_storage_reader.offset(self._partition) or {}
        self._offset: Any = stored.get("offset", config[INITIAL])
        if self._mode == INCREMENTING:
            self._offset = int(self._offset or 0)
        self._cursor: str = stored.get("cursor", config[INITIAL])
        self._index: int = stored.get("index", 0)
        self._due = 0.0
        self._retries = Retries(self._client, config[MAX_RETRIES])

    def poll(self) -> list[SourceRecord] | None:
        wait_s = self._due - time.monotonic()
        if wait_s > 0:
            time.sleep(min(wait_s, WAIT_S))
            return None
        url = self._url()
        try:
            answer = self._ask(url)
        except UnreachableError as error:
            self._again(None, error)
            return None
        if not answer.is_good:
            wrong = ConnectError(f"{url} answers with {answer.shown()}")
            if self._client.may_pass(answer.status):
                self._again(answer, wrong)
                return None
            raise wrong
        self._retries.forget()
        self._due = time.monotonic() + self._config[INTERVAL_MS] / 1000
        return self._records(url, answer) or None

    def _again(self, answer: Answer | None, error: ConnectError) -> None:
        self._due = time.monotonic() + self._retries.pause_ms(answer, error) / 1000
        _log.warning("%s; it is tried again", error)

    def _url(self) -> str:
        if self._mode == CURSOR and urlsplit(self._cursor).scheme in ("http", "https"):
            return self._cursor
        return filled(self._config[URL], self._filling)

    def _filling(self, name: str) -> object:
        if name != "offset":
            raise ConnectError(f"there is no ${{{name}}}, only ${{offset}}")
        return self._cursor if self._mode == CURSOR else self._offset

    def _ask(self, url: str) -> Answer:
        method = self._config[METHOD].upper()
        body = filled(self._config[BODY], self._filling, quoted=False).encode() if method == "POST" else None
        headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if body else {})
        return self._client.request(method, url, body, headers)

    def _records(self, url: str, answer: Answer) -> list[SourceRecord]:
        try:
            content = json.loads(answer.body) if answer.body.strip() else []
        except (ValueError, RecursionError) as error:
            raise ConnectError(f"{url} answers with what is no JSON: {error} ({answer.shown()})") from error
        found = at_pointer(content, self._config[DATA_POINTER])
        items = [] if found is None else found if isinstance(found, list) else [found]
        if self._mode == CURSOR:
            return self._page(url, items, self._next_page(url, content, answer))
        records = []
        for item in items:
            if self._mode == INCREMENTING:
                self._offset += 1
            elif self._mode == CHAINING:
                self._offset = at_pointer(item, self._config[OFFSET_POINTER])
                if self._offset is None or isinstance(self._offset, dict | list):
                    raise ConnectError(
                        f"{url}: a record has no offset at {self._config[OFFSET_POINTER]}: {_short(item)}"
                    )
            records.append(self._record(item, None if self._mode == SNAPSHOT else {"offset": self._offset}))
        return records

    def _next_page(self, url: str, content: Any, answer: Answer) -> str | None:
        pointer = self._config[NEXT_POINTER]
        if pointer:
            value = at_pointer(content, pointer)
            if isinstance(value, dict | list):
                raise ConnectError(f"{url}: the next page at {pointer} is no text: {_short(value)}")
            text = None if value in (None, "", False) else str(value)
            return urljoin(url, text) if text and text.startswith("/") else text
        link = _NEXT.search(answer.headers.get("Link", ""))
        return urljoin(url, link[1]) if link else None

    def _page(self, url: str, items: list[Any], following: str | None) -> list[SourceRecord]:
        page, skipped = self._cursor, self._index
        records = []
        for number, item in enumerate(items[skipped:], skipped + 1):
            is_last = number == len(items) and following is not None
            offset = {"cursor": following, "index": 0} if is_last else {"cursor": page, "index": number}
            records.append(self._record(item, offset))
        if following is not None:
            if following == page:
                raise ConnectError(f"{url}: the next page is the same again: {following}")
            self._cursor, self._index = following, 0
            self._due = 0.0
        else:
            self._index = max(len(items), skipped)
        return records

    def _record(self, item: Any, offset: dict[str, Any] | None) -> SourceRecord:
        key = None
        if self._config[KEY_POINTER]:
            found = at_pointer(item, self._config[KEY_POINTER])
            key = None if found is None else found if isinstance(found, str) else json.dumps(found)
        schema = None if key is None else STRING_SCHEMA
        now_ms = int(time.time() * 1000)
        return SourceRecord(self._partition, offset, self._config[TOPIC], None, schema, key, None, item, now_ms)

    def stop(self) -> None:
        self._client.close()


def at_pointer(content: Any, pointer: str) -> Any:
    """RFC 6901; `None` where there is nothing."""
    found = content
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict):
            found = found.get(name)
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 200 else text[:200] + "…"


HttpSourceConnector.task = HttpSourceTask
