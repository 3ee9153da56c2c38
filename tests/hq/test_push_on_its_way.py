"""A large push shows how far it is, until its result stands in the same place."""

from datetime import timedelta

import pytest
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.core import clock
from apps.guide_tasks import services
from apps.guide_tasks.models import HandOutPart, PushForecast, TaskPush
from apps.guide_tasks.services import parts
from apps.hq.pages.wizard import summary
from apps.members import services as members
from tests.factories.tasks import make_push, members_of


@pytest.fixture
def push(team, fixed_clock, settings):
    settings.HAND_OUT_PART = 2
    found = make_push(members_of(team), fixed_clock, title="秋冬回访")
    services.hand_out(push=found, now=fixed_clock, actor=SYSTEM)
    return found


def test_the_page_says_how_far_it_is_and_looks_again_by_itself(admin_client, push):
    parts._write_one(push.pk)
    here = reverse("hq:push", args=[push.pk])

    page = admin_client.get(here)
    assert page.context["found"].issued == 6
    assert 0 < page.context["found"].issued_in < 6
    assert "正在下发" in page.content.decode()
    assert 'http-equiv="refresh"' in page.content.decode()

    parts.work_off(push_id=push.pk)
    page = admin_client.get(here)
    assert page.context["funnel"].issued == 6
    assert "refresh" not in page.content.decode()


def test_list_and_wizard_lead_to_the_page(admin_client, push):
    listed = admin_client.get(reverse("hq:pushes")).content.decode()
    step = admin_client.get(reverse("hq:push_step", args=[push.pk, 6]))

    assert reverse("hq:push", args=[push.pk]) in listed
    assert "正在下发" in listed
    assert reverse("hq:push_delete", args=[push.pk]) not in listed
    assert step.url == reverse("hq:push", args=[push.pk])


@pytest.fixture
def draft(team, fixed_clock, settings):
    settings.HAND_OUT_PART = 2
    return make_push(members_of(team), fixed_clock)


def check(client, push):
    return client.post(reverse("hq:push_step", args=[push.pk, 6]), {"confirmed": "1"})


def test_a_large_push_is_decided_by_a_job_and_looks_so_at_once(operator_client, draft, fixed_clock):
    here = reverse("hq:push", args=[draft.pk])

    assert check(operator_client, draft).url == here
    page, listed = (operator_client.get(where) for where in (here, reverse("hq:pushes")))
    promised = PushForecast.objects.get(push=draft).places
    assert not HandOutPart.objects.exists()
    for shown in (page, listed):
        assert "正在下发" in shown.content.decode()
    assert "正在确定每位顾客的去向" in page.content.decode()
    assert reverse("hq:push_delete", args=[draft.pk]) not in listed.content.decode()
    assert check(operator_client, draft).url == here

    services.hand_out_due(now=fixed_clock)
    assert "批" in operator_client.get(here).content.decode()
    parts.work_off(push_id=draft.pk)
    assert operator_client.get(here).context["funnel"].issued == 6
    stored = PushForecast.objects.get(push=draft)
    assert (stored.places, stored.changes) == (promised, [])


def test_the_confirmation_counts_nothing_and_who_changed_place_since_is_named(
    operator_client, draft, team, fixed_clock
):
    step = reverse("hq:push_step", args=[draft.pk, 6])
    early, late, *_others = members_of(team)
    operator_client.get(step)
    members.stop_contact(member_id=early.pk, source="test", now=fixed_clock, actor=SYSTEM)
    asked = operator_client.post(step, {"hand_out": "1"})
    assert asked.context["must_confirm"]
    looked_at = PushForecast.objects.get(push=draft)
    members.stop_contact(member_id=late.pk, source="test", now=fixed_clock, actor=SYSTEM)

    soon = fixed_clock + timedelta(minutes=1)
    with clock.at(soon):
        assert check(operator_client, draft).url == reverse("hq:push", args=[draft.pk])
        kept = PushForecast.objects.get(push=draft)
        assert (kept.counted_at, kept.places) == (looked_at.counted_at, looked_at.places)
        services.hand_out_due(now=soon)
        parts.work_off(push_id=draft.pk)
        page = operator_client.get(reverse("hq:push", args=[draft.pk]))

    assert [(row["to"], row["count"]) for row in page.context["funnel"].changes] == [("stopped", 1)]
    assert "与核对时相比的变化" in page.content.decode()


def test_a_confirmation_that_cannot_go_out_says_why_on_the_page(
    operator_client, draft, fixed_clock, monkeypatch
):
    operator_client.get(reverse("hq:push_step", args=[draft.pk, 6]))
    # between the page's own look at what is missing and the approval
    monkeypatch.setattr(summary, "_gaps", lambda *_given: [])
    TaskPush.objects.filter(pk=draft.pk).update(due_at=fixed_clock)

    page = check(operator_client, draft)

    assert page.status_code == 200
    assert "截止时间必须晚于现在。" in page.content.decode()
    assert TaskPush.objects.get(pk=draft.pk).status == TaskPush.Status.DRAFT


def test_a_decision_that_cannot_be_made_comes_back_as_a_draft_with_its_sentence(
    operator_client, draft, fixed_clock
):
    check(operator_client, draft)
    TaskPush.objects.filter(pk=draft.pk).update(due_at=fixed_clock)

    services.hand_out_due(now=fixed_clock)

    page = operator_client.get(reverse("hq:push", args=[draft.pk]), follow=True)
    assert TaskPush.objects.get(pk=draft.pk).status == TaskPush.Status.DRAFT
    assert page.context["gaps"] == ["截止时间必须晚于现在。"]


def test_a_decision_that_nobody_makes_says_so(operator_client, draft, fixed_clock):
    check(operator_client, draft)
    here = reverse("hq:push", args=[draft.pk])
    assert "联系管理员" not in operator_client.get(here).content.decode()

    with clock.at(fixed_clock + timedelta(minutes=6)):
        assert "联系管理员" in operator_client.get(here).content.decode()
        step = operator_client.get(reverse("hq:push_step", args=[draft.pk, 6]))
        assert step.status_code == 200


def test_the_page_asks_the_same_queries_at_any_number_of_parts(
    admin_client, team, fixed_clock, settings, django_assert_max_num_queries
):
    for size in (1, 5):
        settings.HAND_OUT_PART = size
        push = make_push(members_of(team), fixed_clock)
        services.hand_out(push=push, now=fixed_clock, actor=SYSTEM)
        assert TaskPush.objects.get(pk=push.pk).status == TaskPush.Status.HANDING_OUT
        with django_assert_max_num_queries(25):
            admin_client.get(reverse("hq:push", args=[push.pk]))
        parts.work_off(push_id=push.pk)
        services.expire_due(now=push.due_at.replace(year=push.due_at.year + 1))
    assert not HandOutPart.objects.exists()
