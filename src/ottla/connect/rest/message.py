"""A request and a response of the REST API, without a server."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.runtime.rest_error import RestError

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON: Final = "application/json"
_WRONG_BODY: Final = 500
"""What Kafka Connect answers to a body that it cannot read."""


@dataclass(slots=True)
class Request:
    method: str
    path: str
    segments: list[str]
    """The path's, decoded."""
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = b""
    base_url: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    """What the route's names stand for."""

    def flag(self, name: str, *, default: bool = False) -> bool:
        values = self.query.get(name)
        return values[0].lower() == "true" if values else default

    @property
    def forward(self) -> bool | None:
        """Whether another worker may be asked: `None`: yes, and it may ask yet another."""
        return self.flag("forward") if "forward" in self.query else None

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise RestError(_WRONG_BODY, f"The body is not JSON: {error}") from None

    def object(self) -> dict[str, Any]:
        value = self.json()
        if not isinstance(value, dict):
            raise RestError(_WRONG_BODY, "The body is not a JSON object")
        return value

    def config(self) -> dict[str, str | None]:
        return config_of(self.object(), "The body")


def config_of(value: object, what: str) -> dict[str, str | None]:
    """Texts; numbers and truth values become texts. `RestError` names the key of anything else."""
    if not isinstance(value, dict):
        raise RestError(_WRONG_BODY, f"{what} is not a JSON object")
    config: dict[str, str | None] = {}
    for key, each in value.items():
        if isinstance(each, dict | list):
            raise RestError(_WRONG_BODY, f'{what}["{key}"] is not a text')
        config[key] = json.dumps(each) if isinstance(each, bool | int | float) else each
    return config


@dataclass(slots=True)
class Response:
    body: object = None
    """`None`: there is none."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
