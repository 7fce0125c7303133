# Saleswright: `make run` starts it, `make test` tests it, `make help` lists the rest.
# Everything is installed inside this folder (.venv, node_modules); the data live in var/.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
unexport VIRTUAL_ENV

BIN := .venv/bin
UV = $$(command -v uv || echo $(BIN)/uv)
SYNC = $(UV) sync --frozen --inexact --python $(BIN)/python
export UV_PROJECT_ENVIRONMENT := .venv
export UV_PYTHON_DOWNLOADS := never

# The stamps carry this folder's path, so that a moved or copied folder is set up anew.
PLACE := $(shell pwd -P | cksum | cut -d ' ' -f 1)
RUNTIME := .venv/.stamps/runtime-$(PLACE)
DEVELOPMENT := .venv/.stamps/development-$(PLACE)
FRONTEND := node_modules/.installed
MESSAGES := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/django.po))

WORKERS ?= 2
ARGS ?=
PYTEST = $(BIN)/python -m pytest
DJANGO = DJANGO_SETTINGS_MODULE=saleswright.config.settings $(BIN)/python -m django

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(RUNTIME) $(FRONTEND) $(MESSAGES) ## Install what running needs

.PHONY: develop
develop: setup $(DEVELOPMENT) ## Install what working on it needs as well

$(RUNTIME): uv.lock pyproject.toml
	@sh tools/venv.sh
	@$(SYNC) --no-dev
	@mkdir -p $(@D) && touch $@

$(DEVELOPMENT): $(RUNTIME)
	@$(SYNC)
	@touch $@

$(FRONTEND): package.json package-lock.json | $(RUNTIME)
	@sh tools/frontend.sh
	@touch $@

%.mo: %.po | $(RUNTIME)
	@$(BIN)/python -m babel.messages.frontend --quiet compile --input-file $< --output-file $@

.PHONY: run
run: setup ## Start Saleswright with its demonstration company (HOST, PORT)
	@exec $(BIN)/saleswright serve --demo $(if $(HOST),--host "$(HOST)") $(if $(PORT),--port "$(PORT)")

.PHONY: test
test: test-unit test-browser ## Run all tests (on SQLite, or on TEST_DATABASE_URL)

.PHONY: test-unit
test-unit: develop ## Run all tests but those in a browser (WORKERS, ARGS)
	@$(PYTEST) -n $(WORKERS) -m "not browser" $(ARGS)

.PHONY: test-postgres
test-postgres: develop ## The same on PostgreSQL with Redis, but for those that start both databases anyway
	@TEST_DATABASE_URL="$${TEST_DATABASE_URL:-postgresql://postgres@127.0.0.1:5432/postgres}" \
	REDIS_URL="$${REDIS_URL:-redis://127.0.0.1:6379/5}" \
	$(PYTEST) -n $(WORKERS) -m "not browser and not installation" $(ARGS)

.PHONY: test-browser
test-browser: develop ## Run the tests in a browser (SALESWRIGHT_REQUIRE_BROWSER=1: never skip them)
	@SALESWRIGHT_BROWSER="$$(sh tools/browser.sh install)" $(PYTEST) -m browser tests/browser $(ARGS)

.PHONY: check
check: develop ## Format, lint, boundaries, types, migrations, OpenAPI, translations
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/lint-imports
	$(BIN)/python -m mypy
	$(DJANGO) check
	$(DJANGO) makemigrations --check --dry-run
	$(BIN)/saleswright openapi --check docs/openapi.json
	$(BIN)/python tools/check_translations.py

.PHONY: format
format: develop ## Format the source and mend what the linter can
	@$(BIN)/python -m ruff check --fix-only .
	@$(BIN)/python -m ruff format .

.PHONY: translations
translations: develop ## Take new texts and var/i18n/*.tsv into the .po file, compile it, list what is missing
	@$(BIN)/python tools/merge_translations.py
	@$(MAKE) --no-print-directory setup

.PHONY: bench
bench: setup ## Measure against the raw-SQL floors (ARGS)
	@$(BIN)/saleswright bench $(ARGS)

.PHONY: clean
clean: ## Remove what was installed and generated; var/ with the data stays
	rm -rf .venv node_modules .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov dist
	rm -f locale/*/LC_MESSAGES/*.mo
	find saleswright tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
