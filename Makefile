# What one does with a checkout; `make` alone lists it.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input
UV ?= uv
EVENTS ?= 10000000

# The first interpreter that the project supports and that can make an environment.
FITS := import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c '$(FITS)' >/dev/null 2>&1 && { command -v "$$p"; break; }; done)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint style types pyright floors format bench bench-smoke performance accuracy \
	lock clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: $(VENV)/kernels ## reconstruct a generated incident and print its timeline
	@$(BIN)/nova-timeline demo

test: $(VENV)/dev $(VENV)/kernels ## run every test
	@.ci/system-packages
	@$(BIN)/python -m pytest -n auto --dist loadgroup $(PYTEST_FLAGS)

lint: style types pyright floors ## check style, types and the floors between modules

style: $(VENV)/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/dev
	$(BIN)/mypy

pyright: $(VENV)/dev
	$(BIN)/pyright --pythonpath $(BIN)/python

floors: $(VENV)/dev
	$(BIN)/lint-imports

format: $(VENV)/dev ## rewrite the code in the project's style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/dev $(VENV)/kernels ## print every benchmark's table, at a small size
	@$(BIN)/python -m benchmarks.smoke --tables

bench-smoke: $(VENV)/dev $(VENV)/kernels ## run every benchmark small; fail on other answers, or ratios below their floors
	@$(BIN)/python -m benchmarks.smoke

performance: $(VENV)/dev $(VENV)/kernels ## measure at full size (EVENTS=10000000) and write docs/performance.md
	@$(BIN)/python -m benchmarks.document --run --events $(EVENTS)

accuracy: $(VENV)/dev $(VENV)/kernels ## hold root causes against suites with known causes (DATA=folder) and write docs/accuracy.md
	@$(BIN)/python -m benchmarks.document_accuracy --run --data $(DATA)

lock: ## choose the newest versions that fit and write both lock files (needs uv)
	$(lock_with) --upgrade --output-file requirements.lock
	$(lock_with) --upgrade --group dev --constraint requirements.lock --output-file requirements-dev.lock

clean: ## remove the environment and what tools leave behind
	rm -rf $(VENV) build dist demo-run .*_cache *.egg-info

lock_with = UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile --quiet pyproject.toml \
	--extra all --generate-hashes --universal --python-version 3.11

$(VENV)/runtime: requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing the locked dependencies into $(VENV)/ (once)" >&2
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/kernels: $(VENV)/runtime
	@echo "compiling the kernels (once; a minute or two)" >&2
	@$(BIN)/nova-timeline demo --json --out $(VENV)/first-run >/dev/null
	@rm -rf $(VENV)/first-run
	@touch $@

$(VENV)/dev: requirements-dev.lock $(VENV)/runtime
	@$(PIP) install --require-hashes --requirement requirements-dev.lock
	@touch $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { \
		echo "nova-timeline needs Python 3.11, 3.12 or 3.13 with its venv module, and found none;" \
			"install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 2; }
	@"$(PYTHON)" -m venv $(VENV)
