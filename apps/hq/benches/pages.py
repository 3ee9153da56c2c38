"""What guides wait for: their pages over HTTP, many at a time, beside an empty Django view.

Sixteen guides (or managers) ask as fast as they are answered, or with `--pause` after that many
seconds of reading, each for the own page, from the product's server as production runs it (with
`--threads 1` as the demo does). The floor is an empty view behind the same middleware on the same
server in the same run, so a ratio says how many empty views a page costs. Every guide has the same
open work; `--today` of it is on today's list, the rest opens in the days to come.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib import import_module
from tempfile import TemporaryDirectory

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.management import call_command
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.guide_tasks.models import GuideTask, TaskTarget
from apps.hq.benches import Options, Result, Say, bench
from apps.hq.benches._serving import (
    PLAIN_PROCESSES,
    BenchFailed,
    percentile,
    send_all,
    server,
)
from apps.hq.benches._world import make_past, make_people, make_work
from apps.hq.supervisor import WEB_SERVER
from apps.stores.models import Guide, Posting
from apps.stores.services import user_of_guide

GUIDES = 16
CUSTOMERS_EACH = 250
TODAY = 50
ROUNDS = 25
WARM_UP_ROUNDS = 2
# with pauses a page is asked for so many seconds, whatever the rounds: six pages must have an end
READING_SECONDS = 15
COOKIE = settings.AUDIENCE_SESSION_COOKIES["/g/"]
# marks inside a transaction ask nothing
_MARKS = ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO", "BEGIN", "COMMIT")


@dataclass(frozen=True, slots=True)
class Visitor:
    """A guide signed in: the session's key, and the addresses of the own pages."""

    session: str
    pages: dict[str, str]


@bench(
    "pages",
    {
        "--members": 1_000_000,
        "--targets": 1_000_000,
        "--today": TODAY,
        "--rounds": ROUNDS,
        "--pause": 0,
        "--threads": 0,
    },
)
def pages(options: Options, say: Say) -> list[Result]:
    """p95 of each page with 16 guides at once, its ratio to an empty view, and its questions."""
    members, targets, now = options["members"], options["targets"], timezone.now()
    guides = max(members, targets) // CUSTOMERS_EACH + GUIDES
    make_people(guides=guides, members=members, say=say)
    work = make_work(guides=guides, targets=targets, now=now, say=say, today=options["today"])
    make_past(now=now, say=say)
    visitors = {"guide": _guides(), "manager": _managers()}
    results = [
        Result("guides", "guides", guides),
        Result("open_targets", "targets", work.targets),
        Result("open_per_guide", "targets", work.targets / guides),
        Result("today_per_guide", "targets", work.today),
    ]
    with _static_files():
        return results + _measured(visitors, options, say) + _questions(visitors)


# --- who asks for what ----------------------------------------------------------------------------


def _guides() -> list[Visitor]:
    found = Posting.objects.filter(role=Posting.PostingRole.GUIDE).order_by("pk")
    return [_guide(posting.guide) for posting in _spread(found)]


def _managers() -> list[Visitor]:
    found = Posting.objects.filter(role=Posting.PostingRole.STORE_MANAGER).order_by("pk")
    return [Visitor(_session(one.guide), {"manager": reverse("guide_portal:team")})
            for one in _spread(found)]  # fmt: skip


def _spread(postings: QuerySet[Posting]) -> QuerySet[Posting]:
    """Some from everywhere, so that they share no pages of any table."""
    rows = list(postings.values_list("pk", flat=True))
    chosen = rows[:: max(len(rows) // GUIDES, 1)][:GUIDES]
    return postings.filter(pk__in=chosen).select_related("guide")


def _guide(guide: Guide) -> Visitor:
    task = GuideTask.objects.of_guide(guide.pk).order_by("pk")[1:2].first()
    target = TaskTarget.objects.of_guide(guide.pk).open().select_related("member").first()
    if task is None or target is None:
        raise BenchFailed("a guide without work")
    return Visitor(
        _session(guide),
        {
            "today": reverse("guide_portal:today"),
            "task": reverse("guide_portal:task", args=[task.pk]),
            "members": reverse("guide_portal:customers"),
            "card": reverse("guide_portal:customer", args=[target.member.public_id]),
        },
    )


def _session(guide: Guide) -> str:
    """Signed in as WeCom's silent sign-in leaves it."""
    user = user_of_guide(guide=guide)
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.set_expiry(timedelta(hours=12))
    store.create()
    return str(store.session_key)


# --- how long they wait ---------------------------------------------------------------------------


@contextmanager
def _static_files() -> Iterator[None]:
    """Pages name their files by content, so the files are gathered once."""
    before = settings.STATIC_ROOT
    with TemporaryDirectory(prefix="scrm-bench-static-") as folder:
        settings.STATIC_ROOT = folder
        call_command("collectstatic", interactive=False, verbosity=0)
        yield
        settings.STATIC_ROOT = before


def _request(address: str, session: str) -> bytes:
    return (
        f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {COOKIE}={session}\r\n"
        "Connection: close\r\n\r\n"
    ).encode()


def _p95(port: int, requests: list[bytes], options: Options) -> float:
    rounds, pause = options["rounds"], options["pause"]
    if pause:
        rounds = min(rounds, max(READING_SECONDS // pause, 1))
    send_all(port, requests * WARM_UP_ROUNDS, GUIDES)
    return percentile(send_all(port, requests * rounds, GUIDES, pause), 0.95)


def _measured(visitors: dict[str, list[Visitor]], options: Options, say: Say) -> list[Result]:
    environment = {"STATIC_ROOT": str(settings.STATIC_ROOT)}
    workers = WEB_SERVER if options["threads"] else PLAIN_PROCESSES
    say("measuring an empty view")
    floor = "apps.hq.benches._empty_view:application()"
    with server(floor, environment, workers) as port:
        asked = [_request(reverse("guide_portal:today"), one.session) for one in visitors["guide"]]
        empty = _p95(port, asked, options)
    results = [Result("empty_view_p95_ms", "ms", empty)]
    with server("scrm.wsgi", environment, workers) as port:
        for who, name in _pages(visitors):
            say(f"measuring {name}")
            asked = [_request(one.pages[name], one.session) for one in visitors[who]]
            took = _p95(port, asked, options)
            results.append(Result(f"{name}_p95_ms", "ms", took, empty, took / empty))
    return results


def _pages(visitors: dict[str, list[Visitor]]) -> list[tuple[str, str]]:
    return [(who, name) for who, some in visitors.items() for name in some[0].pages]


# --- what they ask the database -------------------------------------------------------------------


def _questions(visitors: dict[str, list[Visitor]]) -> list[Result]:
    """Questions of each page when opened again, and the most of any."""
    counted = {}
    for who, name in _pages(visitors):
        one = visitors[who][0]
        client = Client(HTTP_HOST="127.0.0.1")
        client.cookies[COOKIE] = one.session
        counted[name] = _asked(partial(client.get, one.pages[name]))
    return [
        Result("queries_max", "queries", max(counted.values())),
        *(Result(f"{name}_queries", "queries", number) for name, number in counted.items()),
    ]


def _asked(look: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as found:
        look()
    return sum(not row["sql"].startswith(_MARKS) for row in found)
