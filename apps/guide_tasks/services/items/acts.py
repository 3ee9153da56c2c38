"""Items: work that is no named customer. Their states move here alone, as a target's do elsewhere.

A self-report is a guide's own word and says so; a photo counts when somebody else approves it;
quotas and posts are proven by counting and by WeCom, never by a tap.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils.translation import gettext as _

from apps.accounts import services as accounts
from apps.accounts.actor import SYSTEM, Actor
from apps.accounts.capabilities import Capability
from apps.core import clock, photos
from apps.core.querysets import keys_sql
from apps.customer_groups.models import GroupSend
from apps.guide_tasks.errors import (
    DoneByColleague,
    IllegalMove,
    ItemMoved,
    NotThisKind,
    NotYourStore,
    NotYourTask,
    OwnPhoto,
    ReasonMissing,
)
from apps.guide_tasks.hours import for_cards, grace
from apps.guide_tasks.models import MOVES, ItemExcuse, ItemMove, State, TaskItem, TaskPush
from apps.guide_tasks.wording import state_word
from apps.outreach import services as outreach
from apps.stores.models import Posting

Kind = TaskPush.Kind
Proof = TaskItem.Proof
APPROVALS_PATH = "/g/team/approvals/"
# finished by the guide's own word
_BY_WORD = (Kind.GROUP, Kind.FREE)
_RESULTS_WITHIN = timedelta(days=1)


def page_of(item: TaskItem) -> str:
    """Where a card in WeCom leads."""
    return f"/g/items/{item.pk}/"


def lock(item_id: int) -> TaskItem:
    """The row, held until the transaction ends, with its push."""
    return (
        TaskItem.objects.select_for_update(of=("self",))
        .select_related("push", "store")
        .get(pk=item_id)
    )


def lock_led(item_id: int, actor: Actor) -> TaskItem:
    """The row, held, for who leads its store. Raises NotYourStore."""
    item = lock(item_id)
    leads = TaskItem.objects.managed_by(actor).filter(pk=item_id)
    if not actor.can(Capability.MANAGE_TEAM) or not leads.exists():
        raise NotYourStore()
    return item


def demand_mine(item: TaskItem, actor: Actor) -> None:
    """An item belongs to its guide, a store's item to who works there. Raises NotYourTask."""
    if actor == SYSTEM or (item.guide_id is not None and item.guide_id == actor.guide_id):
        return
    if item.guide_id is not None or actor.guide_id is None:
        raise NotYourTask()
    here = Posting.objects.on(actor.on).filter(guide_id=actor.guide_id, store_id=item.store_id)
    if not here.exists():
        raise NotYourTask()


# --- moves --------------------------------------------------------------------------------------


def move(
    *,
    item: TaskItem,
    to: str,
    at: datetime,
    actor: str,
    reason: str = "",
    excuse: str = "",
    sentence: str = "",
) -> TaskItem:
    """Move one locked item and write its history; the caller saves it. Raises ItemMoved."""
    if to not in MOVES[item.state]:
        raise ItemMoved(state=state_word(item.state))
    ItemMove.objects.create(
        item=item, from_state=item.state, to_state=to, at=at, actor=actor, reason=reason
    )
    item.state = to
    item.done_at = at if to == State.DONE else None
    item.excuse_reason, item.excuse_sentence = excuse, sentence
    return item


_MOVE_SET = """
WITH chosen AS (
    SELECT id, state FROM guide_tasks_taskitem
    WHERE id IN ({which}) AND state = ANY(%s) ORDER BY id FOR UPDATE
), moved AS (
    UPDATE guide_tasks_taskitem AS item
    SET state = %s, done_at = %s, excuse_reason = %s, excuse_sentence = %s,
        proof = CASE WHEN %s = '' THEN item.proof ELSE %s END
    FROM chosen WHERE item.id = chosen.id
    RETURNING item.id, chosen.state AS was
)
INSERT INTO guide_tasks_itemmove (item_id, from_state, to_state, at, actor, reason)
SELECT id, was, %s, %s, %s, %s FROM moved
RETURNING item_id
"""


def move_set(
    *,
    which: QuerySet[TaskItem],
    sources: Sequence[str],
    to: str,
    at: datetime,
    reason: str = "",
    proof: str = "",
    excuse: str = "",
    sentence: str = "",
    actor: str = "system",
) -> list[int]:
    """Move every item of a queryset that stands in one of `sources`, with history.

    Returns the ids that moved. Raises IllegalMove if a source may never move there.
    """
    if any(to not in MOVES[source] for source in sources):
        raise IllegalMove(state=state_word(sources[0]))
    sql, params = keys_sql(which)
    fields = [to, at if to == State.DONE else None, excuse, sentence, proof, proof]
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVE_SET.format(which=sql),
            [*params, list(sources), *fields, to, at, actor, reason],
        )
        return [row[0] for row in cursor.fetchall()]


# --- seen, done by one's own word -----------------------------------------------------------------


@transaction.atomic
def open_items(*, guide_id: int, now: datetime) -> int:
    """The guide has opened 今日, where every item shows: their own are seen."""
    mine = TaskItem.objects.filter(guide_id=guide_id, seen_at=None).opened_by(now)
    return mine.update(seen_at=now)


@transaction.atomic
def report_item(*, item: TaskItem, note: str, actor: Actor, now: datetime) -> TaskItem:
    """Done by the guide's own word. The same again changes nothing.

    Raises NotYourTask, NotThisKind, DoneByColleague, ItemMoved.
    """
    item = lock(item.pk)
    demand_mine(item, actor)
    if item.push.kind not in _BY_WORD:
        raise NotThisKind()
    if item.state == State.DONE:
        if item.done_by_id == actor.guide_id:
            return item
        raise DoneByColleague()
    move(item=item, to=State.DONE, at=now, actor=actor.label)
    item.proof, item.note, item.done_by_id = Proof.SELF_REPORTED, note.strip(), actor.guide_id
    item.submitted_at = now
    item.save()
    return item


# --- photo and approval ---------------------------------------------------------------------------


@transaction.atomic
def hand_in_photo(
    *, item: TaskItem, raw: bytes, note: str, actor: Actor, now: datetime
) -> TaskItem:
    """A photo of the display, for the manager to approve; until then another may take its place.

    Raises NotYourTask, NotThisKind, PhotoRefused, PhotoTooLarge, ItemMoved, DoneByColleague.
    """
    picture = photos.clean(raw)
    item = lock(item.pk)
    demand_mine(item, actor)
    if item.push.kind != Kind.DISPLAY:
        raise NotThisKind()
    if item.state == State.DONE and item.done_by_id != actor.guide_id:
        raise DoneByColleague()
    if item.state != State.TO_VERIFY:
        move(item=item, to=State.TO_VERIFY, at=now, actor=actor.label)
    before = item.photo.name
    item.photo.save(str(picture.name), picture, save=False)
    item.note, item.done_by_id, item.submitted_at = note.strip(), actor.guide_id, now
    item.refusal, item.reviewed_at, item.reviewed_by = "", None, ""
    item.save()
    if before:
        storage = item.photo.storage
        transaction.on_commit(lambda: storage.delete(before))
    _tell_managers(item, actor, now)
    return item


@transaction.atomic
def withdraw_photo(*, item: TaskItem, actor: Actor, now: datetime) -> TaskItem:
    """The wrong photo was sent: it goes while nobody has decided about it, its words stay for the
    next. The same again changes nothing.

    Raises NotYourTask, NotThisKind, DoneByColleague, ItemMoved.
    """
    item = lock(item.pk)
    demand_mine(item, actor)
    if item.push.kind != Kind.DISPLAY:
        raise NotThisKind()
    if item.state == State.IN_PROGRESS and not item.photo:
        return item
    if item.state != State.TO_VERIFY:
        raise ItemMoved(state=state_word(item.state))
    if item.done_by_id != actor.guide_id:
        raise DoneByColleague()
    move(item=item, to=State.IN_PROGRESS, at=now, actor=actor.label)
    storage, name = item.photo.storage, str(item.photo.name)
    item.photo, item.done_by_id, item.submitted_at = "", None, None
    item.save()
    transaction.on_commit(lambda: storage.delete(name))
    return item


def _tell_managers(item: TaskItem, actor: Actor, now: datetime) -> None:
    """One card a day for photos that wait, however many come in."""
    day = clock.business_day(now)
    managers = (
        Posting.objects.on(day)
        .filter(store_id=item.store_id, role=Posting.PostingRole.STORE_MANAGER)
        .exclude(guide_id=actor.guide_id or 0)
        .values_list("guide_id", flat=True)
    )
    body = _("A photo waits for your approval: %(title)s") % {"title": item.push.title}
    outreach.queue_guide_notices(
        source=f"approvals:{item.store_id}:{day.isoformat()}",
        rows=[(pk, _("Photos to approve"), body, APPROVALS_PATH) for pk in managers],
        not_before=for_cards(now),
        now=now,
    )


def _reviewed(item: TaskItem, actor: Actor) -> TaskItem:
    """The item, held, for somebody who may decide about it."""
    item = lock_led(item.pk, actor)
    if item.done_by_id is not None and item.done_by_id == actor.guide_id:
        raise OwnPhoto()
    return item


@transaction.atomic
def approve_item(*, item: TaskItem, actor: Actor, now: datetime) -> TaskItem:
    """The photo is right: done. The same again changes nothing.

    Raises NotYourStore, OwnPhoto, ItemMoved.
    """
    item = _reviewed(item, actor)
    if item.state == State.DONE:
        return item
    if item.state != State.TO_VERIFY:
        raise ItemMoved(state=state_word(item.state))
    move(item=item, to=State.DONE, at=now, actor=actor.label)
    item.proof, item.reviewed_at, item.reviewed_by = Proof.APPROVED, now, actor.label
    item.save()
    accounts.audit(
        actor=actor, action="item.approved", object_type="task_item", object_id=str(item.pk)
    )
    return item


@transaction.atomic
def refuse_item(*, item: TaskItem, reason: str, actor: Actor, now: datetime) -> TaskItem:
    """The photo is not right yet: back to the guide, with the reason. The same again changes
    nothing.

    Raises NotYourStore, OwnPhoto, ReasonMissing, ItemMoved.
    """
    reason = reason.strip()
    if not reason:
        raise ReasonMissing()
    item = _reviewed(item, actor)
    if item.state == State.IN_PROGRESS and item.refusal == reason:
        return item
    if item.state != State.TO_VERIFY:
        raise ItemMoved(state=state_word(item.state))
    move(item=item, to=State.IN_PROGRESS, at=now, actor=actor.label, reason=reason)
    item.refusal, item.reviewed_at, item.reviewed_by = reason, now, actor.label
    item.save()
    accounts.audit(
        actor=actor, action="item.refused", object_type="task_item", object_id=str(item.pk)
    )
    if item.done_by_id is not None:
        body = _("Please take another photo. Open the task to see why.")
        outreach.queue_guide_notices(
            source=f"{item.source}:refused:{now.isoformat()}",
            rows=[(item.done_by_id, item.push.title, body, page_of(item))],
            not_before=for_cards(now),
            now=now,
        )
    return item


# --- WeCom's word on posts ------------------------------------------------------------------------


@transaction.atomic
def record_published(*, source: str, corp_id: str, userids: Sequence[str], now: datetime) -> int:
    """These members published the post of a push: their items are done, also after the end, and
    also where the push was taken back a moment later.

    Returns how many were new.
    """
    push_id = source.removeprefix("task_push:")
    if not push_id.isdecimal() or not userids:
        return 0
    which = TaskItem.objects.filter(
        push_id=int(push_id), guide__corp_id=corp_id, guide__wecom_userid__in=list(userids)
    )
    taken_back = which.filter(excuse_reason=ItemExcuse.WITHDRAWN)
    move_set(
        which=taken_back, sources=[State.NOT_APPLICABLE], to=State.OPEN, at=now, reason="published"
    )
    open_or_late = [State.OPEN, State.IN_PROGRESS, State.EXPIRED, State.NOT_DONE]
    done = move_set(which=which, sources=open_or_late, to=State.DONE, at=now, proof=Proof.WECOM)
    return len(done)


# --- past its time --------------------------------------------------------------------------------


def confirmed_send(now: datetime) -> QuerySet[GroupSend]:
    """An item's send to groups that is confirmed, and that WeCom may still tell something of."""
    source = Concat(Value("task_push:"), Cast(OuterRef("push_id"), CharField()))
    mine = GroupSend.objects.filter(source=source, guide_id=OuterRef("guide_id"))
    confirmed = mine.filter(state=GroupSend.State.HANDED_OVER, confirmed_at__isnull=False)
    lately = now - _RESULTS_WITHIN
    return confirmed.filter(Q(confirmed_at__gte=lately) | Q(closes_at__gte=lately))


@transaction.atomic
def expire_items(*, now: datetime) -> int:
    """Close what is past its grace.

    A photo that waits for approval is not the guide's delay, nor is a send that its owner has
    confirmed: WeCom says within the hour which groups were full. Of what it tells nothing for a day
    no more is expected.
    """
    late = TaskItem.objects.filter(~Exists(confirmed_send(now)), due_at__lt=now - grace())
    fixed: dict[str, Any] = {"which": late, "at": now, "reason": "due"}
    ids = move_set(sources=[State.OPEN], to=State.EXPIRED, **fixed)
    ids += move_set(sources=[State.IN_PROGRESS], to=State.NOT_DONE, **fixed)
    return len(ids)
