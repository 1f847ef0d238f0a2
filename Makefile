PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DATA ?= ../shared/data
QUICK ?=
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test check lowest docs bench clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@

demo: $(READY) ## Set up, then key, encrypt, train, evaluate, classify, decrypt: the main job on embedded images
	$(BIN)/hf-etc demo --out demo-out

test: check ## Set up, then run every check and test
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(READY) ## Lint, formatting, types, import contracts, declared dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry .

lowest: ## Run the quick tests with every direct dependency at its lowest allowed release
	.ci/lowest

docs: $(READY) ## The documentation as a site: site/index.html; a link that leads nowhere fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(READY) ## Measure speed against named peers, writes results/ and docs/performance.md; DATA= data sets, QUICK=--quick a trial
	$(BIN)/python benchmarks/encryption.py $(QUICK)
	$(BIN)/python benchmarks/pipeline.py $(DATA)/imagenette $(DATA)/kodak $(QUICK)
	$(BIN)/python benchmarks/dataset.py $(DATA)/cifar10 $(QUICK)
	$(BIN)/python benchmarks/memory.py $(QUICK)
	$(BIN)/python benchmarks/space.py $(QUICK)
	$(BIN)/python benchmarks/training.py --dataset $(DATA)/cifar10 $(QUICK)
	$(BIN)/python benchmarks/page.py

clean: ## Remove the virtual environment and what the demo and the site wrote
	rm -rf $(VENV) .venv-lowest demo-out site
