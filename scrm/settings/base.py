"""What every way of running shares. Values come from the environment and fail loudly when bad."""

import logging
from datetime import time
from pathlib import Path

import environ
from django.utils.translation import gettext_lazy as _

from apps.core.logs import structlog_logging
from apps.hq import look

BASE_DIR = Path(__file__).resolve().parent.parent.parent
env = environ.Env()

SCRM_ENV = "base"
# the demo's own; its settings give them values
DEMO = False
DEMO_MEMBERS = 0
DEMO_DATA = BASE_DIR / "apps" / "hq" / "demo" / "data"
DATA_DIR = BASE_DIR / ".local"
SIMULATOR_URL = ""
PORT = 0
SIM_PORT = 0
DEBUG = False
SECRET_KEY = env.str("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# scheme and host under which people reach us; links in messages are built on it
PUBLIC_BASE_URL = env.str("PUBLIC_BASE_URL").rstrip("/")

# the chain's own day: all dates, partitions and business days are cut in this zone
CHAIN_TIME_ZONE = env.str("CHAIN_TIME_ZONE", default="Asia/Shanghai")
TIME_ZONE = CHAIN_TIME_ZONE
USE_TZ = True
USE_I18N = True
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]

# does a new store take part at once, or when head office switches it on (上线范围)?
NEW_STORES_LIVE = env.bool("NEW_STORES_LIVE", default=False)

# parts of the product that are left out, by name (apps/accounts/modules.py)
MODULES_OFF = env.list("MODULES_OFF", default=[])

# --- WeCom: the same four addresses for the real hosts and for the simulator -------------------
WECOM_API_BASE = env.str("WECOM_API_BASE", default="https://qyapi.weixin.qq.com/cgi-bin/")
WECOM_OAUTH_BASE = env.str("WECOM_OAUTH_BASE", default="https://open.weixin.qq.com")
WECOM_LOGIN_BASE = env.str("WECOM_LOGIN_BASE", default="https://login.work.weixin.qq.com")
WECOM_JSSDK_URL = env.str(
    "WECOM_JSSDK_URL", default="https://wwcdn.weixin.qq.com/node/open/js/wecom-jssdk-2.3.4.js"
)

# how WeCom limits what one customer gets, as its admin chose it: "month" (as many as the month has
# days), "week" (7 from Monday on) or "day" (1)
WECOM_CAP_RULE = env.str("WECOM_CAP_RULE", default="month")
# of the month's rule: fewer than the month has days; empty = as many
WECOM_MONTHLY_CAP = env.int("WECOM_MONTHLY_CAP", default=0) or None
# for so many hours after one guide's contact a colleague's marketing is refused; 0 = never
CONTACT_BLOCK_HOURS = env.int("CONTACT_BLOCK_HOURS", default=24)
# a member in an open task of one marketing push gets none of another
CONTACT_ONE_PLAN = env.bool("CONTACT_ONE_PLAN", default=True)
# a push to more members than this is handed out in parts of so many, by several workers at once
HAND_OUT_PART = env.int("HAND_OUT_PART", default=20_000)
# what a guide has for tasks in a day; head office sees which pushes ask for more
GUIDE_MINUTES_PER_DAY = env.int("GUIDE_MINUTES_PER_DAY", default=60)
# so many days more than head office a regional manager may give a push in the own region
REGION_MORE_DAYS = env.int("REGION_MORE_DAYS", default=3)
# so many coupon codes a minute the tills of one store may ask about with one key
TILL_CHECKS_PER_MINUTE = env.int("TILL_CHECKS_PER_MINUTE", default=600)
# days for which the answer to a request of a till or mall is kept for its repetition
IDEMPOTENCY_DAYS = env.int("IDEMPOTENCY_DAYS", default=30)
# chain time. Guides' phones ring for work in these hours, which a push may narrow or widen
HAND_OUT_FROM = env.get_value("HAND_OUT_FROM", cast=time.fromisoformat, default=time(7))
HAND_OUT_UNTIL = env.get_value("HAND_OUT_UNTIL", cast=time.fromisoformat, default=time(23))
# customers are written to in these
CONTACT_FROM = env.get_value("CONTACT_FROM", cast=time.fromisoformat, default=time(9))
CONTACT_UNTIL = env.get_value("CONTACT_UNTIL", cast=time.fromisoformat, default=time(21))
# a guide's phone rings for work once in so many minutes: cards that come meanwhile wait and are
# one; 0 = each at once
CARD_GAP_MINUTES = env.int("CARD_GAP_MINUTES", default=30)
# what is overdue may still be done for so many days, then it counts as expired
TASK_GRACE_DAYS = env.int("TASK_GRACE_DAYS", default=3)
# a task overdue for so many hours is put before the store manager
ESCALATE_AFTER_HOURS = env.int("ESCALATE_AFTER_HOURS", default=24)
# from so many contacts declared beyond the chats WeCom counted, a guide's day is worth a question
MISMATCH_FROM = env.int("MISMATCH_FROM", default=3)
# what a store's own wording of a script may not say
SCRIPT_FORBIDDEN_WORDS = env.list(
    "SCRIPT_FORBIDDEN_WORDS", default=["国家级", "世界级", "最高级", "最佳", "全网最低", "史上最低"]
)
# a guide who answers less than this share of customers' chats the same day is shown to the manager
REPLY_PERCENT_LOW = env.int("REPLY_PERCENT_LOW", default=60)
# from this share of 不适用 by a guide's own choice (and so many) the manager is asked
EXCUSED_PERCENT_LIMIT = env.int("EXCUSED_PERCENT_LIMIT", default=30)
EXCUSED_FROM = env.int("EXCUSED_FROM", default=3)
# the same of a store's work without customers: from so many of its guides; what is done once for
# the whole store asks at the first
EXCUSED_ITEMS_FROM = env.int("EXCUSED_ITEMS_FROM", default=2)
# so many customers reached in 30 days without a purchase are worth a look
NO_SALE_FROM = env.int("NO_SALE_FROM", default=10)
# seconds after the hand-over at which WeCom is asked for results, then every so many seconds
WECOM_POLL_DELAYS = env.list("WECOM_POLL_DELAYS", cast=int, default=[60, 300, 900, 3600])
WECOM_POLL_THEN_SECONDS = env.int("WECOM_POLL_THEN_SECONDS", default=86_400)
# tracked links ask WeCom who taps only inside WeChat's browsers; the simulator answers in any
WECOM_OAUTH_IN_ANY_BROWSER = env.bool("WECOM_OAUTH_IN_ANY_BROWSER", default=False)
# from so many deletions in a week, by customers or by a guide, the manager is shown the guide
LOST_BY_CUSTOMER_FROM = env.int("LOST_BY_CUSTOMER_FROM", default=3)
LOST_BY_GUIDE_FROM = env.int("LOST_BY_GUIDE_FROM", default=1)
# friends one member may have: what is over it is not planned (WeCom raises it on application)
WECOM_FRIENDS_PER_GUIDE = env.int("WECOM_FRIENDS_PER_GUIDE", default=20_000)
# a comparison that would make more of the known staff leave at once stops and asks
WECOM_LEAVERS_PERCENT = env.int("WECOM_LEAVERS_PERCENT", default=10)
# our share of WeCom's limits for each API; less than 100 where other software uses the corp as well
WECOM_LIMIT_PERCENT = env.int("WECOM_LIMIT_PERCENT", default=100)
# how long an API rests after WeCom said "too often"; doubled each time it says so again at once
WECOM_LIMIT_WAIT_SECONDS = env.int("WECOM_LIMIT_WAIT_SECONDS", default=60)
# after so many calls in a row without an answer nobody calls for so many seconds, then longer
WECOM_BREAKER_AFTER = env.int("WECOM_BREAKER_AFTER", default=8)
WECOM_BREAKER_SECONDS = env.int("WECOM_BREAKER_SECONDS", default=5)
# how long a process remembers the keys of a callback address
WECOM_ENDPOINT_SECONDS = env.int("WECOM_ENDPOINT_SECONDS", default=2)

# --- Guides' phones without network ------------------------------------------------------------
# hours for which a phone may keep today's list, without numbers of customers
GUIDE_SAVED_HOURS = env.int("GUIDE_SAVED_HOURS", default=12)
# days after which nobody's phone sends an act again
GUIDE_RECEIPT_DAYS = env.int("GUIDE_RECEIPT_DAYS", default=60)

# --- SMS: a class that sends one message (apps/outreach/sms.py); empty = none is connected --------
SMS_SENDER = env.str("SMS_SENDER", default="")
SMS_GATEWAY_URL = env.str("SMS_GATEWAY_URL", default="")
SMS_GATEWAY_TOKEN = env.str("SMS_GATEWAY_TOKEN", default="")
# a code for every number that joins, not only for known ones: nobody can then tell them apart
JOIN_CODE_ALWAYS = env.bool("JOIN_CODE_ALWAYS", default=False)
# the header in which the own proxy names the caller, e.g. X-Forwarded-For; its last entry counts
CLIENT_IP_HEADER = env.str("CLIENT_IP_HEADER", default="")

# --- Commission --------------------------------------------------------------------------------
# a month of commission may be closed when returns of its last day may no longer come
COMMISSION_RETURN_DAYS = env.int("COMMISSION_RETURN_DAYS", default=7)

# --- Customers on a guide's phone ---------------------------------------------------------------
# due again so many days after the purchase (or TA's own rhythm) and after the last contact
DUE_AFTER_PURCHASE_DAYS = env.int("DUE_AFTER_PURCHASE_DAYS", default=30)
DUE_AFTER_CONTACT_DAYS = env.int("DUE_AFTER_CONTACT_DAYS", default=14)
# how many silent customers a day's list holds, and how long any list may be
SILENT_A_DAY = env.int("SILENT_A_DAY", default=20)
LONGEST_LIST = env.int("LONGEST_LIST", default=100)
# searches by phone, last four or code, for each person
LOOKUPS_AN_HOUR = env.int("LOOKUPS_AN_HOUR", default=30)
LOOKUPS_A_DAY = env.int("LOOKUPS_A_DAY", default=100)
# how long a granted look at a customer of others lasts
ACCESS_GRANT_HOURS = env.int("ACCESS_GRANT_HOURS", default=24)
# requests to become somebody's serving guide that may wait for an answer at once, by guide
CLAIMS_OPEN_MAX = env.int("CLAIMS_OPEN_MAX", default=5)

# by when a complaint is to be closed; then its manager is told
CASE_DUE_HOURS = env.int("CASE_DUE_HOURS", default=48)

# after so many days without an answer the manager hears of customers nobody has accepted
REASSIGNMENT_DAYS = env.int("REASSIGNMENT_DAYS", default=2)

# --- Personal data ----------------------------------------------------------------------------
# "1:<base64 of 32 bytes>,2:…": the first encrypts, all decrypt. Ids 200-255 are never a chain's.
PII_KEYS = env.str("PII_KEYS")
PII_PEPPER = env.str("PII_PEPPER")

# --- Apps: rooms from top to bottom, our pages before Unfold's so that ours win ------------------
INSTALLED_APPS = [
    # the admin registers in this order: our page of jobs takes the place of its lists
    "django_celery_beat",
    "apps.hq.apps.HqConfig",
    "apps.guide_portal",
    "apps.member_portal",
    "apps.reports",
    "apps.wecom_sync",
    "apps.ingest",
    "apps.guide_tasks",
    "apps.contact_codes",
    "apps.handovers",
    "apps.risks",
    "apps.customer_groups",
    "apps.appointments",
    "apps.cases",
    "apps.commissions",
    "apps.concessions",
    "apps.looks",
    "apps.stock",
    "apps.news",
    "apps.newcomers",
    "apps.outreach",
    "apps.campaigns",
    "apps.segments",
    "apps.profiles",
    "apps.loyalty",
    "apps.tagging",
    "apps.orders",
    "apps.timeline",
    "apps.members",
    "apps.stores",
    "apps.wecom",
    "apps.accounts",
    "apps.core",
    # BasicAppConfig leaves the choice of the admin site to HqAdminConfig
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.import_export",
    "apps.hq.apps.HqAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_filters",
    "django_htmx",
    "django_prometheus",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "import_export",
    "rest_framework",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "apps.core.middleware.ContentPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.core.middleware.LanguageMiddleware",
    "apps.core.middleware.AudienceSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "apps.core.middleware.PlainTextMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "apps.stores.middleware.ActorMiddleware",
    "apps.accounts.middleware.ModulesMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "scrm.urls"
WSGI_APPLICATION = "scrm.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.accounts.modules.for_templates",
            ],
            "libraries": {"i18n": "apps.core.words"},
        },
    },
]

# --- Database, cache, jobs ---------------------------------------------------------------------
DATABASES = {"default": env.db("DATABASE_URL")}
DATABASES["default"].update(
    ENGINE="apps.core.database",
    CONN_HEALTH_CHECKS=True,
    CONN_MAX_AGE=env.int("DATABASE_CONN_MAX_AGE", default=600),
    ATOMIC_REQUESTS=False,
)
_options = DATABASES["default"].setdefault("OPTIONS", {})
# one forgotten open transaction would stall every reader of the timeline feed
_options["options"] = "-c idle_in_transaction_session_timeout=60000 -c timezone=UTC"
# fixed statements (apps/core/prepared.py) are planned once for a connection; not behind a pooler
# that hands connections from one transaction to the next
_options["prepare_threshold"] = 0 if env.bool("DATABASE_PREPARED", default=True) else None
# what a row out of order costs to PostgreSQL's planner; empty: as the cluster says
if _page_cost := env.str("DATABASE_PAGE_COST", default=""):
    _options["options"] += f" -c random_page_cost={float(_page_cost)}"
# one plan of a fixed statement for all values. Left to itself PostgreSQL plans it anew as often as
# it believes that a day or an id matters, which for a page's few rows takes longer than they do
if env.bool("DATABASE_PLAN_ONCE", default=False):
    _options["options"] += " -c plan_cache_mode=force_generic_plan"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHE_URL = env.str("CACHE_URL")
CACHES = {
    "default": {
        "BACKEND": "apps.core.cache.Cache",
        "LOCATION": CACHE_URL,
        "KEY_PREFIX": "scrm",
    }
}

CELERY_BROKER_URL = env.str("BROKER_URL")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # longer than the longest job; a dead worker's jobs come back at this pace, not kombu's 100 s
    "visibility_timeout": env.int("JOB_VISIBILITY_SECONDS", default=3600),
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
    "socket_timeout": 10,
}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1}
CELERY_TASK_DEFAULT_QUEUE = "interactive"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = CHAIN_TIME_ZONE
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
DJANGO_CELERY_BEAT_TZ_AWARE = True

# --- Who may come in ---------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "apps.accounts.backends.Accounts",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_VERBOSE = False
# its pages would ask Django's permissions, not ours, and show addresses of people
AXES_ENABLE_ADMIN = False

SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
SESSION_COOKIE_NAME = "scrm_session"
# words for one audience stay in its session; a cookie would show them to the other
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
# a guide's pages and HQ's pages in one browser are two people: each keeps its own session
AUDIENCE_SESSION_COOKIES = {"/g/": "scrm_guide", "/l/": "scrm_customer", "/m/": "scrm_member"}
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# the token lives in the session, so signing in as a guide does not spoil HQ's open forms
CSRF_USE_SESSIONS = True
CSRF_FAILURE_VIEW = "apps.guide_portal.views.errors.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY: str | None = "same-origin"
SILENCED_SYSTEM_CHECKS = [
    # frame-ancestors of the content policy does this job, and can name the demo's simulator
    "security.W002",
    # `{% load i18n %}` is meant to mean core.words, which holds the whole of Django's own
    "templates.W003",
]
FRAME_ANCESTORS: list[str] = []

# --- API ---------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "apps.core.api.Pagination",
    "EXCEPTION_HANDLER": "apps.core.api.handle_error",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "SCRM",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024

# --- Static files ------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = env.str("MEDIA_ROOT", default=str(BASE_DIR / ".local" / "media"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Admin -------------------------------------------------------------------------------------
UNFOLD = look.UNFOLD
IMPORT_EXPORT_USE_TRANSACTIONS = True
# a cell that begins like a formula is text to the spreadsheet that opens the export
IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT = True
IMPORT_EXPORT_SKIP_ADMIN_LOG = True

# --- Logs: ids, never people -------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = structlog_logging(level=LOG_LEVEL, json=env.bool("LOG_JSON", default=True))
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
# one line for a request, when it is answered; the line of its begin is for who looks for a hang
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG

# --- Numbers for operations: each web process exports on a free port of "9100-9110" ------------
if _ports := env.str("PROMETHEUS_PORTS", default=""):
    _first, _last = map(int, _ports.split("-"))
    PROMETHEUS_METRICS_EXPORT_PORT_RANGE = range(_first, _last + 1)
    MIDDLEWARE.insert(0, "django_prometheus.middleware.PrometheusBeforeMiddleware")
    MIDDLEWARE.append("django_prometheus.middleware.PrometheusAfterMiddleware")

SENTRY_DSN = env.str("SENTRY_DSN", default="")
CELERY_TASK_ROUTES = ("apps.core.queues.route",)
