# The verbs, the same by hand and in CI. A fresh clone needs make and Python >= 3.11 with venv, and nothing else.

PYTHON ?= python3
VENV   ?= .venv
DATA   ?= $(or $(OTTLA_DATA),./data)
BIN    := $(VENV)/bin
STAMPS := $(VENV)/.stamps

.PHONY: run test check format sim conformance bench bench-streams docs clean help

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

run: $(STAMPS)/run ## a node on 127.0.0.1:9092, its data in $OTTLA_DATA or ./data
	@exec $(BIN)/ottla start --data $(DATA)

test: $(STAMPS)/test ## every test that needs no more than this machine
	$(BIN)/python -m tests.run -q

check: $(STAMPS)/check ## types and lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(STAMPS)/check ## put the source in order
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

sim: $(STAMPS)/test ## simulated worlds over thousands of seeds; WORLDS="log-power …" SEEDS=100 for some of them
	$(BIN)/python -m tests.simulation $(WORLDS) $(if $(SEEDS),--seeds $(SEEDS))

conformance: $(STAMPS)/test ## real clients and the test suites of others against a node: half an hour and more
	$(BIN)/python -m pytest -q -m '' tests/conformance tests/connect tests/guide tests/interop tests/streams
	$(BIN)/python -m tests.foreign

bench: $(STAMPS)/test ## Ottla beside Apache Kafka: the same client, the same run; one node, then clusters of three
	$(BIN)/python -m bench
	$(BIN)/python -m bench.cluster

bench-streams: $(STAMPS)/test ## Ottla Streams beside Kafka Streams (Java), Quix Streams and Faust
	$(BIN)/python -m bench.streams --save

docs: $(STAMPS)/test ## write what is generated: docs/reference, dashboards
	$(BIN)/python -m tests.house.reference
	$(BIN)/python -m observability.dashboards

clean: ## forget what can be made again; data stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(STAMPS)/run: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[test]'
	@mkdir -p $(STAMPS) && touch $@ $(STAMPS)/run

$(STAMPS)/check: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[test,check]'
	@mkdir -p $(STAMPS) && touch $@ $(STAMPS)/run $(STAMPS)/test
