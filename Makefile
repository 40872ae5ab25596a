# Everything anyone runs here. Needs Python >= 3.11, git and make; the rest is installed into .venv.
# Another Python: make demo PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
SOURCES := $(shell find src/safedose -type f -not -path '*/__pycache__/*')

# Two stamps: a user's environment holds a copy of the package, a developer's the sources themselves.
# Once there is a developer's, the demo runs in it.
USER_ENV := .venv/user
DEV_ENV := .venv/dev
DEMO_ENV := $(if $(wildcard $(DEV_ENV)),$(DEV_ENV),$(USER_ENV))

.DEFAULT_GOAL := help
.PHONY: help demo test check faults clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(DEMO_ENV) ## install, run a whole dose study (offline, minutes), say where the report is
	$(BIN)/safedose demo --out demo-study
	@echo "open $(CURDIR)/demo-study/report.html in a browser"

test: $(DEV_ENV) ## install for development and run all tests
	$(BIN)/python -m pytest

check: $(DEV_ENV) ## format, lint, types, levels, names and sizes
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest tests/test_layout.py --quiet --capture=no

faults: $(DEV_ENV) ## kill and hinder a study for MINUTES (15), write the counts to docs/faults.md
	cd tests && PYTHONPATH=. ../$(BIN)/python -m faults.campaign --minutes $(or $(MINUTES),15)

clean: ## remove the environment, builds and caches; studies stay
	rm -rf .venv build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find src tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

$(USER_ENV): $(SOURCES) pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing safedose into .venv; the first time this takes some minutes"
	@rm -rf build # what an earlier build left there would be packed again
	$(PIP) .
	@touch $@

$(DEV_ENV): pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing safedose for development into .venv; the first time this takes some minutes"
	$(PIP) --editable '.[dev]'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "safedose needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) --version 2>/dev/null || echo not there`." >&2; \
	  echo "Name another one: make $(or $(MAKECMDGOALS),demo) PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }
