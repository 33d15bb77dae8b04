# `make run`: environment (once), then the sample job. `make test`: environment with the tools, then every gate and test.
# `make bench`: the benchmarks, and docs/benchmarks.md from them; BENCH holds further arguments, `--parts jvm` needs Java.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOB ?= configs/jobs/sample_financial_features_job.yaml
BENCH ?=

# At a terminal, a dot each second for what says nothing itself; it ends with the shell of the command.
ALIVE = if [ -t 2 ]; then { while sleep 1 && kill -0 $$$$ 2>/dev/null; do printf . >&2; done; } & dots=$$!; trap 'kill $$dots; echo >&2' EXIT; fi;

.PHONY: help run test bench gates lock clean

help:
	@echo "make run    environment, then fpjob run $(JOB)"
	@echo "make test   environment with the development tools, then every gate and test"
	@echo "make bench  generate data, run this platform beside its peers, write docs/benchmarks.md; BENCH=\"--rows 300000 --parts sample\"; --parts jvm on JVM Spark"
	@echo "make lock   resolve the dependencies again and rewrite the lock files"
	@echo "make clean  remove the environment, the warehouse and the build folders"

run: $(VENV)/.installed
	@$(BIN)/fpjob run $(JOB)

test: $(VENV)/.installed-dev
	@PATH="$(CURDIR)/$(BIN):$$PATH" ./.ci/gates

bench: $(VENV)/.installed-dev
	@$(BIN)/python -m benchmarks.run $(BENCH)

lock: $(VENV)/.installed-dev
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--custom-compile-command "make lock" --extra dev pyproject.toml --no-emit-package feature-platform --upgrade -o requirements-dev.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--custom-compile-command "make lock" --constraint requirements-dev.lock pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) warehouse target logs output

$(VENV)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python >= 3.11 is needed; name one with: make PYTHON=python3.12"; exit 2; }
	@echo "Creating $(VENV)"
	@$(ALIVE) $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/uv
	@echo "Installing the locked environment into $(VENV) (once)"
	@$(ALIVE) VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock pyproject.toml | $(VENV)/bin/uv
	@echo "Installing the locked development environment into $(VENV) (once)"
	@$(ALIVE) VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements-dev.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --editable .
	@touch $(VENV)/.installed $@
