# `make demo` shows the product at work, `make test` proves it. Both begin on a new machine
# with python3 (3.11 or later) and install the rest into .venv, from requirements.lock. A test
# that needs a system which is not there is skipped and says which; .ci/run installs them all.

PYTHON ?= python3
BIN := .venv/bin
FAULT ?=
CHECK ?=
PLACES ?=
EPISODES ?= 10000
SEED ?= 0
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(6, 3 * (os.cpu_count() or 1)))')

# $(call tests,WHICH): tests mostly wait, so several run at once. Those that measure what the machine
# can do come afterwards, alone; 5 is the exit code of pytest where there are none.
define tests
$(BIN)/python -m pytest -n $(WORKERS) -m "$(1)not alone"; together=$$?; \
$(BIN)/python -m pytest -m "$(1)alone" || [ $$? -eq 5 ] && exit $$together
endef

.PHONY: help venv demo test lint docs scenarios faults simulation bench anywhere audit clean

help:
	@echo "make demo [FAULT=crash]   start the stand-in stack, break it, watch it heal"
	@echo "make demo CHECK=daily     run a scheduled check on it: daily, weekly or monthly"
	@echo "make test                 lint, types and every test"
	@echo "make scenarios            every cause of every runbook, against real systems"
	@echo "make faults               killed processes, cut connections, lost answers"
	@echo "make simulation           thousands of incidents with a virtual clock, against the rules they must keep"
	@echo "make anywhere             the demo in every kind of place: root's home, another user, no IPv6 …"
	@echo "make audit                known vulnerabilities of what is pinned"
	@echo "make docs                 the documentation as a site, in site/"
	@echo "make bench                the measurements"

venv: .venv/installed

.venv/installed: requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11")'
	@echo "installing into .venv, once: it takes a minute or two"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

demo: venv
	$(BIN)/python -m demo $(if $(CHECK),--check $(CHECK),$(FAULT))

lint: venv
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

test: lint
	$(call tests)

scenarios: venv
	$(call tests,scenario and )

faults: venv
	$(call tests,fault and )

simulation: venv
	$(BIN)/python -m tests.simulation $(EPISODES) $(SEED)

anywhere:
	$(PYTHON) -m tests.anywhere $(PLACES)

audit:
	PYTHON=$(PYTHON) .ci/audit

docs: venv
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

bench: venv
	$(BIN)/python -m bench

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis var ci-output
