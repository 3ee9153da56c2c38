"""Doorbells of the tasks' room."""

from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.jobs import Queue, job
from apps.guide_tasks import services
from apps.guide_tasks.services import following, parts, recalling, recurring
from apps.guide_tasks.services.items import following as item_following
from apps.guide_tasks.services.items import overdue


@job(name="guide_tasks.hand_out_due", queue=Queue.INTERACTIVE)
def hand_out_due() -> str:
    """Hand out approved pushes whose hour has come."""
    return _("%(n)s handed out") % {"n": services.hand_out_due(now=clock.now())}


@job(name="guide_tasks.hand_out_series", queue=Queue.INTERACTIVE)
def hand_out_series() -> str:
    """Make and hand out what repeating pushes owe today."""
    return _("%(n)s handed out") % {"n": recurring.hand_out_series(now=clock.now())}


@job(name="guide_tasks.hand_out_parts", queue=Queue.BULK)
def hand_out_parts(push_id: int, worker: int) -> str:
    """Write parts of a large hand-out; several workers share them, one of each number `worker`."""
    issued = parts.work_off(push_id=push_id, worker=worker)
    return _("%(n)s customers handed out") % {"n": issued}


@job(name="guide_tasks.tell_issued", queue=Queue.BULK)
def tell_issued(push_id: int) -> str:
    """Write the story of a large hand-out."""
    return _("%(n)s told") % {"n": services.tell_issued(push_id=push_id)}


@job(name="guide_tasks.expire_due", queue=Queue.BULK)
def expire_due() -> str:
    """Close targets and items past their grace."""
    now = clock.now()
    return _("%(n)s closed") % {"n": services.expire_due(now=now) + services.expire_items(now=now)}


@job(name="guide_tasks.count_quotas", queue=Queue.SYNC)
def count_quotas() -> str:
    """Count what guides have won."""
    return _("%(n)s quotas reached") % {"n": services.count_quotas(now=clock.now())}


@job(name="guide_tasks.escalate_overdue", queue=Queue.BULK)
def escalate_overdue() -> str:
    """Put what stays overdue before the managers."""
    now = clock.now()
    told = services.escalate_overdue(now=now) + overdue.escalate_items(now=now)
    return _("%(n)s told") % {"n": told}


@job(name="guide_tasks.close_due", queue=Queue.BULK)
def close_due() -> str:
    """Close pushes in which nothing is open any more."""
    return _("%(n)s closed") % {"n": services.close_due(now=clock.now())}


@job(name="guide_tasks.run_rules", queue=Queue.SYNC)
def run_rules() -> str:
    """Make the tasks that rules ask for."""
    made = services.run_rules(now=clock.now())
    return _(
        "%(follow_ups)s follow-ups, %(care)s care, %(greetings)s greetings,"
        " %(reminders)s reminders, %(excused)s excused"
    ) % {
        "follow_ups": made.follow_ups,
        "care": made.care + made.cases,
        "reminders": made.appointments,
        "greetings": made.greetings + made.welcomes,
        "excused": made.excused,
    }


@job(name="guide_tasks.daily_rules", queue=Queue.BULK)
def daily_rules() -> str:
    """Make what the day brings: birthdays, silences, repurchases."""
    made = services.daily_rules_due(now=clock.now())
    return _("%(n)s tasks made, %(cards)s cards") % {"n": made.total, "cards": made.cards}


@job(name="guide_tasks.move_work", queue=Queue.SYNC)
def move_work() -> str:
    """Give open work of who is covered or gone to somebody who is there."""
    now = clock.now()
    moved = following.move_work(now=now) + item_following.move_items(now=now)
    return _("%(n)s moved") % {"n": moved}


@job(name="guide_tasks.withdraw_rest", queue=Queue.BULK)
def withdraw_rest() -> str:
    """Finish taking back a large push."""
    return _("%(n)s taken back") % {"n": recalling.withdraw_rest(now=clock.now())}


@job(name="guide_tasks.take_clicks", queue=Queue.INTERACTIVE)
def take_clicks() -> str:
    """Count identified clicks as proof."""
    return _("%(n)s clicks") % {"n": services.take_clicks(now=clock.now())}
