# What a person types. `make` alone lists it.
.DEFAULT_GOAL := help
VENV := .venv
PY := $(VENV)/bin/python
UV = $(VENV)/bin/uv
STAMP := $(VENV)/.synced

# A company's own certificate authority is in the system's store; uv looks there only when told.
export UV_SYSTEM_CERTS := 1

.PHONY: help run test test-cluster test-postgres kube-assets bench lint lock messages openapi docs

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/bin/uv:
	python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.13,<0.14'

# The core lock runs Plimsoll; the dev lock holds the core lock and what tests and lint need.
$(STAMP): requirements/core.txt pyproject.toml | $(UV)
	$(UV) pip install --quiet --python $(PY) --require-hashes -r requirements/core.txt
	$(UV) pip install --quiet --python $(PY) --no-deps --editable .
	@touch $@

$(STAMP)-dev: requirements/dev.txt $(STAMP)
	$(UV) pip install --quiet --python $(PY) --require-hashes -r requirements/dev.txt
	@touch $@

run: $(STAMP) frontend/dist/.built $(VENV)/.messages ## Start Plimsoll on this machine (PLIMSOLL_PORT, PLIMSOLL_HOME, PLIMSOLL_DEMO, CLUSTER=kube)
	@$(VENV)/bin/plimsoll up $(if $(filter kube,$(CLUSTER)),--cluster kube)

test: $(STAMP)-dev frontend/dist/.built $(VENV)/.messages lint ## Lint, and every test that needs no real control plane
	$(VENV)/bin/pytest -n 2 -m 'not cluster and not browser'
	$(VENV)/bin/pytest -m browser

kube-assets: $(STAMP) ## Build etcd, kube-apiserver and their like once, into a cache outside this folder (needs Go)
	@$(PY) -m deploy.kube.assets

test-cluster: $(STAMP)-dev kube-assets ## The contract suites and the main job on a real control plane
	$(VENV)/bin/pytest -n 0 -m cluster

test-postgres: $(STAMP)-dev ## The database's and the broker's tests on PostgreSQL and Redis (Debian's) instead
	$(PY) -m tests.backends

bench: $(STAMP)-dev ## The figures of docs/reference/benchmarks.md
	$(VENV)/bin/python -m tests.benchmarks

lock: $(UV) ## Resolve the dependencies anew, with hashes
	$(UV) pip compile pyproject.toml --universal --generate-hashes --no-header --no-annotate --python-version 3.11 -q -o requirements/core.txt
	$(UV) pip compile pyproject.toml --group dev --extra postgres -c requirements/core.txt --universal --generate-hashes --no-header --no-annotate --python-version 3.11 -q -o requirements/dev.txt

frontend/dist/.built: $(STAMP) frontend/build.py frontend/package-lock.json frontend/vite.config.ts $(shell find frontend/src -type f)
	@$(PY) frontend/build.py

# The compiled translations are not kept in git.
$(VENV)/.messages: $(STAMP) $(shell find portal/locale -name '*.po' 2>/dev/null)
	@$(PY) -m portal.messages compile
	@touch $@

messages: $(STAMP)-dev ## Gather the strings of all apps and compile the translations
	$(PY) -m portal.messages gather

openapi: $(STAMP)-dev ## Write docs/reference/openapi.yaml anew: do it when the API changes on purpose
	$(PY) -m portal.reference openapi

docs: $(STAMP)-dev ## Write the generated pages of docs/reference/ anew: CLI, ResourcePolicy, settings, reasons
	$(PY) -m portal.reference all

# A state folder of its own: lint reads settings, and must not touch the one that runs.
lint: export PLIMSOLL_HOME := $(CURDIR)/$(VENV)/lint-home
lint: export PLIMSOLL_IN_MEMORY := 1
lint: $(STAMP)-dev frontend/dist/.built ## Style, types, imports, migrations, translations, TypeScript, generated files
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check --quiet .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) -m portal.messages check
	$(PY) -m portal.reference check
	@$(PY) frontend/build.py check
