"""Production. Starts only with a chain's own secrets; demo and test keys are refused."""

from django.core.exceptions import ImproperlyConfigured

from apps.core.logs import start_sentry
from scrm.settings.base import *
from scrm.settings.base import (
    ALLOWED_HOSTS,
    PII_KEYS,
    PII_PEPPER,
    PUBLIC_BASE_URL,
    SECRET_KEY,
    SENTRY_DSN,
    SMS_GATEWAY_URL,
    WECOM_API_BASE,
    env,
)

SCRM_ENV = "prod"
FIRST_MADE_UP_KEY_ID = 200


def _refuse(problem: str) -> None:
    raise ImproperlyConfigured(f"Production settings: {problem}")


if env.bool("DEBUG", default=False):
    _refuse("DEBUG must be off.")
if env.str("SCRM_ENV", default="prod") != "prod":
    _refuse("SCRM_ENV says this is not production.")
if not ALLOWED_HOSTS:
    _refuse("ALLOWED_HOSTS is empty.")
if not PUBLIC_BASE_URL.startswith("https://"):
    _refuse("PUBLIC_BASE_URL must begin with https://.")
for _name, _value in {"SECRET_KEY": SECRET_KEY, "PII_PEPPER": PII_PEPPER}.items():
    if _value.startswith(("demo-", "test-")) or len(_value) < 32:
        _refuse(f"{_name} is too short or a demo value.")
if any(int(part.split(":")[0]) >= FIRST_MADE_UP_KEY_ID for part in PII_KEYS.split(",")):
    _refuse("PII_KEYS holds a demo or test key.")
if not WECOM_API_BASE.startswith("https://"):
    _refuse("WECOM_API_BASE must begin with https:// (the simulator is for the demo).")
if SMS_GATEWAY_URL and not SMS_GATEWAY_URL.startswith("https://"):
    _refuse("SMS_GATEWAY_URL must begin with https:// (the simulator is for the demo).")

CSRF_TRUSTED_ORIGINS = [PUBLIC_BASE_URL]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31536000)
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True

start_sentry(SENTRY_DSN)
