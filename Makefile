# One command each. A fresh machine needs Python >= 3.11 with pip, and make; everything else is set up here.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP = $(VENV)/.stamp-$(1)
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help demo test lint types layers check bench constraints clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

$(call STAMP,venv):
	@echo "==> making a virtual environment with $(PYTHON)"
	@$(PYTHON) -c 'import sys; sys.exit("Python >= 3.11 is needed, found " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.stamp-%: $(call STAMP,venv) pyproject.toml constraints.txt
	@echo "==> installing the toolkit with [$*] (first time: about a minute)"
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off -q -c constraints.txt -e '.[$*]'
	@touch $@

demo: $(call STAMP,report) ## set everything up, compare a real plant's measured and accounted CO2, write the report
	@echo "==> Cholla power plant, 2012: measured against accounted CO2"
	@$(BIN)/ghg facility compare examples/cholla-2012/compare.toml -o cholla-2012-report --force

test: $(call STAMP,test) ## set everything up and pass the tests
	@echo "==> tests"
	@$(PYTEST) -n auto

lint: $(call STAMP,dev) ## ruff: style and imports
	@echo "==> lint"
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(call STAMP,dev) ## pyright
	@echo "==> types"
	@$(BIN)/pyright

layers: $(call STAMP,dev) ## import-linter: dependencies point one way
	@echo "==> import layers"
	@$(BIN)/lint-imports

check: lint types layers test ## all of the above

bench: $(call STAMP,test) ## benchmarks against the floor and against peers
	@echo "==> benchmarks"
	@for f in benchmarks/bench_*.py; do echo "--- $$f"; $(BIN)/python $$f || exit 1; done

constraints: $(call STAMP,dev) ## write the tested versions
	@$(BIN)/python -m pip freeze --exclude-editable --exclude ghg-toolkit > constraints.txt

clean: ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache cholla-2012-report
