"""Whole nodes and their clients in one process, on a simulated clock, network and disks: `cluster/scenarios.py`.

A fixed number of seeds of each scenario, and some that nobody has played before: these follow from the source of
Ottla, so that every change of it gets new ones, and a run can be repeated. The failure names the seed. Each seed is one
history, whoever plays it:

    OTTLA_SEEDS=100 OTTLA_FIRST_SEED=7000 pytest tests/simulation/test_cluster.py
    python -m tests.simulation cluster-alone-killed --first 17 --seeds 1        one again; OTTLA_TRACE=- tells all of it
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

import pytest
from tests.simulation.cluster.scenarios import WORLDS

import ottla

SEEDS: Final = os.environ.get("OTTLA_SEEDS")
FIRST_SEED: Final = int(os.environ.get("OTTLA_FIRST_SEED", "0"))
FRESH_SEEDS: Final = int(os.environ.get("OTTLA_FRESH_SEEDS", "1"))
FRESH_FROM: Final = 1_000_000
FIXED: Final = {
    name: int(SEEDS) if SEEDS else 15 if name.startswith(("cluster-alone", "cluster-controllers")) else 6
    for name in WORLDS
}
"""How many are played of each scenario: as many as a minute of one core lets."""


@cache
def played(name: str, seed: int) -> str:
    return WORLDS[name](seed)


@pytest.mark.parametrize(
    ("name", "seed"),
    [(name, seed) for name, count in FIXED.items() for seed in range(FIRST_SEED, FIRST_SEED + count)],
)
def test_what_is_known_holds(name: str, seed: int) -> None:
    played(name, seed)


@pytest.mark.skipif(SEEDS is not None, reason="of the usual seeds")
def test_the_worlds_are_bad_enough() -> None:
    """Else the invariants would prove nothing."""
    met: Counter[str] = Counter()
    for name in ("cluster-combined-disks", "cluster-cluster-disks", "cluster-cluster-far-apart"):
        for seed in range(FIXED[name]):
            for what, count in re.findall(r"(\w[\w ]*)=(\d+)", played(name, seed).partition(" ")[2]):
                met[what] += int(count)
    least = {  # half of what there usually is: any change of the code is another history
        "records": 2_000,
        "consumed": 4_000,
        "commits": 100,
        "commits of consumers": 50,
        "commits of streams": 25,
        "share acknowledgements": 200,
        "transactions committed": 300,
        "transactions aborted": 70,
        "transactions lost": 10,
        "topics made or removed": 40,
        "moves": 30,
        "disk errors": 20,
        "directories lost": 5,
    }
    assert {what: met[what] for what, count in least.items() if met[what] < count} == {}


@cache
def digest_of_source() -> str:
    root = Path(ottla.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


@pytest.mark.parametrize("name", WORLDS)
def test_what_nobody_has_played_holds(name: str) -> None:
    random = Random(name + digest_of_source())
    for _ in range(FRESH_SEEDS):
        seed = random.randrange(FRESH_FROM, 2**31)
        try:
            WORLDS[name](seed)
        except AssertionError as error:
            raise AssertionError(f"{name} {seed}: {error}") from error


def test_a_seed_is_one_history() -> None:
    """In processes of different hash seeds, and in this one after others."""
    names = ("cluster-alone-far-apart", "cluster-combined-killed")
    code = f"from tests.simulation.cluster.scenarios import WORLDS; print([WORLDS[name](1) for name in {names}])"
    ends = set()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        ends.add(done.stdout.strip())
    ends.add(str([WORLDS[name](1) for name in names]))
    assert len(ends) == 1, ends
