"""A small demo chain is loaded, its pages, exports and API are used; then every place where data
rests or was shown is searched for every customer's number."""

import base64
import io
import json
import logging
import re
import subprocess
import uuid
from types import SimpleNamespace

import pytest
import redis
from celery import current_app
from django.conf import settings as django_settings
from django.contrib import admin
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from apps.accounts.actor import Actor
from apps.accounts.models import User
from apps.core import clock
from apps.core.embedded import postgres
from apps.guide_tasks.models import GuideTask, TaskPush, TaskTarget
from apps.hq.demo.load import load
from apps.members.invites import make_invite
from apps.members.models import Member
from apps.members.selectors import identity_values
from apps.members.services import add_note
from apps.orders.models import Product
from apps.outreach import services as outreach
from apps.outreach.models import TrackedLink
from apps.segments.models import Segment
from apps.stores.models import Posting, Store
from apps.stores.services import user_of_guide

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

MEMBERS = 200
# of somebody who joins while we look
NEW_NUMBER = "14399990000"
# a customer's name may rest in these tables and nowhere else: the record itself, and the text of a
# message to that customer; staff and accounts have names of their own, which may be the same
NAMED = {
    "members_member",
    "outreach_dispatch",
    "stores_guide",
    "accounts_user",
    "outreach_messagetemplate",
}
BASE64 = re.compile(rb"[A-Za-z0-9+/]{32,}={0,2}")
DIGITS = re.compile(r"(?<!\d)1\d{10}(?!\d)")


# --- the world, used ------------------------------------------------------------------------------


@pytest.fixture
def log_text():
    """Everything the product writes to its log, as it is written."""
    root = logging.getLogger()
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    for existing in root.handlers:
        if existing.filters and existing.formatter:
            handler.setFormatter(existing.formatter)
            for found in existing.filters:
                handler.addFilter(found)
            break
    assert handler.filters, "the product's own handler was not found"
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield written.getvalue
    root.removeHandler(handler)
    root.setLevel(level)


class Shown:
    """Pages as they were shown, by address."""

    def __init__(self, user=None):
        self.client = Client(raise_request_exception=False, HTTP_REFERER="http://testserver/g/")
        if user is not None:
            self.client.force_login(user)
        self.pages = {}

    def get(self, path):
        return self._keep("GET", path, self.client.get(path))

    def post(self, path, data, **more):
        return self._keep("POST", path, self.client.post(path, data, **more))

    def _keep(self, verb, path, response):
        assert response.status_code < 500, f"{verb} {path}"
        body = b"".join(response) if response.streaming else response.content
        self.pages[f"{verb} {path}"] = body + str(dict(response.headers)).encode()
        return response


def _people():
    """Number and name of every member, as only this test may know them."""
    found = []
    for member in Member.objects.all():
        phones = identity_values(member_id=member.pk, kind="phone")
        found += [(phone.removeprefix("+86"), member) for _scope, phone in phones]
    return found


def _use_head_office(people):
    hq = Shown(User.objects.get(username="hq"))
    pushes = TaskPush.objects.filter(status__in=["handed_out", "closed"])
    push = pushes.filter(pk__in=TaskTarget.objects.values("push_id")).latest("pk")
    known = [found.pk for _number, found in people]
    target = TaskTarget.objects.filter(push=push, member__in=known).first()
    member = Member.objects.get(pk=target.member_id)
    hq.get(reverse("admin:index"))
    for name in ("segments", "pushes", "overdue", "unserved", "reports", "system", "wecom_health",
                 "unknown_sends"):  # fmt: skip
        hq.get(reverse(f"hq:{name}"))
    for model in admin.site._registry:
        hq.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))
    hq.get(reverse("hq:push", args=[push.pk]))
    for place in ("issued", "done", "control", "not_issued"):
        hq.get(reverse("hq:push_people", args=[push.pk, place]))
    for tab in ("timeline", "orders", "tags", "consents", "tasks"):
        hq.get(reverse("hq:member", args=[member.public_id]) + f"?tab={tab}")
    hq.get(reverse("admin:members_member_history", args=[member.pk]))
    segment = Segment.objects.first()
    hq.get(reverse("hq:segment", args=[segment.pk]))
    phone = dict((found.pk, number) for number, found in people)[member.pk]
    for words in (phone, phone[-4:], member.name):
        hq.post(reverse("hq:find_member"), {"q": words})
    for letters in ("0", "1"):
        answer = hq.post(
            reverse("admin:members_member_export"), {"format": letters, "resource": "0"}
        )
        assert answer.status_code == 200
    return hq, member, phone


def _exported(hq):
    """Cells of the spreadsheet that the export gave."""
    path = reverse("admin:members_member_export")
    answer = hq.client.post(path, {"format": "0", "resource": "0", **_all_fields(hq, path)})
    sheet = load_workbook(io.BytesIO(answer.content)).active
    return [[str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]


def _all_fields(hq, path):
    page = hq.client.get(path).content.decode()
    return dict.fromkeys(re.findall(r'name="(memberresource_[a-z_]+)"', page), "on")


def _unmask(hq, member, phone):
    """The one page that may show a number; it is not kept, its traces are searched for."""
    path = reverse("hq:member_unmask", args=[member.public_id])
    refused = hq.client.post(path, {"reason": "complaint", "note": f"来电 {phone}"})
    assert phone not in refused.content.decode()
    asked = {"reason": "complaint", "note": "来电，工单 A-1203"}
    return hq.client.post(path, asked).content.decode()


def _use_a_phone(people):
    # a friend nobody has a number of may have come last
    known = [found.pk for _number, found in people]
    target = TaskTarget.objects.filter(task__isnull=False, member__in=known).latest("pk")
    phone = Shown(user_of_guide(guide=target.guide))
    for name in ("today", "customers", "tools", "me", "sidebar"):
        phone.get(reverse(f"guide_portal:{name}"))
    phone.get(reverse("guide_portal:task", args=[target.task_id]))
    phone.get(reverse("guide_portal:target", args=[target.pk]))
    phone.get(reverse("guide_portal:customer", args=[target.member.public_id]))
    number = dict((found.pk, number) for number, found in people)[target.member_id]
    phone.post(reverse("guide_portal:customers"), {"words": number})
    phone.post(reverse("guide_portal:customers"), {"words": target.member.name})
    add_note(
        member_id=target.member_id, guide_id=target.guide_id, body=f"请打 {number}",
        client_id=uuid.uuid4(), now=clock.now(), actor=Actor(guide_id=target.guide_id),
    )  # fmt: skip
    return phone


def _use_the_api(key, people):
    api = Shown()
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "privacy-1"}
    (one, _member), (two, _other) = people[0], people[1]

    def identity(number):
        return {"kind": "phone", "value": number}

    items = [
        {"identities": [identity(one)], "name": "周若曦"},
        {"identities": [identity(one), identity(two)], "name": "周若曦"},
        {"identities": [identity(one + "9")], "name": "周若曦"},
        {"phone": one, "identities": one, "joined_at": one},
    ]
    answer = api.post(
        reverse("ingest:members"), json.dumps({"items": items}),
        content_type="application/json", headers=headers,
    )  # fmt: skip
    assert answer.status_code == 200, answer.content
    sale = {
        "source": "pos",
        "external_no": "privacy-1",
        "member_identity": {"scope": "", **identity(one)},
        "store_code": Store.objects.open_on(clock.today()).first().code,
        "paid_at": clock.now().isoformat(),
        "net_fen": 100,
        "lines": [
            {"line_no": 1, "sku": Product.objects.first().sku, "quantity": "1", "net_fen": 100}
        ],
    }
    foreign = {**sale, "external_no": "privacy-2", "store_code": one}
    answer = api.post(
        reverse("ingest:orders"), json.dumps({"items": [sale, foreign, {"lines": one}]}),
        content_type="application/json", headers={**headers, "Idempotency-Key": "privacy-2"},
    )  # fmt: skip
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (1, 2), answer.content
    for link in TrackedLink.objects.all()[:2]:
        api.get(reverse("outreach:content", args=[link.code]))
    return api


def _use_customers_phones(known, simulator):
    """A new number joins; a known one is bound by its code, reads all pages and takes the copy,
    the one place that may show it."""
    posting = Posting.objects.on(clock.today()).filter(guide__status="active").first()
    token = make_invite(guide_id=posting.guide_id, store_id=posting.store_id, now=clock.now())
    path = reverse("member_portal:join", args=[token])
    form = {"consent": ["membership@2026-01"], "client_id": str(uuid.uuid4())}
    newcomer, member = Shown(), Shown()
    newcomer.get(path)
    newcomer.post(path, {**form, "phone": NEW_NUMBER})
    newcomer.get(reverse("member_portal:welcome"))
    member.post(path, {**form, "phone": known})
    member.get(reverse("member_portal:code"))
    outreach.send_due_sms(now=clock.now())
    [received] = simulator.get(f"/sim/sms?phone={known}")["sms"]
    code = re.search(r"\d{6}", received["text"])[0]
    assert member.post(reverse("member_portal:code"), {"code": code}).status_code == 302
    for name in ("home", "welcome", "choices", "data"):
        member.get(reverse(f"member_portal:{name}"))
    ask = {"client_id": str(uuid.uuid4())}
    copy = member.client.post(reverse("member_portal:copy"), ask)
    assert known in copy.content.decode()
    member.post(reverse("member_portal:erase"), {"client_id": str(uuid.uuid4())})
    return {**newcomer.pages, **member.pages}


# --- where data rests -----------------------------------------------------------------------------


def _dump():
    command = [postgres.bin_dir() / "pg_dump", "-h", django_settings.TEST_RUN]
    command += ["-U", postgres.USER, "--data-only", connection.settings_dict["NAME"]]
    return subprocess.run(command, check=True, capture_output=True).stdout.decode()


def _tables(dump):
    """Rows of the dump by table; a partition counts as its parent."""
    rows, table = {}, None
    for line in dump.splitlines():
        if match := re.match(r"COPY public\.(\w+) ", line):
            table = re.sub(r"_(\d{4}_?\d{2}|y\d+m\d+|p\d+|h?\d+)$", "", match.group(1))
        elif line == "\\.":
            table = None
        elif table:
            rows.setdefault(table, []).append(line)
    return {table: "\n".join(lines) for table, lines in rows.items()}


def _valkey():
    """Every key and value of every database of the server, base64 undone where it is."""
    found = []
    with redis.Redis(unix_socket_path=f"{django_settings.TEST_RUN}/valkey.sock") as first:
        databases = [int(name[2:]) for name in first.info("keyspace")]
    for number in databases:
        path = f"{django_settings.TEST_RUN}/valkey.sock"
        with redis.Redis(unix_socket_path=path, db=number) as server:
            for key in server.scan_iter(count=1000):
                found += [key, *_values(server, key)]
    return b"\n".join(found) + b"\n" + b"\n".join(_undone(b"\n".join(found)))


def _values(server, key):
    match server.type(key):
        case b"string":
            return [server.get(key) or b""]
        case b"list":
            return server.lrange(key, 0, -1)
        case b"set":
            return list(server.smembers(key))
        case b"hash":
            return [part for pair in server.hgetall(key).items() for part in pair]
        case b"zset":
            return server.zrange(key, 0, -1)
    return []


def _undone(data):
    for match in BASE64.findall(data):
        yield base64.b64decode(match[: len(match) // 4 * 4])


@pytest.fixture
def used(simulator, settings, log_text):
    settings.DEMO_MEMBERS = MEMBERS
    settings.SIMULATOR_URL = simulator.url
    settings.SMS_SENDER = "apps.outreach.sms_gateway.HttpGateway"
    settings.SMS_GATEWAY_URL = f"{simulator.url}/sim/sms"
    settings.WECOM_OAUTH_IN_ANY_BROWSER = False
    cache.clear()
    logins = load(out=lambda _line: None)
    people = _people()
    customers = _use_customers_phones(people[2][0], simulator)
    hq, member, phone = _use_head_office(people)
    exported = _exported(hq)
    unmasked = _unmask(hq, member, phone)
    guide_phone = _use_a_phone(people)
    api = _use_the_api(logins["API_KEY"], people)
    current_app.send_task("core.make_partitions")
    return SimpleNamespace(
        people=people,
        numbers={number for number, _member in people} | {NEW_NUMBER},
        names={found.name for _number, found in people if len(found.name) > 2},
        shown=phone,
        unmasked=unmasked,
        exported=exported,
        pages={**hq.pages, **guide_phone.pages, **api.pages, **customers},
        hq_pages=hq.pages,
        dump=_dump(),
        valkey=_valkey(),
        log=log_text(),
    )


def _numbers_in(text, numbers):
    """Which of the numbers stand in the text, in digits or as hex of digits."""
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    inside = set(DIGITS.findall(text)) | {found[-11:] for found in re.findall(r"861\d{10}", text)}
    return (inside & numbers) | {
        number for number in numbers if number in text or number.encode().hex() in text
    }


def test_the_search_finds_a_number_in_every_coat():
    number = "14300001234"
    coats = [
        f"tel:{number}", f"+86{number}", f"%2B86{number}", f"\\\\x{number.encode().hex()}",
        b"\n".join(_undone(base64.b64encode(f'{{"args": ["{number}"], "more": "{{}}"}}'.encode()))),
    ]  # fmt: skip

    assert [_numbers_in(coat, {number, "14300009999"}) for coat in coats] == [{number}] * 5
    assert _numbers_in("143****1234", {number}) == set()


def test_no_number_and_no_name_lies_where_it_may_not(used):
    assert len(used.numbers) > MEMBERS * 0.5
    assert GuideTask.objects.exists()

    # the page that may show a number does, so the search knows what to look for
    assert _numbers_in(used.unmasked, used.numbers) == {used.shown}

    assert _numbers_in(used.dump, used.numbers) == set()
    assert _numbers_in(used.valkey, used.numbers) == set()
    assert _numbers_in(used.log, used.numbers) == set()
    leaks = {path for path, body in used.pages.items() if _numbers_in(body, used.numbers)}
    assert leaks == set()

    tables = _tables(used.dump)
    assert {"members_member", "timeline_memberevent", "accounts_auditentry"} <= set(tables)
    assert any(name in tables["members_member"] for name in used.names)
    named = {
        table
        for table, text in tables.items()
        if table not in NAMED and any(name in text for name in used.names)
    }
    assert named == set()
    valkey = used.valkey.decode(errors="replace")
    assert {name for name in used.names if name in valkey} == set()
    assert "request_finished" in used.log
    assert {name for name in used.names if name in used.log} == set()
    full_names = {
        path
        for path, body in used.hq_pages.items()
        if any(name in body.decode(errors="replace") for name in used.names)
    }
    assert full_names == set()

    header, *rows = used.exported
    assert len(rows) == Member.objects.survivors().count()
    assert _numbers_in(json.dumps(rows), used.numbers) == set()
    assert any("****" in cell for row in rows for cell in row)
