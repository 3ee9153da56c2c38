"""客诉 on phones: three taps and a sentence to write one down, two and a sentence to close it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.cases.models import ServiceCase
from tests.factories.cases import complain, settle
from tests.factories.tasks import buy

pytestmark = pytest.mark.django_db


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def test_from_the_card_to_the_case_and_back_on_the_card(shop, phone, act):
    member = shop.members[0]
    order = buy(member, shop.store, shop.now, now=shop.now)
    assert (
        url("open_case", member.public_id)
        in phone.get(url("customer", member.public_id)).content.decode()
    )
    assert f'value="{order}"' in phone.get(url("open_case", member.public_id)).content.decode()

    fields = act(kind="quality", words="拉链坏了", order=order)
    for _twice in range(2):
        answer = phone.post(url("open_case", member.public_id), fields)
    row = ServiceCase.objects.get()
    assert answer["Location"] == url("case", row.pk)
    assert (row.order_id, row.guide) == (order, shop.guide)
    for page in (url("customer", member.public_id), url("cases")):
        assert url("case", row.pk) in phone.get(page).content.decode()
    one = phone.get(url("case", row.pk)).content.decode()
    assert "拉链坏了" in one
    assert url("close_case", row.pk) not in one


def test_a_refusal_keeps_what_was_typed(shop, phone, act):
    page = url("open_case", shop.members[0].public_id)
    answer = phone.post(page, act(words="拉链坏了"))
    assert answer.status_code == 400
    assert "拉链坏了</textarea>" in answer.content.decode()
    answer = phone.post(page, act(kind="size", words="太小，电话 13800001234"))
    text = answer.content.decode()
    assert answer.status_code == 409
    assert 'role="alert"' in text
    assert 'value="size" required checked' in text
    foreign = buy(shop.others_members[0], shop.store, shop.now, now=shop.now)
    phone.post(page, act(kind="size", words="太小", order=foreign))
    assert ServiceCase.objects.get().order_id is None


def test_what_fits_where_it_is_typed_fits_line_by_line(shop, phone, act):
    """A browser lets 300 signs be typed, a line's end is one; it sends two."""
    typed = "\n".join(["一" * 9] * 30)
    assert len(typed) == 299

    page = url("open_case", shop.members[0].public_id)
    phone.post(page, act(kind="quality", words=typed.replace("\n", "\r\n")))

    assert typed in phone.get(url("case", ServiceCase.objects.get().pk)).content.decode()


def test_the_manager_takes_it_closes_it_and_opens_it_again(shop, managers_phone, act):
    row = complain(shop.members[0], shop.guide, shop.now)
    managers_phone.post(url("take_case", row.pk), act())
    row.refresh_from_db()
    assert row.state == "in_hand"
    bad = managers_phone.post(url("close_case", row.pk), act(words="换了"))
    assert (bad.status_code, "换了</textarea>" in bad.content.decode()) == (400, True)
    managers_phone.post(url("close_case", row.pk), act(result="exchanged", words="换了"))
    row.refresh_from_db()
    assert row.state == "closed"
    assert "换了" in managers_phone.get(url("case", row.pk)).content.decode()
    managers_phone.post(url("reopen_case", row.pk), act(words="又坏了"))
    row.refresh_from_db()
    assert row.state == "reopened"


def test_a_colleague_sees_none_of_it(shop, phone, act):
    row = complain(shop.others_members[0], shop.colleague, shop.now)
    assert phone.get(url("case", row.pk)).status_code == 404
    assert url("case", row.pk) not in phone.get(url("cases")).content.decode()
    assert (
        phone.post(url("close_case", row.pk), act(result="repaired", words="x")).status_code == 403
    )


def test_the_pages_ask_as_often_for_many_as_for_few(shop, managers_phone):
    def questions(page):
        managers_phone.get(page)
        with CaptureQueriesContext(connection) as asked:
            managers_phone.get(page)
        return len(asked)

    first = complain(shop.members[0], shop.guide, shop.now)
    settle(complain(shop.members[1], shop.guide, shop.now), shop.manager, shop.now)
    few = questions(url("cases")), questions(url("case", first.pk))
    for member in (*shop.members, *shop.others_members):
        settle(complain(member, shop.guide, shop.now), shop.manager, shop.now)
        complain(member, shop.guide, shop.now)
    assert (questions(url("cases")), questions(url("case", first.pk))) == few
    assert max(few) <= 12
