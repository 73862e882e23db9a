# One list of commands. `make demo` and `make test` need Python 3.11-3.13 (with venv), git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Hundreds of short processes are started: none should compile our modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check measured docs sandbox bench soak clean help

help:
	@echo "make demo     a day of dispatching in under two minutes, checked"
	@echo "              INPUT=history.csv DATE=yyyy-mm-dd: that day of what a DSO published"
	@echo "make test     checks and tests"
	@echo "make sandbox  a VTN and two agents that stay up, to try things out"
	@echo "make check    mypy, ruff, architecture"
	@echo "make docs     write the generated pages of docs/ anew"
	@echo "make bench    whether an attack delays a cease: a table, with the machine it was measured on"
	@echo "make soak     kills, failing writes, replays, bit flips, 100,000 steps of desk and"
	@echo "              agent exchanging texts, planted faults; goes on where it was cut (FRESH=1"
	@echo "              begins again), with dated logs in var/soak/"

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else "Python 3.11, 3.12 or 3.13 is needed; this is %d.%d. Try: make PYTHON=python3.12 ..." % v[:2])'
	@echo "Installing into $(VENV), once: this takes a minute or two"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: $(VENV)/installed
	$(BIN)/python -m demo $(if $(INPUT),--input '$(INPUT)') $(if $(DATE),--date '$(DATE)')

sandbox: $(VENV)/installed
	$(BIN)/python -m demo sandbox

# Measuring what is covered doubles the time of a test: only those that are about ukprofile itself.
COVERING := tests/unit/ukprofile tests/contract/test_vectors.py tests/contract/test_states.py

# mypy keeps one core busy: what is measured runs beside it. Three workers on two cores, since tests
# of whole processes wait a lot.
test: $(VENV)/installed
	$(MAKE) --jobs=2 check measured
	$(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder $(COVERING:%=--ignore %)

measured: $(VENV)/installed
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -n auto --dist worksteal $(COVERING)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -p no:randomly tests/test_architecture.py

docs: $(VENV)/installed
	$(BIN)/python -m docs

bench: $(VENV)/installed
	$(BIN)/python -m benchmarks

soak: $(VENV)/installed
	$(BIN)/python -m tests.soak $(if $(FRESH),--fresh)

clean:
	rm -rf $(VENV) var build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
