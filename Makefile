# Two commands on a fresh machine: `make demo` and `make test`.

.PHONY: setup demo test test-all lint figures clean

BIN := .venv/bin

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt scripts/setup.sh
	sh scripts/setup.sh

# The main job on embedded data: train, export, check, time, report.
demo: setup
	$(BIN)/mobilecnn demo

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Everything that CI runs.
test: lint
	$(BIN)/pytest

# The longer sweeps too.
test-all: lint
	$(BIN)/pytest --sweep

# The figures that the documentation quotes, measured on this machine.
figures: setup
	$(BIN)/python benchmarks/export_time.py
	$(BIN)/python benchmarks/runtime_ratio.py
	$(BIN)/python benchmarks/harness_overhead.py
	$(BIN)/python benchmarks/help_time.py

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
