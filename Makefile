# Everything runs in .venv, which the first target makes; it is installed again only after
# requirements.txt or setup.py changed.
PYTHON ?= python3
CONFIG ?= configs/mtl_branched.py
ARGS ?=

BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help train test test-slow lint docs

help:
	@echo "make train   train $(CONFIG); CONFIG=... another one, ARGS=\"...\" passes arguments"
	@echo "make test    lint, then run the tests; ARGS=\"...\" goes to pytest"
	@echo "make test-slow   run the tests that take long"
	@echo "make lint    check style, imports and types"
	@echo "make docs    build the documentation into site/"
	@echo "PYTHON=...   the Python (3.10 or later) that .venv is made with, now $(PYTHON)"

train: $(STAMP)
	$(BIN)/python tools/train.py $(CONFIG) $(ARGS)

# In the order of the folders: xdist would put the files with the fewest tests, among them the
# slowest ones, at the end, where one process may run alone.
test: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-slow: $(STAMP)
	$(BIN)/python -m pytest -n 2 -m slow $(ARGS)

lint: $(STAMP)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

$(STAMP): requirements.txt setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "mtl_plugins needs Python 3.10 or later, got " + sys.version.split()[0] + ": set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -r requirements.txt -e .
	@touch $@
