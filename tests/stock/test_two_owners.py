"""调货 between stores of two owners: nothing leaves before the region has agreed."""

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.capabilities import Role
from apps.accounts.models import User
from apps.outreach.models import GuideNotice
from apps.stock import services
from apps.stock.errors import RegionToAgree, RequestMoved, RequestOfOthers
from apps.stock.models import StockRequestMove, StockTerms
from apps.stores.models import LegalEntity, ScopeGrant
from apps.stores.selectors import actor_for
from tests.factories.facts import make_store
from tests.factories.stock import make_pair, make_request
from tests.guide_portal.conftest import signed_in

pytestmark = pytest.mark.django_db


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def region_user(name, region):
    user = User.objects.create(username=name, role=Role.REGION_MANAGER, last_name="沈")
    ScopeGrant.objects.create(user=user, region=region)
    return user


def to(row, what):
    found = GuideNotice.objects.filter(source=f"stock_request:{row.pk}:{what}")
    return set(found.values_list("guide_id", flat=True))


@pytest.fixture
def pair(fixed_clock):
    """The store that gives belongs to somebody else."""
    pair = make_pair(fixed_clock, pieces=3)
    pair.there.legal_entity = LegalEntity.objects.create(name="加盟一店", basis="processor")
    pair.there.save(update_fields=["legal_entity"])
    return pair


@pytest.fixture
def lead(pair):
    return region_user("region", pair.there.region)


@pytest.fixture
def act():
    return lambda **more: {"client_id": str(uuid.uuid4()), **more}


@pytest.fixture
def board(lead):
    client = Client()
    client.force_login(lead)
    return client


def decide(row, user, now, *, agree=True):
    actor = actor_for(user=user, now=now)
    return services.decide_owners(request_id=row.pk, agree=agree, actor=actor, now=now)


def step(row, pair, name, actor=None):
    actor = actor or pair.giving
    return getattr(services, name)(request_id=row.pk, actor=actor, now=pair.now)


def test_nothing_is_sent_before_the_region_agrees(pair, lead):
    row = make_request(pair, kind="send")
    assert row.waits_for_region
    step(row, pair, "confirm")
    with pytest.raises(RegionToAgree):
        step(row, pair, "send")

    for _twice in range(2):
        row = decide(row, lead, pair.now)

    assert (row.state, row.cleared_at) == ("held", pair.now)
    assert StockRequestMove.objects.filter(request=row, actor=f"user:{lead.pk}").count() == 1
    assert to(row, "cleared") == {pair.giver.pk}
    assert step(row, pair, "send").state == "sent"
    # what has left cannot be called back
    with pytest.raises(RequestMoved):
        decide(row, lead, pair.now, agree=False)


def test_a_no_ends_it_and_both_stores_hear(pair, lead):
    row = make_request(pair, kind="send")
    step(row, pair, "confirm")
    for _twice in range(2):
        row = decide(row, lead, pair.now, agree=False)
    assert (row.state, row.reason) == ("refused", "owners")
    assert to(row, "refused") == {pair.guide.pk, pair.giver.pk}
    with pytest.raises(RequestMoved):
        decide(row, lead, pair.now)


def test_the_region_may_agree_before_the_store_has_looked(pair, lead):
    row = make_request(pair, kind="send")
    row = decide(row, lead, pair.now)
    assert row.state == "asked"
    step(row, pair, "confirm")
    assert step(row, pair, "send").state == "sent"


def test_who_does_not_lead_the_giving_region_has_no_word(pair):
    row = make_request(pair, kind="send")
    other = region_user("west", make_store(region="west").region)
    with pytest.raises(RequestOfOthers):
        decide(row, other, pair.now)


@pytest.mark.parametrize("case", ["kept", "one owner", "set off"])
def test_otherwise_nobody_above_is_asked(pair, lead, case):
    if case == "one owner":
        pair.there.legal_entity = pair.here.legal_entity
        pair.there.save(update_fields=["legal_entity"])
    if case == "set off":
        StockTerms.objects.create(owners_ask_region=False)
    row = make_request(pair, kind="hold" if case == "kept" else "send")
    assert not row.needs_region
    # and there is nothing to decide
    with pytest.raises(RequestOfOthers):
        decide(row, lead, pair.now)


def test_it_stands_on_the_pages_of_all_three(pair, lead, board, act):
    asker, giver = signed_in(pair.guide), signed_in(pair.giver)
    address = url("ask_stock", pair.product.pk, pair.there.pk)
    page = asker.get(f"{address}?for={pair.member.public_id}").content.decode()
    assert "寄出前要区域经理同意" in page
    row = make_request(pair, kind="send")
    giver.post(url("confirm_stock", row.pk), act())
    page = giver.get(url("stock_request", row.pk)).content.decode()
    assert "区域经理同意后才能寄出" in page
    assert url("send_stock", row.pk) not in page
    answer = giver.post(url("send_stock", row.pk), act(), follow=True)
    assert "要先由区域经理同意" in answer.content.decode()
    waiting = board.get(url("approvals")).content.decode()
    assert "徐汇店 → 静安店" in waiting
    assert "加盟一店" in waiting

    answer = board.post(url("decide_owners", row.pk), act(grant="yes"), follow=True)

    assert f'id="piece-{row.pk}"' not in answer.content.decode()
    page = giver.get(url("stock_request", row.pk)).content.decode()
    assert url("send_stock", row.pk) in page
    assert "区域经理已同意" in page
    assert "沈" in page
