# Shoal's targets. `make help` lists them. As root, or with sudo.
SHELL := /bin/bash
PYTHON ?= /usr/bin/python3
VENV := .venv
BIN := $(VENV)/bin
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
AS_ROOT := $(SUDO) env PATH="$(CURDIR)/$(BIN):$$PATH"
# Tests start hundreds of programs: each would compile anew what has changed since the installation.
unexport PYTHONDONTWRITEBYTECODE

RUN_PACKAGES := crun conmon nftables mmdebstrap busybox-static python3-venv ca-certificates curl
TEST_PACKAGES := docker-registry etcd-server apache2-utils iproute2 iperf3 wrk chromium fonts-dejavu-core

# Engines do not disturb each other, and tests wait more than they work. A file is of one process: its tests share an engine.
SIDE_BY_SIDE := -n 2 --dist loadfile

.PHONY: help install install-tests demo example examples test check format unit integration cluster e2e vm-test bench docs clean

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1|\2/' | column -t -s'|'

install: .cache/installed ## install the packages that Shoal needs, and Shoal into .venv

.cache/installed: pyproject.toml
	@mkdir -p .cache
	@missing=""; for p in $(RUN_PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  echo "Installing packages:$$missing"; \
	  $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >.cache/apt.log 2>&1 \
	  || { tail -20 .cache/apt.log; exit 1; }; fi
	@echo "Installing Shoal into $(VENV)"
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -e . >.cache/pip.log 2>&1 || { cat .cache/pip.log; exit 1; }
	@$(BIN)/python -m compileall -q src
	@touch $@

install-tests: .cache/installed-tests

.cache/installed-tests: .cache/installed
	@missing=""; for p in $(TEST_PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  echo "Installing packages for the tests:$$missing"; \
	  $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >.cache/apt.log 2>&1 \
	  || { tail -20 .cache/apt.log; exit 1; }; fi
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]' >.cache/pip.log 2>&1 || { cat .cache/pip.log; exit 1; }
	@touch $@

demo: install ## install, start the engine, bring the counter app up and show it counting
	@$(AS_ROOT) examples/demo.sh

example: install ## install, start the engine and bring up one of examples/: NAME=guestbook-mongo
	@$(AS_ROOT) examples/run.sh $(NAME)

examples: install-tests ## tests of all examples, also of the heavy ones
	$(AS_ROOT) $(BIN)/python -m pytest tests/examples -m "heavy or not heavy" $(SIDE_BY_SIDE) --reruns 2 --rerun-show-tracebacks

test: install-tests ## install and run all tests
	$(AS_ROOT) $(BIN)/python -m pytest tests $(SIDE_BY_SIDE) --reruns 2 --rerun-show-tracebacks

check: install-tests ## format, lint, types, import levels, unit tests
	$(BIN)/ruff format --check src tests
	$(BIN)/ruff check src tests
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -q tests/unit tests/golden

format: ## format the code
	$(BIN)/ruff format src tests
	$(BIN)/ruff check --fix src tests

unit: install-tests ## unit and golden tests only
	$(BIN)/python -m pytest -q tests/unit tests/golden

integration: install-tests ## tests on real containers, networks and registries
	$(AS_ROOT) $(BIN)/python -m pytest tests/contract tests/integration $(SIDE_BY_SIDE)

cluster: install-tests ## several hosts: joins, losses, partitions, managers, images, networks
	$(AS_ROOT) $(BIN)/python -m pytest tests/cluster $(SIDE_BY_SIDE)

e2e: install-tests ## whole stories, also with the docker CLI, Compose and the SDK as clients
	$(AS_ROOT) $(BIN)/python -m pytest tests/e2e $(SIDE_BY_SIDE)

vm-test: install-tests ## the same on Debian's kernel and pure cgroup v2, in a virtual machine; ARGS='--systemd -k limits …'
	$(AS_ROOT) $(BIN)/python -m tests.vm $(ARGS)

bench: install-tests ## measure; AGAINST=unix:///… times another engine in turn
	$(AS_ROOT) $(BIN)/python -m tests.bench $(if $(AGAINST),--against $(AGAINST))

docs: install-tests ## make the generated pages of docs/ anew
	$(BIN)/python -m tests.support.docs

clean: ## remove what was installed into this folder
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache build dist src/*.egg-info
