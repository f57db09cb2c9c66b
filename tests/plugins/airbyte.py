"""Airbyte sources that need no account; what they know as services out there is an internet of our own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tests.plugins.case import Case, case
from tests.plugins.taps import EXPECTED, PEOPLE

if TYPE_CHECKING:
    from tests.plugins.world import World

MANIFEST: Final = """
version: 6.0.0
type: DeclarativeSource
check: {type: CheckStream, stream_names: [people]}
streams:
  - type: DeclarativeStream
    name: people
    primary_key: [id]
    retriever:
      type: SimpleRetriever
      requester:
        type: HttpRequester
        url_base: https://manifest.example/
        path: people
        http_method: GET
        authenticator: {type: BearerAuthenticator, api_token: "{{ config['token'] }}"}
      record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: [people]}}
    schema_loader:
      type: InlineSchemaLoader
      schema:
        type: object
        properties: {id: {type: integer}, name: {type: [string, "null"]}}
spec:
  type: Spec
  connection_specification:
    type: object
    required: [token]
    properties: {token: {type: string, airbyte_secret: true}}
"""


def source(plugin: str, streams: str, **settings: Any) -> dict[str, str]:
    return {
        "connector.class": plugin,
        "topic.prefix": f"{plugin}.",
        "poll.interval.ms": "-1",
        "airbyte.streams": streams,
        "airbyte.config": json.dumps(settings),
    }


def faker(world: World) -> None:
    config = source("source-faker", "users", count=20, seed=1, parallelism=1, always_updated=False)
    users = world.read("source-faker.users", config, 20)
    assert sorted(each["id"] for each in users) == list(range(1, 21))


def hardcoded_records(world: World) -> None:
    values = world.read("source-hardcoded-records.products", source("source-hardcoded-records", "products", count=7), 7)
    assert len(values) == 7
    assert all("make" in each for each in values)


def manifest(world: World) -> None:
    """A YAML that is dropped in; without its token it is refused by its own specification."""
    world.internet.hosts["manifest.example"] = lambda _target: {"people": PEOPLE}
    path = world.place() / "people-api.yaml"
    path.write_text(MANIFEST)
    config = source("AirbyteSource", "people") | {"airbyte.manifest": str(path), "topic.prefix": "manifest."}
    answer = world.worker.ask("PUT", "/connector-plugins/AirbyteSource/config/validate", {"name": "m", **config})
    wrong = [each["value"]["name"] for each in answer.body["configs"] if each["value"]["errors"]]
    assert wrong == ["airbyte.config.token"], wrong
    values = world.read("manifest.people", config | {"airbyte.config.token": "t"}, 3)
    assert [each["name"] for each in values] == EXPECTED


def xkcd(world: World) -> None:
    comic = {
        "num": 5,
        "title": "Blown apart",
        "month": "1",
        "year": "2006",
        "day": "1",
        "img": "x",
        "link": "",
        "news": "",
    }
    world.internet.hosts["xkcd.com"] = lambda _target: comic
    values = world.read("source-xkcd.xkcd", source("source-xkcd", "xkcd", comic_number="5"), 1)
    assert values[0]["title"] == "Blown apart"


CASES: Final[tuple[Case, ...]] = (
    case("source-faker", faker),
    case("source-hardcoded-records", hardcoded_records),
    case("airbyte-cdk", manifest),
    case("source-xkcd", xkcd),
)
