"""Head office gives a running push more time, or takes it back, after reading what that does."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.capabilities import Role
from apps.accounts.models import User
from apps.core import clock
from apps.guide_tasks.models import TaskPush, TaskRule, TaskTarget
from apps.guide_tasks.services import ensure_default_rules
from tests.factories.tasks import hand_out, make_team, members_of

pytestmark = [pytest.mark.django_db, pytest.mark.service, pytest.mark.usefixtures("fixed_clock")]


def signed_in(role):
    client = Client()
    client.force_login(User.objects.create(username=role, role=role, is_active=True))
    return client


@pytest.fixture
def operator(db):
    return signed_in(Role.HQ_OPERATOR)


@pytest.fixture
def push(moment):
    return hand_out(members_of(make_team(moment, guides=2, friends=3)), moment)


def url(name, push):
    return reverse(f"hq:{name}", args=[push.pk])


def test_the_page_says_what_would_happen_before_it_asks(operator, push):
    page = operator.get(url("push_recall", push)).content.decode()

    assert url("push_withdraw", push) in page
    assert ">6<" in page or "6" in page.split('class="mute"')[1][:80]
    assert url("push_recall", push) in operator.get(url("push", push)).content.decode()


def test_taken_back_it_says_so_and_offers_nothing_more(operator, push):
    for _time in range(2):
        answer = operator.post(url("push_withdraw", push), follow=True)
        assert answer.status_code == 200

    push.refresh_from_db()
    assert push.withdrawn_at is not None
    page = operator.get(url("push", push)).content.decode()
    assert url("push_recall", push) not in page
    assert url("push_withdraw", push) not in operator.get(url("push_recall", push)).content.decode()
    assert set(TaskTarget.objects.values_list("excuse_reason", flat=True)) == {"withdrawn"}


def test_more_time_is_given_in_the_chains_hours(operator, push):
    wanted = (push.due_at + timedelta(days=2)).astimezone(clock.chain_tz())
    operator.post(url("push_extend", push), {"due_at": f"{wanted:%Y-%m-%dT%H:%M}"})

    push.refresh_from_db()
    assert push.due_at == wanted.replace(second=0, microsecond=0)
    assert set(TaskTarget.objects.values_list("due_at", flat=True)) == {push.due_at}


@pytest.mark.parametrize("wrong", ["", "soon", "2026-03-18T10:30", "2030-01-01T10:00"])
def test_a_time_that_is_none_stays_on_the_page_with_its_reason(operator, push, wrong):
    answer = operator.post(url("push_extend", push), {"due_at": wrong})

    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()
    assert TaskPush.objects.get(pk=push.pk).due_at == push.due_at


def test_a_region_manager_changes_nothing(push):
    client = signed_in(Role.REGION_MANAGER)
    for name in ("push_withdraw", "push_extend"):
        assert client.post(url(name, push)).status_code in (403, 404)


def test_the_page_asks_as_often_for_many_as_for_few(operator, moment):
    counts = []
    for friends in (1, 9):
        push = hand_out(members_of(make_team(moment, guides=2, friends=friends)), moment)
        operator.get(url("push_recall", push))
        with CaptureQueriesContext(connection) as queries:
            operator.get(url("push_recall", push))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_rules_day_is_taken_back_and_gets_no_more_time(operator, push, moment):
    ensure_default_rules(now=moment)
    rule = TaskRule.objects.get(key="birthday")
    TaskPush.objects.update(rule=rule, rule_on=moment.date(), kind="birthday", due_at=None)

    page = operator.get(url("push_recall", push)).content.decode()
    assert url("push_recall", push) in operator.get(url("push", push)).content.decode()
    assert url("push_extend", push) not in page
    assert "规则今天不再生成任务" in page

    operator.post(url("push_withdraw", push))
    assert set(TaskTarget.objects.values_list("excuse_reason", flat=True)) == {"withdrawn"}
