"""The door in front of Django keeps callbacks as the view does, whatever else goes on."""

import asyncio
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import psycopg
import pytest
from asgiref.testing import ApplicationCommunicator
from django.db import connection
from django.urls import reverse
from psycopg import AsyncConnection

from apps.wecom import door as doors
from apps.wecom import selectors
from apps.wecom.models import RawCallback
from apps.wecom.services import bells
from tests.conftest import free_port, wait_for

from .conftest import VECTORS, added, event_xml, vector

URL = "/wecom/callback/contacts/"
pytestmark = pytest.mark.django_db(transaction=True)  # the door writes on its own connection


class Door:
    """Posts to the door as a web server does; what goes on to the pages is remembered."""

    def __init__(self):
        self.passed_on = []

    def post(self, query, body, **changes):
        return self.post_all([{"query": query, "body": body, **changes}])[0]

    def post_all(self, requests, together=1):
        """Status and text of each, so many at a time, as one process would answer them."""
        return in_a_loop(self._post_all(requests, together))

    async def _post_all(self, requests, together):
        door, room = doors.CallbackDoor(self._pages), asyncio.Semaphore(together)

        async def in_turn(request):
            async with room:
                return await _exchange(door, **request)

        try:
            return await asyncio.gather(*map(in_turn, requests))
        finally:
            await door.desk.close()

    async def _pages(self, scope, _receive, send):
        self.passed_on.append(scope["path"])
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def in_a_loop(work):
    """What came of it, in a thread of its own: in this one a browser may keep a loop."""
    with ThreadPoolExecutor(1) as alone:
        return alone.submit(asyncio.run, work).result()


async def _exchange(door, query, body, url=URL, method="POST", length=None):
    body = body.encode() if isinstance(body, str) else body
    length = str(len(body)) if length is None else length
    scope = {
        "type": "http",
        "method": method,
        "path": url,
        "query_string": query.encode(),
        "headers": [(b"content-length", length.encode())],
    }
    web = ApplicationCommunicator(door, scope)
    half = len(body) // 2  # a body comes in pieces
    await web.send_input({"type": "http.request", "body": body[:half], "more_body": True})
    await web.send_input({"type": "http.request", "body": body[half:]})
    began, ended = await web.receive_output(30), await web.receive_output(30)
    return began["status"], ended["body"]


@pytest.fixture
def rung(monkeypatch):
    heard = []
    monkeypatch.setattr(doors.ringer, "ask", lambda *jobs: heard.append(jobs))
    return heard


@pytest.fixture
def door(endpoint, rung, settings, monkeypatch):
    """As in production it remembers the address for a while; here for this test only."""
    monkeypatch.setattr(selectors, "_known", {})
    settings.WECOM_ENDPOINT_SECONDS = 60
    return Door()


def _requests(seal, names):
    sealed = [seal(added(external_userid=name)) for name in names]
    return [{"query": one.query, "body": one.body} for one in sealed]


def test_the_door_stands_at_the_views_address():
    assert reverse("wecom:callback", args=["x"]).startswith(doors.PREFIX)


@pytest.mark.parametrize(
    "name", [row["name"] for row in VECTORS["vectors"] if row["kind"] == "callback"]
)
def test_it_takes_what_the_official_package_sealed(door, name, client):
    """Those for our corp are kept; those with other keys are refused, as the view refuses them."""
    case = vector(name)
    by_view = client.post(f"{URL}?{case['query']}", case["post_body"], content_type="text/xml")
    kept = list(RawCallback.objects.values("key", "event", "fields", "created_by_wecom_at"))
    RawCallback.objects.all().delete()

    status, _text = door.post(case["query"], case["post_body"])

    assert status == by_view.status_code
    assert kept == list(RawCallback.objects.values("key", "event", "fields", "created_by_wecom_at"))


@pytest.mark.parametrize("name", [row["name"] for row in VECTORS["negative"]])
def test_it_refuses_what_the_view_refuses(door, client, name):
    case = {**vector(vector(name)["base"]), **vector(name)}
    signed = {part: case[part] for part in ("msg_signature", "timestamp", "nonce")}
    query, body = urlencode(signed), f"<xml><Encrypt>{case['encrypt']}</Encrypt></xml>"
    by_view = client.post(f"{URL}?{query}", body, content_type="text/xml")

    assert door.post(query, body)[0] == by_view.status_code
    assert by_view.status_code == (200 if name == "stale_timestamp" else 403)


def test_everything_but_posted_callbacks_goes_on_to_the_pages(door, seal):
    sealed = seal(added())
    door.post("", "", url="/admin/")
    door.post(sealed.query, "", method="GET")
    door.post(sealed.query, sealed.body, url="/wecom/callback/nobody/")

    assert door.passed_on == ["/admin/", URL, "/wecom/callback/nobody/"]
    assert RawCallback.objects.count() == 0


def test_too_much_is_refused_and_a_strange_length_too(door, seal):
    sealed = seal(added())

    assert door.post(sealed.query, sealed.body, length="1000001")[0] == 413
    assert door.post(sealed.query, "x" * 1_000_001, length="0")[0] == 413
    assert door.post(sealed.query, sealed.body, length="-1")[0] == 400
    assert door.post("", sealed.body)[0] == 400


def test_a_welcome_code_rings_its_own_bell_first(door, seal, rung):
    sealed = seal(event_xml(Event="change_external_contact", CreateTime=1, WelcomeCode="c"))
    door.post(sealed.query, sealed.body)
    assert rung == [(bells.WELCOME_JOB, bells.HANDLER_JOB)]
    assert RawCallback.objects.get().greets is True


def test_a_row_that_cannot_be_kept_is_not_answered_with_200(door, seal, monkeypatch, rung):
    monkeypatch.setattr(doors, "KEEP_SQL", "INSERT INTO no_such_table SELECT %s")
    sealed = seal(added())

    assert door.post(sealed.query, sealed.body) == (500, b"not kept")
    assert rung == []


def test_a_connection_that_broke_is_opened_again(door, seal, monkeypatch):
    """PostgreSQL ends the door's connection while it is idle: the next callback is kept."""
    run, ended = doors.Desk._run, []

    async def after_an_end(desk, document):
        if desk._connection is not None and not ended:
            ended.append(desk._connection.info.backend_pid)
            with psycopg.connect(**_where(), autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", ended)
        return await run(desk, document)

    monkeypatch.setattr(doors.Desk, "_run", after_an_end)

    assert {status for status, _text in door.post_all(_requests(seal, ["wm1", "wm2"]))} == {200}
    assert ended
    assert RawCallback.objects.count() == 2


def _where():
    params = connection.get_connection_params()
    return {name: params[name] for name in ("dbname", "host", "user") if params.get(name)}


def test_a_storm_of_duplicates_and_same_second_events_is_kept_once_each(door, seal):
    """Forty events of one second, each four times, in an order of nobody's choosing."""
    requests = _requests(seal, [f"wm{number % 40}" for number in range(160)])

    told = door.post_all(requests, together=30)

    assert {status for status, _text in told} == {200}
    assert RawCallback.objects.count() == 40


def test_those_who_come_together_share_a_statement(door, seal, monkeypatch):
    statements = _heard_statements(monkeypatch)

    door.post_all(_requests(seal, [f"wm{number}" for number in range(60)]), together=20)

    assert RawCallback.objects.count() == 60
    assert len(statements) < 30


def _heard_statements(monkeypatch):
    execute, heard = AsyncConnection.execute, []

    def listening(asked, *given, **how):
        heard.append(given)
        return execute(asked, *given, **how)

    monkeypatch.setattr(AsyncConnection, "execute", listening)
    return heard


def test_a_write_that_breaks_fails_those_it_wrote_for_and_nobody_after(door, seal, monkeypatch):
    """Some wait for a statement that breaks: they are told so, and the next ones are kept."""
    run, lost = doors.Desk._run, []

    async def sometimes(desk, document):
        if not lost:
            lost.append(document.count('"key"'))
            await asyncio.sleep(0.2)  # the others gather meanwhile
            raise ValueError("the first write breaks")
        await run(desk, document)

    monkeypatch.setattr(doors.Desk, "_run", sometimes)

    told = door.post_all(_requests(seal, [f"wm{number}" for number in range(24)]), together=8)

    statuses = [status for status, _text in told]
    assert 0 < lost[0] < 24
    assert statuses.count(500) == lost[0]
    assert RawCallback.objects.count() == statuses.count(200) == 24 - lost[0]


def test_a_sender_who_hangs_up_takes_nobody_along(door, seal, endpoint):
    """His row is kept all the same, and so are those that were written with it."""
    requests = _requests(seal, ["wm1", "wm2"])

    async def one_hangs_up():
        served = doors.CallbackDoor(door._pages)
        first, second = [asyncio.create_task(_exchange(served, **one)) for one in requests]
        while served.desk._writing is None:
            await asyncio.sleep(0)
        first.cancel()
        try:
            return await second
        finally:
            await served.desk.close()

    assert in_a_loop(one_hangs_up())[0] == 200
    assert RawCallback.objects.count() == 2


def test_an_open_import_and_a_held_row_hold_up_nothing(door, seal):
    """An import has written and not committed, a paused worker holds a row: the door stays open."""
    requests = _requests(seal, [f"wm{number}" for number in range(6)])
    door.post(**requests[0])
    with psycopg.connect(**_where()) as busy:
        busy.execute("SELECT * FROM wecom_rawcallback FOR UPDATE")
        busy.execute("INSERT INTO stores_region (code, name) VALUES ('zz', '进行中')")
        patience = threading.Timer(30, busy.rollback)  # who waits for them waits until then
        patience.start()
        told = door.post_all(requests)  # the first is a retry of the held row
        held_all_the_time = patience.is_alive()
        patience.cancel()
        busy.rollback()

    assert {status for status, _text in told} == {200}
    assert RawCallback.objects.count() == 6
    assert held_all_the_time


def test_the_process_of_the_callbacks_keeps_them_and_shows_the_pages(
    seal, product_env, run_process
):
    """`gunicorn scrm.asgi` as production starts it, over HTTP."""
    port = free_port()
    argv = ["-m", "gunicorn", "scrm.asgi", "--worker-class", "asgi", "--workers", "2"]
    run_process([*argv, "--bind", f"127.0.0.1:{port}", "--no-control-socket"], product_env)
    address = f"http://127.0.0.1:{port}"
    wait_for(lambda: _asked(f"{address}/admin/login/")[0] == 200, seconds=60)
    sealed = [seal(added(external_userid=f"wm{number}")) for number in range(5)]

    def post(one, query=None):
        return _asked(f"{address}{URL}?{query or one.query}", one.body.encode())[0]

    with ThreadPoolExecutor(max_workers=5) as senders:
        assert set(senders.map(post, [*sealed, *sealed])) == {200}

    assert post(sealed[0], query=f"{sealed[0].query}x") == 403
    assert RawCallback.objects.count() == 5
    assert b"<form" in _asked(f"{address}/admin/login/")[1]


def _asked(url, body=None):
    """Status and text; 0 while nobody listens."""
    try:
        with urllib.request.urlopen(url, body, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()
    except urllib.error.URLError:
        return 0, b""


def test_the_ringer_rings_beside_and_not_once_for_each(monkeypatch):
    heard, together = [], threading.Event()

    def ring(*jobs):
        heard.append(jobs)
        together.set()

    monkeypatch.setattr(bells, "ring", ring)
    ringer = bells.Ringer()
    for _time in range(100):
        ringer.ask(bells.HANDLER_JOB, bells.WELCOME_JOB)
    assert together.wait(2)
    time.sleep(0.2)

    assert 1 <= len(heard) <= 5
    assert heard[0][-1] == bells.HANDLER_JOB
