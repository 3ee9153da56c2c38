"""The contact code leads the new friend back to the member who joined: one person, one card."""

from datetime import timedelta

import pytest
from django.urls import reverse

from apps.core import clock
from apps.member_portal.models import ContactCode
from apps.member_portal.services import contact_codes
from apps.members.models import FollowRelation, Member
from apps.members.selectors import find_by_identity
from apps.wecom.client import WeComClient, client_for
from apps.wecom_sync.services import sync_all
from apps.wecom_sync.services.contacts import members_of_contacts
from tests.factories.facts import make_member, make_phone
from tests.factories.outreach import CORP, connect_corp
from tests.member_portal.conftest import form

pytestmark = pytest.mark.django_db
ADD = "externalcontact/add_contact_way"
WELCOME = reverse("member_portal:welcome")


@pytest.fixture
def joined(shop, customer, join_path):
    phone = make_phone()
    customer.post(join_path, form(phone))
    return find_by_identity("phone", "", phone)


def test_the_page_shows_the_code_once_wecom_made_it(shop, customer, joined):
    waiting = customer.get(WELCOME).content.decode()
    assert "hx-get" in waiting

    assert contact_codes.make_codes(now=clock.now()) == 1
    assert contact_codes.make_codes(now=clock.now()) == 0

    code = ContactCode.objects.get()
    shown = customer.get(WELCOME).content.decode()
    assert code.address in shown
    assert "hx-get" not in shown
    assert len(shop.simulator.calls(ADD)) == 1


def test_who_adds_the_guide_by_it_is_the_member_who_joined(shop, joined):
    contact_codes.make_codes(now=clock.now())
    code = ContactCode.objects.get()

    answer = shop.simulator.post(
        "/sim/customers/add-guide", config_id=code.config_id, name="一位微信用户"
    )
    detail = client_for(connect_corp()).get_contact(answer["external_userid"])
    states = {follow.userid: follow.state for follow in detail.follows}
    found = members_of_contacts(
        corp_id=CORP,
        contacts=[detail.contact],
        now=clock.now(),
        states={answer["external_userid"]: states[shop.guide.wecom_userid]},
    )

    assert found == {answer["external_userid"]: joined.pk}
    assert Member.objects.count() == 1
    assert Member.objects.get().name == ""  # a nickname is no name the member gave us


def test_the_nightly_comparison_binds_by_the_code_too(shop, joined):
    contact_codes.make_codes(now=clock.now())
    shop.simulator.post(
        "/sim/customers/add-guide",
        config_id=ContactCode.objects.get().config_id,
        name="一位微信用户",
    )
    sync_all(corp=connect_corp(), now=clock.now())

    assert FollowRelation.objects.current().get().member_id == joined.pk


def test_a_code_that_was_passed_on_makes_nobody_else_this_member(shop, joined):
    contact_codes.make_codes(now=clock.now())
    config_id = ContactCode.objects.get().config_id
    first, friend = (
        shop.simulator.post("/sim/customers/add-guide", config_id=config_id, name=name)[
            "external_userid"
        ]
        for name in ("一位微信用户", "她的朋友")
    )
    details = [client_for(connect_corp()).get_contact(one) for one in (first, friend)]
    states = {
        detail.contact.external_userid: follow.state
        for detail in details
        for follow in detail.follows
    }
    contacts = [detail.contact for detail in details]

    for batch in ([contacts[0]], [contacts[1]], contacts):
        found = members_of_contacts(corp_id=CORP, contacts=batch, now=clock.now(), states=states)

    assert found[first] == joined.pk
    assert found[friend] != joined.pk
    assert Member.objects.get(pk=found[friend]).name == "她的朋友"


def test_a_strangers_state_is_only_a_word(shop):
    answer = shop.simulator.post(
        "/sim/customers/add-guide",
        userid=shop.guide.wecom_userid,
        name="陌生人",
        state="join-0000000000000000",
    )
    detail = client_for(connect_corp()).get_contact(answer["external_userid"])

    found = members_of_contacts(
        corp_id=CORP,
        contacts=[detail.contact],
        now=clock.now(),
        states={answer["external_userid"]: "join-0000000000000000"},
    )

    assert Member.objects.get(pk=found[answer["external_userid"]]).name == "陌生人"


def test_wecom_refuses_and_the_page_says_where_the_guide_is(shop, customer, joined):
    shop.simulator.post("/sim/faults", path=ADD, errcode=48002, times=10)

    assert contact_codes.make_codes(now=clock.now()) == 0

    assert ContactCode.objects.get().state == ContactCode.State.FAILED
    shown = customer.get(WELCOME).content.decode()
    assert shop.guide.name in shown
    assert shop.store.name in shown

    shop.simulator.post("/sim/faults/clear")
    customer.post(reverse("member_portal:add_guide"))
    assert contact_codes.make_codes(now=clock.now()) == 1


def test_a_code_is_one_per_member_and_guide_and_is_taken_back_when_old(shop):
    member, now = make_member(), clock.now()
    first = contact_codes.want_code(member_id=member.pk, guide_id=shop.guide.pk, now=now)
    assert contact_codes.want_code(member_id=member.pk, guide_id=shop.guide.pk, now=now) == first
    contact_codes.make_codes(now=now)

    assert contact_codes.remove_old_codes(now=now) == 0
    assert contact_codes.remove_old_codes(now=now + contact_codes.KEEP + timedelta(days=1)) == 1

    first.refresh_from_db()
    assert (first.state, first.address) == ("removed", "")
    again = contact_codes.want_code(member_id=member.pk, guide_id=shop.guide.pk, now=now)
    assert again.pk != first.pk


def test_a_code_that_is_gone_at_wecom_counts_as_taken_back(shop):
    now = clock.now()
    code = contact_codes.want_code(member_id=make_member().pk, guide_id=shop.guide.pk, now=now)
    contact_codes.make_codes(now=now)
    ContactCode.objects.update(config_id="gone")

    assert contact_codes.remove_old_codes(now=now + contact_codes.KEEP + timedelta(days=1)) == 1
    code.refresh_from_db()
    assert code.state == ContactCode.State.REMOVED


def test_a_code_that_breaks_stops_no_other_and_ends(shop, monkeypatch):
    now = clock.now()
    bad, good = (
        contact_codes.want_code(member_id=make_member().pk, guide_id=shop.guide.pk, now=now)
        for _one in range(2)
    )
    add = WeComClient.add_contact_way

    def breaks(client, *, userid, state):
        if state.endswith(bad.token):
            raise ValueError
        return add(client, userid=userid, state=state)

    monkeypatch.setattr(WeComClient, "add_contact_way", breaks)
    assert contact_codes.make_codes(now=now) == 1

    good.refresh_from_db()
    bad.refresh_from_db()
    assert (good.state, bad.state, bad.attempts) == ("made", "wanted", 1)
    for minute in range(2, 22, 2):
        contact_codes.make_codes(now=now + timedelta(minutes=minute))
    bad.refresh_from_db()
    assert (bad.state, bad.attempts) == ("failed", contact_codes.PATIENCE.tries)
