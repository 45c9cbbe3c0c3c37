# make demo       the main job on the sample crawl in data/, and its first clusters
# make test       lint, types and the tests on small samples (minutes); in a real Chromium, too
# make test-slow  full corpora, scale and kill tests
# make test-neural  the layers for PyTorch, which it installs; NEURAL=1 measures them too
# make bench      dedup and its peers side by side; BENCH="--corpus x.parquet --truth y.parquet"
# make scale      time, memory and disk at 1, 3 and 10 million documents; SCALE="--memory 1GiB"
# make clean      removes environments, builds and caches
#
# PYTHON chooses the interpreter: make test PYTHON=python3.12

PYTHON ?= python3
# An interpreter of one's own choice gets an environment of its own.
VENV ?= .venv$(if $(filter-out python3,$(PYTHON)),-$(notdir $(PYTHON)))
OUT ?= build/demo
BENCH ?=
SCALE ?=
BIN := $(VENV)/bin
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

DEMO_STAMP := $(VENV)/installed-demo
TEST_STAMP := $(VENV)/installed-test
BENCH_STAMP := $(VENV)/installed-bench
NEURAL_STAMP := $(VENV)/installed-neural
# Its comma would part the arguments of $(call).
DEDUP := .[crawl,report]

.PHONY: help demo test test-quick test-slow lint bench scale clean
.DEFAULT_GOAL := help

help:
	@sed -n '/^# make/s/^# //p' Makefile

# Two makes at once wait for each other here; the second finds the stamp and does nothing.
# The stamp is older than pyproject.toml exactly when the environment has to be brought up to date.
define install
	@mkdir -p "$(VENV)"
	@exec 9>"$(VENV)/.lock"; flock 9; \
	if [ "$@" -nt pyproject.toml ]; then exit 0; fi; \
	echo "Preparing $(VENV) ($(notdir $@))"; \
	"$(PYTHON)" -c 'import sys; assert sys.version_info >= (3, 11), "choose Python 3.11 or newer with PYTHON=..."'; \
	"$(PYTHON)" -m venv "$(VENV)"; \
	"$(BIN)/python" -m pip install --quiet --upgrade 'pip>=25.1'; \
	"$(BIN)/python" -m pip install --quiet $(1); \
	touch "$@"
endef

$(DEMO_STAMP): pyproject.toml
	$(call install,--editable '$(DEDUP)')

$(TEST_STAMP): pyproject.toml
	$(call install,--editable '$(DEDUP)' --group test)

$(NEURAL_STAMP): pyproject.toml
	$(call install,--editable '.[torch]' --group test-neural)

$(BENCH_STAMP): pyproject.toml
	$(call install,--editable . --group bench)
	@"$(BIN)/python" -m pip install --quiet --group bench-text-dedup \
	  || echo "text-dedup does not install here; the benchmark goes on without it"

define SHOW_CLUSTERS
import sys
import pyarrow.parquet as pq

for row in pq.read_table(sys.argv[1] + "/clusters.parquet").slice(0, 12).to_pylist():
    if row["is_keeper"]:
        print("keep   ", row["doc_id"], "(cluster of %d)" % row["cluster_size"])
    else:
        print("  drop ", row["doc_id"], "%s %.3f" % (row["match"], row["jaccard"]))
endef
export SHOW_CLUSTERS

demo: $(DEMO_STAMP)
	@"$(BIN)/dedup" run data/sample.warc.gz -o "$(OUT)" --overwrite
	@echo; echo "Results: $(OUT)/clusters.parquet, pairs.parquet, summary.json. The first clusters:"
	@"$(BIN)/python" -c "$$SHOW_CLUSTERS" "$(OUT)"

# The report is tested in a real browser.
.PHONY: browser
browser:
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do \
	  if command -v "$$name" >/dev/null; then exit 0; fi; \
	done; \
	if [ "$$(id -u)" = 0 ]; then as_root=; \
	elif sudo -n true 2>/dev/null; then as_root="sudo -n"; \
	else echo "the tests of the report need Chromium: apt-get install -y chromium" >&2; exit 1; fi; \
	echo "Installing Chromium for the tests of the report"; \
	$$as_root apt-get update -q && $$as_root apt-get install -y -q --no-install-recommends chromium

lint: $(TEST_STAMP)
	"$(BIN)/ruff" check
	"$(BIN)/ruff" format --check
	"$(BIN)/mypy" --strict dedup

# The tests of the Spark engine say so where they are skipped for want of Java.
.PHONY: java
java:
	@if command -v java >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then as_root=; else as_root="sudo -n"; fi; \
	echo "Installing Java for the tests of the Spark engine"; \
	{ $$as_root apt-get update -q \
	  && $$as_root apt-get install -y -q --no-install-recommends default-jre-headless; } \
	|| echo "There is no Java, and it cannot be installed here: Spark is not tested." >&2

# A process a core; a file's tests share fixtures, and stay together.
FAST := -q -m 'not slow' -n auto --dist loadfile

test: lint browser java
	"$(BIN)/pytest" $(FAST)

test-quick: $(TEST_STAMP) browser java
	"$(BIN)/pytest" $(FAST)

test-slow: $(TEST_STAMP) browser java
	"$(BIN)/pytest" -q -m slow

# PyTorch stays out of the environment that the other tests use.
.PHONY: test-neural test-neural-run
test-neural:
	@$(MAKE) --no-print-directory test-neural-run VENV='$(VENV)-neural'

test-neural-run: $(NEURAL_STAMP)
	"$(BIN)/pytest" -q tests/neural
	$(if $(NEURAL),"$(BIN)/python" -m benchmarks.neural)

# The peers' many packages stay out of the environment that the tests use.
bench scale:
	@$(MAKE) --no-print-directory $@-run VENV='$(VENV)-bench'

.PHONY: bench-run scale-run
bench-run: $(BENCH_STAMP)
	@"$(BIN)/python" -m benchmarks $(BENCH)

scale-run: $(BENCH_STAMP)
	@"$(BIN)/python" -m benchmarks.scale $(SCALE)

clean:
	rm -rf .venv .venv-* build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
