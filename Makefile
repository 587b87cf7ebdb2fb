# `make demo` runs the main job, `make test` the whole test suite; both set up .venv first.
# PIP_ARGS goes to pip, for example: make demo PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"
PYTHON ?= python3
VENV   ?= .venv
PIP_ARGS ?=
BIN = $(VENV)/bin
STUDY = digits_cardinality
# Each worker computes on its own cores.
export OMP_NUM_THREADS ?= 1

.PHONY: help demo test tests test-heavy site lint format benchmarks evidence clean
help:
	@echo "make demo         train the preset study $(STUDY) and write $(STUDY).html"
	@echo "make test         lint, and run the tests, several at a time"
	@echo "make test-heavy   the heavy tests: clusters, notebooks, the site (after make test)"
	@echo "make site         the documentation as a site, in site/"
	@echo "make lint         formatting, lint, types and the import contracts"
	@echo "make benchmarks   measure speed; each figure is a ratio within one run"
	@echo "make evidence     write studies/evidence/README.md and its pictures anew (needs chromium)"
	@echo "make clean        remove $(VENV)"

demo: $(VENV)/.installed
	@$(BIN)/resnext-explorer study run $(STUDY) --workers 2
	@$(BIN)/resnext-explorer report $(STUDY) -o $(STUDY).html
	@echo "  (first, for the commands to be found: . $(BIN)/activate)"

# Lint and tests at once: each leaves a core idle at times.
test: $(VENV)/.installed
	@$(MAKE) --no-print-directory -j2 lint tests

tests: $(VENV)/.installed
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not heavy"

# Two files at a time, as half of their time they wait; clusters have the machine to themselves.
CLUSTERS = tests/studies/engines
test-heavy: $(VENV)/.installed
	$(BIN)/python -m pytest -n 2 --dist loadfile -m heavy --ignore $(CLUSTERS)
	$(BIN)/python -m pytest -m heavy $(CLUSTERS)

lint: $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

site: $(VENV)/.installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "The site: site/index.html"

format: $(VENV)/.installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

benchmarks: $(VENV)/.installed
	@for script in tests/benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

evidence: $(VENV)/.installed
	$(BIN)/python dashboards/pictures/evidence.py

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Error: Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Error: $(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@echo "Installing 2 GB of packages into $(VENV); it takes some minutes."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(PIP_ARGS) -e '.[cpu,dev,mlflow,onnx,postgres,ray,s3,slurm,tensorboard,wandb]'
	@touch $@

clean:
	rm -rf $(VENV)
