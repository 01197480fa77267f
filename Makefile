# Everything a newcomer needs: make run, make test. Set PYTHON to choose another interpreter.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
DEV_STAMP := .venv/.installed-dev

.PHONY: help run demo test check chaos bench bench-search image-check docs clean

help:
	@echo "make run    start everything here, book a session, keep serving"
	@echo "make demo   the same once, in a temporary folder; fails unless the session is where it should be"
	@echo "make test   all tests"
	@echo "make check  linters, types, import rules and the quick tests"
	@echo "make chaos  kill real processes at every point, under every fault; the model at length"
	@echo "            (CHAOS='--minutes 60 --resume': not longer than that, and only what has not passed yet)"
	@echo "make bench  what a booking, a webhook and a search cost, held against limits (make bench-search: a search only)"
	@echo "make image-check  the Docker image's steps in a bare Debian, without Docker (root, debootstrap)"
	@echo "make docs   write the pages of docs/reference that come from code"
	@echo "make clean  remove the virtual environment and var/"

run: $(STAMP)
	@$(BIN)/python -m demo.run

demo: $(STAMP)
	@$(BIN)/python -m demo.run --once

test: $(DEV_STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(DEV_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/unit tests/house

chaos: $(DEV_STAMP)
	@$(BIN)/python -m tests.chaos.run $(CHAOS)
	@$(BIN)/python -m tests.chaos.run --engine postgresql --sample 12 $(CHAOS)
	MODEL_EXAMPLES=400 $(BIN)/python -m pytest -q tests/model

bench: $(DEV_STAMP)
	@$(BIN)/python -m bench.run
	@$(BIN)/python -m bench.webhooks
	@$(BIN)/python -m bench.search

bench-search: $(DEV_STAMP)
	@$(BIN)/python -m bench.search

image-check:
	@bash deploy/check-image.sh

docs: $(DEV_STAMP)
	@$(BIN)/python -m docs.generate

clean:
	rm -rf .venv var

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Tahoon needs Python 3.11 or newer; $(PYTHON) is older. Try: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv || \
		{ rm -rf .venv; echo "No virtual environment could be made. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }

$(STAMP): requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	@touch $@

$(DEV_STAMP): requirements.txt requirements-dev.txt | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-dev.txt
	@touch $(STAMP) $@
