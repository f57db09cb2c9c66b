# The verbs, the same by hand and in CI. A fresh clone needs make and Python >= 3.11 with venv, and nothing else.

PYTHON ?= python3
VENV   ?= .venv
DATA   ?= $(or $(OTTLA_DATA),./data)
BIN    := $(VENV)/bin
STAMPS := $(VENV)/.stamps

.PHONY: run test check format sim conformance bench bench-streams docs clean help

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

run: $(STAMPS)/run ## broker 9092, registry 8081, Connect 8083, console 8080, metrics 9404; data in $OTTLA_DATA or ./data
	@exec $(BIN)/ottla start --all --data $(DATA)

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

conformance: $(STAMPS)/conformance ## real clients and the test suites of others against a node: half an hour and more
	$(BIN)/python -m pytest -q -m '' tests/conformance tests/connect tests/guide tests/interop tests/packages tests/house/test_site.py tests/streams
	$(BIN)/python -m tests.foreign

bench: $(STAMPS)/test ## Ottla beside Apache Kafka: the same client, the same run; one node, then clusters of three
	$(BIN)/python -m bench
	$(BIN)/python -m bench.cluster

bench-streams: $(STAMPS)/test ## Ottla Streams beside Kafka Streams (Java), Quix Streams and Faust
	$(BIN)/python -m bench.streams --save

docs: $(STAMPS)/docs ## write what is generated (docs/reference, dashboards), and build the site: build/site/index.html
	$(BIN)/python -m tests.house.reference
	$(BIN)/python -m observability.dashboards
	$(BIN)/python -m docs.site

clean: ## forget what can be made again; data stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# Where a wheel of an extra is not to be had, the node runs without it, and says so.
$(STAMPS)/run: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[all]' || \
	  $(BIN)/python -m pip install -q --disable-pip-version-check -e .
	@$(BIN)/python -m compileall -q src/ottla
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/docs: pyproject.toml | $(STAMPS)/test
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[docs]'
	@touch $@

$(STAMPS)/conformance: pyproject.toml | $(STAMPS)/docs
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[browser-test]'
	@touch $@

$(STAMPS)/test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[test]'
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/check: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[test,check]'
	@mkdir -p $(STAMPS) && touch $@ $(STAMPS)/test
