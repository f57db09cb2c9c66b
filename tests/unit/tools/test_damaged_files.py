"""Whatever is wrong with a file: `dump` and `verify` say so, and never fail otherwise."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ottla.log.producer_snapshot import encode_snapshot
from ottla.log.producer_state import ProducerEntry
from ottla.protocol.record import RecordBatchBuilder
from ottla.protocol.record_batch import CompressionType
from ottla.tools.dump import Options, dump
from ottla.tools.verification import Severity, verify

FILES = [f"{0:020d}{suffix}" for suffix in (".log", ".index", ".timeindex", ".txnindex", ".snapshot")]
OTHERS = ["leader-epoch-checkpoint", "partition.metadata"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a log with one of each kind of file, as they should be."""
    directory = tmp_path_factory.mktemp("whole") / "orders-0"
    directory.mkdir()
    batches, positions = bytearray(), []
    for number in range(12):
        builder = RecordBatchBuilder(
            base_offset=number * 2, compression=CompressionType(number % 5), partition_leader_epoch=number // 6
        )
        for offset in (0, 1):
            builder.append(b"key", b"value" * 20, [("h", b"1")], timestamp_ms=1_000_000 + number * 10 + offset)
        positions.append(len(batches))
        batches += builder.build()
    contents = [
        bytes(batches),
        b"".join(
            (number * 2 + 1).to_bytes(4) + position.to_bytes(4)
            for number, position in enumerate(positions)
            if number % 3
        ),
        b"".join((1_000_001 + number * 10).to_bytes(8) + (number * 2 + 1).to_bytes(4) for number in (3, 7, 11)),
        (0).to_bytes(2) + (5).to_bytes(8) + (2).to_bytes(8) + (9).to_bytes(8) + (10).to_bytes(8),
        encode_snapshot([ProducerEntry(5, 0)]),
    ]
    for name, content in zip(FILES, contents, strict=True):
        (directory / name).write_bytes(content)
    (directory / OTHERS[0]).write_text("0\n2\n0 0\n1 12\n")
    (directory / OTHERS[1]).write_text("version: 0\ntopic_id: IHNAuGPwSlGB_SYpsojHeQ\n")
    return directory


def test_what_is_whole_is_whole(whole: Path) -> None:
    verified = verify(whole, records=True)
    assert verified.findings == []
    assert (verified.batches, verified.records) == (12, 24)


@settings(max_examples=150)
@given(name=st.sampled_from(FILES + OTHERS), at=st.integers(0, 5000), junk=st.binary(max_size=12), cuts=st.booleans())
@example(name=FILES[0], at=8, junk=b"\x7f\xff\xff\xff", cuts=False)  # a batch that claims two gigabytes
@example(name=FILES[0], at=0, junk=b"", cuts=True)
@example(name=FILES[0], at=57, junk=b"\x7f\xff\xff\xff", cuts=False)  # that claims two thousand million records
@example(name=FILES[4], at=6, junk=b"\xff\xff\xff\xff", cuts=False)
def test_damage_is_an_answer(whole: Path, name: str, at: int, junk: bytes, cuts: bool) -> None:
    with tempfile.TemporaryDirectory() as parent:
        directory = Path(parent) / whole.name
        shutil.copytree(whole, directory)
        content = (directory / name).read_bytes()
        at %= len(content)
        after = b"" if cuts else content[at + len(junk) :]
        (directory / name).write_bytes(content[:at] + junk + after)
        verified = verify(directory, records=True)
        for file in FILES + OTHERS:
            assert all("kind" in item for item in dump(directory / file, Options(records=True, decode="metadata")))
        checked = content[at : at + len(junk)] != junk and not cuts and name == FILES[0] and len(junk) > 0
        if checked and _is_under_a_checksum(at, len(junk), content):
            assert verified.worst in (Severity.DAMAGE, Severity.REPAIRABLE)


def _is_under_a_checksum(at: int, length: int, content: bytes) -> bool:
    """Whether some of these bytes are what the checksum of their batch covers (or its length, or the checksum)."""
    position = 0
    while position < len(content):
        size = int.from_bytes(content[position + 8 : position + 12]) + 12
        if position + 17 <= at < at + length <= position + size:
            return True
        position += size
    return False
