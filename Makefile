# Everything a newcomer needs: `make demo`, `make test`. Python 3.11+, pip and make are enough.
PYTHON ?= python3
VENV   ?= .venv
# Folder and extra arguments of the demo: make demo DIR=~/try ARGS="--model tiny --headless"
DIR    ?= demo
ARGS   ?=
# Arguments of pytest: make test PYTEST="-k sql". One process more than two cores have room for, since
# tests of jobs wait.
PYTEST ?= -n 3 --dist worksteal

BIN    := $(VENV)/bin
APP    := $(VENV)/installed
DEV    := $(VENV)/installed-dev
PIP     = $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo install test test-science test-exchange test-slow lint format bench bench-dictionary bench-dictionary-long bench-dictionary-gpu bench-manifold bench-circuits clean

help: ## list these targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(APP) ## install, make the demo workspace and open it
	$(BIN)/saetui demo "$(DIR)" $(ARGS)

install: $(APP) ## install into .venv only

# Hundreds of processes start in the tests: none shall compile the program or the tests anew, not
# even where PYTHONDONTWRITEBYTECODE is set.
test: $(DEV) ## install and run the tests (a few minutes)
	@$(BIN)/python -m compileall -q store jobs saetui tests
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -m "not slow" $(PYTEST)

test-science: $(DEV) ## what tiny learns, and that dictionaries find its latents (minutes)
	$(BIN)/python -m pytest -m slow tests/unit/model/test_tiny.py tests/unit/science

test-exchange: $(DEV) ## dictionaries to SAELens, dictionary_learning and sparsify, and back (needs pip)
	SAETUI_EXCHANGE=1 $(BIN)/python -m pytest -m slow tests/exchange

test-slow: $(DEV) ## the tests that need a real model or minutes
	$(BIN)/python -m pytest -m slow

lint: $(DEV) ## style, types, and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEV) ## let ruff rewrite the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV) ## measure the budgets; tables on screen, JSON in tests/bench/results
	@set -e; for file in tests/bench/bench_*.py; do \
	  echo "== $$file"; $(BIN)/python -m tests.bench.$$(basename $$file .py); done

bench-dictionary: $(DEV) ## train beside SAELens, dictionary_learning and sparsify: README's tables (hours; needs pip)
	$(BIN)/python -m tests.bench.peers_step --rounds 5
	$(BIN)/python -m tests.bench.peers_quality --quick --fresh
	$(BIN)/python -m tests.bench.peers_quality --no-curve --data smollm2 --architectures topk --fresh

bench-dictionary-long: $(DEV) ## the same, but every architecture three times as wide on more data (a day; goes on where it was cut)
	$(BIN)/python -m tests.bench.peers_step
	$(BIN)/python -m tests.bench.peers_quality

bench-dictionary-gpu: $(DEV) ## one training step on a GPU, and how near it comes to what that can do (needs pip)
	$(BIN)/python -m tests.bench.step_on_device --device cuda --install

bench-manifold: $(DEV) ## cluster 16k, 65k and 500k features beside scikit-learn, hdbscan and umap-learn
	$(BIN)/python -m tests.bench.bench_manifold --sizes 16384,65536,500000

bench-circuits: $(DEV) ## every method of circuit search: on known circuits, on SmolLM2, as features grow (hours)
	$(BIN)/python -m tests.bench.circuits_truth
	$(BIN)/python -m tests.bench.circuits_tasks
	$(BIN)/python -m tests.bench.circuits_exact
	$(BIN)/python -m tests.bench.circuits_names
	$(BIN)/python -m tests.bench.circuits_spans
	$(BIN)/python -m tests.bench.circuits_scale

clean: ## take away the environment and what tools leave behind (not your workspaces)
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp tells that the environment is as pyproject.toml and constraints.txt ask.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "saetui needs Python 3.11 or newer; choose one with: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "$(PYTHON) cannot make environments; install its venv module (Debian: python3-venv)" >&2; exit 1; }

$(APP): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing saetui into $(VENV) (a few minutes, once) …"
	$(PIP) -e .
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing saetui and its tests' tools into $(VENV) (a few minutes, once) …"
	$(PIP) -e '.[dev]'
	@touch $(APP) $@
