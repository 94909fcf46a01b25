# Everything a fresh machine needs: `make run`, `make test`, `make check`. Each makes .venv once.
#
# PYTHON=python3.12      the Python to build .venv from (3.11 to 3.13); found when not given
# JOBS=1                 tests at a time; more than two want more than two cores and 8 GB of memory
# ROUNDS=204 SEED=0      of `make chaos`: how many, and the first one's seed; of `make fuzz`:
#                        so many times what `make test` tries, and the seed of what is drawn
# ARGS="--port 8000"     passed on: to app.py by `make run`, to pytest by `make test`
# TORCH_INDEX=ADDRESS    where pip also looks for torch; see below

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run test test-image chaos fuzz load check space format clean

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?=
ARGS ?=
JOBS ?= 2
ROUNDS ?= 204
SEED ?= 0
TORCH_INDEX ?=

# The general index's torch for Linux brings several GB of CUDA libraries. constraints.txt names
# its version without a local label, so pip takes a CPU build ("+cpu", which sorts after the bare
# version) wherever its configuration, PIP_FIND_LINKS or PIP_EXTRA_INDEX_URL shows it one, and
# TORCH_INDEX is the same for one run. Nothing else is safe to pass: --index-url would hide the
# other packages, and a forced "+cpu" would fail where only the general index is known.
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) --constraint constraints.txt

help:
	@echo "make run     open the app at http://127.0.0.1:7860"
	@echo "make test    run every test, those in a real browser and in a container included"
	@echo "make test-image   of these, the Dockerfile's: done without Docker, its container run"
	@echo "make load    200 people, 1,000 jobs at once, and what became of them"
	@echo "make chaos   hundreds of rounds of kills, full disks and locked tables (half an hour)"
	@echo "make fuzz    whatever can be sent or uploaded, for as long as ROUNDS say (204: an hour)"
	@echo "make space   the folder of a Hugging Face Space, checked, in dist/space"
	@echo "make check   lint, types and the floors of the architecture"

run: $(VENV)/.core
	$(BIN)/python app.py $(ARGS)

test: $(VENV)/.dev
	@scripts/system_packages
	TORCH_INDEX=$(TORCH_INDEX) $(BIN)/python -m pytest --numprocesses $(JOBS) --no-loadscope-reorder $(ARGS)

test-image: $(VENV)/.dev
	@scripts/system_packages
	TORCH_INDEX=$(TORCH_INDEX) $(BIN)/python -m pytest tests/image $(ARGS)

load: $(VENV)/.dev
	$(BIN)/python -m scripts.load $(ARGS)

chaos: $(VENV)/.dev
	@scripts/system_packages
	$(BIN)/python -m pytest tests/chaos --numprocesses $(JOBS) --rounds $(ROUNDS) --seed $(SEED) $(ARGS)

fuzz: $(VENV)/.dev
	FUZZ_ROUNDS=$(ROUNDS) $(BIN)/python -m pytest tests/fuzz --numprocesses $(JOBS) \
		--hypothesis-seed $(SEED) --seed $(SEED) --timeout 0 $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml

space: $(VENV)/.core
	$(BIN)/python -m scripts.space $(ARGS)

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV)

$(VENV)/.made:
	@scripts/make_venv $(VENV) $(PYTHON)
	@touch $@

$(VENV)/.core: $(VENV)/.made requirements.txt constraints.txt
	@scripts/torch_hint $(BIN)/python $(TORCH_INDEX)
	@echo "Installing the app's libraries into $(VENV) (some minutes, once) ..."
	$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.core requirements-dev.txt
	$(INSTALL) -r requirements-dev.txt
	@touch $@
