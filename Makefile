# From a fresh clone, with Python 3.11 or later, pip and make:
#
#   make demo                   mask a picture and track through a clip that the program draws
#                               itself; look into demo-out/
#   make demo INPUT=photo.jpg   the same with a picture of yours
#   make demo INPUT=clip.mp4    the same with a video of yours; POINT=x,y says what is followed
#   make test                   what CI runs: lint, types, import rules, tests
#   make test-slow              the tests that take long
#   make test-peers             compare with transformers, sam2 and vos-benchmark (installs them first)
#
# PYTHON=python3.12 chooses another interpreter.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test lint types imports unit test-slow peers test-peers clean

demo: .venv/core
	$(BIN)/masklet demo --out demo-out $(if $(INPUT),"$(INPUT)") $(if $(POINT),--point "$(POINT)")

test: lint types imports unit

lint: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/dev
	$(BIN)/mypy

imports: .venv/dev
	$(BIN)/lint-imports --no-logo

unit: .venv/dev
	$(BIN)/pytest

test-slow: .venv/dev
	$(BIN)/pytest -m slow

test-peers: .venv/peers
	$(BIN)/pytest -m peers

peers: .venv/peers

# A stamp is younger than what it was made from, or the environment is brought up to date.
.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  f"masklet needs Python 3.11 or later, this is {sys.version.split()[0]}: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	touch $@

.venv/core: .venv/python pyproject.toml constraints.txt
	$(PIP) --editable .
	touch $@

.venv/dev: .venv/core
	$(PIP) --editable '.[dev]'
	touch $@

# sam2 would bring a torchvision that loads only beside one build of torch, and compile for CUDA;
# vos-benchmark a second OpenCV over ours. All are installed as plain Python, which is all that the
# comparison uses.
.venv/peers: .venv/dev
	$(PIP) --editable '.[dev,peers]'
	SAM2_BUILD_CUDA=0 $(PIP) --no-deps --no-build-isolation sam2 torchvision vos-benchmark
	touch $@

clean:
	rm -rf .venv demo-out dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
