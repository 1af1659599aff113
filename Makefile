# Every recipe is at most three lines; what needs more is a file in tools/.
# INPUT=DIR, ONCE=1, ID=..., SERVICE=... and ARGS=... are passed on by the targets that name them.
PYTHON ?= python3
RUN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help setup lock format lint types proto-check docs-check check test test-unit chaos browser soak bench \
	proto docs sizes demo up down follow migrate ready ready-dev

##@ Start

help: ## print this
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ready-dev ## make .venv with everything that development needs

demo: ready ## play the whole story and stay up: INPUT=DIR plays other mail, ONCE=1 ends by itself
	@$(RUN)/python -m tools.local demo $(if $(INPUT),--input "$(INPUT)") $(if $(ONCE),--once)

up: ready ## start PostgreSQL, NATS and all services, and stay until Ctrl-C or make down
	@$(RUN)/python -m tools.local up

down: ready ## stop what make up started
	@$(RUN)/python -m tools.local down

follow: ready ## print one conversation's events from the beginning, then live: ID=...
	@$(RUN)/python -m tools.local follow "$(ID)" $(if $(ONCE),--once)

migrate: ready ## bring one service's local database up to date: SERVICE=tickets
	@$(RUN)/python -m tools.local migrate "$(SERVICE)"

##@ Before a commit

check: lint types proto-check docs-check ## all of CI's check stage: lint, types, imports, contracts, docs, shape
	@$(RUN)/pytest -q tests/architecture $(ARGS)

format: ready-dev ## let ruff decide the layout and repair what it can
	@$(RUN)/ruff check --quiet --fix-only . ; $(RUN)/ruff format .

lint: ready-dev ## style and import contracts
	@$(RUN)/ruff check . && $(RUN)/ruff format --check .
	@$(RUN)/lint-imports --no-logo

types: ready-dev ## mypy --strict
	@$(RUN)/mypy

sizes: ready-dev ## report modules and functions that grew too long
	@$(RUN)/python -m tools.sizes

##@ Tests

test: ready-dev ## everything but chaos, browser and benches; needs no cluster and no system package
	@$(RUN)/pytest -m "not chaos and not browser and not bench and not cluster" $(ARGS)

test-unit: ready-dev ## rules and verbs alone, in seconds
	@$(RUN)/pytest -q -m unit $(ARGS)

chaos: ready-dev ## every failpoint once, a broker wipe, every mutant
	@$(RUN)/pytest -m chaos $(ARGS)

browser: ready-dev ## the desk in a real browser
	@$(RUN)/pytest -m browser $(ARGS)

soak: ready-dev ## a random mix of faults under load, for as long as ARGS="--minutes 30" says
	@$(RUN)/python -m tests.chaos.soak $(ARGS)

bench: ready-dev ## measure, each number with its comparator, and write docs/performance.md
	@$(RUN)/python -m tests.bench $(ARGS)

##@ Generated files

proto: ready-dev ## regenerate libs/contracts from proto/
	@$(RUN)/python tools/gen_proto.py

proto-check: ready-dev ## lint the contracts, compare with AGAINST=main, fail if libs/contracts is out of date
	@$(RUN)/python tools/check_proto.py $(if $(AGAINST),--against "$(AGAINST)")

docs: ready-dev ## regenerate the tables in docs/
	@$(RUN)/python tools/gen_docs.py

lock: ready-dev ## resolve requirements/*.in into hashed files
	@tools/lock.sh $(ARGS)

docs-check: ready-dev
	@$(RUN)/python tools/gen_docs.py --check

ready:
	@$(PYTHON) tools/setup.py

ready-dev:
	@$(PYTHON) tools/setup.py --dev
