"""A large push shows how far it is, until its result stands in the same place."""

import pytest
from django.urls import reverse

from apps.accounts.actor import SYSTEM
from apps.guide_tasks import services
from apps.guide_tasks.models import HandOutPart, TaskPush
from apps.guide_tasks.services import parts
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
