"""继承 on the phone: plan, start, progress in plain words; between owners the region decides."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.capabilities import Role
from apps.accounts.models import User
from apps.handovers.models import HandoverItem, HandoverRun
from apps.stores.models import LegalEntity, ScopeGrant
from apps.stores.services import guide_leaves
from tests.factories.facts import make_guide, make_store
from tests.factories.groups import make_group
from tests.factories.outreach import CORP, make_friends

pytestmark = pytest.mark.django_db


def url(name, *args):
    return reverse(f"guide_portal:{name}", args=args)


def leave(shop):
    guide_leaves(guide=shop.guide, now=shop.now, on=shop.now.date())


def plan(shop, client, act):
    leave(shop)
    client.post(url("plan_handover", shop.guide.pk), act())
    return HandoverRun.objects.get()


def counted(page):
    return re.findall(r"<dd>([\d/]+)</dd>", page)


def test_a_manager_plans_changes_the_successor_and_starts(shop, managers_phone, act):
    run = plan(shop, managers_phone, act)
    page = managers_phone.get(url("handover_run", run.pk)).content.decode()
    assert counted(page) == ["3", "1", "0"]
    assert {item.takeover_id for item in run.items.all()} == {shop.colleague.pk}

    managers_phone.post(
        url("change_successor", run.pk), act(to=shop.manager.pk, instead_of=shop.colleague.pk)
    )
    assert {item.takeover_id for item in run.items.all()} == {shop.manager.pk}
    for _time in range(2):
        managers_phone.post(url("start_handover", run.pk), act())

    run.refresh_from_db()
    assert run.state == "running"
    assert run.calls.count() == 1
    page = managers_phone.get(url("handover_run", run.pk)).content.decode()
    assert counted(page) == ["0/3", "3", "0"]
    listed = managers_phone.get(url("handover")).content.decode()
    assert "已接手 0/3 位" in listed


def test_a_plan_that_is_not_wanted_is_dropped(shop, managers_phone, act):
    run = plan(shop, managers_phone, act)

    managers_phone.post(url("start_handover", run.pk), act(act="drop"))

    run.refresh_from_db()
    assert run.state == "dropped"
    assert not HandoverItem.objects.exists()
    assert managers_phone.get(url("handover_run", run.pk)).status_code == 404
    again = managers_phone.get(url("handover_of", shop.guide.pk)).content.decode()
    assert url("plan_handover", shop.guide.pk) in again


def test_who_is_left_has_a_reason_and_can_be_tried_with_somebody_else(shop, managers_phone, act):
    run = plan(shop, managers_phone, act)
    managers_phone.post(url("start_handover", run.pk), act())
    item = run.items.first()
    HandoverItem.objects.filter(run=run).update(state="done")
    HandoverItem.objects.filter(pk=item.pk).update(state="refused", ended_at=shop.now)
    HandoverRun.objects.update(state="done", finished_at=shop.now)

    page = managers_phone.get(url("handover_run", run.pk)).content.decode()
    assert counted(page) == ["2/3", "0", "1"]
    assert "TA 不想换导购" in page
    managers_phone.post(url("change_successor", run.pk), act(to=shop.colleague.pk, item=[item.pk]))

    fresh = HandoverItem.objects.current().get(member=item.member)
    assert (fresh.state, fresh.attempt, fresh.takeover) == ("queued", 2, shop.colleague)


@pytest.fixture
def between_owners(shop):
    """The store's customers are to go to a franchise store of the same region."""
    other = make_store()
    other.legal_entity = LegalEntity.objects.create(name="加盟商")
    other.save()
    make_guide(other, corp=CORP)
    leave(shop)
    run = HandoverRun.objects.create(
        corp_id=CORP, kind="resigned", guide=shop.guide, store=shop.store, to_store=other,
        planned_by="test", planned_at=shop.now,
    )  # fmt: skip
    HandoverItem.objects.bulk_create(
        HandoverItem(run=run, guide=shop.guide, takeover=shop.colleague, member=member)
        for member in shop.members
    )
    return run


@pytest.fixture
def region(shop):
    user = User.objects.create(username="rm", role=Role.REGION_MANAGER, is_active=True)
    ScopeGrant.objects.create(user=user, region=shop.store.region)
    client = Client(HTTP_REFERER="http://testserver/g/")
    client.force_login(user)
    return client


def test_between_owners_the_region_decides(shop, managers_phone, region, between_owners, act):
    run = between_owners
    page = managers_phone.get(url("handover_run", run.pk)).content.decode()
    assert "请大区审批" in page
    managers_phone.post(url("start_handover", run.pk), act())
    run.refresh_from_db()
    assert run.state == "to_approve"
    assert run.items.filter(state="planned").count() == 3

    waiting = region.get(url("approvals")).content.decode()
    assert url("decide_handover", run.pk) in waiting
    assert "加盟商" in waiting
    assert managers_phone.post(url("decide_handover", run.pk), {"allow": "yes"}).status_code == 403
    region.post(url("decide_handover", run.pk), {"allow": "yes"})

    run.refresh_from_db()
    assert (run.state, run.decided_by[:5]) == ("done", "user:")  # nobody of them is a friend
    assert url("decide_handover", run.pk) not in region.get(url("approvals")).content.decode()


def test_a_no_of_the_region_needs_a_word(shop, region, between_owners):
    run = between_owners
    HandoverRun.objects.update(state="to_approve")

    region.post(url("decide_handover", run.pk), {"allow": "no"})
    run.refresh_from_db()
    assert run.state == "to_approve"
    region.post(url("decide_handover", run.pk), {"allow": "no", "word": "先谈分成"})

    run.refresh_from_db()
    assert (run.state, run.decision) == ("dropped", "先谈分成")


def test_a_group_that_wecom_refused_is_given_to_somebody_else(shop, managers_phone, act):
    make_group(shop.guide, shop.store, shop.now, name="秋冬内购群")
    run = plan(shop, managers_phone, act)
    managers_phone.post(url("start_handover", run.pk), act())
    row = run.groups.get()
    run.groups.update(state="cannot", reason="40098", ended_at=shop.now)

    page = managers_phone.get(url("handover_run", run.pk)).content.decode()
    assert "需要你处理的群" in page
    assert "秋冬内购群" in page
    assert "已换群主 0/1" in page
    for _time in range(2):
        fields = act(to=shop.manager.pk, group=[row.pk])
        managers_phone.post(url("change_successor", run.pk), fields)

    fresh = run.groups.current().get()
    assert (fresh.state, fresh.attempt, fresh.takeover) == ("queued", 2, shop.manager)
    listed = managers_phone.get(url("handover")).content.decode()
    assert "客户群：已换群主 0/1" in listed


def test_a_large_handover_asks_as_often_as_a_small_one(shop, managers_phone, act):
    counts = []
    for _more in range(2):
        HandoverRun.objects.all().delete()
        make_friends(shop.guide, 20)
        for _one in range(5):
            make_group(shop.guide, shop.store, shop.now)
        run = plan(shop, managers_phone, act)
        HandoverItem.objects.filter(pk__in=run.items.all()[:9].values("pk")).update(state="left")
        managers_phone.get(url("handover_run", run.pk))  # what a session remembers is asked once
        with CaptureQueriesContext(connection) as queries:
            managers_phone.get(url("handover_run", run.pk))
        counts.append(len(queries))
    assert counts[0] == counts[1]
