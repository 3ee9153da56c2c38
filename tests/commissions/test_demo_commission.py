"""The demo's commission is counted and closed by the house's own services."""

from datetime import timedelta

import pytest

from apps.accounts.models import User
from apps.commissions import services
from apps.commissions.models import CommissionMonth, CommissionQuestion, CommissionRule
from apps.core import clock
from apps.hq.demo import pay
from tests.factories.commissions import sell
from tests.factories.facts import make_guide, make_store

pytestmark = pytest.mark.django_db


def test_months_that_are_over_are_closed_and_one_question_waits(fixed_clock):
    store = make_store()
    guide = make_guide(store)
    User.objects.create(username="hq", role="hq_admin")
    pay.rules(today=clock.business_day(fixed_clock))
    for days in (60, 30, 3, 2):
        sell(guide, fixed_clock - timedelta(days=days), store=store)
    services.book_due(now=fixed_clock)

    assert pay.play(store=store, now=fixed_clock) == 2
    assert CommissionMonth.objects.count() == 2
    assert CommissionQuestion.objects.count() == 2
    assert CommissionQuestion.objects.waiting().count() == 1
    assert CommissionRule.objects.count() == 3
