"""What needs a person at head office."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min

from apps.accounts import modules
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.accounts.modules import Module
from apps.cases.models import Holder, ServiceCase
from apps.commissions.models import CommissionQuestion
from apps.concessions.models import Concession
from apps.core import clock
from apps.customer_groups.models import GroupSend
from apps.guide_tasks.models import SeriesOccurrence, TaskTarget
from apps.handovers.models import OwnershipClaim
from apps.members.models import AccessRequest, FollowRelation, LookUpAlert, ServingPeriod
from apps.outreach.models import Dispatch, MomentPost, ScriptProposal
from apps.reports.shapes import Todo
from apps.risks.models import RiskCase
from apps.stores.models import AskLevel
from apps.wecom.models import RawCallback
from apps.wecom_sync.models import GuideDay, SyncRun

# a difference older than this is not asked about any more
MISMATCH_DAYS = 14


def todos(*, actor: Actor, now: datetime) -> list[Todo]:
    """What needs a person, worst first; nothing to do gives no row."""
    overdue = TaskTarget.objects.visible_to(actor).overdue(now)
    found = [
        _todo("overdue", overdue.aggregate(n=Count("pk"), since=Min("due_at"))),
    ]
    if actor.sees_all:
        found = [*_system_todos(now), *found, *_unserved(), *_mismatches(now), *_risks(actor)]
        found += [*_complaints(now), *_commission(actor)]
    return [todo for todo in found if todo.count]


def _todo(code: str, counted: dict[str, Any]) -> Todo:
    return Todo(code, counted["n"], counted["since"])


def _system_todos(now: datetime) -> list[Todo]:
    last_runs = (
        SyncRun.objects.filter(dry=False)
        .order_by("corp_id", "kind", "-started_at")
        .distinct("corp_id", "kind")
        .values_list("state", "started_at")
    )
    failed = [started for state, started in last_runs if state == SyncRun.State.FAILED]
    dead = RawCallback.objects.filter(status=RawCallback.Status.DEAD)
    unknown, posts = Dispatch.objects.unknown(), MomentPost.objects.unknown()
    to_groups = GroupSend.objects.unknown()
    scripts = ScriptProposal.objects.for_chain()
    if not modules.is_on(Module.SCRIPTS):
        scripts = scripts.none()
    look_ups = LookUpAlert.objects.filter(settled_at=None)
    left_out = SeriesOccurrence.objects.unread()
    return [
        Todo("sync_failed", len(failed), min(failed, default=None)),
        _todo("callback_dead", dead.aggregate(n=Count("pk"), since=Min("received_at"))),
        _todo("send_unknown", unknown.aggregate(n=Count("pk"), since=Min("unknown_since"))),
        _todo("moment_unknown", posts.aggregate(n=Count("pk"), since=Min("unknown_since"))),
        _todo("group_send_unknown", to_groups.aggregate(n=Count("pk"), since=Min("unknown_since"))),
        _todo(
            "series", left_out.aggregate(n=Count("series", distinct=True), since=Min("decided_at"))
        ),
        _todo("look_ups", look_ups.aggregate(n=Count("pk"), since=Min("raised_at"))),
        _todo("scripts", scripts.aggregate(n=Count("pk"), since=Min("reviewed_at"))),
        _asked(),
    ]


def _asked() -> Todo:
    """Looks that stores ask for, and what is head office's alone to decide: whose customer somebody
    is, a concession."""
    looks = AccessRequest.objects.waiting().values_list("asked_at")
    claims = OwnershipClaim.objects.waiting().filter(level=AskLevel.HQ).values_list("asked_at")
    wishes = Concession.objects.waiting().filter(level=AskLevel.HQ).values_list("asked_at")
    times = [at for (at,) in looks.union(claims, wishes, all=True)]
    return Todo("access", len(times), min(times, default=None))


def _mismatches(now: datetime) -> list[Todo]:
    """差异清单: guides' days of the last weeks nobody has asked about."""
    since = clock.business_day(now) - timedelta(days=MISMATCH_DAYS)
    rows = GuideDay.objects.waiting(since=since)
    return [_todo("mismatch", rows.aggregate(n=Count("pk"), since=Min("counted_at")))]


def _risks(actor: Actor) -> list[Todo]:
    """飞单 signals, for those who may read cases."""
    if not actor.can(Capability.VIEW_AUDIT):
        return []
    waiting = RiskCase.objects.visible_to(actor).undecided()
    return [_todo("risks", waiting.aggregate(n=Count("pk"), since=Min("found_at")))]


def _complaints(now: datetime) -> list[Todo]:
    """客诉 that head office has in hand, and those a store let go past its time."""
    in_hand = ServiceCase.objects.undecided().filter(holder=Holder.HQ)
    late = ServiceCase.objects.late(now).filter(holder=Holder.STORE)
    return [
        _todo("cases", in_hand.aggregate(n=Count("pk"), since=Min("opened_at"))),
        _todo("cases_late", late.aggregate(n=Count("pk"), since=Min("due_at"))),
    ]


def _commission(actor: Actor) -> list[Todo]:
    """Guides' questions about their commission, for those who answer them."""
    if not actor.can(Capability.SETTLE_COMMISSIONS):
        return []
    waiting = CommissionQuestion.objects.visible_to(actor).waiting()
    return [_todo("commission", waiting.aggregate(n=Count("pk"), since=Min("asked_at")))]


def _unserved() -> list[Todo]:
    """Friends whom nobody serves, or whose guide has left."""
    served = ServingPeriod.objects.current().filter(guide__status="active")
    friends = (
        FollowRelation.objects.current()
        .filter(member__erased_at=None)
        .exclude(member_id__in=served.values("member_id"))
    )
    counted = friends.aggregate(n=Count("member_id", distinct=True), since=Min("since"))
    return [_todo("unserved", counted)]
