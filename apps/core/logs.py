"""Logs: structured, about ids, never about people."""

import logging
import re
from collections.abc import MutableMapping
from typing import Any

import sentry_sdk
import structlog

# a mainland mobile number, bare or with its country code; the rest of a log line is ids
_PHONE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?(1\d{2})\d{4}(\d{4})(?!\d)")
_QUERY = re.compile(r"\?[^\s'\"]*")
# query strings hold search words and sign-in codes
_WITHOUT_QUERY = ("request", "url", "path")

Event = MutableMapping[str, Any]


def scrub_text(text: str) -> str:
    """Mask whatever looks like a mobile number."""
    return _PHONE.sub(r"\1****\2", text)


def scrub(_logger: Any, _method: str, event: Event) -> Event:
    """structlog processor: no numbers of people, no query strings."""
    for key, value in event.items():
        if isinstance(value, str):
            text = _QUERY.sub("", value) if key in _WITHOUT_QUERY else value
            event[key] = scrub_text(text)
    return event


class ScrubFilter(logging.Filter):
    """The same for libraries that log through the standard module."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not isinstance(record.msg, dict):
            record.msg = scrub_text(record.getMessage())
            record.args = ()
        return True


def structlog_logging(*, level: str, json: bool) -> dict[str, Any]:
    """Configure structlog and return Django's LOGGING: JSON lines, or readable ones in the demo."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        scrub,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    return _logging(level, shared, renderer)


def _logging(level: str, shared: list[Any], renderer: Any) -> dict[str, Any]:
    """Django's LOGGING: everything to the console, scrubbed, by one renderer."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"scrub": {"()": ScrubFilter}},
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    renderer,
                ],
                "foreign_pre_chain": shared,
            }
        },
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "lines",
                "filters": ["scrub"],
            }
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django.server": {"handlers": ["console"], "level": "WARNING", "propagate": False},
            "axes": {"level": "ERROR"},
            "wechatpy": {"level": "WARNING"},
        },
    }


def _scrub_report(event: Any, _hint: Any) -> Any:
    request = event.get("request", {})
    for part in ("query_string", "data", "cookies", "headers"):
        request.pop(part, None)
    return event


def start_sentry(dsn: str) -> None:
    """Report errors to Sentry when a DSN is set: no bodies, queries, users or local variables."""
    if dsn:
        sentry_sdk.init(
            dsn=dsn,
            send_default_pii=False,
            include_local_variables=False,
            before_send=_scrub_report,
        )
