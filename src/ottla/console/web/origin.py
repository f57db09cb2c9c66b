"""Where requests may come from: Host headers that this console has (against DNS rebinding), and pages of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ottla.console.web.message import ApiError
from ottla.console.web.settings import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ottla.console.web.message import Request

_ANY_ADDRESS: Final = ("0.0.0.0", "::", "")


class Origin:
    """`host` and `port`: where it listens; `hosts`: further names. On all addresses any IP address is taken, too: a
    name that is made to point here is not one."""

    def __init__(self, host: str, port: int, hosts: Iterable[str]) -> None:
        self.port = port
        self._names = {each.lower() for each in (*LOOPBACK, host, *hosts) if each not in _ANY_ADDRESS}
        self._takes_addresses = host in _ANY_ADDRESS

    def check_host(self, request: Request) -> None:
        """`ApiError(421)`."""
        text = request.headers.get("host", "")
        name = _name_of(text)
        if name in self._names or (self._takes_addresses and _is_address(name)):
            return
        hint = f"if '{name}' is its name, say hosts = [\"{name}\"] in the console's config"
        raise ApiError(421, "WRONG_HOST", f"this console is not '{text}'", hint)

    def check_same(self, request: Request) -> None:
        """Of a request that changes something. `ApiError(403)`."""
        if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            raise csrf_refused("this request was made by a page of another site")
        origin = request.headers.get("origin")
        if origin is None:
            return
        if urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
            raise csrf_refused(f"this request was made by a page of {origin}")


def csrf_refused(message: str) -> ApiError:
    return ApiError(403, "CSRF", message, "send X-Ottla-Csrf with the csrf of GET /api/session")


def session_cookie_name(port: int) -> str:
    """Cookies know no ports: two consoles on one machine are not to sign each other's people out."""
    return f"ottla_session_{port}"


def _name_of(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _is_address(name: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
