"""搭配: put together, sent in one tap, opened by the customer; what was bought of it counts."""

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.guide_tasks.services import take_clicks
from apps.looks.errors import NumberInLook, PieceGone, WrongNumber
from apps.looks.models import Look, LookSend
from apps.looks.selectors import Results, results_of, suited_to
from apps.looks.services import copy_look, send_look
from apps.members.models import Consent
from apps.orders.models import Product
from apps.orders.selectors import find_products, one_of_each
from apps.orders.services import LineRow, OrderRow, ingest_orders
from apps.outreach.models import Dispatch, DispatchRecipient, TrackedLink
from apps.outreach.services import record_click
from apps.profiles.models import MemberFacts
from apps.timeline.models import Kind, MemberEvent
from tests.factories.facts import make_product
from tests.factories.looks import put_together
from tests.factories.tasks import guide_actor, make_team, settle
from tests.guide_portal.conftest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(fixed_clock):
    return make_team(fixed_clock, guides=2, friends=3)


@pytest.fixture
def guide(team):
    return team[0][0]


@pytest.fixture
def members(team):
    return team[0][1]


@pytest.fixture
def phone(guide):
    return signed_in(guide)


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def page_of(look):
    return reverse("member_portal:look", args=[look.code])


def sent_off(look, member, guide, now, client_id=None):
    return send_look(
        look=look, member=member, page_of=page_of, actor=guide_actor(guide, now), now=now,
        client_id=client_id or uuid.uuid4(),
    )  # fmt: skip


def buy_piece(member, store, product, at, *, number, kind="sale", original=""):
    sign = -1 if original else 1
    line = LineRow(
        1, product.sku, Decimal(sign), sign * 59_900, original_line_no=1 if original else None
    )
    row = OrderRow(
        source="pos", external_no=number, store_code=store.code, paid_at=at,
        net_fen=sign * 59_900, lines=[line], kind=kind, original_no=original,
        member_id=None if original else member.pk,
    )  # fmt: skip
    (result,) = ingest_orders(rows=[row], now=at, actor=SYSTEM)
    assert result.order_id, result


# --- putting together -----------------------------------------------------------------------------


def test_the_pieces_stand_in_the_address_and_the_form_keeps_the_look_once(phone, act, members):
    boots, coat = make_product(name="短靴"), make_product(name="羊绒大衣", colour="驼")
    page = phone.get(url("new_look"), {"q": "大衣", "for": members[0].public_id}).content.decode()
    assert f"for={members[0].public_id}&amp;p={coat.pk}#chosen" in page
    assert f"p={boots.pk}#chosen" not in page
    one = phone.get(url("new_look"), {"p": [boots.pk]}).content.decode()
    assert 'name="title"' not in one
    address = f"{url('new_look')}?p={boots.pk}&p={coat.pk}&for={members[0].public_id}"
    assert 'name="title"' in phone.get(address).content.decode()

    fields = act(title="雨天也好看", words="大衣配短靴，不怕湿。")
    answers = [phone.post(address, fields) for _tap in range(2)]

    assert {answer.url for answer in answers} == {url("customer_looks", members[0].public_id)}
    look = Look.objects.get()
    assert [item.product for item in look.items.all()] == [boots, coat]
    page = phone.get(answers[0].url).content.decode()
    assert "雨天也好看" in page
    assert f'name="look" value="{look.pk}"' in page


def test_a_look_has_two_to_five_pieces_that_exist_and_holds_no_number(
    guide, fixed_clock, phone, act
):
    with pytest.raises(WrongNumber):
        put_together(guide, fixed_clock, make_product())
    with pytest.raises(WrongNumber):
        put_together(guide, fixed_clock, *[make_product() for _n in range(6)])
    with pytest.raises(PieceGone):
        put_together(guide, fixed_clock, product_ids=[make_product().pk, 987654])
    with pytest.raises(NumberInLook):
        put_together(guide, fixed_clock, words="加我 13812345678")
    assert not Look.objects.exists()

    pieces = [make_product(), make_product()]
    address = f"{url('new_look')}?p={pieces[0].pk}&p={pieces[1].pk}"
    answer = phone.post(address, act(title="好搭", words="电话13812345678"))
    assert answer.status_code == 409
    assert 'value="好搭"' in answer.content.decode()
    answer = phone.post(address, act(title="好" * 21, words="雨天也好看"))
    page = answer.content.decode()
    assert answer.status_code == 400
    assert f'value="{"好" * 21}"' in page
    assert 'value="雨天也好看"' in page
    assert 'id="title-wrong"' in page
    assert not Look.objects.exists()


def test_goods_are_found_by_name_kind_and_number_one_size_of_each_colour():
    small = make_product("BOOT-38", style_no="BOOT", name="短靴", size="38")
    make_product("BOOT-39", style_no="BOOT", name="短靴", size="39")
    black = make_product("BOOT-B", style_no="BOOT", name="短靴", colour="黑", size="38")
    assert set(find_products(words="短靴")) == {small, black}
    assert find_products(words="boot-b") == [black]
    assert len(find_products(words="鞋")) == 2
    assert find_products(words=" ") == []


def test_what_suits_ta_is_of_the_kind_ta_buys_and_in_tas_size(members):
    other = make_product(name="凉鞋", size="36")
    fits = make_product(name="短靴", size="39")
    make_product(name="大衣", category="外套", size="39")
    member = members[0]
    assert suited_to(member=member) == []
    MemberFacts.objects.update_or_create(
        member_id=member.pk, defaults={"favourite_category": "鞋", "shoe_size": "39"}
    )
    assert suited_to(member=member) == [fits, other]


def test_of_many_goods_only_the_newest_leave_the_database(fixed_clock):
    for number in range(5):
        for size in ("38", "39"):
            make_product(
                f"MANY{number}-{size}", style_no=f"MANY{number}", name="单鞋", size=size,
                listed_at=fixed_clock - timedelta(days=number),
            )  # fmt: skip
    with CaptureQueriesContext(connection) as asked:
        found = find_products(words="单鞋", limit=3)
    assert [one.sku for one in found] == ["MANY0-38", "MANY1-38", "MANY2-38"]
    assert [query["sql"].endswith("LIMIT 3") for query in asked] == [True]
    sized = one_of_each(Product.objects.filter(style_no__gte="MANY3"), limit=1, sizes={"39"})
    assert [one.sku for one in sized] == ["MANY3-39"]


def test_a_colleagues_look_is_seen_in_the_store_and_becomes_ones_own(team, fixed_clock, phone, act):
    (guide, _members), (colleague, _others) = team
    theirs = put_together(colleague, fixed_clock)
    ((stranger, _m),) = make_team(fixed_clock, friends=1)
    far = put_together(stranger, fixed_clock)
    page = phone.get(url("looks")).content.decode()
    assert url("look", theirs.pk) in page
    assert url("look", far.pk) not in page
    assert phone.get(url("look", far.pk)).status_code == 404

    fields = act()
    for _tap in range(2):
        phone.post(url("look", theirs.pk), fields)
    mine = Look.objects.get(guide=guide)
    assert (mine.copied_from, mine.title) == (theirs, theirs.title)
    assert mine.code != theirs.code


# --- sending, opening, buying ---------------------------------------------------------------------


def test_one_tap_leaves_one_message_whose_link_leads_to_the_look(
    phone, act, guide, members, fixed_clock, client, settings
):  # fmt: skip
    settings.WECOM_OAUTH_IN_ANY_BROWSER = False
    look = put_together(guide, fixed_clock)
    assert (
        url("customer_looks", members[0].public_id)
        in phone.get(url("customer", members[0].public_id)).content.decode()
    )
    fields = act(look=look.pk)
    for _tap in range(2):
        assert phone.post(url("customer_looks", members[0].public_id), fields).status_code == 302

    dispatch = Dispatch.objects.get()
    assert LookSend.objects.get().dispatch == dispatch
    assert dispatch.marketing
    assert look.title in dispatch.text
    answer = client.get(f"/l/{TrackedLink.objects.get(dispatch=dispatch).code}/", follow=True)
    page = answer.content.decode()
    assert answer.redirect_chain[-1][0] == reverse("member_portal:look", args=[look.code])
    assert all(item.product.name in page for item in look.items.all())
    assert "¥599" in page
    assert guide.name in page
    assert members[0].name not in page
    assert Client().get(reverse("member_portal:look", args=["nothing"])).status_code == 404


def test_a_colleagues_look_goes_out_as_the_senders_own(
    team, phone, act, guide, members, fixed_clock, client, settings
):
    settings.WECOM_OAUTH_IN_ANY_BROWSER = False
    colleague, others = team[1]
    theirs = put_together(colleague, fixed_clock)
    fields = act(look=theirs.pk)
    for _tap in range(2):
        assert phone.post(url("customer_looks", members[0].public_id), fields).status_code == 302
    phone.post(url("customer_looks", members[1].public_id), act(look=theirs.pk))

    mine = Look.objects.get(guide=guide)
    assert mine.copied_from == theirs
    assert [sent.look for sent in LookSend.objects.all()] == [mine, mine]
    dispatch = Dispatch.objects.order_by("pk").first()
    assert guide.name in dispatch.text
    link = TrackedLink.objects.get(dispatch=dispatch)
    answer = client.get(f"/l/{link.code}/", follow=True)
    assert answer.redirect_chain[-1][0] == page_of(mine)
    page = answer.content.decode()
    assert guide.name in page
    assert colleague.name not in page
    assert set(results_of(look_ids=[theirs.pk, mine.pk])) == {mine.pk}

    theirs_to_see = signed_in(colleague)
    page = theirs_to_see.get(url("look", theirs.pk)).content.decode()
    assert members[0].name not in page
    assert url("customer", members[0].public_id) not in page
    page = theirs_to_see.get(url("looks")).content.decode()
    assert url("look", theirs.pk) in page
    assert url("look", mine.pk) not in page
    page = phone.get(url("looks")).content.decode()
    assert url("look", mine.pk) in page


def test_who_may_not_be_written_to_takes_no_look_over(team, phone, act, members, fixed_clock):
    theirs = put_together(team[1][0], fixed_clock)
    Consent.objects.filter(member=members[0]).update(withdrawn_at=fixed_clock)
    phone.post(url("customer_looks", members[0].public_id), act(look=theirs.pk))
    assert list(Look.objects.all()) == [theirs]


def test_who_may_not_be_written_to_gets_no_look_and_the_page_says_why(
    phone, act, guide, members, fixed_clock
):  # fmt: skip
    look = put_together(guide, fixed_clock)
    Consent.objects.filter(member=members[0]).update(withdrawn_at=fixed_clock)
    page = phone.get(url("customer_looks", members[0].public_id)).content.decode()
    assert "tip warn" in page
    assert 'name="look"' not in page
    phone.post(url("customer_looks", members[0].public_id), act(look=look.pk))
    assert not Dispatch.objects.exists()
    assert not LookSend.objects.exists()


def test_delivered_opened_and_bought_are_counted_once_for_each_customer(
    guide, members, fixed_clock, phone
):
    boots, coat = make_product(), make_product()
    look = put_together(guide, fixed_clock, boots, coat)
    assert results_of(look_ids=[look.pk]) == {}
    sends = [sent_off(look, member, guide, fixed_clock) for member in members]
    assert results_of(look_ids=[look.pk])[look.pk] == Results(3, 0, 0, 0)
    for send in sends[:2]:
        settle(send.dispatch, DispatchRecipient.State.DELIVERED, fixed_clock)
    assert results_of(look_ids=[look.pk])[look.pk] == Results(3, 2, 0, 0)

    receiver = DispatchRecipient.objects.get(dispatch=sends[0].dispatch)
    link = TrackedLink.objects.get(dispatch=sends[0].dispatch)
    for _tap in range(2):
        record_click(code=link.code, external_userid=receiver.external_userid, now=fixed_clock)
    take_clicks(now=fixed_clock)
    engaged = MemberEvent.objects.filter(kind=Kind.ENGAGED)
    assert [event.member_id for event in engaged] == [members[0].pk]

    store = look.store
    soon, late = fixed_clock + timedelta(days=2), fixed_clock + timedelta(days=15)
    other_size = make_product("OTHER-SIZE", style_no=coat.style_no, size="40")
    buy_piece(members[0], store, other_size, soon, number="A1")
    buy_piece(members[1], store, boots, late, number="A2")  # after the window
    buy_piece(members[2], store, boots, soon, number="A3")  # never delivered
    assert results_of(look_ids=[look.pk])[look.pk] == Results(3, 2, 1, 1)
    page = phone.get(url("look", look.pk)).content.decode()
    assert members[0].name in page
    assert "已成交" in page

    buy_piece(members[0], store, other_size, soon + timedelta(days=1), number="A1R", kind="return",
              original="A1")  # fmt: skip
    assert results_of(look_ids=[look.pk])[look.pk].bought == 0


def test_who_was_sent_a_look_twice_is_one_person(guide, members, fixed_clock, phone):
    boots, coat = make_product(), make_product()
    look = put_together(guide, fixed_clock, boots, coat)
    first, second, third = (fixed_clock + timedelta(days=days) for days in (0, 3, 6))
    for day in (first, second):
        settle(sent_off(look, members[0], guide, day).dispatch, "delivered", day)
    again = sent_off(look, members[0], guide, third)
    sent_off(look, members[1], guide, third)
    for link in TrackedLink.objects.exclude(dispatch=again.dispatch):
        receiver = DispatchRecipient.objects.get(dispatch=link.dispatch)
        record_click(code=link.code, external_userid=receiver.external_userid, now=fixed_clock)
    buy_piece(members[0], look.store, coat, third + timedelta(days=1), number="T1")
    assert results_of(look_ids=[look.pk])[look.pk] == Results(2, 1, 2, 1)
    page = phone.get(url("look", look.pk)).content.decode()
    assert "1 人未送达" in page


def test_head_office_reads_the_looks_with_what_came_of_them(
    admin_client, guide, members, fixed_clock
):
    look = put_together(guide, fixed_clock)
    settle(sent_off(look, members[0], guide, fixed_clock).dispatch, "delivered", fixed_clock)
    page = admin_client.get(reverse("admin:looks_look_changelist"))
    assert page.status_code == 200
    assert look.title in page.content.decode()
    (row,) = page.context["cl"].result_list
    assert row.results == Results(1, 1, 0, 0)
    page = admin_client.get(reverse("admin:looks_look_change", args=[look.pk])).content.decode()
    assert "跑鞋" in page


def test_the_pages_ask_as_often_for_many_as_for_one(
    phone, guide, members, fixed_clock, admin_client
):
    addresses = [
        (phone, url("looks")),
        (phone, url("customer_looks", members[2].public_id)),
        (admin_client, reverse("admin:looks_look_changelist")),
    ]
    first = put_together(guide, fixed_clock)
    addresses.append((phone, url("look", first.pk)))
    sent_off(first, members[0], guide, fixed_clock)

    def questions():
        counts = []
        for browser, address in addresses:
            browser.get(address)
            with CaptureQueriesContext(connection) as asked:
                browser.get(address)
            counts.append(len(asked))
        return counts

    before = questions()
    for _n in range(4):
        copy_look(
            look=first, actor=guide_actor(guide, fixed_clock), now=fixed_clock,
            client_id=uuid.uuid4(),
        )  # fmt: skip
    sent_off(first, members[1], guide, fixed_clock)
    assert questions() == before


def test_head_office_reads_of_looks_and_not_of_times_looked(db):
    assert str(Look._meta.verbose_name_plural) == "搭配"
