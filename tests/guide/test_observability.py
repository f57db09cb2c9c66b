"""docs/guide/observability.md, run from top to bottom."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.guide.reader import BLOCK, Reader

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "observability.md"

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl (apt install curl)")


@pytest.mark.long
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        for block in BLOCK.finditer(PAGE.read_text("utf-8")):
            reader.do(block["kind"], block["file"], block["text"])
        assert int(reader.said_by("grep -c")) > 500
        assert reader.said_by("messagesin_total") == (
            'kafka_server_brokertopicmetrics_messagesin_total{topic="orders"} 100\n'
        )
        assert reader.said_by("lag_sum") == 'kafka_consumergroup_lag_sum{consumergroup="billing",topic="orders"} 0\n'
        assert reader.said_by("lag{") == (
            'kafka_consumergroup_lag{consumergroup="billing",topic="orders",partition="0"} 0\n'
            'kafka_consumergroup_lag{consumergroup="billing",topic="orders",partition="1"} 0\n'
        )
        assert json.loads(reader.said_by("healthz"))["status"] == "ok"
        ready = json.loads(reader.said_by("readyz"))
        assert ready["status"] == "ok"
        assert ready["checks"]["quorum"] == {"ok": True, "detail": "node 1 leads"}
        assert "DEBUG" in next(
            line for line in reader.said_by("configs describe").splitlines() if "ottla.broker.connection " in line
        )
        log = reader.log_of(reader.nodes[2]).splitlines()
        assert all(json.loads(line)["level"] for line in log if line.startswith("{"))
