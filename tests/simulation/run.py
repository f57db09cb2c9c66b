"""`make sim`: every simulated world over thousands of seeds, with the progress, and how to play one seed again.

    python -m tests.simulation                                  all worlds, each as often as stands below
    python -m tests.simulation log-power metadata-log --seeds 500
    python -m tests.simulation metadata-log --first 17 --seeds 1          one seed again

A seed is a whole life: what clients and disks do in it follows from the seed alone. Two processes with different hash
seeds share the work; every twentieth seed is played by both, and must come to the same end.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import sys
import tempfile
import time
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.simulation import (
    test_cleaner_crash,
    test_directories_crash,
    test_log_crash,
    test_metadata_crash,
    test_raft,
    test_replication,
    test_share_partition,
    test_transaction_crash,
)
from tests.simulation.cluster import scenarios
from tests.unit.coordinator import (
    test_consumer_group_simulation,
    test_group_migration_simulation,
    test_group_simulation,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future


def transactions(seed: int) -> str:
    with tempfile.TemporaryDirectory(prefix="simulation-") as directory:
        return test_transaction_crash.transactions(seed, Path(directory))


HEAVY: Final = tuple(
    f"cluster-{name}"
    for name in ("combined-killed", "combined-disks", "combined-flushed", "cluster-killed", "cluster-disks")
)
"""Whole clusters of which a life costs two seconds of CPU, where the others cost half a second."""
WORLDS: Final[dict[str, tuple[Callable[[int], object], int]]] = {
    **{name: (world, 400) for name, world in test_log_crash.WORLDS.items()},
    **{name: (world, 300) for name, world in test_cleaner_crash.WORLDS.items()},
    **{name: (world, 400) for name, world in test_directories_crash.WORLDS.items()},
    **{name: (world, 200) for name, world in test_metadata_crash.WORLDS.items()},
    "transactions": (transactions, 100),
    **{name: (world, 1000) for name, world in test_replication.WORLDS.items()},
    **{name: (world, 200) for name, world in test_share_partition.WORLDS.items()},
    "classic-groups": (test_group_simulation.classic_members, 200),
    "consumer-groups": (test_consumer_group_simulation.consumer_members, 100),
    "quorums": (test_raft.life, 1000),
    **{name: (world, 400 if name in HEAVY else 1000) for name, world in scenarios.WORLDS.items()},
    "groups-of-both": (test_group_migration_simulation.members_of_both_protocols, 100),
}
"""Name: what plays a seed, and how many are played by default."""
CHUNK: Final = 10
TWICE_EVERY: Final = 20
HASH_SEEDS: Final = ("1", "2")
PROGRESS_S: Final = 5.0

Played = dict[int, tuple[str, str]]
"""Seed: (how it ended, or nothing, what went wrong)."""


def play(name: str, seeds: Sequence[int]) -> Played:
    world = WORLDS[name][0]
    played: Played = {}
    for seed in seeds:
        try:
            played[seed] = str(world(seed)), ""
        except Exception:
            played[seed] = "", traceback.format_exc(limit=-6)
    gc.collect()  # a whole cluster leaves megabytes, and the collector rests while one lives
    return played


def chunks(first: int, count: int) -> Iterator[tuple[list[int], tuple[int, ...]]]:
    """(seeds, which of the two processes play them)."""
    once = [seed for seed in range(first, first + count) if seed % TWICE_EVERY]
    twice = [seed for seed in range(first, first + count) if not seed % TWICE_EVERY]
    for number, start in enumerate(range(0, len(once), CHUNK)):
        yield once[start : start + CHUNK], (number % len(HASH_SEEDS),)
    if twice:
        yield twice, tuple(range(len(HASH_SEEDS)))


class Run:
    """All that is asked for; what went wrong is told at once."""

    def __init__(self, names: Sequence[str], seeds: int | None, first: int) -> None:
        self._counts = {name: seeds if seeds is not None else WORLDS[name][1] for name in names}
        self._first = first
        self._ends: dict[tuple[str, int], str] = {}
        self.failures = 0
        self.played = 0
        self._began = self._told = time.monotonic()

    def run(self) -> None:
        context = multiprocessing.get_context("spawn")
        pools = []
        for hash_seed in HASH_SEEDS:
            os.environ["PYTHONHASHSEED"] = hash_seed
            pools.append(ProcessPoolExecutor(1, mp_context=context))
            pools[-1].submit(os.getpid).result()  # it has started, with this hash seed
        try:
            for name, count in self._counts.items():
                before, began = self.failures, time.monotonic()
                asked = [
                    pools[index].submit(play, name, seeds)
                    for seeds, players in chunks(self._first, count)
                    for index in players
                ]
                self._collect(name, count, asked)
                verdict = "well" if self.failures == before else f"{self.failures - before} FAILED"
                print(f"{name:20} {count:6} seeds  {time.monotonic() - began:7.1f} s  {verdict}", flush=True)
        finally:
            for pool in pools:
                pool.shutdown(cancel_futures=True)

    def _collect(self, name: str, count: int, asked: Sequence[Future[Played]]) -> None:
        done = 0
        for future in as_completed(asked):
            for seed, (end, wrong) in future.result().items():
                done += 1
                self.played += 1
                other = self._ends.setdefault((name, seed), end)
                if wrong or other != end:
                    self._tell(name, seed, wrong or f"it does not end the same twice:\n{other}\n{end}\n")
            if time.monotonic() - self._told > PROGRESS_S:
                self._told = time.monotonic()
                print(f"{name:20} {done:6} of {count}", file=sys.stderr, flush=True)

    def _tell(self, name: str, seed: int, text: str) -> None:
        self.failures += 1
        print(f"\n{name} {seed} FAILED\n{text}", flush=True)
        print(f"again: python -m tests.simulation {name} --first {seed} --seeds 1\n", flush=True)

    def summary(self) -> str:
        took = time.monotonic() - self._began
        return f"{self.played} lives in {took:.0f} s: " + (f"{self.failures} FAILED" if self.failures else "all well")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="Simulated worlds, by seed.")
    parser.add_argument("worlds", nargs="*", metavar="WORLD", help=f"of {', '.join(WORLDS)}; all without")
    parser.add_argument("--seeds", type=int, help="how many of each")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    words = parser.parse_args()
    unknown = [name for name in words.worlds if name not in WORLDS]
    if unknown:
        parser.error(f"there is no world {', '.join(unknown)}")
    run = Run(words.worlds or list(WORLDS), words.seeds, words.first)
    run.run()
    print(run.summary())
    return 1 if run.failures else 0
