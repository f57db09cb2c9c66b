"""docs/guide/streams.md, run from top to bottom."""

from __future__ import annotations

from pathlib import Path

from tests.guide.reader import BLOCK, Reader

SUBJECTS = [
    "orders-value",
    "priced-KSTREAM-KEY-SELECT-0000000004-repartition-value",
    "priced-products-STATE-STORE-0000000000-changelog-value",
    "products-value",
    "totals-value",
]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "streams.md"


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        for block in BLOCK.finditer(PAGE.read_text("utf-8")):
            reader.do(block["kind"], block["file"], block["text"])
        assert "-repartition)" in reader.said_by("describe")
        assert reader.said_by("test_words.py").splitlines() == ["{'little': 2, 'sister': 1, 'ottla': 1}", "2"]
        assert reader.said_by("count.py") == "3 2 1\n"
        revenue = "{'Prague': 15, 'Vienna': 11, 'Berlin': 2}"
        assert reader.said_by("buy.py").splitlines()[:2] == [revenue, revenue]
        assert reader.said_by("orders.py") == "[('tea@0', 12)] 1\n"
        assert reader.said_by("priced.py").splitlines() == [
            "[('tea', 42)]",
            str(SUBJECTS),
        ]
        assert reader.said_by("sales.py").splitlines() == [
            "{'shop': 'TEA', 'total': 7.5, 'size': 'small'}",
            "{'shop': 'TEA', 'total': 24.0, 'size': 'large'}",
            "{'TEA@0': {'total': 31.5, 'large': 1, 'average': 15.75}}",
        ]
