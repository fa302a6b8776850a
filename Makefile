# Two targets a newcomer needs: `make run` and `make test`. The rest is for maintainers.
# Everything is installed below .venv and .cache; the lock files hold hashes, never addresses.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# A lock names everything, so pip has nothing to resolve: an older pip that resolved all the same would
# take a release newer than the lock for a dependency with extras, and then refuse it for want of a hash.
LOCKED := --require-hashes --no-deps
COMPILE := pip-compile -q --strip-extras --allow-unsafe --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header --no-annotate
WORKERS ?= 3
SHIM := hatch_build.py $(wildcard mcptui/runtime/shim/*.[ch])

.PHONY: run test check lint types bench soak catalog screenshots lock engine build clean help

run: $(VENV)/run.stamp  ## set everything up and start mcptui
	@$(BIN)/python -m mcptui.bootstrap || true
	@$(BIN)/mcptui

test: $(VENV)/test.stamp $(VENV)/tools.stamp engine lint types  ## the same set-up, then every test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

check: $(VENV)/test.stamp lint types  ## style, types and the tests that need no engine
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not engine and not node and not slow" $(ARGS)

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/test.stamp
	$(BIN)/pyright

bench: $(VENV)/test.stamp engine  ## ratios beside other programs, measured in one run
	$(BIN)/python -m tests.bench $(ARGS)

soak: $(VENV)/test.stamp engine  ## ten gateways, twenty servers, ten minutes of calls and kills
	$(BIN)/python -m tests.soak $(ARGS)

catalog: $(VENV)/run.stamp  ## build and sign the catalog; MCPTUI_CATALOG_KEYS names the folder of keys
	$(BIN)/mcptui catalog build

screenshots: $(VENV)/test.stamp engine  ## take the pictures of the README from the running program
	$(BIN)/python -m tests.screenshots

engine: $(VENV)/run.stamp
	@$(BIN)/python -m mcptui.bootstrap

build: $(VENV)/run.stamp  ## the wheel, shim and signed catalog inside
	$(PIP) wheel --no-deps --no-build-isolation -w dist .

lock: $(VENV)/test.stamp  ## renew the lock files (needs pip-tools in PATH)
	$(COMPILE) -o requirements/run.txt pyproject.toml
	$(COMPILE) --extra test -o requirements/test.txt pyproject.toml
	$(COMPILE) -o requirements/build.txt requirements/build.in
	$(COMPILE) -o tests/tools/requirements.txt tests/tools/requirements.in
	$(COMPILE) -o tests/tools/mcp_proxy.txt tests/tools/mcp_proxy.in

clean:
	rm -rf $(VENV) .cache dist

help:
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

# Debian ships Python without its venv module: then the package that has it is installed.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mcptui needs Python 3.11 or newer")'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv $(VENV); }

$(VENV)/run.stamp: $(BIN)/python pyproject.toml requirements/run.txt requirements/build.txt $(SHIM)
	@echo "Installing mcptui into $(VENV) from hash-locked packages; about a minute the first time…"
	@$(PIP) install $(LOCKED) -r requirements/build.txt -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp requirements/test.txt
	@echo "Installing what the tests need…"
	@$(PIP) install $(LOCKED) -r requirements/test.txt
	@$(PIP) check
	@touch $@

# Real MCP clients that tests start; too many packages to live beside our own.
$(VENV)/tools.stamp: $(VENV)/test.stamp tests/tools/requirements.txt tests/tools/package-lock.json tests/tools/__init__.py
	$(BIN)/python -m tests.tools
	@touch $@
