# Everything here runs without root but `system-packages`. `make demo` and `make test` are all that a new user needs.
PYTHON ?= python3.11
SYSTEM ?= edugraph
HOST ?= llamafactory
JOBS ?= 2
BIN := .venv/bin
export HF_HUB_OFFLINE = 1

.PHONY: help install demo test check format lint types layers lock system-packages clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 18

install: .venv/installed  ## Install everything into .venv, hash-pinned

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: install  ## A main job on this computer: make demo [SYSTEM=edugraph|manual|conditions|feedback] [HOST=swift]
	$(BIN)/ontune demo --system $(SYSTEM) --host $(HOST)

test: install  ## All tests
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder

check: format lint types layers  ## What CI checks beside the tests

format: install
	$(BIN)/ruff format --check .

lint: install
	$(BIN)/ruff check .

types: install
	$(BIN)/pyright

layers: install
	$(BIN)/lint-imports

lock: install  ## Resolve requirements.lock anew (needs uv)
	uv pip compile pyproject.toml --all-extras --python-version 3.11 --generate-hashes --no-header -o requirements.lock

system-packages:  ## What some tests need of the system (Debian, Ubuntu; root)
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium ffmpeg g++ make poppler-utils

clean:  ## Remove the environment and what the demo made
	rm -rf .venv demo
