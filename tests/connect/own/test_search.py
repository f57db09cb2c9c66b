"""Documents of OpenSearch: ids and versions, what comes again, refusals; in CI the protocol alone."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from tests.connect.own.api_server import ApiServer, Asked
from tests.connect.own.tasks import Sink, errors_of
from tests.peers.opensearch import OpenSearchServer

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.search.sink import ElasticsearchSinkConnector

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def sink(url: str, *, reports: Any = False, offset: Any = 0, topic: Any = "things", **more: Any) -> Sink:
    props = {"connection.url": url, "retry.backoff.ms": 1} | {key.replace("_", "."): text for key, text in more.items()}
    return Sink(ElasticsearchSinkConnector, props, reports=reports, offset=offset, topic=topic)


class Bulk:
    """What the bulk API's reference says of index and delete with external versions; `busy` documents come later."""

    def __init__(self) -> None:
        self.documents: dict[str, tuple[int, Any]] = {}
        self.busy: list[str] = []
        self.sizes: list[int] = []

    def __call__(self, asked: Asked) -> tuple[int, Any, dict[str, str]]:
        lines = [json.loads(line) for line in asked.body.splitlines()]
        items = []
        while lines:
            ((verb, about),) = lines.pop(0).items()
            document = None if verb == "delete" else lines.pop(0)
            items.append({verb: self._one(about, document)})
        self.sizes.append(len(items))
        return 200, {"errors": True, "items": items}, {}

    def _one(self, about: Any, document: Any) -> dict[str, Any]:
        told = {"_index": about["_index"], "_id": about["_id"]}
        if about["_id"] in self.busy:
            self.busy.remove(about["_id"])
            return told | {"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "busy"}}
        if document is not None and document.get("n") == "bad":
            return told | {"status": 400, "error": {"type": "mapper_parsing_exception", "reason": "no number"}}
        version = about.get("version", 0)
        if self.documents.get(about["_id"], (-1, None))[0] >= version and "version" in about:
            return told | {"status": 409, "error": {"type": "version_conflict_engine_exception", "reason": "older"}}
        self.documents[about["_id"]] = version, document
        return told | {"status": 200}


@pytest.fixture
def bulk() -> Iterator[tuple[str, Bulk]]:
    told = Bulk()
    with ApiServer(told) as server:
        yield server.url, told


def test_ids_versions_and_batches(bulk: tuple[str, Bulk]) -> None:
    url, told = bulk
    task = sink(url, batch_size=3, behavior_on_null_values="DELETE")
    values: list[Any] = [{"n": number} for number in range(7)] + [None]
    records = task.records(*values, keys=["a", "b", 3, "a", "b", "c", "d", "c"])
    task.deliver(records)
    task.deliver(records[:4])  # what comes again is older than what is there
    assert {key: document for key, (_, document) in told.documents.items() if document} == {
        "a": {"n": 3}, "b": {"n": 4}, "3": {"n": 2}, "d": {"n": 6}
    }  # fmt: skip
    assert told.sizes == [3, 3, 2, 3, 1]
    places = sink(url, key_ignore="true")
    places.put({"n": 1})
    assert told.documents["things+0+0"] == (0, {"n": 1})


def test_only_what_was_busy_is_sent_again_and_refusals_are_counted(bulk: tuple[str, Bulk]) -> None:
    url, told = bulk
    told.busy = ["b", "b", "d"]
    task = sink(url, reports=True)
    values: list[Any] = [{"n": 1}, {"n": 2}, {"n": "bad"}, "text", None, {"n": 4}, {"n": 5}]
    task.put(*values, keys=["a", "b", "c", "x", "y", "d", None])
    assert (task.retried, told.sizes) == (2, [4, 2, 1])
    assert sorted(told.documents) == ["a", "b", "d"]
    assert sorted(record.kafka_offset for record, _ in task.rejected) == [2, 3, 4, 6]
    assert len(told.documents) + len(task.rejected) == len(values)
    assert "things-0@2 is refused by things: 400 no number" in " ".join(str(error) for _, error in task.rejected)
    with pytest.raises(ConnectError, match="400 no number"):
        sink(url).put({"n": "bad"}, keys=["z"])


def test_servers_that_are_away(bulk: tuple[str, Bulk]) -> None:
    url, told = bulk
    task = sink(f"http://127.0.0.1:1,{url}")
    task.put({"n": 1}, keys=["a"])
    assert (task.retried, list(told.documents)) == (1, ["a"])
    with pytest.raises(ConnectError, match="cannot be reached"):
        sink("http://127.0.0.1:1", max_retries=1).put({"n": 1}, keys=["a"])
    with ApiServer(lambda _: (200, {"no": "items"}, {})) as other, pytest.raises(ConnectError, match="as no bulk API"):
        sink(other.url).put({"n": 1}, keys=["a"])


def test_wrong_configurations_name_the_key() -> None:
    good = {"connection.url": "http://localhost:9200"}
    assert errors_of(ElasticsearchSinkConnector, good) == {}
    assert list(errors_of(ElasticsearchSinkConnector, {})) == ["connection.url"]
    assert list(errors_of(ElasticsearchSinkConnector, {"connection.url": "localhost:9200"})) == ["connection.url"]
    assert list(errors_of(ElasticsearchSinkConnector, good | {"write.method": "GUESS"})) == ["write.method"]


@pytest.mark.long
@pytest.mark.java
@pytest.mark.timeout(280)
def test_a_real_server(tmp_path: Path) -> None:
    with OpenSearchServer(tmp_path) as server:
        url = f"http://{server.address}"

        def ask(method: str, path: str, body: Any = None) -> Any:
            data = None if body is None else json.dumps(body).encode()
            request = urllib.request.Request(url + path, data, {"Content-Type": "application/json"}, method=method)
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())

        def found(index: str) -> dict[str, Any]:
            ask("POST", f"/{index}/_refresh")
            hits = ask("GET", f"/{index}/_search?size=1000")["hits"]["hits"]
            return {each["_id"]: each["_source"] for each in hits}

        ask("PUT", "/things", {"mappings": {"properties": {"n": {"type": "integer"}}}})
        task = sink(url, reports=True, behavior_on_null_values="DELETE", topic="Things")
        values: list[Any] = [{"n": number} for number in range(50)] + [{"n": "bad"}, None]
        keys = [str(number % 10) for number in range(50)] + ["11", "9"]
        records = task.records(*values, keys=keys)
        task.deliver(records)
        task.deliver(records[:20])
        assert found("things") == {str(number): {"n": 40 + number} for number in range(9)}
        assert [record.kafka_offset for record, _ in task.rejected] == [50]
        assert "failed to parse field [n]" in str(task.rejected[0][1])
        merged = sink(url, write_method="UPSERT", topic="merged")
        merged.put({"a": 1}, {"b": 2}, keys=["k", "k"])
        assert found("merged") == {"k": {"a": 1, "b": 2}}
        with pytest.raises(urllib.error.HTTPError):
            ask("GET", "/nowhere")
