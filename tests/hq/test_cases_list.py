"""客诉 at head office: the list masked and taken out, one written down, taken in hand, closed."""

import uuid
from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from import_export.formats import base_formats

from apps.accounts.admin_base import ExportAdmin
from apps.accounts.models import AuditEntry
from apps.cases.models import ServiceCase
from apps.core import clock
from tests.factories.cases import complain

LIST = reverse("admin:cases_servicecase_changelist")
EXPORT = reverse("admin:cases_servicecase_export")


def test_the_list_is_masked_and_asks_as_often_for_many_as_for_few(admin_client, team, fixed_clock):
    (guide, members), *_rest = team

    def questions():
        admin_client.get(LIST)
        with CaptureQueriesContext(connection) as asked:
            page = admin_client.get(LIST).content.decode()
        return len(asked), page

    row = complain(members[0], guide, fixed_clock)
    few, page = questions()
    assert "林*雯" in page
    assert "林晓雯" not in page
    assert reverse("hq:case", args=[row.pk]) in page
    assert "拉链" not in page
    for member in members * 3:
        complain(member, guide, fixed_clock)
    assert questions()[0] == few


def test_the_export_names_nobody_and_is_recorded(admin_client, operator_client, team, fixed_clock):
    (guide, members), *_rest = team
    complain(members[0], guide, fixed_clock)
    csv = ExportAdmin.export_formats.index(base_formats.CSV)
    names = (
        "opened_at", "store", "guide", "member", "kind", "state", "holder", "due_at", "closed_at",
        "result",
    )  # fmt: skip
    chosen = {f"servicecaseresource_{name}": "on" for name in names}
    answer = admin_client.post(EXPORT, {"format": csv, "resource": "", **chosen})
    text = answer.content.decode("utf-8-sig")
    assert "质量" in text
    assert str(members[0].public_id) in text
    assert "林" not in text
    assert "拉链" not in text
    assert AuditEntry.objects.filter(action="servicecase.exported").exists()
    assert operator_client.get(EXPORT).status_code == 403


def test_head_office_writes_one_down_takes_it_and_closes_it(operator_client, team, fixed_clock):
    (_guide, members), *_rest = team
    new = reverse("hq:case_new", args=[members[0].public_id])
    assert (
        new
        in operator_client.get(reverse("hq:member", args=[members[0].public_id])).content.decode()
    )
    form = {"client_id": str(uuid.uuid4()), "kind": "delivery", "words": "三天没到"}
    bad = operator_client.post(new, {**form, "kind": ""})
    assert (bad.status_code, "三天没到" in bad.content.decode()) == (422, True)
    for _twice in range(2):
        answer = operator_client.post(new, form)
    row = ServiceCase.objects.get()
    page, act = reverse("hq:case", args=[row.pk]), reverse("hq:settle_case", args=[row.pk])
    assert answer["Location"] == page
    assert "三天没到" in operator_client.get(page).content.decode()
    operator_client.post(act, {"what": "take"})
    row.refresh_from_db()
    assert (row.state, row.holder) == ("in_hand", "hq")
    refused = operator_client.post(act, {"what": "close", "result": "explained", "words": ""})
    assert refused.status_code == 422
    operator_client.post(act, {"what": "close", "result": "explained", "words": "补寄了"})
    row.refresh_from_db()
    assert (row.state, row.result) == ("closed", "explained")
    assert "补寄了" in operator_client.get(page).content.decode()


def test_what_head_office_has_in_hand_or_a_store_let_lie_stands_on_the_home_page(
    operator_client, team, fixed_clock
):
    (guide, members), *_rest = team
    mine, theirs = (complain(one, guide, fixed_clock) for one in members[:2])
    act = reverse("hq:settle_case", args=[mine.pk])

    def found(now):
        with clock.at(now):
            rows = operator_client.get("/admin/").context["todos"]
            links = [row.link for row in rows if row.link.startswith(LIST)]
            listed = [operator_client.get(link).context["cl"].result_list for link in links]
            return [[row.pk for row in rows] for rows in listed]

    assert found(fixed_clock) == []
    operator_client.post(act, {"what": "take"})
    assert found(fixed_clock) == [[mine.pk]]
    assert found(theirs.due_at + timedelta(minutes=1)) == [[mine.pk], [theirs.pk]]
    member = reverse("hq:member", args=[members[0].public_id])
    assert reverse("hq:case", args=[mine.pk]) in operator_client.get(member).content.decode()
    operator_client.post(act, {"what": "close", "result": "explained", "words": "补寄了"})
    assert found(fixed_clock) == []
    assert reverse("hq:case", args=[mine.pk]) not in operator_client.get(member).content.decode()


def test_who_gave_no_name_is_said_so_and_shown_by_no_number(operator_client, team, fixed_clock):
    (guide, members), *_rest = team
    complain(members[0], guide, fixed_clock)
    type(members[0]).objects.filter(pk=members[0].pk).update(name="")

    page = operator_client.get(LIST).content.decode()

    assert "未填姓名" in page
    assert f"#{members[0].pk}" not in page
