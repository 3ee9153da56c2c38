"""群群发 as work: an item for each owner of groups, proven by WeCom's word on their groups."""

from datetime import datetime

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.customer_groups import selectors as groups
from apps.customer_groups import services as customer_groups
from apps.guide_tasks.errors import NobodyToRemind, NotAtWeCom, NotYourStore, PushNotRunning
from apps.guide_tasks.hours import grace, next_within
from apps.guide_tasks.models import ItemExcuse, State, TaskItem, TaskPush
from apps.guide_tasks.services.items import acts as items

_MOST = 32_767
_OPEN_OR_LATE = (State.OPEN, State.IN_PROGRESS, State.EXPIRED, State.NOT_DONE)


def queue_sends(*, push: TaskPush, due_at: datetime, now: datetime) -> None:
    """One send for each owner who got an item, to all their groups."""
    guide_ids = TaskItem.objects.filter(push=push).values_list("guide_id", flat=True)
    customer_groups.queue_group_sends(
        source=push.source,
        guide_ids=[pk for pk in guide_ids if pk is not None],
        text=push.body,
        attachments=push.attachments,
        not_before=now,
        closes_at=due_at + grace(),
    )


@transaction.atomic
def remind_owners(*, push: TaskPush, wave: str, actor: Actor, now: datetime) -> int:
    """Head office has WeCom nudge every owner who has not confirmed; `wave` names the tap, so that
    the same one again does nothing. At night it waits for the hand-out hours. Returns how many
    sends. Raises NotYourStore, PushNotRunning, NotAtWeCom, NobodyToRemind."""
    if not (actor.sees_all and actor.can(Capability.PUSH_TASKS)):
        raise NotYourStore()
    if push.status != TaskPush.Status.HANDED_OUT or push.kind != TaskPush.Kind.GROUP_SEND:
        raise PushNotRunning()
    undone = TaskItem.objects.filter(push=push, state__in=(State.OPEN, State.IN_PROGRESS))
    guides = [pk for pk in undone.values_list("guide_id", flat=True) if pk is not None]
    soonest = next_within(now, push.hand_out_from, push.hand_out_until)
    wanted = [customer_groups.Nudge(push.source, pk, f"hq:{wave}"[:80], soonest) for pk in guides]
    queued = customer_groups.queue_group_reminders(wanted=wanted, actor=actor, now=now)
    if not queued:
        if missing := groups.not_at_wecom(source=push.source, guide_ids=guides):
            raise NotAtWeCom(n=missing)
        raise NobodyToRemind()
    accounts.audit(
        actor=actor,
        action="push.reminded",
        object_type="task_push",
        object_id=str(push.pk),
        detail={"sends": queued},
    )
    return queued


@transaction.atomic
def record_group_sent(*, source: str, guide_id: int, now: datetime) -> bool:
    """Bring an owner's item up to what WeCom said of the groups, also after the end: some have
    the message = in progress, all that WeCom lets through = done; nothing for an owner whose groups
    are all full, or another's by now. True when it is done now."""
    push_id = source.removeprefix("task_push:")
    if not push_id.isdecimal():
        return False
    mine = TaskItem.objects.filter(push_id=int(push_id), guide_id=guide_id)
    if mine.select_for_update().first() is None:
        return False
    found = groups.owner_result(source=source, guide_id=guide_id)
    mine.update(counted=found.sent, quota=min(found.awaited, _MOST))
    if not found.sent and not found.awaited:
        _nothing_to_do(mine, full=found.over_limit > 0, now=now)
        return False
    if found.sent:
        items.move_set(which=mine, sources=[State.OPEN], to=State.IN_PROGRESS, at=now)
    whole = mine.filter(counted__gte=F("quota"), counted__gt=0)
    # it was out in every group before it was taken back
    too_late = whole.filter(excuse_reason=ItemExcuse.WITHDRAWN)
    items.move_set(which=too_late, sources=[State.NOT_APPLICABLE], to=State.OPEN, at=now)
    proof = TaskItem.Proof.WECOM
    return bool(
        items.move_set(which=whole, sources=_OPEN_OR_LATE, to=State.DONE, at=now, proof=proof)
    )


def _nothing_to_do(mine: QuerySet[TaskItem], *, full: bool, now: datetime) -> None:
    """No group is left that could get it."""
    sentence = _("None of these groups is yours any more, or can get this message.")
    if full:
        sentence = _("Your groups have had as many messages as WeCom lets through.")
    items.move_set(
        which=mine,
        sources=(State.OPEN, State.IN_PROGRESS),
        to=State.NOT_APPLICABLE,
        at=now,
        excuse=ItemExcuse.FULL if full else ItemExcuse.OTHER,
        sentence=sentence,
    )
