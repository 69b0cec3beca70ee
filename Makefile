# Two commands do all the set-up on a machine with Python (3.11 or newer) and make:
#   make train   the note's GAN on the embedded digits, in about a minute
#   make test    everything the project checks about itself
# make mutants makes some hundred small mistakes, one by one, and says which the tests do not notice: an hour.
# make test-lowest runs a part of it with the lowest versions that pyproject.toml admits, in an environment of its own.
PYTHON ?= python3
BIN := .venv/bin

LOWEST := .venv-lowest/bin

.PHONY: train test lint types unit mutants test-lowest format clean

train: .venv/installed
	$(BIN)/ganforge train note --data digits --total-nimg 800000

test: lint types unit

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed-dev
	$(BIN)/mypy

# In as many processes as there are cores, up to four, for the memory that each takes. A file's tests stay together, as they
# share what they set up; the files in their order, since the long ones stand first.
unit: .venv/installed-dev
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

mutants: .venv/installed-dev
	$(BIN)/python benchmarks/mutants.py

# What the dependencies are used for, once each: a few minutes.
test-lowest: .venv-lowest/installed
	$(LOWEST)/python -m pytest tests/unit/base tests/unit/data tests/unit/run tests/unit/viewer \
		tests/unit/sampling tests/unit/judging tests/contract/test_note_bits.py \
		tests/contract/test_exact_resume.py tests/contract/test_bounds.py tests/e2e/test_bad_input.py

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("ganforge needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + ": run make PYTHON=python3.11 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[view]'
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

# pip installs torch, at its lower bound, as it can be had on this machine (with or without CUDA); uv then keeps it, and
# takes the lowest version of every other dependency that is named in pyproject.toml.
.venv-lowest/installed: pyproject.toml constraints.txt
	rm -rf .venv-lowest
	$(PYTHON) -m venv .venv-lowest
	$(LOWEST)/python -m pip install --quiet uv
	$(LOWEST)/python -m pip install --quiet --no-deps torch==2.13.0
	VIRTUAL_ENV=.venv-lowest $(LOWEST)/uv pip install --quiet --resolution lowest-direct --editable '.[hub,view]'
	$(LOWEST)/python -m pip install --quiet --constraint constraints.txt pytest hypothesis
	touch $@

clean:
	rm -rf .venv .venv-lowest build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
