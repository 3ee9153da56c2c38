"""Commission of the demo: three rules since two months ago, counted as the orders come in; the
months that are over are closed, a guide asks about a line and another one has an answer."""

from datetime import date, datetime, timedelta

from apps.accounts.actor import Actor
from apps.accounts.models import User
from apps.commissions import services
from apps.commissions.errors import MonthNotOver, NothingToClose
from apps.commissions.models import CommissionLine, CommissionRule
from apps.core import clock
from apps.core.partitions import month_of, next_month
from apps.stores.models import Store
from apps.stores.selectors import actor_for

_BOOTS = "靴子"


def rules(*, today: date) -> None:
    """As they stood when the orders came in: a rule never begins in the past on the page."""
    first = next_month(month_of(today), -2)
    party = CommissionRule.Party
    CommissionRule.objects.bulk_create([
        CommissionRule(name="开单佣金", party=party.SELLING, rate_bp=150, starts_on=first),
        CommissionRule(name="专属客户佣金", party=party.SERVING, rate_bp=50, starts_on=first),
        CommissionRule(
            name=f"{_BOOTS}加码", party=party.SELLING, scope="category", category=_BOOTS,
            rate_bp=250, priority=1, starts_on=next_month(first),
        ),
    ])  # fmt: skip


def play(*, store: Store, now: datetime) -> int:
    """Returns how many months were closed."""
    actor = actor_for(user=User.objects.get(username="hq"), now=now)
    closed = _close(actor, now)
    lines = CommissionLine.objects.filter(store=store, month=month_of(now)).order_by("-pk")
    asked = list(lines.filter(kind=CommissionLine.Kind.REFUND)[:1]) or list(lines[:1])
    for line in asked:
        question = services.ask(
            line=line, words="顾客说换货不是退货，这笔会退回来吗？", now=now - timedelta(hours=20)
        )
        services.answer_question(
            question_id=question.pk,
            words="换的那件是另一张小票，佣金记在新小票上，明细里能看到。",
            actor=actor,
            now=now,
        )
    others = lines.exclude(pk__in=[line.pk for line in asked]).filter(rule__party="selling")
    for line in others[:1]:
        services.ask(line=line, words="这单是我和同事一起接待的，能分一半吗？", now=now)
    return closed


def _close(actor: Actor, now: datetime) -> int:
    closed = 0
    for back in (2, 1):
        month = next_month(month_of(clock.business_day(now)), -back)
        try:
            services.close_month(month=month, actor=actor, now=now)
        except (MonthNotOver, NothingToClose):
            continue
        closed += 1
    return closed
