PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

SEEDS ?= 1:51
CRASH_POINTS ?= 120
KILLS ?= 30
# of the company whose first read is killed
CUSTOMERS ?= 10000
# parallel test processes, each with its own Kafka and PostgreSQL; tests wait, so one more than the cores
PROCESSES ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')

.PHONY: demo test prove golden mutate chaos bench bench-matching servers check format clean compose-env

demo: $(VENV)/.installed ## run the demo: deals, contracts, a QuickBooks sandbox with faults
	$(BIN)/q2c demo

# Compiled files are kept, even if the environment says otherwise: the tests start Python a hundred times.
test prove: export PYTHONDONTWRITEBYTECODE :=

test: $(VENV)/.installed-dev ## run the tests except tests/proof
	$(BIN)/pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder --ignore tests/proof

prove: $(VENV)/.installed-dev ## run tests/proof: seeds, kills after single steps, removed safeguards, SIGKILLs, chaos
	Q2C_PROVE_SEEDS=$(SEEDS) Q2C_PROVE_CRASH_POINTS=$(CRASH_POINTS) Q2C_PROVE_KILLS=$(KILLS) \
	Q2C_PROVE_CUSTOMERS=$(CUSTOMERS) \
	$(BIN)/pytest --numprocesses auto --dist load --maxschedchunk 1 tests/proof

golden: $(VENV)/.installed-dev ## rewrite tests/golden/bodies; review the diff
	$(BIN)/python -m tests.golden

mutate: $(VENV)/.installed-dev ## break rules and safeguards one by one, to check that a test or seed notices each
	$(BIN)/python -m tests.mutations

chaos: $(VENV)/.installed-dev ## send 300,000 messages through real servers while processes, servers and networks fail
	$(BIN)/python -m tests.chaos

bench: $(VENV)/.installed-dev ## run every benchmark beside its limit and its peer; write docs/benchmarks.md
	$(BIN)/python -m benchmarks

bench-matching: $(VENV)/.installed-dev ## measure the matcher beside other libraries; labelled names: Q2C_COMPANY_NAMES=DIRECTORY
	$(BIN)/python -m benchmarks.matching

servers: $(VENV)/.installed-dev ## run Kafka and PostgreSQL until Ctrl-C
	$(BIN)/python -m tests.servers

compose-env: ## generate keys and passwords into .env for docker compose; existing ones stay
	@umask 077; touch .env; \
	put() { grep -q "^$$1=." .env || printf '%s=%s\n' "$$1" "$$2" >>.env; }; \
	random() { od -An -N"$$1" -tx1 /dev/urandom | tr -d ' \n'; }; \
	put Q2C_TOKEN_KEYS "$$(head -c 32 /dev/urandom | base64 | tr '+/' '-_')"; \
	put Q2C_COMPOSE_POSTGRES_PASSWORD "$$(random 24)"; \
	put Q2C_QUICKBOOKS_CLIENT_ID "app-$$(random 12)"; \
	put Q2C_QUICKBOOKS_CLIENT_SECRET "$$(random 24)"; \
	put Q2C_QUICKBOOKS_VERIFIER_TOKEN "$$(random 24)"; \
	put Q2C_SANDBOX_SEED "$$(od -An -N6 -tu8 /dev/urandom | tr -d ' \n')"

check: $(VENV)/.installed-dev ## check formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(INSTALL) confluent-kafka hypothesis mypy pytest pytest-asyncio pytest-xdist pyyaml ruff schemathesis testcontainers
	touch $@

clean:
	rm -rf $(VENV) .benchmarks
