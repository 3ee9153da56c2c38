"""Demo and development: embedded services under DATA_DIR, the simulator as WeCom, made-up keys."""

import os
from pathlib import Path

from apps.core.embedded import paths, secrets

SCRM_ENV = os.environ.setdefault("SCRM_ENV", "demo")
if SCRM_ENV == "prod":
    raise SystemExit("The demo settings do not run where SCRM_ENV is prod.")

DATA_DIR = paths.data_dir()
PORT = int(os.environ.get("PORT", "8000"))
SIM_PORT = int(os.environ.get("SIM_PORT", "8010"))
DEMO_MEMBERS = int(os.environ.get("DEMO_MEMBERS", "5000"))
_simulator = f"http://127.0.0.1:{SIM_PORT}"
_run = paths.socket_dir(DATA_DIR)

secrets.load(DATA_DIR)
for _name, _value in {
    "DATABASE_URL": f"postgres://scrm@/scrm?host={_run}",
    "BROKER_URL": f"redis+socket://{_run}/valkey.sock?virtual_host=0",
    "CACHE_URL": f"unix://{_run}/valkey.sock?db=1",
    "PUBLIC_BASE_URL": f"http://127.0.0.1:{PORT}",
    "WECOM_API_BASE": f"{_simulator}/cgi-bin/",
    "WECOM_OAUTH_BASE": _simulator,
    "WECOM_LOGIN_BASE": _simulator,
    "WECOM_JSSDK_URL": f"{_simulator}/jssdk/wecom.js",
    "WECOM_POLL_DELAYS": "2,4,6,8,10,15,20,25,30,40,50,60",
    "WECOM_POLL_THEN_SECONDS": "10",
    "WECOM_OAUTH_IN_ANY_BROWSER": "1",
    "STATIC_ROOT": str(DATA_DIR / "static"),
    "MEDIA_ROOT": str(DATA_DIR / "media"),
    "LOG_JSON": "0",
    # the demo's phones answer at once
    "WECOM_POLL_DELAYS": "1,2,4,8,15,30,60,300",
    "JOB_VISIBILITY_SECONDS": "300",
}.items():
    os.environ.setdefault(_name, _value)

from scrm.settings.base import *  # noqa: E402, F403
from scrm.settings.base import BASE_DIR, STORAGES  # noqa: E402

DEMO = True
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
FRAME_ANCESTORS = [_simulator, f"http://localhost:{SIM_PORT}"]
SIMULATOR_URL = _simulator
DEMO_DATA = Path(BASE_DIR) / "apps" / "hq" / "demo" / "data"
# the demo's address is plain http on the loopback interface
SECURE_CROSS_ORIGIN_OPENER_POLICY = None
# compressing every package's files would cost the first start half its time
STORAGES["staticfiles"] = {
    "BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
}
