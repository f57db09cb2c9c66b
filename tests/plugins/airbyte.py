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


def pokeapi(world: World) -> None:
    world.internet.hosts["pokeapi.co"] = lambda _target: {"id": 25, "name": "pikachu", "height": 4}
    values = world.read("source-pokeapi.pokemon", source("source-pokeapi", "pokemon", pokemon_name="pikachu"), 1)
    assert (values[0]["id"], values[0]["name"]) == (25, "pikachu")


def tvmaze(world: World) -> None:
    show = {"id": 1, "url": "u", "name": "Pilot", "season": 1, "number": 1, "airdate": "2024-01-01"}
    world.internet.hosts["api.tvmaze.com"] = lambda _target: [show]
    config = source(
        "source-tvmaze-schedule",
        "domestic",
        start_date="2024-01-01",
        end_date="2024-01-01",
        domestic_schedule_country_code="US",
    )
    assert world.read("source-tvmaze-schedule.domestic", config, 1)[0]["name"] == "Pilot"


def gutendex(world: World) -> None:
    book = {"id": 1, "title": "Der Process", "authors": [], "languages": ["de"], "download_count": 5}
    world.internet.hosts["gutendex.com"] = lambda _target: {
        "count": 1,
        "next": None,
        "previous": None,
        "results": [book],
    }
    values = world.read("source-gutendex.books", source("source-gutendex", "books", search="kafka"), 1)
    assert values[0]["title"] == "Der Process"


def dockerhub(world: World) -> None:
    image = {"name": "ottla", "namespace": "sister", "pull_count": 7, "user": "sister"}
    world.internet.hosts["hub.docker.com"] = lambda _target: {"count": 1, "next": None, "results": [image]}
    values = world.read("source-dockerhub.docker_hub", source("source-dockerhub", "*", docker_username="sister"), 1)
    assert values[0]["name"] == "ottla"


def pypi(world: World) -> None:
    info = {"info": {"name": "ottla", "version": "1"}, "releases": {}, "urls": [], "last_serial": 1}
    world.internet.hosts["pypi.org"] = lambda _target: info
    values = world.read("source-pypi.project", source("source-pypi", "project", project_name="ottla"), 1)
    assert values[0]["info"]["name"] == "ottla"


def punk_api(world: World) -> None:
    beers = [{"id": 1, "name": "Pilsner"}]
    world.internet.hosts["api.punkapi.com"] = lambda target: beers if "page=1" in target or "page" not in target else []
    config = source("source-punk-api", "beers", brewed_before="12-2023", brewed_after="01-2020")
    assert world.read("source-punk-api.beers", config, 1)[0]["name"] == "Pilsner"


def public_apis(world: World) -> None:
    entries = {
        "count": 1,
        "entries": [{"API": "Ottla", "Description": "a sister", "Auth": "", "HTTPS": True, "Cors": "no"}],
    }
    world.internet.hosts["api.publicapis.org"] = lambda _target: entries
    values = world.read("source-public-apis.services", source("source-public-apis", "services"), 1)
    assert values[0]["API"] == "Ottla"


CASES: Final[tuple[Case, ...]] = (
    case("source-faker", faker),
    case("source-hardcoded-records", hardcoded_records),
    case("airbyte-cdk", manifest),
    case("source-xkcd", xkcd),
    case("source-pokeapi", pokeapi),
    case("source-tvmaze-schedule", tvmaze),
    case("source-gutendex", gutendex),
    case("source-dockerhub", dockerhub),
    case("source-pypi", pypi),
    case("source-punk-api", punk_api),
    case("source-public-apis", public_apis),
)
