"""Tests: services started by tests/conftest.py (it sets the addresses), keys known to everybody."""

import os

os.environ.setdefault("SCRM_ENV", "test")
# one folder per test run and worker; processes a test starts inherit its name
_run = os.environ.setdefault("SCRM_TEST_RUN", f"/tmp/scrm-t{os.getuid()}-{os.getpid()}")
if _worker := os.environ.get("PYTEST_XDIST_WORKER"):
    _run = f"{_run}-{_worker}"
if os.environ.get("SCRM_TEST_SERVICES") != _run:
    # a worker inherits the controller's addresses; it has services of its own
    os.environ["SCRM_TEST_SERVICES"] = _run
    os.environ["DATABASE_URL"] = f"postgres://scrm@/scrm?host={_run}"
    os.environ["BROKER_URL"] = f"redis+socket://{_run}/valkey.sock?virtual_host=0"
    os.environ["CACHE_URL"] = f"unix://{_run}/valkey.sock?db=1"
for _name, _value in {
    "SECRET_KEY": "test-only-secret-key-that-protects-nothing-at-all-0123456789",
    "PII_KEYS": "202:dGVzdC1vbmx5LWtleS10ZXN0LW9ubHkta2V5LTEyMzQ=",
    "PII_PEPPER": "test-pepper",
    "PUBLIC_BASE_URL": "http://testserver",
    "WECOM_API_BASE": "http://127.0.0.1:9/cgi-bin/",
    "WECOM_OAUTH_BASE": "http://127.0.0.1:9",
    "WECOM_LOGIN_BASE": "http://127.0.0.1:9",
    "WECOM_JSSDK_URL": "http://127.0.0.1:9/jssdk/wecom.js",
    "WECOM_OAUTH_IN_ANY_BROWSER": "1",
    "CARD_GAP_MINUTES": "0",
    "LOG_JSON": "0",
    "NEW_STORES_LIVE": "1",
    "LOG_LEVEL": "WARNING",
}.items():
    os.environ.setdefault(_name, _value)

from scrm.settings.base import *
from scrm.settings.base import DATABASES, STORAGES

SCRM_ENV = "test"
TEST_RUN = _run
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
# a thread's kept connection would hold the test database when it is dropped
DATABASES["default"]["CONN_MAX_AGE"] = 0
DATABASES["default"]["TEST"] = {"NAME": "scrm_test"}
MEDIA_ROOT = f"{_run}-data/media"
# every test has a database of its own: nothing is remembered
WECOM_ENDPOINT_SECONDS = 0
WHITENOISE_AUTOREFRESH = True
