"""`ottla apply`: a plan first, then all of it, then nothing more to do; against Ottla and against Apache Kafka."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.peers.ottla_cli import InProcessCli, Outcome
from tests.peers.registry import RegistryProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.process import NodeProcess

FILE = """
[topics.ap-orders]
partitions = 3
replication_factor = 1
configs = { "retention.ms" = 60000, "cleanup.policy" = ["compact", "delete"] }

[topics.ap-plain]

[configs.broker.""]
"log.cleaner.backoff.ms" = 16000

[configs.group.ap-group]
"consumer.session.timeout.ms" = 46000

[users.ap-ann]
mechanisms = ["SCRAM-SHA-256", "scram_sha_512"]
password_file = "ann.secret"

[[acls]]
principal = "User:ap-ann"
operations = ["READ", "describe"]
topic = ["ap-orders", "ap-plain"]

[[quotas]]
user = "ap-ann"
producer_byte_rate = "1M"
request_percentage = 50

[schemas.ap-orders-value]
file = "order.avsc"
compatibility = "FULL"
"""
CHANGES = 2 + 1 + 1 + 2 + 4 + 1 + 2


@pytest.fixture(scope="module")
def registry(node: NodeProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryProcess]:
    with RegistryProcess(tmp_path_factory.mktemp("registry"), node.address) as process:
        yield process


def write(directory: Path, text: str, name: str = "cluster.toml") -> str:
    (directory / "ann.secret").write_text("ann's secret\n")
    schema = {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]}
    (directory / "order.avsc").write_text(json.dumps(schema))
    (directory / name).write_text(text)
    return str(directory / name)


def test_from_a_plan_to_nothing_more_to_do(admin: InProcessCli, registry: RegistryProcess, tmp_path: Path) -> None:
    def apply(text: str, *options: str) -> Outcome:
        return admin("apply", "-f", write(tmp_path, text), "--registry", registry.url, *options)

    if "ap-orders-value" in InProcessCli(("--registry", registry.url)).json("schemas", "list"):
        InProcessCli(("--registry", registry.url)).works("schemas", "delete", "ap-orders-value")
        InProcessCli(("--registry", registry.url)).works("schemas", "compatibility", "ap-orders-value", "--delete")
    planned = apply(FILE, "--dry-run")
    assert planned.code == 1
    assert "+ topic ap-orders\n    partitions: 3\n" in planned.out
    assert "+ acl allow User:ap-ann READ on topic ap-plain" in planned.out
    assert "ann's secret" not in planned.out
    assert "ap-orders" not in [each["name"] for each in admin.json("topics", "list")]
    unasked = apply(FILE)
    assert (unasked.code, "give --yes" in unasked.err) == (2, True)

    done = apply(FILE, "--yes", "--json").json
    assert (done["applied"], [each["error"] for each in done["changes"]]) == (CHANGES, [None] * CHANGES)
    described = admin.json("topics", "describe", "ap-orders")[0]
    assert described["configs"] == {"cleanup.policy": "compact,delete", "retention.ms": "60000"}
    assert [each["mechanism"] for each in admin.json("users", "list", "ap-ann")] == ["SCRAM-SHA-256", "SCRAM-SHA-512"]
    again = apply(FILE, "--yes")
    assert (again.code, again.err, again.out) == (0, "All is as the file says.\n", "")
    assert len(apply(FILE, "--dry-run", "--secrets", "--json").json["changes"]) == 2

    more = (
        FILE.replace("partitions = 3", "partitions = 4")
        .replace("60000", "70000")
        .replace("request_percentage = 50", "")
    )
    altered = apply(more, "--yes")
    assert altered.code == 0
    assert "partitions: 3 -> 4" in altered.out
    assert "retention.ms: 60000 -> 70000" in altered.out
    assert admin.json("quotas", "list", "--user", "ap-ann")[0]["values"]["request_percentage"] == 50
    less = more.replace('"retention.ms" = 70000, ', "").replace(
        'topic = ["ap-orders", "ap-plain"]', 'topic = "ap-plain"'
    )
    pruned = apply(less, "--yes", "--prune", "configs", "--prune", "quotas", "--prune", "acls")
    assert pruned.code == 0, pruned.err
    assert "retention.ms: 70000 -> (default)" in pruned.out
    assert "- acl allow User:ap-ann READ on topic ap-orders" in pruned.out
    assert "request_percentage: 50 -> (none)" in pruned.out
    assert admin.json("topics", "describe", "ap-orders")[0]["configs"] == {"cleanup.policy": "compact,delete"}
    assert apply(less, "--prune", "configs", "--prune", "quotas", "--prune", "acls").code == 0


def test_what_cannot_be_done_is_not_begun(admin: InProcessCli, tmp_path: Path) -> None:
    admin.works("topics", "create", "ap-wide", "--partitions", "3")
    wide = '[topics.ap-wide]\npartitions = 1\nreplication_factor = 2\nconfigs = { "retention.mss" = 1 }\n'
    text = f"{wide}[topics.ap-not-made]"
    refused = admin("apply", "-f", write(tmp_path, text), "--yes")
    assert refused.code == 1
    assert refused.out.count("! topic ap-wide") == 3
    assert "ottla reassign plan" in refused.out
    assert "Did you mean 'retention.ms'" in refused.out
    assert "ap-not-made" not in [each["name"] for each in admin.json("topics", "list")]
    missing = admin("apply", "-f", write(tmp_path, "[users.ap-bob]\npassword_env = 'NOT_THERE_AT_ALL'"), "--yes")
    assert "the variable NOT_THERE_AT_ALL is not set" in missing.out


def test_what_fails_does_not_keep_the_rest(admin: InProcessCli, tmp_path: Path) -> None:
    text = '[topics.ap-bad]\nconfigs = { "retention.ms" = "soon" }\n[topics.ap-good]\n'
    done = admin("apply", "-f", write(tmp_path, text), "--yes")
    assert done.code == 1
    assert "topic ap-bad: " in done.err
    assert "Created topic ap-good." in done.out


def test_json_and_yaml_say_the_same(admin: InProcessCli, tmp_path: Path) -> None:
    yaml = "topics:\n  ap-formats:\n    partitions: 2\n    configs: {retention.ms: 5000, preallocate: false}\n"
    document = {"topics": {"ap-formats": {"partitions": 2, "configs": {"retention.ms": 5000, "preallocate": False}}}}
    admin.works("apply", "-f", write(tmp_path, yaml, "cluster.yaml"), "-y")
    same = admin.works("apply", "-f", write(tmp_path, json.dumps(document), "cluster.json"), "--dry-run")
    assert same.err == "All is as the file says.\n"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("c.toml", "[topic.a]", "Did you mean 'topics'?"),
        ("c.toml", "[topics.a]\npartitons = 1", "Did you mean 'partitions'?"),
        ("c.toml", "[topics.a]\npartitions = 0", "too few"),
        ("c.toml", "[topics.a]\npartitions = true", "partitions cannot be true"),
        ("c.toml", "[topics.a]\n[topics.a]", "no TOML"),
        ("c.json", '{"topics": {"a": {}, "a": {}}}', "'a' stands there twice"),
        ("c.yaml", "topics:\n  a: {}\n  a: {}", "'a' stands there twice"),
        ("c.yaml", "- a", "sections"),
        ("c.toml", "acls = 3", "list of entries"),
        ("c.toml", "[[acls]]\nprincipal = 'ann'\noperations = 'READ'\ntopic = 't'", "write User:ann"),
        ("c.toml", "[[acls]]\nprincipal = 'User:a'\noperations = 'REED'\ntopic = 't'", "'READ'"),
        ("c.toml", "[[acls]]\nprincipal = 'User:a'\noperations = 'READ'", "acls, entry 1 needs"),
        ("c.toml", "[[quotas]]\nproducer_byte_rate = 1", "is of a user"),
        ("c.toml", "[[quotas]]\nuser = 'a'\nproducer_byte_rate = 'lots'", "no number of bytes"),
        ("c.toml", "[schemas.s]\nfile = 'nowhere.avsc'", "nowhere.avsc"),
        ("c.toml", "[users.a]\npassword_file = 'a'\npassword_env = 'b'", "two passwords"),
        ("c.toml", "[configs.topic.a]", "there are broker"),
    ],
)
def test_what_is_wrong_is_named(admin: InProcessCli, tmp_path: Path, name: str, text: str, said: str) -> None:
    wrong = admin("apply", "-f", write(tmp_path, text, name), "--yes")
    assert wrong.code == 2
    assert said in wrong.err


def test_a_section_that_is_not_there_is_not_pruned(admin: InProcessCli, tmp_path: Path) -> None:
    pruned = admin("apply", "-f", write(tmp_path, "[users]"), "--prune", "topics", "--yes")
    assert (pruned.code, "would delete all of it" in pruned.err) == (2, True)
