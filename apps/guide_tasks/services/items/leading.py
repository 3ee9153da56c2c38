"""What a manager does about work without customers: remind, give more time, take back."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest
from django.utils.translation import gettext as _

from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.core import clock
from apps.core.querysets import keys_sql
from apps.customer_groups import services as customer_groups
from apps.guide_tasks import hours
from apps.guide_tasks.errors import (
    ChasedEnough,
    GuideAway,
    ItemMoved,
    NoMoreTime,
    NotYourStore,
    PushNotRunning,
    WhyMissing,
)
from apps.guide_tasks.models import (
    CONFIRMED_IN_WECOM,
    OVER_STATES,
    ItemExcuse,
    State,
    TaskItem,
    TaskPush,
)
from apps.guide_tasks.selectors import CHASES_A_DAY
from apps.guide_tasks.services.items import acts as items
from apps.guide_tasks.services.recalling import demand_later
from apps.guide_tasks.wording import (
    item_notice_body,
    short_moment,
    state_word,
    taken_back_sentence,
)
from apps.outreach import services as outreach
from apps.stores import selectors as stores

# who has handed a photo in waits for somebody else
UNDONE = (State.OPEN, State.IN_PROGRESS)

# the day's count begins anew by itself; what was chased often enough stays as it is
_CHASE = """
WITH wanted (id) AS ({which}), found AS (
    SELECT id, CASE WHEN chased_at >= %s THEN chases ELSE 0 END AS before
    FROM guide_tasks_taskitem
    WHERE id IN (SELECT id FROM wanted) AND state IN ('open', 'in_progress')
    ORDER BY id FOR UPDATE
), chased AS (
    UPDATE guide_tasks_taskitem AS item SET chases = found.before + 1, chased_at = %s
    FROM found WHERE item.id = found.id AND found.before < %s
    RETURNING item.id, item.guide_id, item.store_id, item.push_id, item.due_at, item.chases
)
SELECT chased.* FROM found LEFT JOIN chased ON chased.id = found.id ORDER BY chased.id
"""


class _Chased(NamedTuple):
    """One item that was chased; without a guide it is the store's. `times` today."""

    item_id: int | None
    guide_id: int | None
    store_id: int
    push_id: int
    due_at: datetime
    times: int


def _is_head_office(actor: Actor) -> bool:
    return actor.sees_all and actor.can(Capability.PUSH_TASKS)


# --- 催办 -----------------------------------------------------------------------------------------


@transaction.atomic
def chase_items(
    *,
    actor: Actor,
    now: datetime,
    item_ids: Iterable[int] | None = None,
    push: TaskPush | None = None,
) -> int:
    """Remind of items (or all of a push) that are not done in the stores the actor leads: one
    statement, and one for the cards. A store's item reminds everybody at work there.

    Nobody off duty is chased; what was chased three times today is left alone. Raises NotYourStore,
    GuideAway or ChasedEnough when that goes for all of them.
    """
    if not (actor.can(Capability.MANAGE_TEAM) or _is_head_office(actor)):
        raise NotYourStore()
    wanted = TaskItem.objects.managed_by(actor).filter(state__in=UNDONE).opened_by(now)
    if item_ids is not None:
        wanted = wanted.filter(pk__in=list(item_ids))
    if push is not None:
        wanted = wanted.filter(push=push)
    today = clock.business_day(now)
    away = stores.away(day=today).values("pk")
    which, params = keys_sql(wanted.exclude(guide_id__in=away))
    with connection.cursor() as cursor:
        cursor.execute(
            _CHASE.format(which=which), [*params, clock.day_start(today), now, CHASES_A_DAY]
        )
        rows = [_Chased(*row) for row in cursor.fetchall()]
    chased = [row for row in rows if row.item_id is not None]
    if rows and not chased:
        raise ChasedEnough(limit=CHASES_A_DAY)
    if not rows and wanted.exists():
        raise GuideAway()
    if chased:
        _tell_chased(chased, actor, now)
        _nudge_in_wecom(chased, actor, now)
        ids = [row.item_id for row in chased]
        accounts.audit(
            actor=actor, action="item.chased", detail={"count": len(ids), "items": ids[:200]}
        )
    return len(chased)


def _tell_chased(chased: list[_Chased], actor: Actor, now: datetime) -> None:
    pushes = TaskPush.objects.in_bulk({row.push_id for row in chased})
    shared = {row.store_id for row in chased if row.guide_id is None}
    day, here = clock.business_day(now), defaultdict(list)
    for posting in stores.at_work(store_ids=shared, day=day) if shared else ():
        here[posting.store_id].append(posting.guide_id)
    cards = []
    for row in chased:
        push = pushes[row.push_id]
        people = here[row.store_id] if row.guide_id is None else [row.guide_id]
        cards += [
            outreach.GuideCard(
                guide_id=guide_id,
                source=f"task_item:{row.item_id}:chase:{day.isoformat()}:{row.times}",
                title=_("Please look: %(title)s") % {"title": push.title},
                body=item_notice_body(push, row.due_at),
                path=f"/g/items/{row.item_id}/",
                not_before=hours.next_within(now, push.hand_out_from, push.hand_out_until),
            )
            for guide_id in people
            if guide_id != actor.guide_id
        ]
    outreach.queue_cards(cards=cards, at_once=True)


def _nudge_in_wecom(chased: list[_Chased], actor: Actor, now: datetime) -> None:
    """A message that lies on an owner's phone WeCom reminds them of as well, in the hours of the
    card."""
    kinds = TaskPush.objects.filter(kind=TaskPush.Kind.GROUP_SEND)
    to_groups = kinds.in_bulk({row.push_id for row in chased})
    day, wanted = clock.business_day(now), []
    for row in chased:
        push = to_groups.get(row.push_id)
        if push is not None and row.guide_id is not None:
            wave = f"chase:{day:%Y%m%d}:{row.times}"
            soonest = hours.next_within(now, push.hand_out_from, push.hand_out_until)
            wanted.append(customer_groups.Nudge(push.source, row.guide_id, wave, soonest))
    customer_groups.queue_group_reminders(wanted=wanted, actor=actor, now=now)


# --- more time, taken back ------------------------------------------------------------------------


@transaction.atomic
def extend_item(*, item: TaskItem, due_at: datetime, actor: Actor, now: datetime) -> TaskItem:
    """More time for one item. The same again changes nothing; what has expired stays so.

    Raises NotYourStore, NoMoreTime, PushNotRunning, ItemMoved, DueNotLater.
    """
    item = items.lock_led(item.pk, actor)
    if item.due_at == due_at:
        return item
    _demand_may_be_given_time(item, UNDONE)
    demand_later(due_at, item.due_at, now)
    before, item.due_at = item.due_at, due_at
    item.save(update_fields=["due_at"])
    _audit(item, "item.extended", actor, _from_to(before, due_at))
    title = _("More time: %(title)s")
    _tell_of_time(item, f"extended:{due_at.isoformat()}", title, actor, now)
    return item


@transaction.atomic
def reopen_item(*, item: TaskItem, due_at: datetime, actor: Actor, now: datetime) -> TaskItem:
    """What was not done in time is open again until `due_at`; the history keeps that it was over.
    The same again changes nothing.

    Raises NotYourStore, NoMoreTime, PushNotRunning, ItemMoved, DueNotLater.
    """
    item = items.lock_led(item.pk, actor)
    if item.is_open and item.due_at == due_at:
        return item
    _demand_may_be_given_time(item, OVER_STATES)
    demand_later(due_at, None, now)
    before, item.due_at = item.due_at, due_at
    items.move(item=item, to=State.OPEN, at=now, actor=actor.label, reason="reopened")
    if item.refusal or item.counted:
        items.move(item=item, to=State.IN_PROGRESS, at=now, actor=actor.label, reason="reopened")
    item.save()
    _audit(item, "item.reopened", actor, _from_to(before, due_at))
    title = _("Open again: %(title)s")
    _tell_of_time(item, f"reopened:{now.isoformat()}", title, actor, now)
    return item


def _demand_may_be_given_time(item: TaskItem, states: Collection[State]) -> None:
    if item.push.kind in CONFIRMED_IN_WECOM:
        raise NoMoreTime()
    if item.push.status != TaskPush.Status.HANDED_OUT:
        raise PushNotRunning()
    if item.state not in states:
        raise ItemMoved(state=state_word(item.state))


def _from_to(before: datetime, due_at: datetime) -> dict[str, object]:
    return {"from": before.isoformat(), "to": due_at.isoformat()}


def _tell_of_time(item: TaskItem, what: str, title: str, actor: Actor, now: datetime) -> None:
    words = _("Your manager gave you time until %(due)s.") % {"due": short_moment(item.due_at)}
    _tell(item, what, title % {"title": item.push.title}, words, actor, now)


@transaction.atomic
def extend_items(*, push: TaskPush, due_at: datetime, actor: Actor, now: datetime) -> int:
    """Head office gives everybody who is not done more time; returns how many items got it. Safe
    to repeat, what has expired stays so.

    Raises NotYourStore, NoMoreTime, PushNotRunning, DueNotLater.
    """
    if not _is_head_office(actor):
        raise NotYourStore()
    push = TaskPush.objects.select_for_update(of=("self",), no_key=True).get(pk=push.pk)
    if push.kind in CONFIRMED_IN_WECOM:
        raise NoMoreTime()
    if push.status != TaskPush.Status.HANDED_OUT or not push.has_items:
        raise PushNotRunning()
    demand_later(due_at, push.due_at, now)
    if push.due_at == due_at:
        return 0
    before, push.due_at = push.due_at, due_at
    push.save(update_fields=["due_at"])
    late = TaskItem.objects.open().filter(push=push, due_at__lt=due_at)
    given = late.update(due_at=Greatest(F("due_at"), Value(due_at)))
    accounts.audit(
        actor=actor,
        action="push.extended",
        object_type="task_push",
        object_id=push.pk,
        detail={
            "from": before.isoformat() if before else "",
            "to": due_at.isoformat(),
            "items": given,
        },
    )
    return given


@transaction.atomic
def withdraw_item(*, item: TaskItem, why: str, actor: Actor, now: datetime) -> TaskItem:
    """Take one item back, with the reason its guide reads. The same again changes nothing.

    A photo that was handed in is approved or sent back instead. Raises NotYourStore, WhyMissing,
    ItemMoved.
    """
    why = why.strip()
    if not why:
        raise WhyMissing()
    item = items.lock_led(item.pk, actor)
    if item.excuse_reason == ItemExcuse.WITHDRAWN:
        return item
    if item.state not in UNDONE:
        raise ItemMoved(state=state_word(item.state))
    items.move(
        item=item,
        to=State.NOT_APPLICABLE,
        at=now,
        actor=actor.label,
        reason="withdrawn",
        excuse=ItemExcuse.WITHDRAWN,
        sentence=taken_back_sentence(why),
    )
    item.save()
    if item.push.kind == TaskPush.Kind.GROUP_SEND:
        customer_groups.drop_group_sends(source=item.push.source, guide_id=item.guide_id, now=now)
    _audit(item, "item.withdrawn", actor, {})
    _tell(
        item,
        "withdrawn",
        _("Taken back: %(title)s") % {"title": item.push.title},
        _("There is nothing left to do. Open it to see why."),
        actor,
        now,
    )
    return item


def _tell(item: TaskItem, what: str, title: str, body: str, actor: Actor, now: datetime) -> None:
    """A card for whom the item is: its guide, or everybody at work in the store today."""
    if item.guide_id is not None:
        people = [item.guide_id]
    else:
        day = clock.business_day(now)
        people = [one.guide_id for one in stores.at_work(store_ids=[item.store_id], day=day)]
    push = item.push
    outreach.queue_guide_notices(
        source=f"{item.source}:{what}",
        rows=[(pk, title, body, items.page_of(item)) for pk in people if pk != actor.guide_id],
        not_before=hours.next_within(now, push.hand_out_from, push.hand_out_until),
        now=now,
    )


def _audit(item: TaskItem, action: str, actor: Actor, detail: dict[str, object]) -> None:
    accounts.audit(
        actor=actor, action=action, object_type="task_item", object_id=item.pk, detail=detail
    )
