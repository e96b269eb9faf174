# Each target does its own set-up, from a machine with python3, pip, gcc and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# mmpretrain and timm, for the tests that need them only: requirements/pretrain.txt.
PRETRAIN := $(abspath $(VENV))/pretrain:$(CURDIR)/tests/pretrain/site
# mkdocs, which the packages do not meet: requirements/docs.txt.
MKDOCS := NO_MKDOCS_2_WARNING=1 PYTHONPATH=$(abspath $(VENV))/docs $(BIN)/python -m mkdocs
# Processes side by side, one for each core; their threads would wait for each other.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest \
	--numprocesses=logical --maxprocesses=4 --dist=worksteal
INSTALL := $(PYTHON) tools/install.py --venv $(VENV)

.DEFAULT_GOAL := help
.PHONY: help install check demo test quick docs faults matrix lint clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

install: ## make .venv with pinned packages and mmcv's operators (first time: some 5 minutes)
	@$(INSTALL)

check: ## print the versions in .venv and whether mmcv's operators load
	@$(INSTALL) --check

demo: install ## build the digits data, train a detector on it, evaluate and report (CPU)
	$(BIN)/python projects/digits/demo.py

test: lint docs ## lint, build the documentation, then the whole test suite
	$(PYTEST) --junitxml=build/tests.xml
	PYTHONPATH=$(PRETRAIN) $(PYTEST) tests/pretrain

quick: install ## the tests that tell in 2 minutes whether versions go together
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q @tests/quick.txt

docs: install ## build the documentation into build/docs; a dead link or a warning fails
	$(MKDOCS) build --strict --quiet

faults: install ## kill, damage, attack, fill the disk: the whole fault suite (14 minutes on 2 cores)
	$(BIN)/python tests/faults

matrix: ## install and test all supported versions, write docs/matrix.md (hours the first time)
	@$(PYTHON) tools/matrix.py

lint: install ## style, format and types, changing nothing
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

clean: ## remove build products and caches; .venv, data and work_dirs stay
	rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
