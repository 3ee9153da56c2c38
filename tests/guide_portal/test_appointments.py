"""预约 on guides' phones: three taps to book, one to say that TA came."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.appointments.models import Appointment
from apps.core import clock
from apps.guide_portal import appointments
from apps.members.models import Interaction
from apps.members.selectors import masked_name
from apps.stores.models import DayOff
from tests.factories.appointments import at_hour, make_appointment

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def booked(shop, phone, act, member=None, **more):
    member = member or shop.members[0]
    day = clock.business_day(shop.now) + DAY
    fields = act(kind="fitting", day=day.isoformat(), at="15:00", **more)
    return phone.post(url("book", member.public_id), fields)


def test_the_card_leads_to_a_form_that_is_right_as_it_stands(shop, phone, act):
    member = shop.members[0]
    card = phone.get(url("customer", member.public_id)).content.decode()
    assert url("book", member.public_id) in card
    page = phone.get(url("book", member.public_id)).content.decode()
    day = clock.business_day(shop.now) + DAY
    assert re.search(rf'value="{day}" checked', page)

    assert booked(shop, phone, act, note="备好短靴").status_code == 302
    row = Appointment.objects.get()
    assert (row.member, row.guide, row.starts_at) == (member, shop.guide, at_hour(shop.now, 15))
    card = phone.get(url("customer", member.public_id)).content.decode()
    assert url("appointment", row.pk) in card
    assert "备好短靴" in phone.get(url("appointment", row.pk)).content.decode()


def test_a_refusal_keeps_what_was_typed_and_says_why(shop, phone, act):
    DayOff.objects.create(guide=shop.guide, day=clock.business_day(shop.now) + DAY)
    answer = booked(shop, phone, act, note="备好短靴")
    page = answer.content.decode()
    assert answer.status_code == 409
    assert 'role="alert"' in page
    assert 'value="备好短靴"' in page
    assert not Appointment.objects.exists()
    assert phone.post(url("book", shop.members[0].public_id), act(at="x")).status_code == 400


@pytest.mark.parametrize(
    ("chosen", "days"), [("other", 9), (None, 1)], ids=["typed and chosen", "typed, then not"]
)
def test_a_typed_day_counts_only_while_it_is_the_choice(shop, phone, act, chosen, days):
    today = clock.business_day(shop.now)
    fields = act(
        kind="fitting",
        day=chosen or (today + DAY).isoformat(),
        other_day=(today + 9 * DAY).isoformat(),
        at="15:00",
    )
    assert phone.post(url("book", shop.members[0].public_id), fields).status_code == 302
    assert Appointment.objects.get().starts_at == at_hour(shop.now, 15, days=days)


@pytest.mark.parametrize("day", ["other", "tomorrow", ""])
def test_another_day_without_a_day_is_asked_again(shop, phone, act, day):
    answer = phone.post(
        url("book", shop.members[0].public_id), act(kind="fitting", day=day, at="15:00")
    )
    assert answer.status_code == 400
    page = answer.content.decode()
    assert ('value="other" checked' in page) == (day == "other")


def test_today_shows_who_comes_and_one_tap_says_that_ta_came(shop, phone, act):
    row = make_appointment(shop.members[0], shop.guide, shop.now)
    assert url("appointment", row.pk) not in phone.get(url("today")).content.decode()
    with clock.at(row.starts_at):
        for page in ("today", "appointments"):
            assert url("appointment", row.pk) in phone.get(url(page)).content.decode()
        for _twice in range(2):
            assert phone.post(url("keep_appointment", row.pk), act()).status_code == 302
        assert url("appointment", row.pk) not in phone.get(url("today")).content.decode()

    assert Interaction.objects.filter(kind="visit", guide=shop.guide).count() == 1
    shop.targets[0].refresh_from_db()
    assert shop.targets[0].visited_at == row.starts_at


@pytest.mark.parametrize("first", ["appointment", "card"])
def test_a_customer_who_came_once_is_one_visit_in_either_order(shop, phone, act, first):
    member = shop.members[0]
    row = make_appointment(member, shop.guide, shop.now)
    taps = [url("keep_appointment", row.pk), url("visit", member.public_id)]
    with clock.at(row.starts_at):
        for address in taps if first == "appointment" else reversed(taps):
            assert phone.post(address, act()).status_code == 302
    assert Interaction.objects.filter(kind="visit", member=member).count() == 1


def test_another_day_is_another_visit(shop, phone, act):
    member = shop.members[0]
    row = make_appointment(member, shop.guide, shop.now)
    with clock.at(row.starts_at):
        phone.post(url("keep_appointment", row.pk), act())
    with clock.at(row.starts_at + DAY):
        phone.post(url("visit", member.public_id), act())
    assert Interaction.objects.filter(kind="visit", member=member).count() == 2


def test_the_tap_on_the_card_counts_for_the_work_as_well(shop, phone, act):
    phone.post(url("visit", shop.members[0].public_id), act())
    shop.targets[0].refresh_from_db()
    assert shop.targets[0].visited_at is not None


def test_who_did_not_come_and_what_is_called_off_have_a_reason(shop, phone, act):
    rows = [make_appointment(member, shop.guide, shop.now) for member in shop.members[:2]]
    with clock.at(rows[0].starts_at):
        assert phone.post(url("miss_appointment", rows[0].pk), act()).status_code == 400
        phone.post(url("miss_appointment", rows[0].pk), act(reason="no_word"))
    phone.post(url("cancel_appointment", rows[1].pk), act(reason="later"))
    states = dict(Appointment.objects.values_list("pk", "state"))
    assert states == {rows[0].pk: "not_kept", rows[1].pk: "cancelled"}
    assert phone.get(url("appointment", rows[0].pk)).status_code == 200


def test_a_manager_sees_the_stores_a_colleague_none(shop, phone, managers_phone):
    row = make_appointment(shop.others_members[0], shop.colleague, shop.now)
    page = managers_phone.get(url("appointments")).content.decode()
    assert url("appointment", row.pk) in page
    assert shop.colleague.name in page
    assert phone.get(url("appointment", row.pk)).status_code == 404
    assert url("appointment", row.pk) not in phone.get(url("appointments")).content.decode()


def test_who_stands_in_for_a_day_reads_a_masked_name_and_no_way_to_the_card(shop, phone):
    member = shop.others_members[0]
    member.name = "欧阳雪莹"
    member.save(update_fields=["name"])
    row = make_appointment(member, shop.colleague, shop.now)
    Appointment.objects.filter(pk=row.pk).update(guide=shop.guide)
    with clock.at(row.starts_at):
        for address in (url("appointment", row.pk), url("appointments"), url("today")):
            page = phone.get(address).content.decode()
            assert masked_name(member) in page, address
            assert member.name not in page, address
            assert url("customer", member.public_id) not in page, address


def test_who_serves_ta_reads_the_name_and_goes_to_the_card(shop, phone, managers_phone):
    row = make_appointment(shop.members[0], shop.guide, shop.now)
    for reader in (phone, managers_phone):
        page = reader.get(url("appointment", row.pk)).content.decode()
        assert shop.members[0].name in page
        assert url("customer", shop.members[0].public_id) in page
        assert shop.members[0].name in reader.get(url("appointments")).content.decode()


def test_a_store_closed_after_booking_stands_on_the_row_and_where_it_is_closed(
    shop, phone, managers_phone, act
):
    row = make_appointment(shop.members[0], shop.guide, shop.now)
    day = clock.business_day(row.starts_at)
    assert "当天闭店" not in managers_phone.get(url("appointments")).content.decode()
    managers_phone.post(url("mark_store"), {"cell": f"{day.isoformat()}:closed"})

    assert "闭店，还有 1 个预约" in managers_phone.get(url("duty")).content.decode()
    for reader in (phone, managers_phone):
        page = reader.get(url("appointments")).content.decode()
        assert "当天闭店" in page
        assert "15:00" in page
    with clock.at(row.starts_at - timedelta(hours=1)):
        assert "当天闭店" in phone.get(url("today")).content.decode()


def test_a_guide_who_is_off_that_day_stands_on_the_row(shop, phone):
    row = make_appointment(shop.members[0], shop.guide, shop.now)
    DayOff.objects.create(guide=shop.guide, day=clock.business_day(row.starts_at))
    assert "导购不在" in phone.get(url("appointments")).content.decode()


def test_a_long_list_is_cut_after_today_ones_own_apart_and_says_so(
    shop, phone, managers_phone, monkeypatch
):
    monkeypatch.setattr(appointments, "LISTED", 2)
    now = shop.now
    waiting = [
        make_appointment(shop.members[0], shop.guide, now, starts_at=at_hour(now, hour))
        for hour in (10, 11, 12)
    ]
    today = make_appointment(shop.members[0], shop.guide, now, starts_at=at_hour(now, 20, days=2))
    theirs = make_appointment(shop.others_members[0], shop.colleague, now)
    with clock.at(today.starts_at - timedelta(hours=9)):
        page = phone.get(url("appointments")).content.decode()
        leads = managers_phone.get(url("appointments")).content.decode()
    assert page.index(url("appointment", today.pk)) < page.index(url("appointment", waiting[0].pk))
    assert url("appointment", waiting[1].pk) not in page
    assert "还有更多" in page
    assert url("appointment", theirs.pk) not in page
    assert url("appointment", today.pk) in leads


def test_the_pages_ask_as_often_for_many_as_for_one(shop, phone):
    def questions():
        counts = []
        for page in ("today", "appointments"):
            phone.get(url(page))
            with CaptureQueriesContext(connection) as asked:
                phone.get(url(page))
            counts.append(len(asked))
        return counts

    first = make_appointment(shop.members[0], shop.guide, shop.now)
    with clock.at(first.starts_at - timedelta(hours=2)):
        before = questions()
    for hour in (11, 16, 18):
        for member in shop.members:
            make_appointment(member, shop.guide, shop.now, starts_at=at_hour(shop.now, hour))
    with clock.at(first.starts_at - timedelta(hours=2)):
        assert questions() == before
