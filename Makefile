# Tilefold: everything from nothing. `make` lists what it can do.

PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=

# Boards to build bitstreams for: all.
BOARDS ?= $$($(RUN) -c 'from tilefold_boards.bitstream.catalogue import BOARDS; print(*BOARDS)')

# Run as modules: the scripts in a virtual environment do not survive a move.
RUN := $(VENV)/bin/python

# Each set of tools is installed once, and again when pyproject.toml changes. The set for
# development holds all that the demo needs.
DEV := $(VENV)/dev.stamp
DEMO := $(if $(wildcard $(DEV)),$(DEV),$(VENV)/demo.stamp)

.PHONY: help
help:  ## list these targets
	@echo 'make TARGET    (from nothing: each target installs what it needs into $(VENV))'
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1@\2/p' Makefile | awk -F@ '{ printf "%-14s %s\n", $$1, $$2 }'
	@echo
	@echo '  PYTHON=python3.12     the interpreter to make $(VENV) with (default: python3; 3.11 or later)'
	@echo '  VENV=.venv312         another environment beside the first'
	@echo "  PYTEST_ARGS='-k dct'  passed on to pytest"
	@echo "  BOARDS='icebreaker'   boards to build bitstreams for (default: all)"
	@echo '  NETWORK, WEIGHTS, TRAIN, TEST, MEAN, DEVIATION, MIRROR'
	@echo '                        what `make calibration` measures, as `tilefold compare` takes it'

.PHONY: demo
demo: $(DEMO)  ## compress a small network's activations in simulated hardware, and show what it costs
	$(VENV)/bin/tilefold demo

.PHONY: test
test: $(DEV)  ## run the tests, without the slow ones
	$(RUN) -m pytest -n auto $(PYTEST_ARGS)

.PHONY: slow
slow: $(DEV)  ## run the slow tests
	$(RUN) -m pytest -n auto -m slow $(PYTEST_ARGS)

.PHONY: check
check: lint types test  ## all that a change must pass: lint, types, test

.PHONY: boards
boards: $(DEV)  ## build the bitstreams of all boards, into build/boards (an hour)
	@set -e; for board in $(BOARDS); do $(VENV)/bin/tilefold build $$board; done

.PHONY: performance
performance: $(DEV)  ## measure what docs/performance.md tells, and write it (hours)
	$(RUN) -m tilefold_boards.performance

.PHONY: estimate
estimate: $(DEV)  ## fit `tilefold estimate` to circuits that are synthesised (an hour)
	$(RUN) tools/fit_estimate.py

.PHONY: calibration
calibration: $(DEV)  ## measure what docs/calibration.md tells, and write it (minutes; with ResNet-20 two hours)
	$(RUN) -m tilefold.calibrate.page $(if $(NETWORK),--network '$(NETWORK)') \
	  $(if $(WEIGHTS),--weights '$(WEIGHTS)') $(if $(TRAIN),--data '$(TRAIN)') \
	  $(if $(TEST),--test '$(TEST)') $(if $(MEAN),--mean '$(MEAN)') \
	  $(if $(DEVIATION),--deviation '$(DEVIATION)') $(if $(MIRROR),--mirror)

.PHONY: lint
lint: $(DEV)  ## look for errors and for code that is not formatted
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check

.PHONY: format
format: $(DEV)  ## format the code and sort its imports
	$(RUN) -m ruff check --fix --exit-zero --quiet
	$(RUN) -m ruff format

.PHONY: types
types: $(DEV)  ## check the types
	$(RUN) -m mypy

.PHONY: setup
setup: $(DEV)  ## make the environment for development, and do nothing else

.PHONY: clean
clean:  ## remove all that these targets have made, the environment too
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/%.stamp: pyproject.toml
	@tools/prerequisites '$(PYTHON)' '$(MAKECMDGOALS)'
	@$(RUN) -m pip --version >/dev/null 2>&1 || '$(PYTHON)' -m venv $(VENV)
	@echo 'Installing tilefold[$*] into $(VENV); the first time takes a minute or two.'
	@PIP_DISABLE_PIP_VERSION_CHECK=1 $(RUN) -m pip install --quiet --editable '.[$*]'
	@touch $@
