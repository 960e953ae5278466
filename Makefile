# Everything here runs without root but `system-packages`. `make demo` and `make test` are all that a new user needs.
PYTHON ?= python3.11
SYSTEM ?= edugraph
HOST ?= llamafactory
JOBS ?= 2
BIN := .venv/bin

.PHONY: help install demo test check format lint types layers lock system-packages clean
.PHONY: prepare-dataset train train-dev merge eval eval-quick eval-probes eval-compare serve-local

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 18

install: .venv/installed  ## Install everything into .venv, hash-pinned

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo test: export HF_HUB_OFFLINE = 1

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

# Service manuals, end to end. A line of these is the command itself: `make -n TARGET` shows it. HOST chooses the host,
# and what follows is chosen on the command line of make: names as common as these may stand in an environment.

# Questions about pages (vlm_*.jsonl or Q&A files), and the base model: 7b, qwen25vl_7b or qwen3vl_8b.
MANUAL = training_data
SIZE = 7b
# Who is asked: a folder, with ADAPTER that of a LoRA, or the server at URL. BASE is the folder of the model as it was
# before training. Both are shown pictures as large as in the recipes.
MODEL = saves/manual/$(SWIFT)$(SIZE)/merged
ADAPTER =
URL =
BASE = $(shell sed -n 's|^model_name_or_path: Qwen/||p' recipes/manual_$(SIZE).yaml)
PIXELS = 1003520
# About what; where the answers are kept, which are asked for again when the weights or the data are newer.
DATA = service_manual_val
PREDICTIONS = saves/manual/answers/$(call name,$(if $(URL),served,$(or $(ADAPTER),$(MODEL))))
BASELINE = saves/manual/answers/$(call name,$(BASE))
PROBES = probes.yaml
GOALS = service_manual
# A language model that judges (anthropic, openai or an address), and further options of the target's command.
JUDGE =
OPTIONS =
PORT = 8000

SWIFT := $(if $(filter swift,$(HOST)),swift/)
RECIPE = recipes/$(SWIFT)manual_$(SIZE)
# The hosts start torchrun by its name.
RUN = PATH="$(abspath $(BIN)):$$PATH"
name = $(subst /,_,$(patsubst %/,%,$(1))).jsonl
weights = $(foreach folder,$(1),$(wildcard $(folder)/*.safetensors)) $(wildcard data/service_manual/*.jsonl)
QUICK = $(PREDICTIONS:.jsonl=.quick.jsonl)
PROBED = $(PREDICTIONS:.jsonl=.probes.json)
ASKED = $(if $(URL),--url $(URL),--model $(MODEL)$(if $(ADAPTER), --adapter $(ADAPTER))) --image-max-pixels $(PIXELS)
JUDGED = $(if $(JUDGE), --judge $(JUDGE) --judge-data $(DATA))

prepare-dataset: install  ## Manuals: data/service_manual from MANUAL=training_data
	$(BIN)/ontune convert service_manual $(MANUAL) --out data/service_manual $(OPTIONS)

train: install  ## Manuals: QLoRA, on a GPU [SIZE=qwen25vl_7b|qwen3vl_8b] [HOST=swift]
	$(RUN) $(if $(SWIFT),swift sft,llamafactory-cli train) $(RECIPE).yaml $(OPTIONS)

train-dev: install  ## Manuals: a trial of one epoch and 100 samples
	$(RUN) $(if $(SWIFT),swift sft,llamafactory-cli train) $(RECIPE)_dev.yaml $(OPTIONS)

merge: install  ## Manuals: the LoRA into its base, which gives MODEL
	$(RUN) $(if $(SWIFT),swift,llamafactory-cli) export $(RECIPE)_export.yaml $(OPTIONS)

eval: $(PREDICTIONS)  ## Manuals: answers of MODEL=folder [ADAPTER=folder] or URL=server, a report [JUDGE=anthropic]
	$(BIN)/ontune evaluate $< --goals $(GOALS)$(JUDGED)$(if $(wildcard $(PROBED)), --probes $(PROBED)) $(OPTIONS)

eval-quick: $(QUICK)  ## Manuals: the same of 50 samples, evenly spread
	$(BIN)/ontune evaluate $< --goals $(GOALS)$(JUDGED) $(OPTIONS)

eval-probes: install  ## Manuals: PROBES=probes.yaml, which have to come right; eval takes them into its report
	$(BIN)/ontune probe $(PROBES) $(ASKED) --task service_manual --goal 'probe_pass_rate>0.85' -o $(PROBED) $(OPTIONS)

eval-compare: $(BASELINE) $(PREDICTIONS)  ## Manuals: the same against the model of BASE=folder, before training
	$(BIN)/ontune compare $(BASELINE) $(PREDICTIONS) $(OPTIONS)

serve-local: install  ## Manuals: MODEL as an OpenAI-compatible server on 127.0.0.1, PORT=8000
ifeq ($(SWIFT),)
	$(RUN) API_HOST=127.0.0.1 API_PORT=$(PORT) API_MODEL_NAME=service_manual llamafactory-cli api $(RECIPE)_serve.yaml model_name_or_path=$(MODEL) $(OPTIONS)
else
	$(RUN) swift deploy $(RECIPE)_serve.yaml --model $(MODEL) --port $(PORT) $(OPTIONS)
endif

$(PREDICTIONS): $(call weights,$(MODEL) $(ADAPTER)) | install
	$(BIN)/ontune predict $(ASKED) --data $(DATA) -o $@

$(QUICK): $(call weights,$(MODEL) $(ADAPTER)) | install
	$(BIN)/ontune predict $(ASKED) --data $(DATA) --max-samples 50 -o $@

$(BASELINE): $(call weights,$(BASE)) | install
	$(BIN)/ontune predict --model $(BASE) --image-max-pixels $(PIXELS) --data $(DATA) -o $@
