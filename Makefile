# Everyday tasks; CI runs `make test` and nothing else.
# Overridable: PYTHON=python3.12 (for a new .venv), PORT=8501, ARGS="..." (handed to the command).

VENV   := .venv
PY     := $(VENV)/bin/python
STAMP  := $(VENV)/.stamp
PYTHON ?=
PORT   ?= 8501
ARGS   ?=

RECENT := import sys; sys.exit(sys.version_info < (3, 11))

# Set-up leaves compiling to the first import; where bytecode is never kept, every command that is
# started compiles torch and transformers anew, and takes twice as long.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup app test check browser bench recorded notebook api clean

help:  ## list these targets
	@awk -F':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP)  ## create .venv and install the pinned packages; instant when nothing changed

# A candidate is run, not just found: version managers leave names on PATH that do not start.
$(STAMP): requirements.txt pyproject.toml
	@if ! $(PY) -c '$(RECENT)' 2>/dev/null; then \
	    found=; \
	    for name in $(or $(PYTHON),python3.13 python3.12 python3.11 python3); do \
	        if "$$name" -c '$(RECENT)' 2>/dev/null; then found=$$name; break; fi; \
	    done; \
	    if [ -z "$$found" ]; then \
	        echo "muxviz needs Python 3.11 or newer, and found none$(if $(PYTHON), under the name $(PYTHON))."; \
	        echo "Install it (Debian, Ubuntu: apt install python3 python3-venv; Fedora: dnf install python3;"; \
	        echo "macOS: brew install python@3.13; or python.org), or name one: make setup PYTHON=/path/to/python3"; \
	        exit 1; \
	    fi >&2; \
	    echo "creating $(VENV) with $$found"; \
	    "$$found" -m venv --clear $(VENV) || { \
	        echo "Could not create $(VENV); Debian and Ubuntu need: apt install python3-venv" >&2; exit 1; }; \
	fi
	$(PY) -m pip install --no-compile --no-input --disable-pip-version-check -r requirements.txt
	$(PY) -m pip install --no-input --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

app: setup  ## open the app, for this machine alone (PORT=8501)
	$(VENV)/bin/streamlit run app.py --server.port=$(PORT) $(ARGS)

test: setup browser check  ## everything CI checks: format, lint, types, tests
	$(PY) -m pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder $(ARGS)

check: setup  ## format, lint and types only
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy

browser:
	@sh scripts/ensure_chromium.sh

bench: setup  ## what the app adds to bare Python, Streamlit and forward passes, as ratios
	$(PY) -m benchmarks.first_light $(ARGS)

recorded: setup  ## recompute the stored results that the app shows without a model
	$(PY) -m muxviz record $(ARGS)

notebook: setup  ## run examples/explore.py and write the notebook with its pictures
	@$(PY) -c 'import ipykernel, ipywidgets, kaleido, nbclient, nbformat, PIL' 2>/dev/null || \
	    $(PY) -m pip install --no-input --disable-pip-version-check --no-build-isolation \
	        -c requirements.txt -e '.[notebook]'
	$(PY) -m examples.make_notebook $(ARGS)

api: setup  ## the reference of the Python names, from their docstrings, into build/api
	@$(PY) -c 'import pdoc' 2>/dev/null || \
	    $(PY) -m pip install --no-input --disable-pip-version-check --no-build-isolation \
	        -c requirements.txt -e '.[api]'
	$(PY) -m pdoc muxviz --output-directory build/api $(ARGS)

clean:  ## remove caches and build leftovers; .venv and runs/ stay
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
