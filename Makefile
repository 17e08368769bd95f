# make run     open the app on http://127.0.0.1:7860 (HOST and PORT override)
# make test    run the default test suite
# Both install what is missing first, into .venv; PYTHON picks the interpreter it is made from.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 7860

# Where there is no NVIDIA GPU, torch comes without gigabytes of CUDA; its dependencies come with the rest.
CPU_WHEELS := $(shell command -v nvidia-smi >/dev/null || echo --no-deps --retries 1 --extra-index-url https://download.pytorch.org/whl/cpu)

WITH_DEPS := $(shell [ "$$(id -u)" != 0 ] || echo --with-deps)

.PHONY: run test

run: .venv/run.stamp
	@HOST=$(HOST) PORT=$(PORT) .venv/bin/python app.py

# Two workers have a core each: threads of theirs would wait for one another.
test: .venv/test.stamp
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest -q -m "not slow" -n 2 --dist loadfile --reruns 1

.venv/run.stamp: requirements.txt
	@sh tools/system-packages.sh run $(PYTHON)
	@test -x .venv/bin/pip || $(PYTHON) -m venv .venv
	@echo "Installing Python packages into .venv (some minutes the first time) ..."
	@.venv/bin/pip install -q $(CPU_WHEELS) $$(grep '^torch==' requirements.txt)
	@.venv/bin/pip install -q -r requirements.txt
	@touch $@

.venv/test.stamp: .venv/run.stamp requirements-dev.txt
	@sh tools/system-packages.sh test $(PYTHON)
	@.venv/bin/pip install -q -r requirements-dev.txt
	@command -v chromium >/dev/null || .venv/bin/playwright install $(WITH_DEPS) chromium
	@touch $@
