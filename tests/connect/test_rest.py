"""Our REST API beside Kafka Connect's: the same conversation, the same status codes and bodies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.connect.conversation import FILE, Step, prepare, talk
from tests.peers.connect import ConnectProcess, KafkaConnect, OttlaConnect

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

_OTHERS = ("com.mongodb.", "io.confluent.", "io.debezium.", "ottla.")

pytestmark = pytest.mark.timeout(280)


def recorded() -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for entry in json.loads(FILE.read_text("utf-8")):
        answers.setdefault(entry["request"], []).append(entry["answer"])
    return answers


def differences(worker: ConnectProcess, directory: Path) -> list[str]:
    """Every answer that is another than was recorded."""
    prepare(directory)
    expected = recorded()
    wrong = []
    for step, told in talk(worker, directory):
        answer = _without_others(told) if isinstance(worker, OttlaConnect) else told
        wanted = expected[step.name.replace(str(directory), "DIR")].pop(0)
        if not _is_right(step, answer, wanted, is_ours=isinstance(worker, OttlaConnect)):
            wrong.append(f"{step.name}\n  wanted {json.dumps(wanted)}\n  got    {json.dumps(answer)}")
    assert not any(expected.values()), "some of what was recorded was not asked"
    return wrong


def _is_right(step: Step, answer: Any, wanted: Any, *, is_ours: bool) -> bool:
    if is_ours and step.differs is not None:
        return bool(answer[0] == step.ours and answer[1]["error_code"] == step.ours)
    if is_ours and step.message_differs:
        return bool(answer[0] == wanted[0] and _without_texts(answer[1]) == _without_texts(wanted[1]))
    return bool(_sorted(answer) == _sorted(wanted))


def _without_texts(body: Any) -> Any:
    """Whether there is a text counts, not which."""
    if isinstance(body, dict):
        return {key: bool(each) if key in ("message", "errors") else _without_texts(each) for key, each in body.items()}
    return [_without_texts(each) for each in body] if isinstance(body, list) else body


def _without_others(body: Any) -> Any:
    """Without the converters and connectors that Apache Kafka does not come with."""
    if isinstance(body, dict):
        return {key: _without_others(each) for key, each in body.items()}
    if not isinstance(body, list):
        return body
    names = [each.get("class") if isinstance(each, dict) else each for each in body]
    return [_without_others(each) for each, name in zip(body, names, strict=True) if not str(name).startswith(_OTHERS)]


def _sorted(body: Any) -> Any:
    """Java's sets have their own order."""
    if isinstance(body, str) and body.startswith("HEAD, "):
        return sorted(body.split(", "))
    if isinstance(body, list) and all(isinstance(each, str) for each in body):
        return sorted(body)
    if isinstance(body, list) and all(isinstance(each, dict) and "definition" in each for each in body):
        body = sorted(body, key=lambda each: str(each["value"]["name"]))
    if isinstance(body, dict):
        return {key: _sorted(each) for key, each in body.items()}
    return [_sorted(each) for each in body] if isinstance(body, list) else body


def test_the_same_conversation(node: NodeProcess, tmp_path: Path) -> None:
    with OttlaConnect(tmp_path / "worker", node.address, {"task.restart.attempts": "0"}) as worker:
        assert differences(worker, tmp_path) == []


@pytest.mark.java
@pytest.mark.long
def test_kafka_connect_still_answers_what_was_recorded(node: NodeProcess, tmp_path: Path) -> None:
    with KafkaConnect(tmp_path / "worker", node.address) as worker:
        assert differences(worker, tmp_path) == []
