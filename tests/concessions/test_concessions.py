"""特批: who asks, who may grant how much, and what the till makes of it."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.accounts.capabilities import Role
from apps.accounts.models import AuditEntry, User
from apps.concessions import services
from apps.concessions.errors import AboveYourLimit, AskedForAlready, OrderOfOthers, WishIncomplete
from apps.concessions.models import Concession, ConcessionTerms
from apps.member_portal.copying import copy_of
from apps.members.services.relations import set_serving_guide
from apps.orders.models import Order
from apps.outreach.models import GuideNotice
from apps.reports.selectors import todos
from apps.stores.models import Posting, ScopeGrant
from apps.stores.selectors import actor_for
from apps.timeline.models import MemberEvent
from tests.factories.facts import make_guide, make_store
from tests.factories.outreach import CORP, make_friends
from tests.factories.stock import bring_back, make_pair
from tests.factories.stock import buy as buy_piece
from tests.factories.tasks import buy, guide_actor, manager_actor
from tests.guide_portal.conftest import make_manager, open_shop, signed_in

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


@pytest.fixture
def shop(fixed_clock):
    return open_shop(fixed_clock)


@pytest.fixture
def lead(shop):
    user = User.objects.create(username="region", role=Role.REGION_MANAGER, last_name="沈")
    ScopeGrant.objects.create(user=user, region=shop.store.region)
    return user


def browser_of(user):
    client = Client()
    client.force_login(user)
    return client


def ask(shop, member=None, *, guide=None, now=None, client_id=None, **wish):
    now = now or shop.now
    values = {"kind": "discount", "percent": 10, "reason": "loyal", **wish}
    return services.ask(
        member_id=(member or shop.members[0]).pk,
        client_id=client_id or uuid.uuid4(),
        actor=guide_actor(guide or shop.guide, now),
        now=now,
        **values,
    )


def leading(shop):
    return manager_actor(shop.manager, shop.store, shop.now)


def decide(row, actor, now, *, grant=True):
    return services.decide(concession_id=row.pk, grant=grant, actor=actor, now=now)


def sold(shop, member, days=0, **more):
    pk = buy(member, shop.store, shop.now - days * DAY, now=shop.now, **more)
    return Order.objects.get(pk=pk)


# --- who decides ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("percent", "level"), [(10, "store"), (11, "region"), (21, "hq")])
def test_a_discount_goes_to_whoever_may_grant_so_much(shop, percent, level):
    assert ask(shop, percent=percent).level == level


@pytest.mark.parametrize(("days", "level"), [(60, "store"), (61, "region")])
def test_a_late_return_goes_by_the_days_since_the_purchase(shop, days, level):
    order = sold(shop, shop.members[0], days)
    row = ask(shop, kind="late_return", order_id=order.pk, percent=None, reason="away")
    assert (row.level, row.order) == (level, order)


def test_head_offices_limits_count_from_then_on(shop):
    before = ask(shop, percent=10)
    ConcessionTerms.objects.create(store_percent=5, region_percent=8, valid_days=3)
    assert ask(shop, shop.members[1], percent=10).level == "hq"
    before.refresh_from_db()
    assert before.level == "store"
    row, _now = decide(before, leading(shop), shop.now)
    assert row.valid_until == (shop.now + 3 * DAY).date()


@pytest.mark.parametrize("case", ["asks herself", "no manager"])
def test_without_a_manager_above_the_region_decides(shop, case):
    if case == "no manager":
        Posting.objects.filter(guide=shop.manager).delete()
        assert ask(shop).level == "region"
        return
    member = shop.members[0]
    set_serving_guide(
        pairs=[(member.pk, shop.manager.pk, shop.store.pk)], reason="manual", now=shop.now,
        actor=SYSTEM,
    )  # fmt: skip
    row = ask(shop, member, guide=shop.manager)
    assert row.level == "region"
    with pytest.raises(AboveYourLimit):
        decide(row, leading(shop), shop.now)


def test_a_manager_cannot_grant_beyond_the_limit_and_strangers_see_nothing(shop):
    row = ask(shop, percent=15)
    with pytest.raises(AboveYourLimit):
        decide(row, leading(shop), shop.now)
    other = make_store()
    stranger = manager_actor(make_manager(other, shop.now), other, shop.now)
    with pytest.raises(Concession.DoesNotExist):
        decide(row, stranger, shop.now)


# --- asked, answered, repeated --------------------------------------------------------------------


def test_repeats_are_one_request_and_one_word(shop):
    client_id = uuid.uuid4()
    row, again = (ask(shop, client_id=client_id) for _twice in range(2))
    assert row.pk == again.pk
    assert GuideNotice.objects.filter(source=f"concession:{row.pk}:asked").count() == 1
    with pytest.raises(AskedForAlready):
        ask(shop)
    _row, first = decide(row, leading(shop), shop.now)
    row, second = decide(row, leading(shop), shop.now, grant=False)
    assert (first, second, row.state) == (True, False, "granted")
    assert row.valid_until == (shop.now + 7 * DAY).date()
    assert GuideNotice.objects.filter(source=f"concession:{row.pk}:decided").count() == 1
    assert MemberEvent.objects.filter(kind="concession.granted").count() == 1
    said = AuditEntry.objects.filter(action__startswith="concession.").order_by("pk")
    assert [one.action for one in said] == ["concession.asked", "concession.granted"]
    # what is decided cannot be taken back, and may be asked for again
    asker = guide_actor(shop.guide, shop.now)
    row = services.withdraw(concession_id=row.pk, actor=asker, now=shop.now)
    assert row.state == "granted"
    assert ask(shop).state == "waiting"


def test_a_wish_has_all_its_parts(shop):
    theirs = sold(shop, shop.others_members[0])
    for wrong in (
        {"percent": None},
        {"percent": 0},
        {"percent": 91},
        {"reason": "because"},
        {"kind": "late_return", "percent": None},
        {"kind": "gift"},
    ):
        with pytest.raises(WishIncomplete):
            ask(shop, **wrong)
    with pytest.raises(OrderOfOthers):
        ask(shop, kind="late_return", order_id=theirs.pk)
    assert Concession.objects.count() == 0


# --- the till -------------------------------------------------------------------------------------


def test_the_first_sale_in_the_store_takes_the_discount_once(shop):
    member = shop.members[0]
    row = ask(shop)
    decide(row, leading(shop), shop.now)
    sold(shop, shop.members[1])
    row.refresh_from_db()
    assert row.state == "granted"
    order = buy(member, shop.store, shop.now + DAY, now=shop.now + DAY)
    services.close_with_orders(order_ids=[order])
    row.refresh_from_db()
    assert (row.state, row.order_id, row.used_order_id) == ("used", None, order)
    later = buy(member, shop.store, shop.now + 2 * DAY, now=shop.now + 2 * DAY)
    assert services.close_with_orders(order_ids=[order, later]) == 0


@pytest.mark.parametrize("case", ["after its days", "elsewhere", "before it"])
def test_another_sale_does_not(shop, case):
    row = ask(shop)
    decide(row, leading(shop), shop.now)
    store = make_store() if case == "elsewhere" else shop.store
    at = {"after its days": shop.now + 8 * DAY, "before it": shop.now - DAY}.get(case, shop.now)
    order = buy(shop.members[0], store, at, now=shop.now + 9 * DAY)
    assert services.close_with_orders(order_ids=[order]) == 0


def test_the_api_tells_of_the_late_return(fixed_clock):
    pair = make_pair(fixed_clock)
    buy_piece(pair, pair.now - 10 * DAY, number="S1")
    order = Order.objects.get(external_no="S1")
    set_serving_guide(
        pairs=[(pair.member.pk, pair.giver.pk, pair.there.pk)], reason="manual", now=pair.now,
        actor=SYSTEM,
    )  # fmt: skip
    row = services.ask(
        member_id=pair.member.pk, kind="late_return", reason="quality", order_id=order.pk,
        client_id=uuid.uuid4(), actor=pair.giving, now=pair.now,
    )  # fmt: skip
    decide(row, pair.leading, pair.now)

    bring_back(pair, pair.now + DAY, number="S1")

    row.refresh_from_db()
    assert (row.state, row.order) == ("used", order)
    assert row.used_order.original == order
    assert row.used_order.paid_at == pair.now + DAY


def test_who_is_forgotten_leaves_no_open_wish(shop):
    order = sold(shop, shop.members[0])
    row = ask(shop, kind="late_return", order_id=order.pk, percent=None)
    assert copy_of(member=shop.members[0])["concessions"][0]["what"] == "超期退货"
    assert services.forget_members(member_ids=[shop.members[0].pk], now=shop.now) == 1
    row.refresh_from_db()
    assert (row.state, row.order) == ("withdrawn", order)
    assert services.forget_members(member_ids=[shop.members[0].pk], now=shop.now) == 0


# --- pages ----------------------------------------------------------------------------------------


def test_from_the_card_to_the_answer(shop):
    phone, managers = signed_in(shop.guide), signed_in(shop.manager)
    member = shop.members[0]
    sold(shop, member, 5)
    address = url("concession", member.public_id)
    assert address in phone.get(url("customer", member.public_id)).content.decode()
    page = phone.get(address).content.decode()
    assert "超期退货" in page
    fields = {"client_id": uuid.uuid4(), "kind": "discount", "percent": "8", "reason": "loyal"}
    page = phone.post(address, fields, follow=True).content.decode()
    assert "优惠 8%" in page
    assert "由店长决定" in page
    row = Concession.objects.get()
    waiting = managers.get(url("approvals")).content.decode()
    assert "优惠 8%" in waiting
    assert member.name not in waiting

    answer = managers.post(
        url("decide_concession", row.pk), {"client_id": uuid.uuid4(), "grant": "yes"}, follow=True
    )

    assert "导购会收到消息" in answer.content.decode()
    page = phone.get(address).content.decode()
    assert "有效期至 3月25日" in page
    assert "获得特批" in phone.get(url("customer", member.public_id)).content.decode()


def test_what_is_wrong_is_said_and_what_was_typed_stays(shop):
    phone = signed_in(shop.guide)
    address = url("concession", shop.members[0].public_id)
    fields = {"client_id": uuid.uuid4(), "kind": "discount", "reason": "gift"}
    answer = phone.post(address, {**fields, "percent": "95"})
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "1 到 90" in page
    assert 'value="95"' in page
    assert 'value="gift" selected' in page
    assert phone.post(address, {**fields, "percent": "x"}).status_code == 400
    other = make_guide(make_store(), corp=CORP)
    ((stranger, _external),) = make_friends(other, 1)
    assert phone.get(url("concession", stranger.public_id)).status_code == 404


def test_the_guide_takes_it_back(shop):
    phone = signed_in(shop.guide)
    row = ask(shop)
    for _twice in range(2):
        phone.post(url("withdraw_concession", row.pk), {"client_id": uuid.uuid4()})
    row.refresh_from_db()
    assert row.state == "withdrawn"
    foreign = signed_in(shop.colleague)
    answer = foreign.post(url("withdraw_concession", row.pk), {"client_id": uuid.uuid4()})
    assert answer.status_code == 404


def test_the_region_and_head_office_answer_what_is_theirs(shop, lead):
    board = browser_of(lead)
    chief = User.objects.create(username="hq", role=Role.HQ_OPERATOR, is_staff=True)
    desk = browser_of(chief)
    region, head = ask(shop, percent=15), ask(shop, shop.members[1], percent=40)
    assert board.get(url("region")).context["waiting"].approvals == 1
    waiting = todos(actor=actor_for(user=chief, now=shop.now), now=shop.now)
    (asked,) = [todo for todo in waiting if todo.code == "access"]
    assert (asked.count, asked.since) == (1, head.asked_at)
    page = board.get(url("approvals")).content.decode()
    assert "优惠 15%" in page
    assert "优惠 40%" not in page
    board.post(url("decide_concession", region.pk), {"client_id": uuid.uuid4(), "grant": "yes"})
    page = desk.get(reverse("hq:access")).content.decode()
    assert "优惠 40%" in page
    for _twice in range(2):
        desk.post(reverse("hq:decide_concession", args=[head.pk]), {"grant": "no"})
    for row, state in ((region, "granted"), (head, "refused")):
        row.refresh_from_db()
        assert row.state == state
    assert AuditEntry.objects.filter(action="concession.refused").count() == 1


def test_the_lists_ask_the_same_whatever_waits(shop):
    managers, phone = signed_in(shop.manager), signed_in(shop.guide)
    desk = browser_of(User.objects.create(username="hq", role=Role.HQ_OPERATOR, is_staff=True))
    member = shop.members[0]
    pages = (
        (managers, url("approvals")),
        (desk, reverse("hq:access")),
        (desk, reverse("admin:concessions_concession_changelist")),
        (phone, url("concession", member.public_id)),
    )
    asked = []
    for n in (2, 9):
        for other, _external in make_friends(shop.guide, n):
            ask(shop, other)
        for _one in range(n):
            row = ask(shop, member)
            decide(row, leading(shop), shop.now, grant=False)
        for client, address in pages:
            client.get(address)  # what a session and a process ask once
        counts = []
        for client, address in pages:
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            counts.append(len(queries))
        asked.append(counts)
    assert asked[0] == asked[1]
    assert max(asked[1]) <= 12
