"""WeCom's limit per customer: by the month, or by week or day where its admin chose so."""

from datetime import date, timedelta

import pytest

from apps.core import clock
from apps.outreach import policy
from apps.outreach import services as outreach
from apps.outreach.models import DispatchRecipient
from apps.outreach.services import results
from tests.factories import outreach as make


@pytest.mark.parametrize(
    ("rule", "begins", "cap"),
    [("month", date(2026, 3, 1), 31), ("week", date(2026, 3, 16), 7), ("day", date(2026, 3, 18), 1),
     ("nonsense", date(2026, 3, 1), 31)],
)  # fmt: skip
def test_the_period_and_what_it_allows(settings, moment, rule, begins, cap):
    settings.WECOM_CAP_RULE = rule
    assert (policy.month_of(moment), policy.monthly_cap(moment)) == (begins, cap)


@pytest.mark.django_db
def test_one_a_day_refuses_the_second_in_words_and_lets_the_next_day_in(guide, settings):
    settings.WECOM_CAP_RULE = "day"
    settings.LANGUAGE_CODE = "zh-hans"
    ((member, external),) = make.make_friends(guide)
    now = clock.now()
    dispatch = make.request_send(guide, [(member, external)])
    found = results.record_recipient_result(
        dispatch=dispatch, external_userid=external, at=now, sender_userid="",
        status=DispatchRecipient.State.DELIVERED,
    )  # fmt: skip
    assert found is not None
    asked = {"member_id": member.pk, "guide_id": guide.pk, "marketing": False}
    assert policy.check_one(now=now, **asked) == policy.Refusal.BUDGET
    assert "1" in policy.sentence("budget")
    assert policy.check_one(now=now + timedelta(days=1), **asked) is None


@pytest.mark.django_db
def test_a_limit_that_wecom_tells_of_holds_for_the_rest_of_the_month(guide):
    """Others write to the customer as well: WeCom's word goes before our own counting."""
    ((member, external),) = make.make_friends(guide)
    now = clock.now()
    results.record_recipient_result(
        dispatch=make.request_send(guide, [(member, external)]), external_userid=external, at=now,
        sender_userid="", status=DispatchRecipient.State.OVER_LIMIT,
    )  # fmt: skip
    asked = {"member_id": member.pk, "guide_id": guide.pk, "marketing": False}
    assert outreach.month_use(member_id=member.pk, now=now) == policy.monthly_cap(now)
    assert policy.check_one(now=now, **asked) == policy.Refusal.BUDGET
    assert policy.check_one(now=now + timedelta(days=32), **asked) is None
