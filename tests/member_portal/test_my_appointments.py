"""我的预约: one's own alone, off in one step, in the copy and gone with the person."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from apps.appointments.models import Appointment
from apps.core import clock
from apps.member_portal import session
from apps.member_portal.copying import copy_of
from apps.stores.models import Guide, Store
from tests.factories.appointments import make_appointment
from tests.factories.tasks import make_team

pytestmark = pytest.mark.django_db
PAGE = reverse("member_portal:appointments")


@pytest.fixture
def booked(fixed_clock):
    ((guide, members),) = make_team(fixed_clock, friends=2)
    Store.objects.update(city="上海")
    return [make_appointment(member, guide, fixed_clock, note="短靴") for member in members]


def phone_of(member, now, proof="code"):
    """The customer's own browser, signed in."""
    client = Client()
    kept = client.session
    kept[session.KEY] = {"id": member.pk, "proof": proof, "since": now.timestamp()}
    kept.save()
    for name in settings.AUDIENCE_SESSION_COOKIES.values():
        client.cookies[name] = kept.session_key
    return client


def test_a_customer_sees_when_and_where_and_cancels_in_one_step(booked, fixed_clock):
    mine, others = booked
    phone = phone_of(mine.member, fixed_clock)
    page = phone.get(PAGE).content.decode()
    assert mine.store.name in page
    assert "上海" in page
    assert "15:00" in page
    assert "短靴" not in page

    cancel = "member_portal:cancel_appointment"
    assert phone.post(reverse(cancel, args=[others.pk])).status_code == 404
    for _twice in range(2):
        assert phone.post(reverse(cancel, args=[mine.pk])).status_code == 302
    states = dict(Appointment.objects.values_list("pk", "state"))
    assert states == {mine.pk: "cancelled", others.pk: "booked"}
    assert reverse(cancel, args=[mine.pk]) not in phone.get(PAGE).content.decode()


def test_each_stands_where_it_belongs(booked, fixed_clock):
    mine = booked[0]
    cancel = reverse("member_portal:cancel_appointment", args=[mine.pk])
    later = mine.starts_at + timedelta(hours=1)
    with clock.at(later):
        page = phone_of(mine.member, later).get(PAGE).content.decode()
    assert "接待导购" in page
    assert cancel not in page
    assert "以前的" not in page

    days_later = mine.starts_at + timedelta(days=2)
    with clock.at(days_later):
        page = phone_of(mine.member, days_later).get(PAGE).content.decode()
    assert "以前的" in page
    assert "接待导购" not in page

    phone = phone_of(mine.member, fixed_clock)
    phone.post(cancel)
    page = phone.get(PAGE).content.decode()
    assert "以前的" not in page
    assert page.count("已取消") > 1


@pytest.mark.parametrize(("status", "words"), [("active", "导购会知道"), ("left", "已取消。")])
def test_nobody_is_said_to_know_who_has_left(booked, fixed_clock, status, words):
    mine = booked[0]
    left_at = fixed_clock if status == "left" else None
    Guide.objects.filter(pk=mine.guide_id).update(status=status, left_at=left_at)
    cancel = reverse("member_portal:cancel_appointment", args=[mine.pk])
    page = phone_of(mine.member, fixed_clock).post(cancel, follow=True).content.decode()
    assert words in page


def test_too_late_is_said_on_the_page(booked, fixed_clock):
    mine = booked[0]
    phone = phone_of(mine.member, fixed_clock)
    with clock.at(mine.starts_at):
        phone_later = phone_of(mine.member, mine.starts_at)
        address = reverse("member_portal:cancel_appointment", args=[mine.pk])
        answer = phone_later.post(address, follow=True)
    assert answer.redirect_chain[0][0] == PAGE
    mine.refresh_from_db()
    assert mine.is_booked
    assert phone.get(PAGE).status_code == 200


def test_a_stranger_is_sent_to_sign_in(booked):
    assert "sign-in" in Client().get(PAGE).url


def test_the_copy_holds_them_with_the_note(booked):
    (row,) = copy_of(member=booked[0].member)["appointments"]
    assert (row["note"], row["store"]) == ("短靴", booked[0].store.name)
