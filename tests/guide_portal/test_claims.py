"""归属申请: who asks, who stands above both and decides, and what moves with the customer."""

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
from apps.guide_tasks.models import TaskTarget
from apps.handovers import services
from apps.handovers.models import OwnershipClaim
from apps.member_portal.models import DataRequest
from apps.member_portal.services.erasure import erase
from apps.members import services as members
from apps.members.models import ServingPeriod
from apps.outreach.models import GuideNotice
from apps.outreach.services.access_news import ask_for_access
from apps.stores.models import LegalEntity, Posting
from apps.stores.selectors import WorksNowhere
from tests.factories.facts import make_guide, make_store
from tests.factories.outreach import CORP, make_friends
from tests.factories.tasks import buy, guide_actor, manager_actor
from tests.guide_portal.conftest import signed_in

pytestmark = pytest.mark.django_db
REASON = OwnershipClaim.Reason
DAY = timedelta(days=1)


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def befriend(guide, member, now):
    follow = members.FollowRow(CORP, guide.pk, member.pk, f"wm{guide.pk}x{member.pk}", now - DAY)
    members.start_follows(rows=[follow], now=now)


def serving(member):
    return ServingPeriod.objects.current().get(member=member).guide


def ask(phone, member, reason="sold", client_id=None):
    fields = {"client_id": client_id or uuid.uuid4(), "reason": reason}
    return phone.post(url("claim", member.public_id), fields, follow=True)


def decide(phone, claim, grant="yes"):
    return phone.post(
        url("decide_claim", claim.pk), {"client_id": uuid.uuid4(), "grant": grant}, follow=True
    )


@pytest.fixture
def claimed(shop):
    """A colleague's customer who has become this guide's WeCom friend as well."""
    member = shop.others_members[0]
    befriend(shop.guide, member, shop.now)
    return member


def browser_of(user):
    client = Client()
    client.force_login(user)
    return client


def test_one_tap_asks_and_one_decides_and_the_work_goes_with_the_customer(
    shop, claimed, phone, managers_phone
):
    buy(claimed, shop.store, shop.now - 3 * DAY, now=shop.now)
    target = TaskTarget.objects.get(push=shop.push, member=claimed)
    card = phone.get(url("customer", claimed.public_id)).content.decode()
    assert url("claim", claimed.public_id) in card
    page = phone.get(url("claim", claimed.public_id)).content.decode()
    assert f"现在是{shop.colleague.name}" in page

    ask(phone, claimed, "asked_for_me")

    claim = OwnershipClaim.objects.get()
    assert (claim.level, claim.holder, claim.state) == ("store", shop.colleague, "waiting")
    assert "店长还没有答复" in phone.get(url("claim", claimed.public_id)).content.decode()
    told = GuideNotice.objects.get(guide=shop.manager)
    assert shop.guide.name in told.title
    todo = managers_phone.get(url("approvals")).content.decode()
    assert "顾客点名找我" in todo
    assert "近一年卖给 TA" in todo

    answer = decide(managers_phone, claim)

    assert "双方都会收到消息" in answer.content.decode()
    assert serving(claimed) == shop.guide
    target.refresh_from_db()
    assert (target.guide, target.state) == (shop.guide, "open")
    heard = GuideNotice.objects.exclude(pk=told.pk).values_list("guide_id", "title")
    assert dict(heard) == {
        shop.guide.pk: "顾客现在归你服务",
        shop.colleague.pk: f"你的一位顾客现在由{shop.guide.name}服务",
    }
    said = AuditEntry.objects.filter(action__startswith="claim.").order_by("pk")
    assert [one.action for one in said] == ["claim.asked", "claim.granted"]
    assert f'id="claim-{claim.pk}"' not in managers_phone.get(url("approvals")).content.decode()
    assert "你就是 TA 的专属导购" in phone.get(url("claim", claimed.public_id)).content.decode()


def test_repeated_taps_are_one_request_and_one_word(shop, claimed, phone, managers_phone):
    client_id = uuid.uuid4()
    for reason in ("sold", "sold", "friend"):
        ask(phone, claimed, reason, client_id if reason == "sold" else None)
    claim = OwnershipClaim.objects.get()
    assert claim.reason == "sold"
    assert GuideNotice.objects.filter(guide=shop.manager).count() == 1

    for grant in ("no", "no", "yes"):
        decide(managers_phone, claim, grant)

    claim.refresh_from_db()
    assert (claim.state, claim.decided_by) == ("refused", f"guide:{shop.manager.pk}")
    assert serving(claimed) == shop.colleague
    assert AuditEntry.objects.filter(action__startswith="claim.").count() == 2
    # and a new reason may be told later
    ask(phone, claimed, "friend")
    assert OwnershipClaim.objects.waiting().count() == 1


def test_one_id_is_of_one_request(shop, claimed, phone):
    client_id = uuid.uuid4()
    ask(phone, claimed, client_id=client_id)
    other = shop.others_members[1]
    befriend(shop.guide, other, shop.now)

    answer = ask(phone, other, client_id=client_id)

    assert "请重新打开" in answer.content.decode()
    assert OwnershipClaim.objects.get().member == claimed


def test_a_request_can_be_taken_back_until_it_is_decided(shop, claimed, phone, managers_phone):
    ask(phone, claimed)
    first = OwnershipClaim.objects.get()
    taken = url("withdraw_claim", first.pk)
    for _twice in range(2):
        phone.post(taken, {"client_id": uuid.uuid4()})
    first.refresh_from_db()
    assert first.state == "withdrawn"
    decide(managers_phone, first)
    assert serving(claimed) == shop.colleague

    ask(phone, claimed)
    second = OwnershipClaim.objects.waiting().get()
    decide(managers_phone, second)
    answer = phone.post(url("withdraw_claim", second.pk), {"client_id": uuid.uuid4()}, follow=True)
    assert "已经有结果" in answer.content.decode()
    assert serving(claimed) == shop.guide


def test_what_is_wrong_is_said_and_changes_nothing(shop, claimed, phone, settings):
    assert ask(phone, claimed, "because").status_code == 400
    own = shop.members[0]
    assert "你已经是 TA 的专属导购" in ask(phone, own).content.decode()
    settings.CLAIMS_OPEN_MAX = 1
    ask(phone, claimed)
    other = shop.others_members[1]
    befriend(shop.guide, other, shop.now)
    answer = ask(phone, other)
    assert "等其中一个有结果" in answer.content.decode()
    assert OwnershipClaim.objects.count() == 1
    # who is neither served nor a friend is not there
    assert ask(phone, shop.others_members[2]).status_code == 404


def test_between_two_stores_the_region_decides(shop, lead, managers_phone):
    store = make_store()
    store.legal_entity = LegalEntity.objects.create(name="加盟一店", basis="processor")
    store.save()
    far = make_guide(store, corp=CORP)
    member = shop.members[0]
    befriend(far, member, shop.now)
    ask(signed_in(far), member)
    claim = OwnershipClaim.objects.get()
    assert claim.level == "region"

    # the holder's manager hears nothing of it; another store's has no such request
    assert f"claim-{claim.pk}" not in managers_phone.get(url("approvals")).content.decode()
    assert decide(managers_phone, claim).status_code == 404
    phone = browser_of(lead)
    waiting = phone.get(url("approvals")).content.decode()
    assert f"claim-{claim.pk}" in waiting
    assert "加盟一店" in waiting  # who reads it: the customer would go to another company

    decide(phone, claim)

    assert serving(member) == far


def test_the_claimants_manager_sees_what_goes_further_and_cannot_decide_it(shop, managers_phone):
    far = make_guide(make_store(), corp=CORP)
    ((member, _external),) = make_friends(far, 1)
    befriend(shop.guide, member, shop.now)
    ask(signed_in(shop.guide), member)
    claim = OwnershipClaim.objects.get()

    answer = decide(managers_phone, claim)

    assert "区域经理或总部" in answer.content.decode()
    claim.refresh_from_db()
    assert (claim.level, claim.state) == ("region", "waiting")


@pytest.mark.parametrize("side", ["asks", "holds", "nobody"])
def test_no_manager_decides_about_their_own_customers(shop, managers_phone, lead, side):
    if side == "asks":
        member, asker = shop.members[0], shop.manager
    elif side == "holds":
        member, asker = shop.others_members[0], shop.guide
        members.set_serving_guide(
            pairs=[(member.pk, shop.manager.pk, shop.store.pk)],
            reason="manual",
            now=shop.now,
            actor=SYSTEM,
        )
    else:
        Posting.objects.filter(guide=shop.manager).delete()
        member, asker = shop.others_members[0], shop.guide
    befriend(asker, member, shop.now)
    ask(signed_in(asker), member)
    claim = OwnershipClaim.objects.get()
    assert claim.level == "region"
    if side != "nobody":
        assert "区域经理或总部" in decide(managers_phone, claim).content.decode()

    decide(browser_of(lead), claim)

    assert serving(member) == asker


def test_between_two_regions_head_office_decides(shop, lead, fixed_clock):
    far = make_guide(make_store(region="west"), corp=CORP)
    member = shop.members[0]
    befriend(far, member, shop.now)
    ask(signed_in(far), member)
    claim = OwnershipClaim.objects.get()
    assert claim.level == "hq"
    assert decide(browser_of(lead), claim).status_code == 404
    user = User.objects.create(username="hq", role=Role.HQ_OPERATOR, is_staff=True)
    desk = browser_of(user)
    page = desk.get(reverse("hq:access")).content.decode()
    assert far.name in page
    assert "归属申请" in page

    for _twice in range(2):
        desk.post(reverse("hq:decide_claim", args=[claim.pk]), {"grant": "yes"})

    assert serving(member) == far
    assert AuditEntry.objects.filter(action="claim.granted").count() == 1
    assert far.name not in desk.get(reverse("hq:access")).content.decode()


def test_whoever_changed_meanwhile_is_named(shop, claimed, phone, managers_phone):
    ask(phone, claimed)
    claim = OwnershipClaim.objects.get()
    third = make_guide(shop.store, corp=CORP)
    members.set_serving_guide(
        pairs=[(claimed.pk, third.pk, shop.store.pk)],
        reason="manual",
        now=shop.now,
        actor=manager_actor(shop.manager, shop.store, shop.now),
    )
    assert third.name in decide(managers_phone, claim).content.decode()
    assert serving(claimed) == third

    Posting.objects.filter(guide=shop.guide).delete()
    assert "已经不在" in decide(managers_phone, claim).content.decode()
    claim.refresh_from_db()
    assert claim.state == "waiting"
    decide(managers_phone, claim, "no")
    claim.refresh_from_db()
    assert claim.state == "refused"


def test_a_customer_nobody_serves_is_claimed_too(shop, managers_phone, phone):
    ((member, _external),) = make_friends(shop.guide, 1, serving=False)

    ask(phone, member, "friend")
    decide(managers_phone, OwnershipClaim.objects.get())

    assert serving(member) == shop.guide


def _many(shop, n):
    """Claims of n guides of the store about customers of the colleague."""
    found = make_friends(shop.colleague, n)
    for member, _external in found:
        guide = make_guide(shop.store, corp=CORP)
        befriend(guide, member, shop.now)
        services.claim_member(
            member_id=member.pk,
            reason=REASON.SOLD,
            client_id=uuid.uuid4(),
            actor=guide_actor(guide, shop.now),
            now=shop.now,
        )


def test_the_lists_ask_the_same_whatever_waits(shop, managers_phone):
    user = User.objects.create(username="hq", role=Role.HQ_OPERATOR, is_staff=True)
    desk = browser_of(user)
    pages = (managers_phone, url("approvals")), (desk, reverse("hq:access"))
    asked = []
    for n in (2, 9):
        _many(shop, n)
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


def test_who_works_nowhere_is_told_so(shop, claimed):
    Posting.objects.filter(guide=shop.guide).delete()
    with pytest.raises(WorksNowhere) as said:
        services.claim_member(
            member_id=claimed.pk, reason=REASON.SOLD, client_id=uuid.uuid4(),
            actor=guide_actor(shop.guide, shop.now), now=shop.now,
        )  # fmt: skip
    assert "没有在任何门店上岗" in str(said.value)
    with pytest.raises(WorksNowhere):
        ask_for_access(
            member_id=claimed.pk, guide_id=shop.guide.pk, reason="called", client_id=uuid.uuid4(),
            actor=guide_actor(shop.guide, shop.now), now=shop.now,
        )  # fmt: skip
    assert not OwnershipClaim.objects.exists()


def test_nobody_claims_or_looks_at_who_asked_to_be_forgotten(shop, claimed, phone):
    ask(phone, claimed)
    far = make_guide(make_store(), corp=CORP)
    look = ask_for_access(
        member_id=claimed.pk, guide_id=far.pk, reason="called", client_id=uuid.uuid4(),
        actor=guide_actor(far, shop.now), now=shop.now,
    )  # fmt: skip
    asked = DataRequest.objects.create(
        member=claimed, kind=DataRequest.Kind.ERASE, client_id=uuid.uuid4(), asked_at=shop.now,
        due_on=shop.now.date(),
    )  # fmt: skip

    erase(request_id=asked.pk, actor=SYSTEM, now=shop.now)

    look.refresh_from_db()
    claim = OwnershipClaim.objects.get()
    assert (claim.state, claim.decided_by, look.state) == ("withdrawn", "system", "refused")


def test_the_address_of_a_form_opened_by_itself_is_no_white_page(shop, claimed, phone):
    ask(phone, claimed, "sold")

    answer = phone.get(url("withdraw_claim", OwnershipClaim.objects.get().pk))

    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert url("today") in answer.content.decode()
