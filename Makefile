# Two commands on a fresh machine: `make demo` and `make test`. While working: `make check`.

.PHONY: setup demo check test test-all test-elsewhere test-packages test-wheel android docs lint types figures clean

BIN := .venv/bin

# Tests at once; each may take 2 GB. A thread each for TensorFlow: more would fight over the cores.
WORKERS ?= 2
TESTS := TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 $(BIN)/pytest
# Tests that share little, the longest first: whoever has finished takes from the other. Of all others, those of
# a file stay together, because they share what takes long to make; many wait for something, so one more at once.
APART := tests/cli/test_demo.py tests/fuzz tests/bench/test_experiments.py tests/test_conformance.py tests/train \
	tests/convert tests/quantize

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt scripts/setup.sh
	sh scripts/setup.sh

# The main job on embedded data: train, export, check, time, report.
demo: setup
	$(BIN)/mobilecnn demo

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

# Lint, types and the tests that need neither TensorFlow nor a program beside Python: under 90 s on two cores.
check: lint types
	$(TESTS) --quick -n $(WORKERS)

test-packages:
	sh scripts/test_packages.sh

# The wheel on another Python than this environment's, with the core alone: its quick tests.
test-wheel: setup
	WORKERS=$(WORKERS) sh scripts/test_wheel.sh

# Everything that CI runs.
test: lint types test-packages test-wheel
	$(TESTS) -n $(WORKERS) --dist worksteal $(APART)
	$(TESTS) -n $$(($(WORKERS) + 1)) --dist loadfile $(APART:%=--ignore=%)

# The sample app alone: its tests, its classifier against Python's, and an APK with models, built and inspected.
android: setup test-packages
	$(BIN)/pytest tests/android
	$(BIN)/python scripts/android_models.py
	$(BIN)/python android_demo/ci/build_apk.py

# The documentation as a site: build/site/index.html.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

# The longer sweeps too, and parts of the tests as other machines would run them.
test-all: lint types test-packages test-elsewhere test-wheel
	$(TESTS) -n $(WORKERS) --dist worksteal --sweep $(APART)
	$(TESTS) -n $$(($(WORKERS) + 1)) --dist loadfile --sweep $(APART:%=--ignore=%)

# With capped instructions, another language and time zone, an ordinary user, another order, one core, busy cores.
test-elsewhere: setup test-packages
	WORKERS=$(WORKERS) $(BIN)/python scripts/elsewhere.py $(VARIANTS)

# The figures that the documentation quotes, measured on this machine.
figures: setup test-packages
	$(BIN)/python benchmarks/export_time.py
	$(BIN)/python benchmarks/runtime_ratio.py
	$(BIN)/python benchmarks/harness_overhead.py
	$(BIN)/python benchmarks/kernel_differences.py
	$(BIN)/python benchmarks/help_time.py
	$(BIN)/python benchmarks/ssh_overhead.py
	$(BIN)/python benchmarks/emulated_counts.py
	$(BIN)/python benchmarks/arm_cost.py

clean:
	rm -rf .venv build dist android_demo/build .mypy_cache .ruff_cache .pytest_cache .hypothesis
