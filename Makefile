# Two commands on a fresh machine: `make demo` and `make test`.

.PHONY: setup demo test test-all test-packages android lint figures clean

BIN := .venv/bin

# Tests at once, of those that may run side by side: each takes about 2 GB.
WORKERS ?= 2
SIDE_BY_SIDE := tests/test_conformance.py tests/train tests/convert tests/quantize

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

test-packages:
	sh scripts/test_packages.sh

# Everything that CI runs. What measures time has the machine to itself; the rest goes side by side.
test: lint test-packages
	$(BIN)/pytest -n $(WORKERS) $(SIDE_BY_SIDE)
	$(BIN)/pytest $(SIDE_BY_SIDE:%=--ignore=%)

# The sample app alone: its tests, its classifier against Python's, and an APK, built and inspected.
android: setup test-packages
	$(BIN)/pytest tests/android
	$(BIN)/python android_demo/ci/build_apk.py

# The longer sweeps too.
test-all: lint test-packages
	$(BIN)/pytest -n $(WORKERS) --sweep $(SIDE_BY_SIDE)
	$(BIN)/pytest --sweep $(SIDE_BY_SIDE:%=--ignore=%)

# The figures that the documentation quotes, measured on this machine.
figures: setup test-packages
	$(BIN)/python benchmarks/export_time.py
	$(BIN)/python benchmarks/runtime_ratio.py
	$(BIN)/python benchmarks/harness_overhead.py
	$(BIN)/python benchmarks/kernel_differences.py
	$(BIN)/python benchmarks/help_time.py
	$(BIN)/python benchmarks/ssh_overhead.py

clean:
	rm -rf .venv build dist android_demo/build .mypy_cache .ruff_cache .pytest_cache .hypothesis
