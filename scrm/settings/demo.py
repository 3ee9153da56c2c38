"""Demo and development: embedded services under DATA_DIR, the simulator as WeCom, made-up keys."""

import os

from apps.core.embedded import paths, secrets

if os.environ.setdefault("SCRM_ENV", "demo") == "prod":
    raise SystemExit("The demo settings do not run where SCRM_ENV is prod.")

_data = paths.data_dir()


def _port_number(name: str, default: str) -> int:
    raw = os.environ.get(name) or default
    if not raw.isdecimal() or not 0 < int(raw) < 65536:
        raise SystemExit(f"{name} must be a port between 1 and 65535, not {raw!r}.")
    return int(raw)


_port = _port_number("PORT", "8000")
_sim_port = _port_number("SIM_PORT", "8010")
_simulator = f"http://127.0.0.1:{_sim_port}"
_run = paths.socket_dir(_data)

secrets.load(_data)
for _name, _value in {
    "DATABASE_URL": f"postgres://scrm@/scrm?host={_run}",
    "BROKER_URL": f"redis+socket://{_run}/valkey.sock?virtual_host=0",
    "CACHE_URL": f"unix://{_run}/valkey.sock?db=1",
    "PUBLIC_BASE_URL": f"http://127.0.0.1:{_port}",
    "WECOM_API_BASE": f"{_simulator}/cgi-bin/",
    "WECOM_OAUTH_BASE": _simulator,
    "WECOM_LOGIN_BASE": _simulator,
    "WECOM_JSSDK_URL": f"{_simulator}/jssdk/wecom.js",
    "WECOM_POLL_DELAYS": "2,4,6,8,10,15,20,25,30,40,50,60",
    "WECOM_POLL_THEN_SECONDS": "10",
    "WECOM_OAUTH_IN_ANY_BROWSER": "1",
    # whoever looks at the demo waits for nothing
    "CARD_GAP_MINUTES": "0",
    "HAND_OUT_FROM": "00:00",
    "HAND_OUT_UNTIL": "23:59",
    "CONTACT_FROM": "00:00",
    "CONTACT_UNTIL": "23:59",
    "SMS_SENDER": "apps.outreach.sms_gateway.HttpGateway",
    "SMS_GATEWAY_URL": f"{_simulator}/sim/sms",
    "STATIC_ROOT": str(_data / "static"),
    "MEDIA_ROOT": str(_data / "media"),
    "LOG_JSON": "0",
    "JOB_VISIBILITY_SECONDS": "300",
    "NEW_STORES_LIVE": "1",
}.items():
    os.environ.setdefault(_name, _value)

from scrm.settings.base import *
from scrm.settings.base import STORAGES

SCRM_ENV = os.environ["SCRM_ENV"]
DEMO = True
DATA_DIR = _data
PORT = _port
SIM_PORT = _sim_port
DEMO_MEMBERS = int(os.environ.get("DEMO_MEMBERS") or "5000")
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
FRAME_ANCESTORS = [_simulator, f"http://localhost:{_sim_port}"]
SIMULATOR_URL = _simulator
# the demo's address is plain http on the loopback interface
SECURE_CROSS_ORIGIN_OPENER_POLICY = None
# compressing every package's files would cost the first start half its time
STORAGES["staticfiles"] = {
    "BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
}
