"""Two versions of PostgreSQL in one judgement: which tests run on both.

`.ci/run` runs the services' tests on the oldest version first and has those that passed written
down; then it runs `make test` on the product's own version and leaves some of them out there: those
named here, which are not about SQL of our own, and of these none that really commits or locks.
Whatever is not named runs on both, so a new room does. Left out is only what passed a moment
ago, name by name: no test can fall between the two. `make test` alone leaves nothing out.
"""

import functools
import os
from pathlib import Path

WRITTEN_TO = "SCRM_PASSED_TO"
PASSED_BEFORE = "SCRM_PASSED_BEFORE"
# not a statement in them but the ORM's
ROOMS_ONCE = ("accounts", "appointments", "handovers", "ingest")
# of rooms with some SQL: the files that are about something else
FILES_ONCE = {
    "contact_codes": ("comparison", "corps", "duty", "links", "near", "pages", "pushing"),
    "customer_groups": (
        *("forgetting", "group_sends", "mirror", "one_content", "outside", "reconcile"),
        "send_attachments",
    ),
    "guide_tasks": ("pages", "rhythm", "series"),
    "outreach": (
        *("asking", "attachments", "card_gap", "contact_hours", "limited", "links", "scripts"),
        *("sends", "sms", "welcomes"),
    ),
    "wecom_sync": (
        *("accounts_given_away", "callbacks", "cards", "departments", "departments_of_corps"),
        *("fast_lane", "friends_in_sets", "given_back", "group_storms", "live_stores", "moments"),
        *("one_member", "orders_of_events", "reconcile", "reconciler_runs", "remark_numbers"),
        *("results", "scans_end", "staff_events", "storms"),
    ),
}
ONCE = (
    *(f"tests/{room}/" for room in ROOMS_ONCE),
    *(f"tests/{room}/test_{file}.py" for room, files in FILES_ONCE.items() for file in files),
)
COMMITTING = {"transactional_db", "live_server"}


def write_down(report):
    path = os.environ.get(WRITTEN_TO)
    if path and report.when == "call" and report.passed:
        with Path(path).open("a", encoding="utf-8") as passed:
            passed.write(f"{report.nodeid}\n")


@functools.cache
def _passed():
    path = os.environ.get(PASSED_BEFORE)
    return frozenset(Path(path).read_text(encoding="utf-8").splitlines()) if path else frozenset()


def commits(item):
    marks = item.iter_markers("django_db")
    return bool(COMMITTING & set(getattr(item, "fixturenames", ()))) or any(
        mark.kwargs.get("transaction") for mark in marks
    )


def is_over(item):
    """It passed on the other version and the version is nothing to it."""
    return item.nodeid in _passed() and item.nodeid.startswith(ONCE) and not commits(item)
