# One command each. A fresh machine needs Python >= 3.11 with pip, and make; everything else is set up here.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP = $(VENV)/.stamp-$(1)
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help demo cholla city test lint types layers check bench bench-short bench-peers docs package constraints clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

$(call STAMP,venv):
	@echo "==> making a virtual environment with $(PYTHON)"
	@$(PYTHON) -c 'import sys; sys.exit("Python >= 3.11 is needed, found " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.stamp-%: $(call STAMP,venv) pyproject.toml constraints.txt
	@echo "==> installing the toolkit with [$*] (first time: about a minute)"
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off -q --no-compile -c constraints.txt -e '.[$*]'
	@touch $@

demo: cholla city ## set everything up; a real plant's verdict, then a made-up city whose truth is known

cholla: $(call STAMP,report) ## compare a real plant's measured and accounted CO2, write the report
	@echo "==> Cholla power plant, 2012: measured against accounted CO2"
	@$(BIN)/ghg facility compare examples/cholla-2012/compare.toml -o cholla-2012-report --force

city: $(call STAMP,demo) ## the whole chain on a made-up city, every number beside the truth
	@echo "==> a made-up city whose truth is known: towers, plants, inventory, fluxes, balance (one to two minutes)"
	@$(BIN)/ghg demo --keep demo-city --force

test: $(call STAMP,test) ## set everything up and pass the tests
	@echo "==> tests"
	@$(PYTEST) -n auto --dist loadfile

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

bench: $(call STAMP,test) ## benchmarks against the floors and against peers that are there: one table, kept in build/bench
	@echo "==> benchmarks"
	@$(BIN)/python benchmarks/table.py

bench-short: $(call STAMP,test) ## their short form (half a minute)
	@echo "==> benchmarks, short form"
	@$(BIN)/python benchmarks/table.py --short

bench-peers: $(call STAMP,test) ## other programs on the same tasks, each in an environment of its own in build/peers
	@echo "==> peers"
	@$(BIN)/python benchmarks/table.py --peers

docs: $(call STAMP,test) $(call STAMP,docs) ## the documentation site, in build/site
	@echo "==> documentation"
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python docs/build.py

package: $(call STAMP,dev) ## wheel and sdist, installed and run in an empty environment
	@echo "==> packages"
	@$(BIN)/python benchmarks/wheel_and_sdist.py $(PYTHON)

constraints: $(call STAMP,dev) ## write the tested versions
	@$(BIN)/python -m pip freeze --exclude-editable --exclude ghg-toolkit > constraints.txt

clean: ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache build cholla-2012-report demo-city
