# Two commands on a fresh machine with Python 3.11 or newer:
#   make karyotype   install into .venv and karyotype the shipped example
#   make test        the same environment with what tests need, and all tests
# and, for people who change the code:
#   make lint        style, types and the import law
#   make format      let ruff format the code
# PYTHON chooses the interpreter, e.g. make test PYTHON=python3.13

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out
CODE := src tests $(wildcard benchmarks)

# The program itself knows no default path: the data is named here, and only where it exists.
ifndef METAPHASE_DATA
  ifneq ($(wildcard ../shared/data/README.md),)
    export METAPHASE_DATA := $(abspath ../shared/data)
  endif
endif

.DEFAULT_GOAL := help
.PHONY: help karyotype test lint format clean

help:
	@sed -n 's/^# \{0,1\}//; 1,7p; 7q' Makefile

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "metaphase needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV) || \
	  { echo "$(PYTHON) could not make an environment; on Debian: apt-get install python3-venv"; rm -rf $(VENV); exit 2; }

$(VENV)/.installed: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-test: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[train,test]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[train,test,dev]'
	@touch $@

karyotype: $(VENV)/.installed
	$(BIN)/metaphase karyotype examples/metaphase.png --out $(OUT) --overwrite

# One thread for each process: two pytest workers share the two cores.
test: $(VENV)/.installed-test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 $(ARGS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

clean:
	rm -rf $(VENV) $(OUT) build dist src/*.egg-info
