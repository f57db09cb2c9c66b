"""What the suites of others print is read right, and the table says who owes what."""

from __future__ import annotations

import dataclasses
import datetime
import json

import pytest
from tests.foreign import kafka_python, kafka_tools, kcat, librdkafka, report
from tests.foreign.results import RESULTS_TSV, Result, Row, load, merge, owed, parse, render

TEST_C = """
_TEST_DECL(0000_unittests);
struct test tests[] = {
    {.name = "<MAIN>", .flags = TEST_F_LOCAL},
    _TEST(0000_unittests,
          TEST_F_LOCAL,
          _THRES(.ucpu = 100.0, .scpu = 20.0)),
    _TEST(0001_multiobj, 0),
    _TEST(0028_long, TEST_F_KNOWN_ISSUE, TEST_BRKVER(0, 9, 0, 0), .extra = "x"),
    _TEST(0045_remove, 0, TEST_BRKVER(0, 9, 0, 0), .scenario = "noautocreate"),
#if WITH_SOCKEM
    _TEST(0049_close, TEST_F_SOCKEM, TEST_BRKVER(0, 9, 0, 0)),
#endif
    _TEST(0066_plugins,
          TEST_F_LOCAL | TEST_F_KNOWN_ISSUE_WIN32,
          .extra = "y"),
    _TEST(0103_transactions, 0, TEST_BRKVER(0, 11, 0, 0), .scenario = "default,ak23"),
    _TEST(0139_offset_validation_mock, 0),
    _TEST(8000_idle, TEST_F_MANUAL),
    {NULL}};
"""


def test_the_table_of_librdkafkas_tests_is_read() -> None:
    tests = {test.name: test for test in librdkafka.declared_tests(TEST_C)}
    assert len(tests) == 9
    asking = [name for name, test in tests.items() if test.asks_a_broker]
    assert asking == ["0001_multiobj", "0045_remove", "0049_close", "0103_transactions"]
    assert tests["0045_remove"].scenarios == ("noautocreate",)
    assert tests["0103_transactions"].scenarios == ("default", "ak23")
    assert tests["0066_plugins"].flags == {"TEST_F_LOCAL", "TEST_F_KNOWN_ISSUE_WIN32"}
    assert tests["0049_close"].number == "0049"


def test_a_report_of_librdkafka_is_read() -> None:
    tests = librdkafka.declared_tests(TEST_C)
    states = {"0001_multiobj": "PASSED", "0045_remove": "FAILED", "0049_close": "SKIPPED", "8000_idle": "RUNNING"}
    written = json.dumps({"tests": {name: {"state": state, "duration": 1.5} for name, state in states.items()}})
    said = librdkafka.outcomes(written, tests)
    assert said["0001_multiobj"] == ("pass", 1.5)
    assert said["0049_close"] == ("skip", 1.5)
    assert {said[name][0] for name in ("0045_remove", "8000_idle", "0103_transactions")} == {"fail"}


def test_the_reasons_of_librdkafka_are_read() -> None:
    summary = (
        "| \x1b[32m<MAIN>                      |     PASSED |   0.200s \x1b[0m|\n"
        "|\x1b[31m 0107_topic_recreate       |     FAILED |   0.564s \x1b[0m|\x1b[31m it  said so\x1b[0m\n"
        "|\x1b[36m 0126_oidc                 |    SKIPPED |   0.000s \x1b[0m|\x1b[36m not configured\x1b[0m\n"
    )
    assert librdkafka.last_words(summary) == {"0107_topic_recreate": "it said so", "0126_oidc": "not configured"}


def test_the_output_of_kafka_python_is_read() -> None:
    output = (
        "test/integration/test_admin_integration.py::test_delete_groups PASSED      [ 1%]\n"
        "test/integration/test_producer_integration.py::test_end_to_end[None] FAILED\n"
        "test/integration/test_sasl_integration.py::test_client[SCRAM-SHA-256] PASSED\n"
        "test/integration/test_sasl_integration.py::test_client[SCRAM-SHA-256] ERROR\n"
        "test/integration/test_consumer_integration.py::test_old SKIPPED (Requires < 0.10.1)\n"
        "18:16:35 DEBUG test/integration/test_x_integration.py::test_no PASSED\n"
    )
    found = {result.test: (result.outcome, result.reason) for result in kafka_python.parse_output(output)}
    assert found == {
        "admin: test_delete_groups": ("pass", ""),
        "producer: test_end_to_end[None]": ("fail", ""),
        "sasl: test_client[SCRAM-SHA-256]": ("fail", ""),
        "consumer: test_old": ("skip", "Requires < 0.10.1"),
    }


def test_the_output_of_the_tests_of_kcat_is_read() -> None:
    output = f"{kcat.TESTS}::test_tombstones PASSED [ 10%]\n{kcat.TESTS}::test_survive[kill] FAILED\n"
    assert [(each.test, each.outcome) for each in kcat.parse_output(output)] == [
        ("tombstones", "pass"),
        ("survive[kill]", "fail"),
    ]


def test_the_script_of_the_tools_is_whole() -> None:
    script = kafka_tools.load_script(kafka_tools.SCRIPT_TOML.read_text("utf-8"))
    places = {"address": "ADDRESS", "data": "DATA", "scratch": "SCRATCH"}
    for call in script:
        assert call.main_class.startswith(("org.apache.kafka.tools.", "kafka."))
        assert not any("{" in word.format(**places) for word in call.words), call.name
    assert len({call.name for call in script}) == len(script) > 100
    assert set(kafka_tools.load_digests()) <= {call.name for call in script}


def test_what_differs_from_run_to_run_is_taken_out() -> None:
    call = kafka_tools.Call("x", "X", (), hides=((r"size=\d+", "size=N"),), unordered=True)
    text = (
        "[2026-11-23 18:37:01,550] WARN something (org.x)\n"
        "topic  b   id ZcIjWpSXQYSEd-KNTkXJbg at 127.0.0.1:4711\n"
        "-------------------\n"
        "\n"
        "member 8e5f4259-ad7d-4986-864f-ed77a7dd3a90 size=17 since 1795457914416\n"
    )
    assert kafka_tools.normalized(text, call) == "---\nmember UUID size=N since TIMESTAMP\ntopic b id ID at ADDRESS\n"


def test_a_table_comes_back_as_it_was_written() -> None:
    rows = [
        Row("librdkafka", "classic", "0001_a", "pass", "pass"),
        Row("kcat", "-", "tombstones", "pass", "", "a reason"),
    ]
    assert parse(render(rows)) == sorted(rows, key=lambda row: row.key)
    with pytest.raises(ValueError, match="head"):
        parse("suite\n")
    with pytest.raises(ValueError, match="line 2"):
        parse(render([]) + "kcat\t-\tx\tpassed\t\t\n")


def test_a_run_changes_only_its_own_column() -> None:
    rows = [Row("s", "-", "a", "pass", "fail", "why"), Row("s", "-", "b", "skip", "")]
    merged = merge(rows, "ottla", [Result("s", "-", "a", "pass"), Result("s", "-", "c", "hang")])
    assert merged == [Row("s", "-", "a", "pass", "pass", "why"), rows[1], Row("s", "-", "c", "", "hang")]
    assert merge(rows, "apache-kafka", [Result("s", "-", "b", "pass")])[1] == Row("s", "-", "b", "pass", "")


def test_what_passes_on_apache_kafka_is_owed() -> None:
    rows = [Row("s", "-", "a", "pass"), Row("s", "-", "b", "fail"), Row("s", "-", "c", "pass", "", "no JVM")]
    results = [Result("s", "-", name, "fail") for name in "abcd"]
    assert [result.test for result in owed(rows, results)] == ["a"]
    assert owed(rows, [Result("s", "-", "a", "pass")]) == []


def test_the_page_says_what_differs() -> None:
    rows = [
        Row("s", "-", "a", "pass", "pass"),
        Row("s", "-", "b", "pass", "fail", "no JVM"),
        Row("s", "-", "c", "fail", "pass"),
    ]
    page = report.render(rows, datetime.date(2026, 1, 2))
    assert "| s | - | 3 | 2 | 1 | 2 | 0 |" in page
    assert "| s | - | b | no JVM |" in page
    assert "| s | - | c | fail | pass |" in page


def test_the_committed_table_is_one_and_owes_nothing() -> None:
    rows = load()
    assert rows, RESULTS_TSV
    assert RESULTS_TSV.read_text("utf-8") == render(rows)
    assert [dataclasses.astuple(row) for row in rows if row.is_owed] == []
