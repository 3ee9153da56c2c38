"""How fast the mirror is: a whole corp over HTTP, killed once on its way and taken up again.

The other side is the simulator in a process of its own, as strict as ever; its time is in the
figures of both sides. The floor asks for the same pages with the same client and copies what they
say into one table without a key: nobody is recognised, nothing is compared.
"""

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import connection
from django.utils import timezone

from apps.hq.benches import Options, Result, Say, bench
from apps.hq.benches._bulk import sql
from apps.hq.benches._serving import BenchFailed
from apps.hq.benches._simulated import connect, control, open_stores, simulator
from apps.members.models import FollowRelation
from apps.stores.models import Guide
from apps.wecom.client import WeComClient, client_for
from apps.wecom.models import Corp
from apps.wecom_sync.models import SyncRun
from apps.wecom_sync.services import sync_kind

GUIDES_PER_CALL = 100
KILL_AT = 0.4  # of the guides
# the lease of a worker that was killed is over after this
LATER = timedelta(minutes=11)

_TABLE = """
CREATE TEMP TABLE bench_pages (userid text, external_userid text, name text, since timestamptz)
"""
_COPY = "COPY bench_pages (userid, external_userid, name, since) FROM STDIN"


@bench("wecom", {"--guides": 40_000, "--contacts": 1_000_000})
def wecom_sync(options: Options, say: Say) -> list[Result]:
    """Contacts a second: the first comparison, the same with nothing new, and the bare floor."""
    guides, wanted = options["guides"], options["contacts"]
    each = max(wanted // guides, 1)
    # a line of log for every refusal is part of neither side
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with simulator() as url:
        say(f"making {guides:,} guides with {each} contacts each")
        control(url, "bulk", guides=guides, contacts=each, seed=1)
        control(url, "switches", calls_per_minute=10**9)
        corp = connect(url)
        client = client_for(corp)
        open_stores(client)
        say("reading departments and staff")
        staff_s = _timed(lambda: _sync(corp, "departments"))
        say("measuring the bare pages")
        floor_s, floor_rows = _floor(client)
        say("measuring the first comparison, killed on its way")
        first_s, resumed = _first(corp, guides)
        say("measuring it again with nothing new")
        again_s = _timed(lambda: _sync(corp, "contacts"))
    kept = FollowRelation.objects.current().count()
    if not kept == floor_rows == guides * each:
        raise BenchFailed(f"{guides * each:,} contacts, {floor_rows:,} listed, {kept:,} kept")
    floor = kept / floor_s
    return [
        Result("staff_per_s", "guides/s", guides / staff_s),
        Result("first_contacts_per_s", "contacts/s", kept / first_s, floor, first_s / floor_s),
        Result("again_contacts_per_s", "contacts/s", kept / again_s, floor, again_s / floor_s),
        Result("taken_up_again", "times", resumed),
    ]


# --- what is measured ----------------------------------------------------------------------------


def _timed(work: Callable[[], object]) -> float:
    sql("CHECKPOINT")
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _sync(corp: Corp, kind: str, *, later: timedelta = timedelta(0)) -> SyncRun:
    run = sync_kind(corp=corp, kind=kind, now=timezone.now() + later)
    if run.state != SyncRun.State.DONE:
        raise BenchFailed(f"{kind}: {run.error}")
    return run


def _floor(client: WeComClient) -> tuple[float, int]:
    userids = list(Guide.objects.order_by("pk").values_list("wecom_userid", flat=True))
    sql(_TABLE)
    rows = 0
    began = time.perf_counter()
    for start in range(0, len(userids), GUIDES_PER_CALL):
        cursor = ""
        while True:
            page = client.list_contacts_of(userids[start : start + GUIDES_PER_CALL], cursor)
            with connection.cursor() as db, db.copy(_COPY) as copy:
                for contact, follow in page.items:
                    copy.write_row(
                        (follow.userid, contact.external_userid, contact.name, follow.created_at)
                    )
            rows += len(page.items)
            cursor = page.next_cursor
            if not cursor:
                break
    return time.perf_counter() - began, rows


def _first(corp: Corp, guides: int) -> tuple[float, int]:
    """In a process of its own, killed at two fifths; then to the end in this one."""
    sql("CHECKPOINT")
    began = time.perf_counter()
    argv = [sys.executable, "manage.py", "wecom_sync", "--kind", "contacts"]
    child = subprocess.Popen(argv, cwd=settings.BASE_DIR, stderr=subprocess.DEVNULL)
    try:
        while child.poll() is None:
            done = SyncRun.objects.filter(kind="contacts").values_list("parts_done", flat=True)
            if max(done, default=0) >= guides * KILL_AT:
                break
            time.sleep(0.2)
        child.send_signal(signal.SIGKILL)
    finally:
        child.wait()
    run = _sync(corp, "contacts", later=LATER)
    return time.perf_counter() - began, run.resumed
