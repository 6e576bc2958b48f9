# The course: two commands, `make lab` to learn and `make test` to change it. `make help` lists the rest.

PYTHON ?= python3
PORT ?= 8888
# More arguments for pip, e.g. to choose another build of PyTorch: make lab PIP_ARGS="--extra-index-url ADDRESS"
PIP_ARGS ?=
TEST_ARGS ?=
COURSE_ARGS ?=
RESULTS_ARGS ?=
SLIDES_ARGS ?=
FLAKY_ARGS ?=
SITE_ARGS ?=

BIN := .venv/bin
# An environment is ready for this folder and these versions: a second `make lab` sees its mark and asks no network.
KEY := $(shell { pwd; cat pyproject.toml constraints.txt; } | cksum | cut -d' ' -f1)
LEARN := .venv/ready-$(KEY)
TEST := .venv/ready-to-test-$(KEY)

.DEFAULT_GOAL := help
.PHONY: help lab test test-newest test-oldest flaky course translations slides site results bench data doctor progress lock clean

help:  ## list what there is
	@awk -F ':.*##' '/^[a-z-]+:.*##/ {printf "  make %-12s%s\n", $$1, $$2}' Makefile
	@echo
	@echo "  PYTHON=python3.12  another Python (3.10 or newer)     PORT=9000  another port for JupyterLab"
	@echo '  PIP_ARGS="…"       more arguments for pip, e.g. --extra-index-url to choose a CPU build of PyTorch'

lab: $(LEARN)  ## set up once, then open the course in JupyterLab
	@$(BIN)/python -m vidlab.cli lab --port $(PORT)

test: $(TEST)  ## everything that must hold: style, units, doctests, lessons, browser (TEST_ARGS="-k …")
	@$(BIN)/python tests/run.py $(TEST_ARGS)

test-newest:  ## the same with the newest version of everything, in .venv-newest (PYTHON=… with the newest Python)
	$(call versions,newest,highest)

test-oldest:  ## the same with the oldest versions that pyproject.toml allows, in .venv-oldest (PYTHON=… with the oldest)
	$(call versions,oldest,lowest-direct)

flaky: $(TEST)  ## run every lesson ten times, and name each cell that ever fails (FLAKY_ARGS="--runs 3")
	@$(BIN)/python tests/flaky.py $(FLAKY_ARGS)

course: $(TEST)  ## run every lesson from a fresh kernel and save it (COURSE_ARGS="--only 01")
	@$(BIN)/python -m vidlab.course run $(COURSE_ARGS)

translations: $(TEST)  ## build and run every translated lesson (docs/translating.md)
	@$(BIN)/python -m vidlab.translate update zh_CN
	@$(BIN)/python -m vidlab.translate build zh_CN --run

slides: $(LEARN)  ## the lessons as slides for a lecture, in site/slides, for a stick (SLIDES_ARGS="--only 05")
	@$(BIN)/python -m vidlab.slides $(SLIDES_ARGS)

results: $(LEARN)  ## train what the tables of results need, over 3 seeds (RESULTS_ARGS="--only direction --workers 2")
	@$(BIN)/python -m vidlab.runner $(RESULTS_ARGS)

site: $(TEST)  ## the whole course as pages that need no network, in site/ (SITE_ARGS=--saved: without running lessons)
	@$(BIN)/python docs/site/make_site.py $(SITE_ARGS)

bench: $(TEST)  ## measure: widgets, decoding, optical flow and grading beside their peers
	@$(BIN)/python -m pip install -q --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[test,bench]'
	@for program in tests/bench/bench_*.py; do echo "== $$program"; $(BIN)/python $$program || exit 1; done

data: $(LEARN)  ## list the data: content, size, licence, credit, here or not
	@$(BIN)/python -m vidlab.cli data

doctor: $(LEARN)  ## what this machine has and lacks, and how to mend it
	@$(BIN)/python -m vidlab.cli doctor

progress: $(LEARN)  ## what you have solved, what comes next and why, minutes left
	@$(BIN)/python -m vidlab.cli progress

# Resolves for every Python and system at once, from metadata alone; pins that still fit stay (UPGRADE=--upgrade renews).
lock:  ## write constraints.txt anew from pyproject.toml
	$(uv)
	build/uv/bin/uv pip compile --universal --python-version 3.10 --no-python-downloads --extra test --extra bench --no-annotate \
	  --custom-compile-command "make lock" $(UPGRADE) -q -o constraints.txt pyproject.toml

clean:  ## remove the environment and what was built (fetched data stays in your cache)
	rm -rf .venv .venv-newest .venv-oldest build dist *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# $(call install,what): an environment with every version pinned. pip first, because old ones cannot install this project.
define install
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here. Install Python 3.10 or newer, or name one:" \
	  "make lab PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "$(PYTHON) is $$($(PYTHON) --version 2>&1)," \
	  "and the course needs 3.10 or newer. If you have one, name it: make lab PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { [ "$(PYTHON)" = python3 ] && [ "$$(id -u)" = 0 ] \
	  && command -v apt-get >/dev/null && apt-get update -q && apt-get install -y -q python3-venv; } \
	  || { echo "$(PYTHON) lacks its venv module. On Debian or Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check $(PIP_ARGS) -c constraints.txt pip
	$(BIN)/python -m pip install $(PIP_ARGS) -c constraints.txt -e '$(1)'
	@rm -f .venv/ready-*
endef

# uv alone chooses the lowest versions too. It is its own program: the Python under test may be too new for it.
define uv
	$(PYTHON) -m venv build/uv
	build/uv/bin/python -m pip install -q --disable-pip-version-check uv==0.13.8
endef

# $(call versions,name,resolution): an environment beside the usual one, with other versions, and all tests in it
define versions
	$(uv)
	build/uv/bin/uv venv --quiet --clear --no-python-downloads --python "$$(command -v $(PYTHON))" .venv-$(1)
	VIRTUAL_ENV=.venv-$(1) build/uv/bin/uv pip install --quiet --resolution $(2) -e '.[test]'
	VIRTUAL_ENV=.venv-$(1) build/uv/bin/uv pip freeze --quiet --exclude-editable > build/versions-$(1).txt
	PATH="$$PWD/.venv-$(1)/bin:$$PATH" VIDLAB_VERSIONS=$(1) .venv-$(1)/bin/python tests/run.py $(TEST_ARGS)
endef

$(LEARN):
	$(call install,.)
	@touch $@

$(TEST):
	$(call install,.[test])
	@touch $(LEARN) $@
