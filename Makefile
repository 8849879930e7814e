# `make help` lists what there is. Everything a target needs is installed by it: Debian packages by
# apt, Python packages into .venv, Go programs into the cache (see cluster/README.md).

SHELL := bash
.SHELLFLAGS := -Eeuo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

STACK ?= prod
CONTEXT ?=
PYTEST ?= .venv/bin/pytest
SUITES := python3 tools/suites.py
FAULT_SHARE ?= 0.3
FAULTS := tests/scripts/promises/faults
# What takes longer: the promises, and the rooms whose tests restore again and again.
SLOW_SCRIPT_TESTS := $(addprefix tests/scripts/,promises load tables restore)
SCRIPTS := $(shell git ls-files '*.sh' 2>/dev/null)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: venv ## run the main job on a real cluster (CONTEXT=name: on one of your kubeconfig)
	@if [[ -z "$(CONTEXT)" ]]; then python3 -m cluster up; fi
	@.venv/bin/python -m demo --context "$(CONTEXT)"

.PHONY: down
down: ## remove everything that demo or the tests made (CONTEXT=name: the demo's namespace there)
	@if [[ -n "$(CONTEXT)" ]]; then \
	  kubectl --context "$(CONTEXT)" delete namespace pgkeep-demo --ignore-not-found; \
	else \
	  python3 -m cluster down; \
	fi

# Every suite runs to its end, whatever fails before it, and they are reported together. One at a time: each keeps two
# processors busy, and some of its tests ask how long something takes. Only the cluster is compiled beside the first of them,
# at low priority; that is a matter of a cold cache.
.PHONY: test
test: venv packages ## pass every test
	@$(SUITES) lint test-scripts+build-cluster test-slow-scripts test-cluster test-faults

.PHONY: test-fast
test-fast: venv packages ## lint, types, unit and script tests: a few minutes
	@$(SUITES) lint test-scripts

.PHONY: test-proofs
test-proofs: venv packages ## what takes longer: faults, attacks, 100,000 histories, every kind of object on 15 and 17
	@$(SUITES) test-slow-scripts test-faults

# Much of a script test is waiting, so as many run at a time as there are processors.
.PHONY: test-scripts
test-scripts:
	@$(PYTEST) -n auto --dist loadfile $(addprefix --ignore=,$(SLOW_SCRIPT_TESTS)) tests/unit tests/tool tests/scripts

.PHONY: test-slow-scripts
test-slow-scripts:
	@$(PYTEST) -n auto --dist loadfile --ignore=$(FAULTS) $(SLOW_SCRIPT_TESTS)

# Other moments in each run; the report names the seed that repeats them (PGKEEP_SEED).
.PHONY: test-faults
test-faults:
	@PGKEEP_SHARE=$(FAULT_SHARE) $(PYTEST) $(FAULTS)

.PHONY: faults
faults: venv packages ## break a backup in every way we know, at all moments, and count how many are caught
	@$(PYTEST) $(FAULTS)

.PHONY: build-cluster
build-cluster: venv
	@python3 -m cluster install
	@nice python3 -m cluster build

# Much of a cluster test is waiting for pods: three at a time keep two processors busy.
.PHONY: test-cluster
test-cluster: build-cluster ## the tests on the embedded cluster
	@python3 -m cluster up
	@code=0; $(PYTEST) -n 3 --dist loadfile -m 'not disruptive' tests/cluster || code=$$?; \
	  $(PYTEST) -m disruptive tests/cluster || code=$$?; exit $$code

.PHONY: lint
lint: venv ## ruff, pyright, shellcheck, shfmt, go vet
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/pyright --warnings
	@.venv/bin/shellcheck -o all -S style $(SCRIPTS) .ci/run
	@.venv/bin/shfmt -d -i 2 -ci -bn $(SCRIPTS) .ci/run
	@python3 -m cluster vet

.PHONY: render
render: venv ## print a stack's Kubernetes objects as YAML (STACK=prod)
	@.venv/bin/python -m tools.render --stack "$(STACK)"

.PHONY: bench
bench: venv packages ## backup and restore against the old job's pg_dump | gzip, as ratios of one run
	@.venv/bin/python -m tests.bench

.PHONY: picture
picture: venv ## record docs/demo.svg, the README's picture, from a run of the demo
	@.venv/bin/python -m tools.picture

.PHONY: requirements
requirements: venv ## pin the dependencies of pyproject.toml again
	@tools/pin-requirements.sh

.PHONY: venv
venv: .venv/.installed

# requirements.txt is what `pulumi up` installs; the development tools come on top of it.
.venv/.installed: requirements-dev.txt pyproject.toml
	@tools/install-venv.sh

# What the script tests need on this machine: from Debian PostgreSQL 15, other userlands and a small file system; and
# PostgreSQL 17, from the cluster's image.
.PHONY: packages
packages:
	@tools/install-packages.sh postgresql-15 busybox gawk e2fsprogs
	@python3 -m tests.scripts.postgres >/dev/null
