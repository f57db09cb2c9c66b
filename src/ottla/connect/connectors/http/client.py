"""Requests to one API: a connection that stays open, TLS, who one is, and which answers are worth another try.

| `auth.type` | what is sent |
|---|---|
| NONE | nothing |
| BASIC | `connection.user`, `connection.password` |
| BEARER | `auth.bearer.token` |
| OAUTH2 | a token of `oauth2.token.url` for the client's id and secret; another when an answer is 401 |
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import ssl
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote, urlencode, urljoin, urlsplit

from ottla import __version__
from ottla.connect.api.config_def import HIGH, INT, LOW, MEDIUM, PASSWORD, STRING, ConfigDef
from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.api.validators import CaseInsensitiveValidString, LambdaValidator, Range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

HEADERS: Final = "headers"
HEADER_SEPARATOR: Final = "header.separator"
AUTH_TYPE: Final = "auth.type"
USER: Final = "connection.user"
USER_PASSWORD: Final = "connection.password"
BEARER: Final = "auth.bearer.token"
TOKEN_URL: Final = "oauth2.token.url"
CLIENT_ID: Final = "oauth2.client.id"
CLIENT_SECRET: Final = "oauth2.client.secret"
CLIENT_SCOPE: Final = "oauth2.client.scope"
CONNECT_TIMEOUT_MS: Final = "http.connect.timeout.ms"
REQUEST_TIMEOUT_MS: Final = "http.request.timeout.ms"
CA: Final = "https.ssl.ca.location"
CERTIFICATE: Final = "https.ssl.certificate.location"
KEY: Final = "https.ssl.key.location"
MAX_RETRIES: Final = "max.retries"
RETRY_BACKOFF_MS: Final = "retry.backoff.ms"
RETRY_STATUSES: Final = "retry.on.status.codes"

ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
SHOWN_BYTES: Final = 500
RETRY_AFTER_MS_MAX: Final = 300_000
TOKEN_SPARE_S: Final = 30.0
_STALE: Final = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)
_PLACE: Final = re.compile(r"\$\{([^}]+)\}")
_AUTH, _RETRIES = "Authorization", "Retries"


def define_client(definition: ConfigDef) -> ConfigDef:
    return (
        definition.define(HEADERS, STRING, "", MEDIUM, "Headers of each request: name:value|name:value.")
        .define(HEADER_SEPARATOR, STRING, "|", LOW, "What stands between headers.")
        .define(
            AUTH_TYPE,
            STRING,
            "NONE",
            HIGH,
            "How one says who one is.",
            validator=CaseInsensitiveValidString("NONE", "BASIC", "BEARER", "OAUTH2"),
            group=_AUTH,
        )
        .define(USER, STRING, "", MEDIUM, "The user, for BASIC.", group=_AUTH)
        .define(USER_PASSWORD, PASSWORD, None, MEDIUM, "The password, for BASIC.", group=_AUTH)
        .define(BEARER, PASSWORD, None, MEDIUM, "The token, for BEARER.", group=_AUTH)
        .define(TOKEN_URL, STRING, "", MEDIUM, "Where tokens come from, for OAUTH2.", group=_AUTH)
        .define(CLIENT_ID, STRING, "", MEDIUM, "The client's id, for OAUTH2.", group=_AUTH)
        .define(CLIENT_SECRET, PASSWORD, None, MEDIUM, "The client's secret, for OAUTH2.", group=_AUTH)
        .define(CLIENT_SCOPE, STRING, "", LOW, "The scope that is asked for, for OAUTH2.", group=_AUTH)
        .define(CONNECT_TIMEOUT_MS, INT, 30000, LOW, "How long a connection may take (ms).", validator=Range(1))
        .define(REQUEST_TIMEOUT_MS, INT, 30000, LOW, "How long an answer may take (ms).", validator=Range(1))
        .define(CA, STRING, None, LOW, "Who vouches for the server (PEM), where it is not the system's.")
        .define(CERTIFICATE, STRING, None, LOW, "The client's certificate (PEM).")
        .define(KEY, STRING, None, LOW, "The key of that certificate (PEM).")
        .define(MAX_RETRIES, INT, 10, MEDIUM, "How often a request is tried again.", validator=Range(0), group=_RETRIES)
        .define(
            RETRY_BACKOFF_MS,
            INT,
            3000,
            MEDIUM,
            "The pause before the next try (ms), twice as long each time; a longer Retry-After counts.",
            validator=Range(0),
            group=_RETRIES,
        )
        .define(
            RETRY_STATUSES,
            STRING,
            "408,429,500-",
            MEDIUM,
            "The answers after which it is tried again: 429, 500-503, 500-.",
            validator=LambdaValidator(_check_statuses, "status codes and ranges of them"),
            group=_RETRIES,
        )
    )


def client_problems(config: Mapping[str, Any], *url_keys: str) -> Iterable[tuple[str, str]]:
    for key in url_keys:
        parts = urlsplit(config[key])
        if parts.scheme not in ("http", "https") or not parts.netloc:
            yield key, "it is no http:// or https:// URL"
    kind = config[AUTH_TYPE].upper()
    for wanted, key in (("BASIC", USER), ("BEARER", BEARER), ("OAUTH2", TOKEN_URL), ("OAUTH2", CLIENT_ID)):
        if kind == wanted and not config[key]:
            yield key, f"{AUTH_TYPE}={wanted} needs it"
    try:
        headers_of(config)
    except ConfigError as error:
        yield HEADERS, str(error)
    if config[CA] or config[CERTIFICATE]:
        try:
            tls_of(config)
        except ConfigError as error:
            yield CA if config[CA] else CERTIFICATE, str(error)


def headers_of(config: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for each in config[HEADERS].split(config[HEADER_SEPARATOR]) if config[HEADERS] else ():
        name, colon, value = each.partition(":")
        if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name.strip()):
            raise ConfigError(f"{each!r} is no name:value")
        found[name.strip()] = value.strip()
    return found


def tls_of(config: Mapping[str, Any]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=config[CA] or None)
        if config[CERTIFICATE]:
            context.load_cert_chain(config[CERTIFICATE], config[KEY] or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"the certificates cannot be read: {error}") from error
    return context


def _check_statuses(name: str, value: Any) -> None:
    try:
        statuses_of(value)
    except ValueError:
        raise ConfigError.of(name, value, "it is no list of status codes and ranges") from None


def statuses_of(text: str) -> Callable[[int], bool]:
    """`ValueError`."""
    ranges = []
    for each in filter(None, (part.strip() for part in text.split(","))):
        low, dash, high = each.partition("-")
        ranges.append((int(low), int(high) if high else 599 if dash else int(low)))
    return lambda status: any(low <= status <= high for low, high in ranges)


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300

    def shown(self) -> str:
        text = " ".join(self.body[:SHOWN_BYTES].decode("utf-8", "replace").split())
        return f"{self.status} {http.client.responses.get(self.status, '')}".strip() + (f": {text}" if text else "")


class UnreachableError(ConnectError):
    """No answer came; whether the request arrived is not known."""


class HttpClient:
    """One request at a time."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._headers = {"User-Agent": f"ottla/{__version__}", **headers_of(config)}
        self._auth = config[AUTH_TYPE].upper()
        self._connection: http.client.HTTPConnection | None = None
        self._origin: tuple[str, str] | None = None
        self._tls: ssl.SSLContext | None = None
        self._token = ""
        self._token_until = 0.0
        self.may_pass = statuses_of(config[RETRY_STATUSES])

    def request(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """`UnreachableError`; whatever was answered is given back. Redirections of a GET are followed."""
        answer = self._authorized(method, url, body, headers or {})
        if answer.status == 401 and self._auth == "OAUTH2":
            self._token = ""
            answer = self._authorized(method, url, body, headers or {})
        hops = 0
        while answer.status in (301, 302, 303, 307, 308) and method == "GET" and hops < 5:
            target = urljoin(url, answer.headers.get("Location", ""))
            if urlsplit(target)[:2] != urlsplit(url)[:2]:
                break  # who one is is nobody else's business
            url = target
            hops += 1
            answer = self._authorized(method, url, body, headers or {})
        return answer

    def retry_after_ms(self, answer: Answer | None, attempt: int) -> int:
        """How long to wait before the next try."""
        backoff_ms = min(self._config[RETRY_BACKOFF_MS] << min(attempt, 16), RETRY_AFTER_MS_MAX)
        wanted = answer.headers.get("Retry-After", "") if answer is not None else ""
        return max(backoff_ms, min(int(wanted) * 1000, RETRY_AFTER_MS_MAX)) if wanted.isdecimal() else int(backoff_ms)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _authorized(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        return self._send(method, url, body, {**self._headers, **self._authorization(), **headers})

    def _authorization(self) -> dict[str, str]:
        config = self._config
        if self._auth == "BASIC":
            password = config[USER_PASSWORD].value if config[USER_PASSWORD] else ""
            pair = base64.b64encode(f"{config[USER]}:{password}".encode()).decode()
            return {"Authorization": f"Basic {pair}"}
        if self._auth == "BEARER":
            return {"Authorization": f"Bearer {config[BEARER].value}"}
        if self._auth == "OAUTH2":
            if not self._token or time.monotonic() >= self._token_until:
                self._fetch_token()
            return {"Authorization": f"Bearer {self._token}"}
        return {}

    def _fetch_token(self) -> None:
        config = self._config
        form = {"grant_type": "client_credentials", "client_id": config[CLIENT_ID]}
        form["client_secret"] = config[CLIENT_SECRET].value if config[CLIENT_SECRET] else ""
        if config[CLIENT_SCOPE]:
            form["scope"] = config[CLIENT_SCOPE]
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        answer = self._send("POST", config[TOKEN_URL], urlencode(form).encode(), headers)
        if not answer.is_good:
            if self.may_pass(answer.status):
                raise UnreachableError(f"{config[TOKEN_URL]} gives no token: {answer.status}")
            raise ConnectError(f"{config[TOKEN_URL]} gives no token: {answer.shown()}")
        try:
            given = json.loads(answer.body)
            self._token = str(given["access_token"])
            self._token_until = time.monotonic() + float(given.get("expires_in", 3600)) - TOKEN_SPARE_S
        except (ValueError, KeyError, TypeError):
            raise ConnectError(f"{config[TOKEN_URL]} answers without an access_token") from None

    def _send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        parts = urlsplit(url)
        origin = (parts.scheme, parts.netloc)
        if origin != self._origin:
            self.close()
            self._origin = origin
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        for is_last in (False, True):
            is_reused = self._connection is not None
            try:
                return self._send_once(method, parts, target, body, headers)
            except _STALE as error:
                self.close()
                if is_last or not is_reused:
                    raise UnreachableError(f"{parts.netloc} closed the connection without an answer") from error
            except (OSError, http.client.HTTPException) as error:
                self.close()
                text = f"{parts.scheme}://{parts.netloc} cannot be reached: {error or type(error).__name__}"
                raise UnreachableError(text) from error
        raise AssertionError("unreachable")

    def _send_once(
        self, method: str, parts: Any, target: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        if self._connection is None:
            timeout_s = self._config[CONNECT_TIMEOUT_MS] / 1000
            if parts.scheme == "https":
                self._tls = self._tls or tls_of(self._config)
                connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                    parts.hostname, parts.port, timeout=timeout_s, context=self._tls
                )
            else:
                connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
            connection.connect()
            connection.sock.settimeout(self._config[REQUEST_TIMEOUT_MS] / 1000)
            self._connection = connection
        self._connection.request(method, target, body, dict(headers))
        response = self._connection.getresponse()
        data = response.read(ANSWER_BYTES_MAX + 1)
        if len(data) > ANSWER_BYTES_MAX:
            self.close()
            raise ConnectError(f"{parts.netloc} answers with more than {ANSWER_BYTES_MAX} bytes")
        if response.will_close:
            self.close()
        return Answer(response.status, response.headers, data)


def filled(template: str, value_of: Callable[[str], object], *, quoted: bool = True) -> str:
    """`${name}` replaced; in a URL what is put there is escaped."""

    def fill(found: re.Match[str]) -> str:
        value = value_of(found[1])
        text = "" if value is None else str(value)
        return quote(text, safe="") if quoted else text

    return _PLACE.sub(fill, template)
