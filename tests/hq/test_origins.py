"""The list of pushes says from where each came; a member's page says who it was on a day."""

from datetime import timedelta

import pytest
from django.urls import reverse

from apps.accounts.capabilities import Role
from apps.core import clock
from apps.guide_tasks.models import TaskPush
from apps.members.models import FollowRelation, ServingPeriod
from apps.stores.services import user_of_guide
from tests.factories.facts import make_guide
from tests.factories.tasks import hand_out, members_of
from tests.hq.conftest import make_user

DAY = timedelta(days=1)


def made_by(label, team, now):
    push = hand_out(members_of(team)[:1], now)
    TaskPush.objects.filter(pk=push.pk).update(created_by=label)
    return push


@pytest.fixture
def four(team, fixed_clock):
    lead = make_user(Role.REGION_MANAGER, "lead")
    office = make_user(Role.HQ_OPERATOR, "office")
    labels = {"hq": f"user:{office.pk}", "region": f"user:{lead.pk}", "store": "guide:1"}
    labels["store"] = f"guide:{team[0][0].pk}"
    return {code: made_by(label, team, fixed_clock) for code, label in labels.items()}


def test_each_push_names_its_origin_and_the_list_narrows_to_one(admin_client, four, team):
    page = admin_client.get(reverse("hq:pushes"))
    found = {push.pk: push.origin for push in page.context["page"]}
    assert found == {push.pk: code for code, push in four.items()}
    assert "<td>大区</td>" in page.content.decode()

    for code, push in four.items():
        listed = admin_client.get(reverse("hq:pushes"), {"from": code}).context["page"]
        assert [one.pk for one in listed] == [push.pk]


def test_what_a_regional_manager_made_on_the_phone_is_the_regions(admin_client, team, fixed_clock):
    guide = team[0][0]
    user = user_of_guide(guide=guide)
    user.role = Role.REGION_MANAGER
    user.save()
    made_by(f"guide:{guide.pk}", team, fixed_clock)

    (push,) = admin_client.get(reverse("hq:pushes")).context["page"]
    assert push.origin == "region"


def test_the_members_page_says_who_it_was_on_any_day(admin_client, team, fixed_clock):
    guide, (member, *_others) = team[0]
    store = guide.postings.get().store
    before = make_guide(store)
    moved = fixed_clock - 10 * DAY
    ServingPeriod.objects.filter(member=member).update(since=moved)
    ServingPeriod.objects.create(
        member=member, guide=before, store=store, since=moved - 100 * DAY, until=moved
    )
    FollowRelation.objects.filter(member=member).update(since=moved)
    address = reverse("hq:member", args=[member.public_id])

    def who(**asked):
        found = admin_client.get(address, {"tab": "people", **asked}).context
        return [one.guide for one in found["periods"]], len(found["follows"])

    then = clock.business_day(moved - 5 * DAY).isoformat()
    assert who() == ([guide, before], 1)
    assert who(on=then) == ([before], 0)
    assert who(on=clock.business_day(fixed_clock).isoformat()) == ([guide], 1)
    assert who(on="2026-99-99") == ([guide, before], 1)
    assert (
        "那一天没有人"
        in admin_client.get(address, {"tab": "people", "on": "2001-01-01"}).content.decode()
    )
