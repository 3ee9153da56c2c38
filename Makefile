# Needs Python 3.11 to 3.13 with venv, and make. Everything else comes from requirements.lock.

PY := .venv/bin/python
READY := .venv/.ready
PO := $(wildcard locale/*/LC_MESSAGES/*.po)
MO := $(PO:.po=.mo)

.PHONY: demo demo-reset test lint format messages translations lock

demo: $(READY) $(MO)
	@exec $(PY) manage.py demo

demo-reset: $(READY) $(MO)
	@$(PY) -m apps.hq.reset
	@exec $(PY) manage.py demo

test: $(READY) $(MO)
	@sh .ci/test $(TESTS)

lint: $(READY)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	.venv/bin/lint-imports
	$(PY) -m mypy --cache-dir=/dev/null apps scrm

format: $(READY)
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

messages: $(READY)
	@$(PY) manage.py messages

translations: $(READY) $(MO)

%.mo: %.po $(READY)
	@$(PY) .ci/compile_po.py $< $@

lock: $(READY)
	.venv/bin/uv pip compile --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
	  --no-header --group dev pyproject.toml -o requirements.lock

$(READY): requirements.lock
	@PYTHON="$(PYTHON)" sh .ci/bootstrap
