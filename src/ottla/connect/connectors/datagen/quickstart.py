"""The schemas that `quickstart` names, and which field of each is the key: those of Confluent's that are used most."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple


class Quickstart(NamedTuple):
    schema: str
    """Avro's, with how each field is made up."""
    key_field: str


def _field(name: str, kind: str, **hints: Any) -> dict[str, Any]:
    return {"name": name, "type": {"type": kind, "arg.properties": hints}}


def _record(name: str, *fields: dict[str, Any], namespace: str = "ksql") -> dict[str, Any]:
    return {"type": "record", "namespace": namespace, "name": name, "fields": list(fields)}


def _quickstart(key_field: str, record: dict[str, Any]) -> Quickstart:
    return Quickstart(json.dumps(record), key_field)


_FIRST_MS: Final = 1_487_715_775_521
_LAST_MS: Final = 1_519_273_364_600
_USER: Final = "User_[1-9]"
_ADDRESSES: Final = ["111.152.45.45", "111.203.236.146", "111.168.57.122", "222.245.174.248", "122.152.45.245"]
_REQUESTS: Final = [
    "GET /index.html HTTP/1.1",
    "GET /site/user_status.html HTTP/1.1",
    "GET /site/login.html HTTP/1.1",
    "GET /images/track.png HTTP/1.1",
    "GET /images/logo-small.png HTTP/1.1",
]
_AGENTS: Final = ["Mozilla/5.0 (compatible; crawler/2.1)", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101"]
_SYMBOLS: Final = ["ZJZZT", "ZTEST", "ZVV", "ZVZZT", "ZWZZT", "ZXZZT", "ZBZX"]

QUICKSTARTS: Final = {
    "ORDERS": _quickstart(
        "orderid",
        _record(
            "orders",
            _field("ordertime", "long", range={"min": _FIRST_MS, "max": _LAST_MS}),
            _field("orderid", "int", iteration={"start": 0}),
            _field("itemid", "string", regex="Item_[1-9][0-9]{0,2}"),
            _field("orderunits", "double", range={"min": 0.1, "max": 10.0}),
            {
                "name": "address",
                "type": _record(
                    "address",
                    _field("city", "string", regex="City_[1-9][0-9]?"),
                    _field("state", "string", regex="State_[1-9][0-9]?"),
                    _field("zipcode", "long", range={"min": 10000, "max": 99999}),
                ),
            },
        ),
    ),
    "USERS": _quickstart(
        "userid",
        _record(
            "users",
            _field("registertime", "long", range={"min": _FIRST_MS, "max": _LAST_MS}),
            _field("userid", "string", regex=_USER),
            _field("regionid", "string", regex="Region_[1-9]"),
            _field("gender", "string", options=["MALE", "FEMALE", "OTHER"]),
        ),
    ),
    "PAGEVIEWS": _quickstart(
        "viewtime",
        _record(
            "pageviews",
            _field("viewtime", "long", iteration={"start": 1, "step": 10}),
            _field("userid", "string", regex=_USER),
            _field("pageid", "string", regex="Page_[1-9][0-9]?"),
        ),
    ),
    "CLICKSTREAM": _quickstart(
        "ip",
        _record(
            "clickstream",
            _field("ip", "string", options=_ADDRESSES),
            _field("userid", "int", range={"min": -1, "max": 40}),
            _field("remote_user", "string", options=["-"]),
            _field("time", "string", iteration={"start": 1, "step": 10}),
            _field("_time", "long", iteration={"start": 1, "step": 10}),
            _field("request", "string", options=_REQUESTS),
            _field("status", "string", options=["200", "302", "404", "405", "406", "407"]),
            _field("bytes", "string", options=["278", "1289", "2048", "4096", "4006", "4196", "14096"]),
            _field("referrer", "string", options=["-"]),
            _field("agent", "string", options=_AGENTS),
            namespace="clickstream",
        ),
    ),
    "STOCK_TRADES": _quickstart(
        "symbol",
        _record(
            "StockTrade",
            _field("side", "string", options=["BUY", "SELL"]),
            _field("quantity", "int", range={"min": 1, "max": 5000}),
            _field("symbol", "string", options=_SYMBOLS),
            _field("price", "int", range={"min": 5, "max": 1000}),
            _field("account", "string", options=["ABC123", "LMN456", "XYZ789"]),
            _field("userid", "string", regex=_USER),
        ),
    ),
    "RATINGS": _quickstart(
        "rating_id",
        _record(
            "ratings",
            _field("rating_id", "long", iteration={"start": 1}),
            _field("user_id", "int", range={"min": -1, "max": 20}),
            _field("stars", "int", range={"min": 1, "max": 6}),
            _field("route_id", "int", range={"min": 1, "max": 10_000}),
            _field("rating_time", "long", iteration={"start": 1, "step": 10}),
            _field("channel", "string", options=["web", "ios", "ios-test", "android"]),
            _field("message", "string", options=["worst. flight. ever.", "meh", "thank you for the most friendly"]),
            namespace="ratings",
        ),
    ),
    "TRANSACTIONS": _quickstart(
        "transaction_id",
        _record(
            "transactions",
            _field("transaction_id", "long", iteration={"start": 1}),
            _field("card_id", "long", iteration={"start": 1, "restart": 25}),
            _field("user_id", "string", regex=_USER),
            _field("purchase_id", "long", iteration={"start": 0}),
            _field("store_id", "int", range={"min": 1, "max": 8}),
            namespace="datagen.example",
        ),
    ),
    "INVENTORY": _quickstart(
        "id",
        _record(
            "inventory",
            _field("id", "long", iteration={"start": 0}),
            _field("quantity", "int", range={"min": 1, "max": 100}),
            _field("productid", "int", range={"min": 1, "max": 100}),
            namespace="datagen.example",
        ),
    ),
}
