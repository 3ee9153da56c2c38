"""Closing a month: from then on its lines are settled."""

from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Sum
from django.utils.formats import date_format

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.commissions.errors import (
    EarlierMonthOpen,
    MonthNotCounted,
    MonthNotOver,
    NothingToClose,
)
from apps.commissions.models import CommissionMonth, CommissionTotal, DueOrder
from apps.commissions.services.booking import TURN
from apps.core import clock
from apps.core.locks import take_turn
from apps.core.partitions import next_month

# what came in a moment ago is no reason to wait: it will be in an open month
_COUNTED_WITHIN = timedelta(minutes=10)


def closable_from(month: date) -> date:
    """The first day on which a month may be closed: its last sale's days for returns are over."""
    return next_month(month) + timedelta(days=settings.COMMISSION_RETURN_DAYS)


@transaction.atomic
def close_month(*, month: date, actor: Actor, now: datetime) -> CommissionMonth:
    """Settle a month as a whole. Safe to repeat: a closed month is given back as it is.

    Raises MonthNotOver, EarlierMonthOpen, MonthNotCounted, NothingToClose.
    """
    take_turn(TURN)
    done = CommissionMonth.objects.filter(month=month).first()
    if done is not None:
        return done
    if clock.business_day(now) < closable_from(month):
        raise MonthNotOver(day=date_format(closable_from(month)))
    if DueOrder.objects.filter(noted_at__lt=now - _COUNTED_WITHIN).exists():
        raise MonthNotCounted
    closed = CommissionMonth.objects.order_by("-month").values_list("month", flat=True).first()
    waiting = CommissionTotal.objects.filter(month__lt=month)
    if closed is not None:
        waiting = waiting.filter(month__gt=closed)
    earlier = waiting.order_by("month").values_list("month", flat=True).first()
    if earlier is not None:
        raise EarlierMonthOpen(month=date_format(earlier, "Y-m"))
    summed = CommissionTotal.objects.filter(month=month).aggregate(
        lines=Sum("lines"), amount=Sum(F("sales_fen") + F("refunds_fen") + F("corrections_fen"))
    )
    if not summed["lines"]:
        raise NothingToClose
    made = CommissionMonth.objects.create(
        month=month,
        closed_at=now,
        closed_by_id=actor.user_id,
        lines=summed["lines"],
        amount_fen=summed["amount"],
    )
    accounts.audit(
        actor=actor,
        action="commission.closed",
        object_type="commission_month",
        object_id=made.pk,
        detail={"month": f"{month:%Y-%m}", "lines": made.lines},
    )
    return made
