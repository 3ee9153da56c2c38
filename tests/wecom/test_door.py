"""The door in front of Django keeps callbacks as the view does, whatever else goes on."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import psycopg
import pytest
from django.db import connection, connections
from django.test import RequestFactory
from django.urls import reverse

from apps.wecom import door as doors
from apps.wecom.models import RawCallback
from apps.wecom.services import bells, receiving

from .conftest import VECTORS, added, event_xml, vector

URL = "/wecom/callback/contacts/"


class Door:
    """Posts to the door as a web server does; what goes on to the pages is remembered."""

    def __init__(self):
        self.passed_on = []
        self.door = doors.CallbackDoor(self._pages)

    def _pages(self, environ, start):
        self.passed_on.append(environ["PATH_INFO"])
        start("404 Not Found", [])
        return [b""]

    def post(self, query, body, url=URL, method="POST", **changes):
        request = RequestFactory().generic(method, f"{url}?{query}", body, "text/xml")
        told = []
        answer = self.door(
            {**request.environ, **changes}, lambda status, _headers: told.append(status)
        )
        return int(told[0].split()[0]), b"".join(answer)


@pytest.fixture
def rung(monkeypatch):
    heard = []
    monkeypatch.setattr(doors.ringer, "ask", lambda *jobs: heard.append(jobs))
    return heard


@pytest.fixture
def door(endpoint, rung):
    return Door()


def test_the_door_stands_at_the_views_address():
    assert reverse("wecom:callback", args=["x"]).startswith(doors.PREFIX)


@pytest.mark.parametrize(
    "name", [row["name"] for row in VECTORS["vectors"] if row["kind"] == "callback"]
)
def test_it_takes_what_the_official_package_sealed(door, endpoint, name, client):
    """Those for our corp are kept; those with other keys are refused, as the view refuses them."""
    case = vector(name)
    by_view = client.post(f"{URL}?{case['query']}", case["post_body"], content_type="text/xml")
    kept = RawCallback.objects.count()
    RawCallback.objects.all().delete()

    status, _text = door.post(case["query"], case["post_body"])

    assert status == by_view.status_code
    assert RawCallback.objects.count() == kept


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
    door.post("", b"", url="/admin/")
    door.post(sealed.query, b"", method="GET")
    door.post(sealed.query, sealed.body, url="/wecom/callback/nobody/")

    assert door.passed_on == ["/admin/", URL, "/wecom/callback/nobody/"]
    assert RawCallback.objects.count() == 0


def test_too_much_is_refused_unread_and_a_strange_length_too(door, seal):
    sealed = seal(added())

    assert door.post(sealed.query, sealed.body, CONTENT_LENGTH="1000001")[0] == 413
    assert door.post(sealed.query, sealed.body, CONTENT_LENGTH="-1")[0] == 400
    assert door.post("", sealed.body)[0] == 400


def test_a_welcome_code_rings_its_own_bell_first(door, seal, rung):
    sealed = seal(event_xml(Event="change_external_contact", CreateTime=1, WelcomeCode="c"))
    door.post(sealed.query, sealed.body)
    assert rung == [(bells.WELCOME_JOB, bells.HANDLER_JOB)]
    assert RawCallback.objects.get().greets is True


def test_a_row_that_cannot_be_kept_is_not_answered_with_200(door, seal, monkeypatch):
    def broken(rows):
        raise ValueError("a row with somebody's data")

    monkeypatch.setattr(receiving, "_write", broken)
    sealed = seal(added())

    assert door.post(sealed.query, sealed.body) == (500, b"not kept")


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_broke_is_opened_again(door, seal):
    first, second = seal(added(external_userid="wm1")), seal(added(external_userid="wm2"))
    door.post(first.query, first.body)
    with psycopg.connect(**_where()) as other:
        other.autocommit = True
        other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])

    assert door.post(second.query, second.body)[0] == 200
    assert RawCallback.objects.count() == 2


def _where():
    params = connection.get_connection_params()
    return {name: params[name] for name in ("dbname", "host", "user") if params.get(name)}


@pytest.mark.django_db(transaction=True)
def test_a_storm_of_duplicates_and_same_second_events_is_kept_once_each(door, seal):
    """Forty events of one second, each four times, in an order of nobody's choosing."""
    posts = [seal(added(external_userid=f"wm{number % 40}")) for number in range(160)]

    def post(sealed):
        try:
            return door.post(sealed.query, sealed.body)[0]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=8) as pool:
        assert set(pool.map(post, posts)) == {200}

    assert RawCallback.objects.count() == 40


@pytest.mark.django_db(transaction=True)
def test_a_write_that_breaks_fails_those_it_wrote_for_and_nobody_after(door, seal, monkeypatch):
    """Some wait for a statement that breaks: they are told so, and the next ones are kept."""
    write, lost = receiving._write, []

    def sometimes(rows):
        if not lost:
            lost.extend(rows)
            time.sleep(0.2)  # the others gather meanwhile
            raise ValueError("the first write breaks")
        return write(rows)

    monkeypatch.setattr(receiving, "_write", sometimes)
    posts = [seal(added(external_userid=f"wm{number}")) for number in range(24)]

    def post(sealed):
        try:
            return door.post(sealed.query, sealed.body)[0]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=8) as pool:
        told = list(pool.map(post, posts))

    assert 0 < len(lost) < 24
    assert told.count(500) == len(lost)
    assert RawCallback.objects.count() == told.count(200) == 24 - len(lost)


@pytest.mark.django_db(transaction=True)
def test_an_open_import_and_a_held_row_hold_up_nothing(door, seal, endpoint):
    """An import has written and not committed, a paused worker holds a row: the door stays open."""
    sealed = [seal(added(external_userid=f"wm{number}")) for number in range(6)]
    door.post(sealed[0].query, sealed[0].body)
    with psycopg.connect(**_where()) as busy:
        busy.execute("SELECT * FROM wecom_rawcallback FOR UPDATE")
        busy.execute("INSERT INTO stores_region (code, name) VALUES ('zz', '进行中')")
        began = time.monotonic()
        for one in sealed:  # the first is a retry of the held row
            assert door.post(one.query, one.body)[0] == 200
        took = time.monotonic() - began
        busy.rollback()

    assert RawCallback.objects.count() == 6
    assert took < 3


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
