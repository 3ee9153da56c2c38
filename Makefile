# Needs Python 3.11 or newer with venv, and make. Everything else comes from requirements.lock.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p && break; done)
PY := .venv/bin/python
READY := .venv/.ready

export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo demo-reset test test-quick lint format messages lock check-python

demo: $(READY) translations
	@exec $(PY) manage.py demo

demo-reset: $(READY) translations
	@$(PY) -m apps.hq.reset
	@exec $(PY) manage.py demo

test: $(READY) translations
	@sh .ci/test

lint: $(READY)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy apps scrm
	.venv/bin/lint-imports

format: $(READY)
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

messages: $(READY)
	$(PY) manage.py messages

lock: $(READY)
	.venv/bin/uv pip compile --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
	  --no-header --group dev pyproject.toml -o requirements.lock

.PHONY: translations
translations: $(READY)
	@for po in locale/*/LC_MESSAGES/*.po; do \
	  if [ -e "$$po" ] && [ ! "$${po%.po}.mo" -nt "$$po" ]; then \
	    .venv/bin/pybabel -q compile -i "$$po" -o "$${po%.po}.mo" >/dev/null 2>&1 || exit 1; fi; done

check-python:
	@test -n "$(PYTHON)" || { echo "No Python found: install Python 3.11 or newer."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is too old: Python 3.11 or newer is needed (make PYTHON=/path/to/python)."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "Python has no venv module: install it (on Debian: apt install python3-venv)."; exit 1; }

$(READY): requirements.lock
	@$(MAKE) --no-print-directory check-python
	@echo "Installing into .venv (once)"
	@test -x $(PY) || $(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }
	@$(PY) -m pip install -q --disable-pip-version-check --no-compile --require-hashes -r requirements.lock
	@echo "Compiling"
	@$(PY) -m compileall -q -j 0 .venv/lib apps scrm >/dev/null 2>&1 || true
	@touch $(READY)
