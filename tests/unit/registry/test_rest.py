"""The REST API by itself: routes, status codes, error codes, and what each parameter does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.registry.memory import Client, MemoryRegistry

from ottla.registry.rest.access import AccessFileError, read_access_file, user_entry

if TYPE_CHECKING:
    from pathlib import Path

INT = '{"type":"int"}'
LONG = '{"type":"long"}'
JSON = "application/json"


def record(*names: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    fields: list[dict[str, Any]] = [{"name": name, "type": "int"} for name in names]
    fields += [{"name": name, "type": "int", "default": 0} for name in optional]
    return {"type": "record", "name": "R", "fields": fields}


def test_a_schema_is_registered_once() -> None:
    client = Client()
    first = client.register("a", record("x"))
    assert client.register("a", json.dumps(record("x"), indent=2)) == first == 1
    assert client.register("b", record("x")) == first
    assert client.register("a", record("x", optional=("y",))) == 2
    assert client.get("/subjects") == ["a", "b"]
    assert client.get("/subjects/a/versions") == [1, 2]
    found = client.get("/subjects/a/versions/latest")
    assert (found["subject"], found["version"], found["id"]) == ("a", 2, 2)
    assert json.loads(found["schema"]) == record("x", optional=("y",))
    assert client.get("/subjects/a/versions/1")["guid"] == client.get("/schemas/ids/1")["guid"]
    assert json.loads(json.dumps(client.get("/subjects/a/versions/1/schema"))) == record("x")
    assert client.get("/schemas/ids/1/schema") == record("x")
    assert client.get("/schemas/ids/1/subjects") == ["a", "b"]
    assert client.get("/schemas/ids/1/versions") == [{"subject": "a", "version": 1}, {"subject": "b", "version": 1}]
    assert client.get("/schemas/ids/1?fetchMaxId=true")["maxId"] == 2
    guid = found["guid"]
    assert client.get(f"/schemas/guids/{guid}")["schema"] == found["schema"]
    assert client.get(f"/schemas/guids/{guid}/ids") == [{"context": ".", "id": 2}]
    assert client.get("/schemas/types") == ["JSON", "PROTOBUF", "AVRO"]


def test_what_is_not_there_is_told_by_its_code() -> None:
    client = Client()
    client.register("a", INT)
    assert client.refused("GET", "/subjects/none/versions") == (404, 40401)
    assert client.refused("GET", "/subjects/none/versions/1") == (404, 40401)
    assert client.refused("GET", "/subjects/a/versions/9") == (404, 40402)
    assert client.refused("GET", "/subjects/a/versions/zero") == (422, 42202)
    assert client.refused("GET", "/subjects/a/versions/0") == (422, 42202)
    assert client.refused("GET", "/schemas/ids/9") == (404, 40403)
    assert client.refused("GET", "/schemas/ids/9/subjects") == (404, 40403)
    assert client.refused("GET", "/schemas/guids/00000000-0000-0000-0000-000000000000") == (404, 40403)
    assert client.refused("POST", "/subjects/a", {"schema": LONG}) == (404, 40403)
    assert client.refused("POST", "/subjects/none", {"schema": LONG}) == (404, 40401)
    assert client.refused("DELETE", "/subjects/none") == (404, 40401)
    assert client.refused("GET", "/config/a") == (404, 40408)
    assert client.refused("GET", "/mode/a") == (404, 40409)
    assert client.refused("GET", "/nothing/at/all") == (404, 404)
    assert client.refused("PUT", "/subjects") == (405, 405)


def test_what_cannot_be_is_refused_by_its_code() -> None:
    client = Client()
    assert client.refused("POST", "/subjects/a/versions", {"schema": "{"}) == (422, 42201)
    assert client.refused("POST", "/subjects/a/versions", {"schema": '"nothing"'}) == (422, 42201)
    assert client.refused("POST", "/subjects/a/versions", {"schema": ""}) == (422, 42201)
    assert client.refused("POST", "/subjects/a/versions", {"schema": INT, "schemaType": "XML"}) == (422, 42201)
    assert client.refused("POST", "/subjects/a/versions", {"schema": 7}) == (422, 422)
    assert client.refused("POST", "/subjects/a/versions", b"{") == (400, 400)
    assert client.refused("POST", "/subjects/a/versions", {"schema": INT, "id": 7}) == (422, 42205)
    assert client.refused("POST", "/subjects/__GLOBAL/versions", {"schema": INT}) == (422, 42208)
    assert client.refused("POST", "/subjects/a%01/versions", {"schema": INT}) == (422, 42208)
    assert client.refused("PUT", "/config", {"compatibility": "SIDEWAYS"}) == (422, 42203)
    assert client.refused("PUT", "/mode", {"mode": "SIDEWAYS"}) == (422, 42204)
    rules = {"domainRules": [{"name": "r", "mode": "UPGRADE", "type": "CEL"}]}
    assert client.refused("POST", "/subjects/a/versions", {"schema": INT, "ruleSet": rules}) == (422, 42210)
    reference = {"name": "n", "subject": "none", "version": 1}
    assert client.refused("POST", "/subjects/a/versions", {"schema": INT, "references": [reference]}) == (422, 42201)
    assert client.registry.log == []


def test_compatibility_is_checked_and_said() -> None:
    client = Client()
    client.register("a", record("x"))
    wrong = {"schema": json.dumps(record("x", "y"))}
    assert client.refused("POST", "/subjects/a/versions", wrong) == (409, 40901)
    _, said = client.call("POST", "/subjects/a/versions", wrong)
    assert "READER_FIELD_MISSING_DEFAULT_VALUE" in said["message"] and "/fields/1" in said["message"]
    path = "/compatibility/subjects/a/versions"
    assert client.call("POST", f"{path}/latest", wrong) == (200, {"is_compatible": False})
    _, verbose = client.call("POST", f"{path}/1?verbose=true", wrong)
    assert not verbose["is_compatible"] and verbose["messages"][0].startswith("{errorType:")
    assert client.call("POST", path, {"schema": json.dumps(record("x"))}) == (200, {"is_compatible": True})
    assert client.call("POST", "/compatibility/subjects/new/versions/latest", wrong)[1] == {"is_compatible": True}
    assert client.refused("POST", f"{path}/7", wrong) == (404, 40402)
    assert client.refused("POST", path, {"schema": "{"}) == (422, 42201)
    assert client.call("POST", f"{path}?verbose=true", {"schema": "{"})[1]["is_compatible"] is False
    assert client.call("PUT", "/config/a", {"compatibility": "none"}) == (200, {"compatibility": "NONE"})
    assert client.register("a", record("x", "y")) == 2
    assert client.call("POST", "/subjects/a/versions?force=true", {"schema": LONG})[1]["id"] == 3


def test_transitive_levels_look_at_every_version() -> None:
    client = Client()
    client.call("PUT", "/config/a", {"compatibility": "NONE"})
    for fields in (record("x"), record(), record(optional=("x",))):
        client.register("a", fields)
    path = "/compatibility/subjects/a/versions"
    wrong = {
        "schema": json.dumps(
            {"type": "record", "name": "R", "fields": [{"name": "x", "type": "string", "default": ""}]}
        )
    }
    for level, verdict in (("BACKWARD", False), ("BACKWARD_TRANSITIVE", False), ("FORWARD", False), ("NONE", True)):
        client.call("PUT", "/config/a", {"compatibility": level})
        assert client.call("POST", path, wrong)[1] == {"is_compatible": verdict}, level
    client.call("PUT", "/config/a", {"compatibility": "FULL"})
    assert client.call("POST", path, {"schema": json.dumps(record(optional=("x",)))})[1]["is_compatible"]
    client.call("PUT", "/config/a", {"compatibility": "FULL_TRANSITIVE"})
    assert client.call("POST", path, {"schema": json.dumps(record(optional=("x",)))})[1]["is_compatible"]
    client.call("PUT", "/config/a", {"compatibility": "FORWARD_TRANSITIVE"})
    assert not client.call("POST", path, {"schema": json.dumps(record())})[1]["is_compatible"]


def test_soft_and_hard_deletes() -> None:
    client = Client()
    client.register("a", INT)
    client.register("a", LONG)
    assert client.refused("DELETE", "/subjects/a/versions/1?permanent=true") == (404, 40407)
    assert client.call("DELETE", "/subjects/a/versions/1") == (200, 1)
    assert client.refused("DELETE", "/subjects/a/versions/1") == (404, 40406)
    assert client.get("/subjects/a/versions") == [2]
    assert client.get("/subjects/a/versions?deleted=true") == [1, 2]
    assert client.get("/subjects/a/versions?deletedOnly=true") == [1]
    assert client.get("/subjects/a/versions?deletedAsNegative=true") == [-1, 2]
    assert client.refused("GET", "/subjects/a/versions/1") == (404, 40402)
    assert client.get("/subjects/a/versions/1?deleted=true")["id"] == 1
    assert client.refused("POST", "/subjects/a", {"schema": INT}) == (404, 40403)
    assert client.call("POST", "/subjects/a?deleted=true", {"schema": INT})[1]["version"] == 1
    assert client.get("/schemas/ids/1")["id"] == 1
    assert client.get("/schemas/ids/1/subjects") == []
    assert client.get("/schemas/ids/1/subjects?deleted=true") == ["a"]
    assert client.refused("DELETE", "/subjects/a?permanent=true") == (404, 40405)
    assert client.call("DELETE", "/subjects/a") == (200, [2])
    assert client.refused("DELETE", "/subjects/a") == (404, 40404)
    assert client.get("/subjects") == []
    assert client.get("/subjects?deleted=true") == ["a"] == client.get("/subjects?deletedOnly=true")
    assert client.call("DELETE", "/subjects/a?permanent=true") == (200, [1, 2])
    assert client.refused("GET", "/schemas/ids/1") == (404, 40403)
    assert client.register("a", INT) == 3


def test_a_deleted_schema_comes_back_with_its_id() -> None:
    client = Client()
    client.register("a", INT)
    client.call("DELETE", "/subjects/a")
    assert client.register("a", INT) == 1
    assert client.get("/subjects/a/versions?deleted=true") == [2]


def test_what_is_referred_to_stays() -> None:
    client = Client()
    client.register("base", {"type": "enum", "name": "Suit", "symbols": ["HEARTS"]})
    reference = {"name": "Suit", "subject": "base", "version": 1}
    user = {"type": "record", "name": "Card", "fields": [{"name": "suit", "type": "Suit"}]}
    schema_id = client.register("card", user, references=[reference])
    assert client.get("/subjects/base/versions/1/referencedby") == [schema_id]
    assert client.get(f"/schemas/ids/{schema_id}")["references"] == [reference]
    assert "HEARTS" in client.get(f"/schemas/ids/{schema_id}?format=resolved")["schema"]
    assert client.refused("DELETE", "/subjects/base/versions/1") == (422, 42206)
    assert client.refused("DELETE", "/subjects/base") == (422, 42206)
    client.call("DELETE", "/subjects/card")
    assert client.get("/subjects/base/versions/1/referencedby") == []
    assert client.get("/subjects/base/versions/1/referencedby?deleted=true") == [schema_id]
    assert client.call("DELETE", "/subjects/base") == (200, [1])
    assert client.refused("DELETE", "/subjects/base?permanent=true") == (422, 42206)


def test_contexts_have_ids_and_settings_of_their_own() -> None:
    client = Client()
    client.register("a", INT)
    assert client.register(":.eu:a", LONG) == 1
    assert client.get("/contexts") == [".", ".eu"]
    assert client.get("/subjects") == [":.eu:a", "a"]
    assert client.get("/subjects?subjectPrefix=:.eu:") == [":.eu:a"]
    assert client.get("/subjects?subjectPrefix=:*:a") == [":.eu:a", "a"]
    assert client.get("/contexts/.eu/subjects") == [":.eu:a"]
    assert client.get("/contexts/:.eu:/subjects/a/versions/1")["subject"] == ":.eu:a"
    assert client.get("/contexts/.eu/schemas/ids/1")["schema"] == '"long"'
    assert client.get("/schemas/ids/1")["schema"] == '"int"'
    assert client.get("/schemas/ids/1?subject=:.eu:")["schema"] == '"long"'
    assert client.get("/schemas/ids/1?subject=:.eu:a")["schema"] == '"long"'
    client.call("PUT", "/contexts/.eu/config", {"compatibility": "NONE"})
    assert client.get("/config/:.eu:")["compatibilityLevel"] == "NONE"
    assert client.get("/config/:.eu:a?defaultToGlobal=true")["compatibilityLevel"] == "NONE"
    assert client.get("/config/a?defaultToGlobal=true")["compatibilityLevel"] == "BACKWARD"
    client.call("PUT", "/config/:.__GLOBAL:", {"compatibility": "FULL"})
    assert client.get("/config/a?defaultToGlobal=true")["compatibilityLevel"] == "FULL"
    assert client.get("/subjects/a/versions/1")["schema"] == '"int"'
    client.register(":.eu:only", INT)
    assert client.get("/subjects/only/versions/latest")["subject"] == ":.eu:only"
    assert client.call("POST", "/subjects/only", {"schema": INT})[1]["subject"] == ":.eu:only"
    assert client.refused("DELETE", "/contexts/.eu") == (422, 42211)
    for subject in (":.eu:a", ":.eu:only"):
        client.call("DELETE", f"/subjects/{subject}")
        client.call("DELETE", f"/subjects/{subject}?permanent=true")
    assert client.call("DELETE", "/contexts/.eu")[0] == 204
    assert client.get("/contexts") == ["."]


def test_configs_are_changed_by_their_parts() -> None:
    client = Client()
    assert client.get("/config") == {"compatibilityLevel": "BACKWARD"}
    assert client.call("PUT", "/config", {"compatibility": "FULL", "normalize": True})[0] == 200
    assert client.get("/config") == {"compatibilityLevel": "FULL", "normalize": True}
    client.call("PUT", "/config", {"normalize": None})
    assert client.get("/config") == {"compatibilityLevel": "FULL"}
    assert client.call("PUT", "/config/a", {"compatibilityGroup": "major"}) == (200, {"compatibilityGroup": "major"})
    assert client.get("/config/a") == {"compatibilityLevel": "BACKWARD", "compatibilityGroup": "major"}
    assert client.call("DELETE", "/config/a")[1] == {"compatibilityLevel": "BACKWARD", "compatibilityGroup": "major"}
    assert client.refused("DELETE", "/config/a") == (404, 40401)
    assert client.call("DELETE", "/config") == (200, {"compatibilityLevel": "FULL"})
    assert client.get("/config") == {"compatibilityLevel": "BACKWARD"}


def test_compatibility_groups_keep_histories_apart() -> None:
    client = Client()
    client.call("PUT", "/config/a", {"compatibilityGroup": "major"})
    client.register("a", record("x"), metadata={"properties": {"major": "1"}})
    other = {"schema": json.dumps(record("y")), "metadata": {"properties": {"major": "1"}}}
    assert client.refused("POST", "/subjects/a/versions", other) == (409, 40901)
    assert client.register("a", record("y"), metadata={"properties": {"major": "2"}}) == 2
    assert client.get("/subjects/a/metadata?key=major&value=1")["version"] == 1


def test_contracts_are_inherited_between_defaults_and_overrides() -> None:
    client = Client()
    rule = {"name": "r", "kind": "CONDITION", "mode": "WRITE", "type": "CEL", "expr": "true"}
    client.call(
        "PUT",
        "/config/a",
        {
            "defaultMetadata": {"properties": {"owner": "nobody", "team": "x"}},
            "overrideMetadata": {"properties": {"team": "y"}},
            "defaultRuleSet": {"domainRules": [rule]},
        },
    )
    client.register("a", record("x"), metadata={"properties": {"owner": "ada"}})
    found = client.get("/subjects/a/versions/1")
    assert found["metadata"]["properties"] == {"owner": "ada", "team": "y"}
    assert found["ruleSet"]["domainRules"][0]["name"] == "r"
    client.register("a", record("x", optional=("y",)))
    assert client.get("/subjects/a/versions/2")["metadata"] == found["metadata"]
    assert client.get("/schemas?subjectPrefix=a&ruleType=CEL&latestOnly=true")[0]["version"] == 2
    assert client.get("/schemas?ruleType=JSONATA") == []


def test_versions_may_be_said_and_are_kept_in_metadata() -> None:
    client = Client()
    client.register("a", record("x"), version=1)
    assert client.get("/subjects/a/versions/1")["metadata"]["properties"] == {"confluent:version": "1"}
    wrong = {"schema": json.dumps(record("x", optional=("y",))), "version": 9}
    assert client.refused("POST", "/subjects/a/versions", wrong) == (422, 42201)
    assert client.register("a", record("x", optional=("y",)), version=2) == 2
    assert client.call("POST", "/subjects/a", {"schema": json.dumps(record("x"))})[1]["version"] == 1


def test_reserved_fields() -> None:
    client = Client()
    client.call("PUT", "/config/a", {"validateFields": True})
    client.register("a", record("x"), metadata={"properties": {"confluent:reserved": "y, z"}})
    wrong = {"schema": json.dumps(record("x", optional=("y",)))}
    _, said = client.call("POST", "/subjects/a/versions", wrong)
    assert "FIELD_CONFLICTS_WITH_RESERVED_FIELD" in said["message"]
    _, said = client.call("POST", "/subjects/a/versions", {**wrong, "metadata": {"properties": {"m": "n"}}})
    assert "RESERVED_FIELD_REMOVED" in said["message"]


def test_modes() -> None:
    client = Client()
    assert client.get("/mode") == {"mode": "READWRITE"}
    client.register("a", INT)
    assert client.call("PUT", "/mode/a", {"mode": "readonly"}) == (200, {"mode": "readonly"})
    assert client.get("/mode/a") == {"mode": "READONLY"}
    assert client.refused("POST", "/subjects/a/versions", {"schema": LONG}) == (422, 42205)
    assert client.refused("DELETE", "/subjects/a") == (422, 42205)
    assert client.refused("PUT", "/config/a", {"compatibility": "NONE"}) == (422, 42205)
    assert client.call("DELETE", "/mode/a") == (200, {"mode": "READONLY"})
    assert client.refused("DELETE", "/mode/a") == (404, 40401)
    assert client.refused("PUT", "/mode/a", {"mode": "IMPORT"}) == (422, 42205)
    assert client.refused("PUT", "/mode/a", {"mode": "FORWARD"}) == (422, 42204)
    assert client.call("PUT", "/mode/new", {"mode": "IMPORT"})[0] == 200
    assert client.refused("POST", "/subjects/new/versions", {"schema": LONG}) == (422, 42205)
    assert client.register("new", LONG, id=100, version=7) == 100
    assert client.get("/subjects/new/versions") == [7]
    assert client.register("new", INT, id=1, version=3) == 1
    assert client.refused("POST", "/subjects/new/versions", {"schema": '"string"', "id": 100}) == (422, 42205)
    assert client.call("PUT", "/mode/a?force=true", {"mode": "IMPORT"})[0] == 200
    client.call("PUT", "/mode/new", {"mode": "READWRITE"})
    assert client.call("POST", "/subjects/new/versions?force=true", {"schema": '"string"'})[1]["id"] == 101


def test_import_forgets_what_was_deleted() -> None:
    client = Client()
    client.register("a", INT)
    client.call("DELETE", "/subjects/a")
    assert client.call("PUT", "/mode/a", {"mode": "IMPORT"})[0] == 200
    assert client.get("/subjects?deleted=true") == []
    assert client.register("a", LONG, id=1, version=1) == 1


def test_modes_of_a_context_are_taken_away_together() -> None:
    client = Client()
    client.call("PUT", "/mode/:.eu:a", {"mode": "READONLY"})
    client.call("PUT", "/mode/:.eu:", {"mode": "READONLY"})
    assert client.call("DELETE", "/mode/:.eu:?recursive=true") == (200, {"mode": "READONLY"})
    assert client.refused("GET", "/mode/:.eu:a") == (404, 40409)


def test_an_alias_stands_for_another_subject() -> None:
    client = Client()
    client.register("long-name", INT)
    client.call("PUT", "/config/short", {"alias": "long-name"})
    assert client.get("/subjects/short/versions/latest")["subject"] == "long-name"
    assert client.register("short", LONG) == 2
    assert client.get("/subjects/long-name/versions") == [1, 2]
    assert client.get("/schemas?subjectPrefix=long&aliases=true&latestOnly=true")[0]["aliases"] == ["short"]


def test_normalisation_makes_one_of_two_spellings() -> None:
    client = Client()
    one = '{"type":"record","name":"R","fields":[{"name":"x","type":"int","doc":"d","default":1}]}'
    two = '{"type":"record","name":"R","fields":[{"name":"x","doc":"d","default":1,"type":{"type":"int"}}]}'
    client.call("POST", "/subjects/a/versions?normalize=true", {"schema": one})
    assert client.call("POST", "/subjects/a?normalize=true", {"schema": two})[1]["version"] == 1
    ordered = [json.dumps({"type": "object", "title": "t"}), json.dumps({"title": "t", "type": "object"})]
    client.call("PUT", "/config/j", {"normalize": True})
    assert client.register("j", ordered[0], schemaType="JSON") == client.register("j", ordered[1], schemaType="JSON")


def test_pages() -> None:
    client = Client()
    for name in "abcde":
        client.register(name, INT)
    assert client.get("/subjects?offset=1&limit=2") == ["b", "c"]
    assert client.get("/schemas/ids/1/subjects?offset=3") == ["d", "e"]
    assert [each["subject"] for each in client.get("/schemas?limit=2&offset=2")] == ["c", "d"]
    assert client.refused("GET", "/subjects?offset=first") == (404, 404)


def test_content_types() -> None:
    client = Client()
    client.get("/")
    assert client.answered["content-type"] == "application/vnd.schemaregistry.v1+json"
    client.get("/subjects", accept=JSON)
    assert client.answered["content-type"] == JSON
    accept = "application/vnd.schemaregistry.v1+json; q=0.5, application/vnd.schemaregistry+json, */*; q=0.1"
    client.get("/subjects", accept=accept)
    assert client.answered["content-type"] == "application/vnd.schemaregistry+json"
    assert client.call("GET", "/subjects", accept="text/html")[0] == 406
    assert client.call("POST", "/subjects/a/versions", {"schema": INT}, content_type="text/plain")[0] == 415
    assert (
        client.call("POST", "/subjects/a/versions", {"schema": INT}, content_type="application/octet-stream")[0] == 200
    )
    assert client.get("/v1/metadata/id")["scope"]["clusters"]["kafka-cluster"] == "a-cluster"
    assert "version" in client.get("/v1/metadata/version")


def test_a_subject_may_have_a_slash_and_more_in_its_name() -> None:
    client = Client()
    client.register("a%2Fb%20%E2%82%AC", INT)
    assert client.get("/subjects") == ["a/b €"]
    assert client.get("/subjects/a%2Fb%20%E2%82%AC/versions") == [1]


def test_a_stored_schema_that_cannot_be_parsed_stops_nothing() -> None:
    registry = MemoryRegistry()
    key = b'{"keytype":"SCHEMA","subject":"old","version":1,"magic":1}'
    registry.append(key, b'{"subject":"old","version":1,"id":5,"schema":"{\\"type\\":\\"rekord\\"}","deleted":false}')
    registry.append(b'{"keytype":"SCHEMA","subject":"x","version":1,"magic":1}', b"{")
    registry.append(b'{"keytype":"ASSOC","tenant":"default","magic":0}', b'{"guid":"g"}')
    registry.append(b"rubbish", b"more of it")
    registry.append(b"", None)
    client = Client(registry)
    assert client.get("/subjects/old/versions/1")["schema"] == '{"type":"rekord"}'
    assert client.get("/schemas/ids/5")["id"] == 5
    assert client.refused("GET", "/schemas/ids/5?format=resolved") == (422, 42201)
    assert client.register("old", INT) == 6


def test_a_schema_that_is_nested_too_deeply_is_refused() -> None:
    client = Client()
    for schema_type, begin, middle, end in (
        ("AVRO", '{"type":"array","items":', '"int"', "}"),
        ("JSON", '{"not":', '{"type":"integer"}', "}"),
        ("PROTOBUF", "message M {", "", "}"),
    ):
        for depth in (400, 900, 30_000):
            body = {"schema": begin * depth + middle + end * depth, "schemaType": schema_type}
            assert client.call("POST", f"/subjects/{schema_type}/versions", body)[0] in (200, 422)


def test_restart_and_compaction_change_nothing() -> None:
    client = Client()
    for name in ("a", "b", "c", ":.eu:d"):
        client.register(name, INT)
    client.register("a", LONG)
    client.call("DELETE", "/subjects/a/versions/1")
    client.call("DELETE", "/subjects/b")
    client.register("b", INT)
    client.call("DELETE", "/subjects/c")
    client.call("DELETE", "/subjects/c?permanent=true")
    client.call("PUT", "/config/a", {"compatibility": "FULL"})
    client.call("PUT", "/mode/b", {"mode": "READONLY"})
    targets = ["/subjects?deleted=true", "/schemas?deleted=true", "/contexts", "/config/a", "/mode/b"]
    expected = [client.get(target) for target in targets]
    for registry in (client.registry.restarted(), client.registry.compacted()):
        again = Client(registry)
        assert [again.get(target) for target in targets] == expected
        assert again.register("z", '"string"') == 3


def test_who_may_do_what(tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    users = [user_entry("ada", "one"), user_entry("bob", "two")]
    permissions = [
        {"username": "ada", "operation": "Write", "resource": ".*"},
        {"username": "bob", "operation": "Read", "resource": "Subject:open-.*"},
    ]
    path.write_text(json.dumps({"users": users, "permissions": permissions}))
    registry = MemoryRegistry(read_access_file(path))
    ada, bob, nobody = (Client(registry, user) for user in (("ada", "one"), ("bob", "two"), None))
    ada.register("open-a", INT)
    ada.register("secret", LONG)
    assert nobody.refused("GET", "/subjects") == (401, 401)
    assert nobody.answered["www-authenticate"].startswith("Basic")
    assert Client(registry, ("ada", "two")).refused("GET", "/subjects") == (401, 401)
    assert bob.get("/subjects") == ["open-a"]
    assert bob.get("/schemas/ids/1")["subject"] == "open-a"
    assert bob.refused("GET", "/schemas/ids/2") == (403, 403)
    assert bob.refused("GET", "/subjects/secret/versions") == (403, 403)
    assert bob.refused("POST", "/subjects/open-a/versions", {"schema": LONG}) == (403, 403)
    assert bob.refused("GET", "/config") == (403, 403)
    assert ada.get("/config") == {"compatibilityLevel": "BACKWARD"}


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"users": 1, "permissions": []}',
        '{"users": [{"username": "a"}], "permissions": []}',
        '{"users": [{"username": "a", "password_hash": "x", "algorithm": "rot13"}], "permissions": []}',
        '{"users": [{"username": "a", "password_hash": "?"}], "permissions": []}',
        '{"users": [], "permissions": [{"username": "a", "operation": "Read", "resource": ".*"}]}',
    ],
)
def test_a_wrong_file_of_users_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "users.json"
    path.write_text(text)
    with pytest.raises(AccessFileError):
        read_access_file(path)
