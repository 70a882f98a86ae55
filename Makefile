# The Loss Book. `make help` lists what it can do; python3 (3.11 or newer) and make are all it needs.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PORT ?= 8000

# Files whose date says that a step is done. They lie inside what the step makes: delete that, and it is redone.
READY := $(VENV)/.ready
TEST_READY := $(VENV)/.ready-for-tests
FRONT_END := node_modules/.ready

.DEFAULT_GOAL := help
.PHONY: help book test lab serve deck bench clean

help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

book: $(READY) $(FRONT_END)  ## Install, run every page and build the site in _build/html
	@$(RUN) -m lossbook.sphinx.build

test: $(TEST_READY) $(FRONT_END)  ## Everything that CI runs: lint, types, the book, all tests
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	@$(RUN) -m lossbook.sphinx.build
	$(RUN) -m pytest -n 2 --dist worksteal

lab: $(READY)  ## Open the chapters as notebooks in JupyterLab
	@$(RUN) -m jupytext_config --settings-file $(VENV)/share/jupyter/lab/settings/overrides.json set-default-viewer markdown
	$(RUN) -m jupyter lab book/index.md

serve: book  ## Build the book and serve it on http://localhost:8000 (PORT=)
	$(RUN) -m http.server --bind localhost --directory _build/html $(PORT)

deck: book  ## Build the book and write its questions as an Anki deck, _build/the-loss-book.apkg
	@$(RUN) -c 'from lossbook.sphinx.deck import main; main()'

bench: $(TEST_READY) $(FRONT_END)  ## Build the book and run the benchmarks
	@$(RUN) -m lossbook.sphinx.build
	@for script in benchmarks/*.py; do echo "== $$script"; $(RUN) $$script || exit 1; done

clean:  ## Delete what was built; what was installed stays
	rm -rf _build

$(RUN):
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(f"The Loss Book needs Python 3.11 or newer; $(PYTHON) is {v[0]}.{v[1]}. Try: make PYTHON=python3.12" if v < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(READY): requirements.txt pyproject.toml | $(RUN)
	$(RUN) -m pip install --disable-pip-version-check --quiet -r requirements.txt
	$(RUN) -m pip install --disable-pip-version-check --quiet --no-deps -e .
	@touch $@

$(TEST_READY): requirements-dev.txt $(READY)
	$(RUN) -m pip install --disable-pip-version-check --quiet -r requirements.txt -r requirements-dev.txt
	@touch $@

$(FRONT_END): package.json package-lock.json $(READY)
	$(VENV)/bin/npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
