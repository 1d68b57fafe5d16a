# The names in this file are public: INTERFACE.md and README.md promise them. The work is done by scripts in tools/,
# which can be run by themselves.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
PREFIX ?= /usr/local
DESTDIR ?=
ARGS ?=
PYTHON := build/env/venv/bin/python
FUZZ_SECONDS ?= 60

# Models that the black-box tests want; qwen2.5-coder:1.5b is used where it is there, and fetched by test-long.
test_models := smollm2:135m all-minilm:l6 qwen2.5-coder:0.5b
programs := $(if $(wildcard src/app/CMakeLists.txt),weir weir-serve weir-egress weir-engine weir-fetch weir-reader)

.PHONY: build run models test test-long profile lint asan tsan fuzz docs bench bench-engine bench-models bench-knowledge bench-labels bench-dialects bench-gateway bench-vectors bench-% install deb clean help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

build: ## the release programs, build/bin/weir and build/bin/weir-engine
	@tools/build.sh release $(programs)

run: build ## build, fetch the default models, serve, and ask one question (ARGS="..." goes to `weir serve`)
	@tools/run.sh $(ARGS)

models: ## the default models into the data folder
	@tools/fetch_models

test: ## every kind of test; the last line is `N passed, N failed`
	@tools/setup.sh --tests && tools/build.sh release && tools/fetch_models $(test_models) && tools/run_tests.py

test-long: ## the same kinds with the large counts, the sanitizers, the fuzzers; resumes where it stopped
	@tools/setup.sh --tests --clients --processors && tools/build.sh release && tools/fetch_models && \
	  tools/fetch_models --models build/test-models --catalogue data/test_models.json && tools/test_long.py $(ARGS)

profile: ## how often each function runs on the way of a request, for the compiler: cmake/weir.profdata
	@tools/setup.sh --tests && tools/build.sh release gateway_upstream gateway_load && \
	  tools/build.sh measure weir weir-serve weir-egress && $(PYTHON) tools/profile.py

lint: ## clang-format and clang-tidy over src
	@tools/build.sh release && tools/lint.py

# The real models would take hours there: what needs one is skipped by name, the tiny models and the fakes do the work.
sanitized = WEIR_MODELS=$(CURDIR)/build/no-models WEIR_PATIENCE=$${WEIR_PATIENCE:-10} tools/run_tests.py --only unit,blackbox

asan: ## the whole suite under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/setup.sh --tests && tools/build.sh asan && $(sanitized) --build build/asan

tsan: ## the whole suite under ThreadSanitizer
	@tools/setup.sh --tests && tools/build.sh tsan && $(sanitized) --build build/tsan

fuzz: ## FUZZ_SECONDS (60) for each libFuzzer target
	@tools/build.sh fuzz fuzz_targets && tools/fuzz.py --seconds $(FUZZ_SECONDS)

bench: bench-engine bench-models bench-routing bench-cascade bench-knowledge bench-labels bench-dialects bench-gateway bench-vectors ## every benchmark against its peer, as Markdown and JSON under build/bench/

bench-engine: ## Weir against llama-server from the same tree
	@tools/setup.sh --tests && tools/build.sh release $(programs) && tools/fetch_models && $(PYTHON) bench/engine.py $(ARGS)

bench-models: ## pulling against curl and sha256sum, quantising and perplexity against llama.cpp's tools, listing
	@tools/setup.sh --tests && tools/build.sh release $(programs) && $(PYTHON) bench/models.py $(ARGS)

bench-routing: ## what the prediction is worth, on RouteLLM's tables; ARGS=--write fits it anew
	@tools/setup.sh --tests && tools/build.sh release weir-features && $(PYTHON) tools/train_prediction.py $(ARGS)

bench-cascade: ## the draft check with the default models, on tasks with known answers; ARGS=--write fits it anew
	@tools/setup.sh --tests && tools/build.sh release $(programs) && tools/fetch_models && $(PYTHON) bench/cascade.py $(ARGS)

bench-dialects: ## what conversion costs, each dialect of clients against each that answers
	@tools/build.sh release dialects_bench && python3 bench/dialects.py $(ARGS)

bench-gateway: ## what a request pays for going through Weir, beside nginx, haproxy, Portkey and LiteLLM
	@tools/setup.sh --tests && tools/build.sh release $(programs) gateway_upstream gateway_load && $(PYTHON) bench/gateway.py $(ARGS)

bench-vectors: ## the vector database beside hnswlib, usearch, faiss, zvec, lancedb and chromadb
	@tools/setup.sh --tests && tools/build.sh release vectors_bench && $(PYTHON) bench/vectors.py $(ARGS)

bench-labels: ## the detectors: speed, what they find of each type, what they find where nothing is
	@tools/build.sh release weir detector_speed && python3 bench/labels.py $(ARGS)

bench-knowledge: ## documents: what a search finds, and how fast they become searchable
	@tools/setup.sh --tests && tools/build.sh release $(programs) && tools/fetch_models && $(PYTHON) bench/knowledge.py $(ARGS)

bench-%:
	@echo "weir make: bench-$* does not exist yet; there are bench-engine, bench-models, bench-routing, bench-cascade, bench-knowledge, bench-labels, bench-dialects, bench-gateway and bench-vectors" >&2; exit 2

docs: ## the commands of README.md and docs/, run as they are written (also a part of `make test`)
	@tools/setup.sh --tests && tools/build.sh release $(programs) && tools/fetch_models $(test_models) && tools/run_tests.py --only docs

# The engine once for each kind of processor; on ARM the portable one alone.
engines := portable $(if $(filter x86_64,$(shell uname -m)),avx512 amx)

deb: build ## a Debian package, build/weir_VERSION_ARCHITECTURE.deb, that runs on other processors than this one
	@for level in $(engines); do tools/build.sh $$level weir-engine weir-engine-chooser; done && tools/deb.sh

install: build ## into PREFIX (/usr/local); DESTDIR is honoured
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' tools/install.sh

clean: ## removes build/; the caches of third-party code and models stay
	rm -rf build
