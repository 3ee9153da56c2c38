"""留货 and 调货 at head office: the list masked, taken out by who may, and the terms of both."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from import_export.formats import base_formats

from apps.accounts.admin_base import ExportAdmin
from apps.accounts.models import AuditEntry
from apps.stock import services
from apps.stock.models import StockLevel, StockRequest, StockTerms
from tests.factories.facts import make_product
from tests.factories.stock import buy, make_pair, make_request

LIST = reverse("admin:stock_stockrequest_changelist")
EXPORT = reverse("admin:stock_stockrequest_export")
ADD = reverse("admin:stock_stockterms_add")


@pytest.fixture
def pair(fixed_clock):
    return make_pair(fixed_clock)


def test_the_list_is_masked_and_asks_as_often_for_many_as_for_few(admin_client, pair):
    StockLevel.objects.update(quantity=50)

    def questions():
        admin_client.get(LIST)
        with CaptureQueriesContext(connection) as asked:
            page = admin_client.get(LIST).content.decode()
        return len(asked), page

    row = make_request(pair)
    few, page = questions()
    assert few <= 12
    assert "林*雯" in page
    assert pair.member.name not in page
    for _number in range(4):
        product = make_product()
        StockLevel.objects.create(store=pair.there, product=product, quantity=9, as_of=pair.now)
        for member in pair.members:
            make_request(pair, member=member, product=product)
    assert questions()[0] == few
    services.confirm(request_id=row.pk, actor=pair.giving, now=pair.now)
    one = admin_client.get(reverse("admin:stock_stockrequest_change", args=[row.pk]))
    page = one.content.decode()
    assert "等答复 → 已留出" in page
    # who took each step has a name
    assert pair.giver.name in page
    assert "guide:" not in page
    filtered = admin_client.get(LIST, {"state__exact": "held"}).content.decode()
    assert "50%" in filtered


def test_what_no_guide_did_says_so(admin_client, pair):
    sold, late = make_request(pair), None
    services.confirm(request_id=sold.pk, actor=pair.giving, now=pair.now)
    buy(pair, pair.now, number="W1")
    StockLevel.objects.update(quantity=5)
    late = make_request(pair, member=pair.members[1])
    services.lapse_due(now=late.due_at)
    for row, word in ((sold, "收银"), (late, "系统")):
        page = admin_client.get(reverse("admin:stock_stockrequest_change", args=[row.pk]))
        steps = page.content.decode().partition("留货调货步骤")[2]
        assert word in steps, word
        assert not re.search(r">\s*(till|system)\s*<", steps)


def test_the_export_names_nobody_and_holds_the_shares(admin_client, operator_client, pair):
    row = make_request(pair)
    services.confirm(request_id=row.pk, actor=pair.giving, now=pair.now)
    buy(pair, pair.now, number="X1")
    assert StockRequest.objects.get().state == "sold"
    csv = ExportAdmin.export_formats.index(base_formats.CSV)
    names = ("asked_at", "kind", "state", "sku", "member", "giving_store", "net", "giver")
    chosen = {f"stockrequestresource_{name}": "on" for name in names}
    answer = admin_client.post(EXPORT, {"format": csv, "resource": "", **chosen})
    text = answer.content.decode("utf-8-sig")
    assert "500.00" in text
    assert "250.00" in text
    assert str(pair.member.public_id) in text
    assert "林" not in text
    assert AuditEntry.objects.filter(action="stockrequest.exported").exists()
    assert operator_client.get(EXPORT).status_code == 403


def test_head_office_sets_the_terms_once_and_on_the_record(admin_client, operator_client, pair):
    fields = {
        "answer_minutes": "15", "hold_hours": "48", "travel_hours": "96", "needs_manager": "on",
        "hold_giver_percent": "40", "send_giver_percent": "20",
    }  # fmt: skip
    assert operator_client.post(ADD, fields).status_code == 403
    wrong = admin_client.post(ADD, {**fields, "hold_giver_percent": "140"})
    assert (wrong.status_code, StockTerms.objects.count()) == (200, 0)
    assert admin_client.post(ADD, fields).status_code == 302
    assert admin_client.post(ADD, fields).status_code == 403
    row = make_request(pair)
    assert (row.giver_percent, row.needs_manager) == (40, True)
    assert (row.due_at - pair.now).total_seconds() == 15 * 60
    change = reverse("admin:stock_stockterms_change", args=[StockTerms.objects.get().pk])
    assert admin_client.post(change, {**fields, "answer_minutes": "60"}).status_code == 302
    assert AuditEntry.objects.filter(action="stockterms.changed").exists()
