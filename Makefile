PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

SEEDS ?= 1:201
CRASH_POINTS ?= 500
KILLS ?= 50
# which safeguards are taken away: 0, 1 or 2 for a third of them, or all; unless told, by the commit
ABLATIONS ?=
# how many run at once, each with a Kafka and a PostgreSQL of its own; tests wait, so one more than there are cores
PROCESSES ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')

.PHONY: demo test prove golden mutate chaos bench servers check format clean compose-env

demo: $(VENV)/.installed ## the main job, shown: deals, contracts, QuickBooks, faults on
	$(BIN)/q2c demo

test: $(VENV)/.installed-dev ## everything that must hold, but for the heavy proof in tests/proof
	$(BIN)/pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder --ignore tests/proof

prove: $(VENV)/.installed-dev ## tests/proof: seeds, kills after single steps, safeguards taken away, SIGKILLs, chaos
	Q2C_PROVE_SEEDS=$(SEEDS) Q2C_PROVE_CRASH_POINTS=$(CRASH_POINTS) Q2C_PROVE_KILLS=$(KILLS) \
	Q2C_PROVE_ABLATIONS=$(ABLATIONS) \
	$(BIN)/pytest --numprocesses auto --dist load --maxschedchunk 1 tests/proof

golden: $(VENV)/.installed-dev ## writes tests/golden/bodies anew, for whoever reads the difference
	$(BIN)/python -m tests.golden

mutate: $(VENV)/.installed-dev ## rules and safeguards broken one by one, to see what notices each
	$(BIN)/python -m tests.mutations

chaos: $(VENV)/.installed-dev ## 300,000 messages through real servers while processes, servers and networks die
	$(BIN)/python -m tests.chaos

bench: $(VENV)/.installed-dev ## every benchmark beside its limit and its peer; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks

servers: $(VENV)/.installed-dev ## a Kafka and a PostgreSQL to try things on, until Ctrl-C
	$(BIN)/python -m tests.servers

compose-env: ## keys and passwords of this machine's own, into .env, for docker compose; what is there already stays
	@umask 077; touch .env; \
	put() { grep -q "^$$1=." .env || printf '%s=%s\n' "$$1" "$$2" >>.env; }; \
	random() { od -An -N"$$1" -tx1 /dev/urandom | tr -d ' \n'; }; \
	put Q2C_TOKEN_KEYS "$$(head -c 32 /dev/urandom | base64 | tr '+/' '-_')"; \
	put Q2C_COMPOSE_POSTGRES_PASSWORD "$$(random 24)"; \
	put Q2C_QUICKBOOKS_CLIENT_ID "app-$$(random 12)"; \
	put Q2C_QUICKBOOKS_CLIENT_SECRET "$$(random 24)"; \
	put Q2C_SANDBOX_SEED "$$(od -An -N6 -tu8 /dev/urandom | tr -d ' \n')"

check: $(VENV)/.installed-dev ## formatting, lint, types
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
