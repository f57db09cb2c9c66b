"""The task assignor of streams groups gives everybody the tasks that Apache Kafka's gives, whatever happened before."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from tests.peers.apache_kafka import jars
from tests.peers.java_oracle import need_java_compiler

from ottla.coordinator.group.streams.assignor import MemberSpec, assign
from ottla.coordinator.group.streams.configured_topology import ConfiguredInternalTopic, ConfiguredSubtopology
from ottla.coordinator.group.streams.iteration_order import hash_order
from ottla.coordinator.group.streams.tasks import TaskSet

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [pytest.mark.java, pytest.mark.timeout(400)]

PROGRAM = Path(__file__).parent.parent / "peers" / "java" / "StreamsAssignor.java"
HISTORIES = 150
STEPS = 8


class History:
    """A group from its first member on: members come and go, tasks grow, standbys are switched."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.parts = {str(each): self._part() for each in range(self.random.randint(1, 4))}
        self.members: dict[str, str] = {}
        self.target: dict[str, TaskSet] = {}
        self.standbys = self.random.choice((0, 0, 1, 1, 2))
        self.questions: list[str] = []
        self.answers: list[dict[str, Any]] = []

    def _part(self) -> ConfiguredSubtopology:
        changelog = {"c": ConfiguredInternalTopic("c", 1, 1, {})} if self.random.random() < 0.6 else {}
        return ConfiguredSubtopology(self.random.randint(1, 12), frozenset("t"), {}, frozenset(), changelog)

    def step(self) -> None:
        chance = self.random.random()
        if not self.members or chance < 0.6:
            for _ in range(self.random.randint(1, 4)):
                member_id = str(UUID(int=self.random.getrandbits(128)))
                process_id = f"process-{self.random.randint(1, 5)}"
                self.members[member_id] = process_id
        elif chance < 0.85:
            for member_id in self.random.sample(sorted(self.members), self.random.randint(0, len(self.members) - 1)):
                del self.members[member_id]
        elif chance < 0.95:
            self.parts[self.random.choice(sorted(self.parts))] = self._part()
        else:
            self.standbys = self.random.randint(0, 2)
        self._assign()

    def _assign(self) -> None:
        """Ask both in the order in which members came; the answer is where the next step starts."""
        previous = {each: self.target.get(each, TaskSet()) for each in self.members}
        question = {
            "members": [
                [each, process_id, _plain(previous[each].active), _plain(previous[each].standby)]
                for each, process_id in self.members.items()
            ],
            "topology": {each: [part.task_count, part.is_stateful] for each, part in self.parts.items()},
            "standbys": self.standbys,
        }
        specs = {each: MemberSpec(self.members[each], previous[each]) for each in hash_order(self.members)}
        self.target = assign(specs, dict(sorted(self.parts.items())), self.standbys)
        self.questions.append(json.dumps(question))
        self.answers.append(
            {each: [_plain(given.active), _plain(given.standby)] for each, given in self.target.items()}
        )


def _plain(tasks: Mapping[str, frozenset[int]]) -> dict[str, list[int]]:
    return {each: sorted(indexes) for each, indexes in tasks.items()}


def test_the_same_tasks() -> None:
    need_java_compiler()
    histories = [History(seed) for seed in range(HISTORIES)]
    for history in histories:
        for _ in range(STEPS):
            history.step()
    questions = [question for history in histories for question in history.questions]
    command = ["java", "-XX:+UseSerialGC", "-Xmx256m", "-cp", f"{jars()}/*", str(PROGRAM)]
    asked = "".join(f"{question}\n" for question in questions)
    done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    ours = [answer for history in histories for answer in history.answers]
    assert len(told) == len(ours) == HISTORIES * STEPS
    for question, mine, theirs in zip(questions, ours, told, strict=True):
        assert mine == theirs, question
