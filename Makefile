# Everything runs in a virtual environment of its own; a plain `make` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Which engine the tests use: empty takes the one that answers, else starts 26.1; or 20.10, 26.1, 28.
ENGINE ?=
# How many processes run tests side by side: more than there are cores, because what uses the engine mostly waits.
WORKERS ?= 4
FAST_WORKERS ?= 2
# How many deploys `make chaos` kills, and the seed of its moments.
KILLS ?= 100
SEED ?= 1
# `make release TAG=1` creates the tag as well.
TAG ?=
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal

.PHONY: help demo test test-fast lint bench chaos docs release clean

help:
	@echo "make demo       run check-image on the stale example (real engine where there is one or one can be started)"
	@echo "make test       lint, types, import direction, every test (ENGINE=20.10|26.1|28 chooses the engine, WORKERS=1 one by one)"
	@echo "make test-fast  the tests that need no engine"
	@echo "make bench      measure, side by side with what a user would run instead"
	@echo "make chaos      kill deploys at 100 random moments and count what was lost (KILLS=, SEED=; half an hour)"
	@echo "make docs       write the pages that are made from the source again (docs/rules.md, docs/failures.md)"
	@echo "make release    build sdist and wheel into dist/ and check them; TAG=1 creates the tag; nothing is uploaded"

# Debian ships Python without ensurepip; as root the package that has it can be installed, else say which it is.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null; } || \
	  { echo "install Python's venv module first (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

demo: $(READY)
	@$(BIN)/python -m tests.demo

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	MIGOPS_TEST_ENGINE="$(ENGINE)" $(PYTEST)

# Each worker collects every test, so that more workers than cores make the fast part slower.
test-fast: $(READY)
	$(BIN)/python -m pytest --numprocesses $(FAST_WORKERS) --dist worksteal -m "not engine"

bench: $(READY)
	@# As pip leaves an installed package: compiled, also where PYTHONDONTWRITEBYTECODE is set.
	@$(BIN)/python -m compileall -q migops
	$(BIN)/python -m tests.bench

chaos: $(READY)
	@$(BIN)/python -m tests.chaos --kills $(KILLS) --seed $(SEED)

docs: $(READY)
	$(BIN)/python -m migops.rules.document > docs/rules.md
	$(BIN)/python -m migops.commands.failures.document > docs/failures.md

release: $(READY)
	@$(BIN)/python -m pip install --quiet --editable '.[dev,release]'
	@$(BIN)/python -m tests.release $(if $(filter 1 yes true,$(TAG)),--tag)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
