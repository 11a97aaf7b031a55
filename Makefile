# `make` alone explains the targets. The virtual environment is made by whichever target comes first.

SHELL := /bin/sh
.SHELLFLAGS := -eu -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.requirements-installed
UV := VIRTUAL_ENV=$(VENV) $(BIN)/uv
LOCAL := $(BIN)/python -m local
PYTEST := $(BIN)/python -m pytest
WORKERS ?= auto
PART ?= kube-apiserver
ARGS ?=
STACK ?=
OF_STACK = $(if $(STACK),--stack $(STACK))

.PHONY: help
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z0-9-]+:.*## / {gsub(/[$$][$$]/, "$$", $$2); printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nSTACK=aws-local names a stack (without: up, env, drift and log mean dev, the others all).\n'
	@printf 'ARGS="…" adds options: make up ARGS=--json, make unit ARGS="-k rewrite".\n'

# Everything below goes to standard error: `make -s env` is read by a shell.
$(READY): requirements.txt requirements-dev.txt requirements-bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "error: $(PYTHON) is missing or older than 3.11; install one, or name it: make PYTHON=python3.12 …" >&2; exit 1; }
	@if ! $(BIN)/python -c 'import pip' 2>/dev/null; then \
	  echo "making $(VENV) with $$($(PYTHON) --version)" >&2; \
	  $(PYTHON) -m venv --clear $(VENV) >&2 || { \
	    echo "error: $(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }; \
	fi
	@echo "installing the pinned requirements into $(VENV) (up to a minute or two, once)" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bootstrap.txt >&2
	@$(UV) pip install --quiet --compile-bytecode --require-hashes -r requirements-dev.txt >&2 || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt >&2
	@touch $@

.PHONY: bootstrap
bootstrap: $(READY) ## Virtual environment with the pinned requirements, nothing else

##@ The environment on this machine
.PHONY: up preview drift down clean env status log tools
up: $(READY) ## Control plane, OpenBao, Pulumi's dev stack; ends with the table of synced secrets
	@$(LOCAL) up $(OF_STACK) $(ARGS)
preview: $(READY) ## Every stack, or STACK=prod, over doubles of its cloud, judged by the policies
	@$(LOCAL) preview $(OF_STACK) $(ARGS)
drift: $(READY) ## What is not as it was made; exit code 2 (of make as well) where there is any
	@$(LOCAL) drift $(OF_STACK) $(ARGS)
down: $(READY) ## Stop everything, keep the data
	@$(LOCAL) down $(OF_STACK) $(ARGS)
clean: $(READY) ## Stop everything, remove the data
	@$(LOCAL) clean $(OF_STACK) $(ARGS)
env: $(READY) ## For your shell: eval "$$(make -s env)"
	@$(LOCAL) env $(OF_STACK) $(ARGS)
status: $(READY) ## Which parts run, where, since when
	@$(LOCAL) status $(OF_STACK) $(ARGS)
log: $(READY) ## What a part wrote: make log PART=openbao
	@$(LOCAL) log $(PART) $(OF_STACK) $(ARGS)
tools: $(READY) ## Provide the programs (built once, shared by clones) and list them
	@$(LOCAL) tools $(ARGS)

##@ Checks
.PHONY: test lint format types layers unit contract policy conformance engine e2e faults mutation
test: lint types layers ## Everything a machine can check; what CI runs
	$(PYTEST) --numprocesses=$(WORKERS) --dist=loadfile $(ARGS)
lint: $(READY) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
format: $(READY) ## ruff: format, and mend what it can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
types: $(READY) ## mypy --strict
	$(BIN)/mypy
layers: $(READY) ## import-linter: which room may import which
	$(BIN)/lint-imports
unit: $(READY) ## Plain functions (seconds)
	$(PYTEST) -m unit --numprocesses=$(WORKERS) $(ARGS)
contract: $(READY) ## One part over its wire, no engine
	$(PYTEST) -m contract $(ARGS)
policy: $(READY) ## The policy pack's rules
	$(PYTEST) -m policy $(ARGS)
conformance: $(READY) ## Behaviour recorded from ESO, replayed
	$(PYTEST) -m conformance --numprocesses=$(WORKERS) $(ARGS)
engine: $(READY) ## The official Pulumi engine runs programs
	$(PYTEST) -m engine $(ARGS)
e2e: $(READY) ## The whole platform on real parts (minutes)
	$(PYTEST) -m e2e $(ARGS)
faults: $(READY) ## Things that break in the middle
	$(PYTEST) -m faults $(ARGS)

.PHONY: lock
lock: $(READY) ## requirements.txt and requirements-dev.txt from their .in files, with hashes
	$(UV) pip compile --quiet --generate-hashes --no-header requirements.in -o requirements.txt
	$(UV) pip compile --quiet --generate-hashes --no-header -c requirements.txt requirements-dev.in -o requirements-dev.txt
mutation: $(READY) ## Which changes to sync and values no test notices (an hour or two; goes on where it was)
	$(BIN)/mutmut run $(ARGS)
	@$(BIN)/mutmut results | awk '!/: not checked$$/'

##@ Products
.PHONY: bench crds
bench: $(READY) ## What can be measured; make bench ARGS="engine", load, platform, all
	@$(BIN)/python -m bench $(ARGS)
crds: $(READY) ## The CRDs as YAML
	@$(BIN)/python -m secretsync crds $(ARGS)
