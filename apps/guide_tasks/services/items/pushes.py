"""Pushes without customers, made by head office for many stores or by a manager for the own one."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts import modules
from apps.accounts import services as accounts
from apps.accounts.actor import Actor
from apps.accounts.capabilities import Capability
from apps.campaigns import services as campaigns
from apps.campaigns.models import Campaign
from apps.core.locks import take_turn
from apps.customer_groups import services as customer_groups
from apps.guide_tasks import hours
from apps.guide_tasks.errors import KindIsOff, NotYourStore, PushNotReady, PushNotRunning
from apps.guide_tasks.models import (
    CONFIRMED_IN_WECOM,
    ITEM_KINDS,
    OPEN_STATES,
    ItemExcuse,
    State,
    TaskItem,
    TaskPush,
)
from apps.guide_tasks.services import pushes
from apps.guide_tasks.services.items import acts as items
from apps.guide_tasks.services.items import issuing as item_issuing
from apps.guide_tasks.wording import MINUTES_PER_CUSTOMER
from apps.outreach import services as outreach
from apps.outreach.attachments import Piece, demand_few, demand_for_moments, demand_short
from apps.outreach.models import ContentAsset
from apps.stores.models import Region, Store

Kind = TaskPush.Kind
# what a store manager may make, what a regional manager; the rest is head office's
MANAGERS_KINDS = (Kind.GROUP, Kind.FREE, Kind.DISPLAY)
REGIONAL_KINDS = (*MANAGERS_KINDS, Kind.RECRUIT)


@dataclass(frozen=True, slots=True)
class WantedItems:
    """A push of items as a form asks for it; without regions and stores it is the chain's."""

    kind: str
    title: str
    body: str
    due_at: datetime
    regions: Sequence[Region] = ()
    stores: Sequence[Store] = ()
    quota: int | None = None
    quota_of: str = ""
    once_per_store: bool = False
    asset: ContentAsset | None = None
    attachments: Sequence[Piece] = ()
    hand_out_at: datetime | None = None
    hand_out_from: time = hours.HAND_OUT_FROM
    hand_out_until: time = hours.HAND_OUT_UNTIL
    minutes: int = MINUTES_PER_CUSTOMER


@transaction.atomic
def create_item_push(
    *, wanted: WantedItems, actor: Actor, now: datetime, client_id: uuid.UUID | None = None
) -> TaskPush:
    """A complete push of items: handed out at once, or by the job when its hour comes. The same
    `client_id` again gives the push that was made.

    Raises PushNotReady, NotYourStore, NobodyThere, KindIsOff, TooManyAttachments, NotForMoments,
    CoverMissing, PieceTooLong.
    """
    if (known := _made_before(client_id)) is not None:
        return known
    if not modules.is_on(wanted.kind):
        raise KindIsOff()
    _demand_place(wanted, actor)
    _demand_whole(wanted, now)
    _demand_pieces(wanted.kind, wanted.attachments)
    push = _create(wanted, actor, now)
    if client_id is not None:
        push.client_id = client_id
        push.save(update_fields=["client_id"])
    push.regions.set(wanted.regions)
    push.stores.set(wanted.stores)
    _start(push, wanted, now, actor)
    return push


def _create(wanted: WantedItems, actor: Actor, now: datetime) -> TaskPush:
    return pushes.create_push(
        title=wanted.title.strip(),
        actor=actor,
        now=now,
        campaign=None if actor.sees_all else _campaign_of_stores(actor, now),
        goal=Campaign.Goal.SERVICE,
        control_share_bp=0,
        kind=wanted.kind,
        body=wanted.body.strip(),
        asset=wanted.asset,
        attachments=wanted.attachments,
        follow_up_days=None,
        due_at=wanted.due_at,
        hand_out_from=wanted.hand_out_from,
        hand_out_until=wanted.hand_out_until,
        quota=wanted.quota,
        quota_of=wanted.quota_of,
        once_per_store=wanted.once_per_store or wanted.kind == Kind.GROUP,
        minutes_per_target=wanted.minutes,
    )


def _made_before(client_id: uuid.UUID | None) -> TaskPush | None:
    """The push of this form. Two at once wait for each other here, and the second finds what the
    first made."""
    if client_id is None:
        return None
    take_turn(str(client_id))
    return TaskPush.objects.filter(client_id=client_id).first()


def _start(push: TaskPush, wanted: WantedItems, now: datetime, actor: Actor) -> None:
    """Hand it out when its hour has come, else leave it to the job."""
    earliest = max(wanted.hand_out_at or now, now)
    start = hours.next_within(earliest, push.hand_out_from, push.hand_out_until)
    if start >= wanted.due_at:
        raise PushNotReady(_("The push would be due before it is handed out."))
    if start <= now:
        item_issuing.hand_out(push=push, now=now, actor=actor)
        push.refresh_from_db()
        return
    push.status, push.hand_out_at = TaskPush.Status.APPROVED, start
    push.save(update_fields=["status", "hand_out_at"])
    accounts.audit(
        actor=actor, action="push.approved", object_type="task_push", object_id=str(push.pk)
    )


@transaction.atomic
def withdraw_item_push(*, push: TaskPush, actor: Actor, now: datetime) -> int:
    """Take a running push of items back: what nobody has done is 不适用, outside every rate.

    A post not yet made is not made; one that WeCom has, and sends to groups that wait for their
    owner, are cancelled there: what was published or sent stays. Returns how many were taken back;
    the same again changes nothing. Raises NotYourStore, PushNotRunning.
    """
    if not (actor.sees_all and actor.can(Capability.PUSH_TASKS)):
        raise NotYourStore()
    push = TaskPush.objects.select_for_update(of=("self",)).get(pk=push.pk)
    if push.withdrawn_at is not None:
        return 0
    if push.status != TaskPush.Status.HANDED_OUT or not push.has_items:
        raise PushNotRunning()
    push.status, push.closed_at, push.withdrawn_at = TaskPush.Status.CLOSED, now, now
    push.save(update_fields=["status", "closed_at", "withdrawn_at"])
    taken = items.move_set(
        which=TaskItem.objects.filter(push=push),
        sources=OPEN_STATES,
        to=State.NOT_APPLICABLE,
        at=now,
        reason="withdrawn",
        excuse=ItemExcuse.WITHDRAWN,
        sentence=_("Head office took this task back"),
        actor=actor.label,
    )
    outreach.drop_moment(source=push.source, now=now)
    customer_groups.drop_group_sends(source=push.source, now=now)
    accounts.audit(
        actor=actor,
        action="push.withdrawn",
        object_type="task_push",
        object_id=str(push.pk),
        detail={"items": len(taken)},
    )
    return len(taken)


def _campaign_of_stores(actor: Actor, now: datetime) -> Campaign:
    """What managers make for their own stores, or regions, belongs together."""
    name = _("Tasks of regions") if actor.can(Capability.LEAD_REGION) else _("Tasks of stores")
    found = Campaign.objects.filter(name=name, goal=Campaign.Goal.SERVICE).order_by("pk").first()
    return found or campaigns.create_campaign(
        name=name,
        goal=Campaign.Goal.SERVICE,
        starts_at=now,
        window_days=7,
        control_share_bp=0,
        actor=actor,
    )


def _demand_place(wanted: WantedItems, actor: Actor) -> None:
    """Head office pushes anywhere; a manager into stores they lead, also by their region."""
    if actor.sees_all and actor.can(Capability.PUSH_TASKS):
        return
    kinds = REGIONAL_KINDS if actor.can(Capability.LEAD_REGION) else MANAGERS_KINDS
    led = all(
        store.pk in actor.store_ids or store.region_id in actor.region_ids
        for store in wanted.stores
    )
    mine = actor.can(Capability.MANAGE_TEAM) and wanted.stores and led and not wanted.regions
    if not mine or wanted.kind not in kinds:
        raise NotYourStore()


def _demand_pieces(kind: str, pieces: Sequence[Piece]) -> None:
    if pieces and kind not in CONFIRMED_IN_WECOM:
        raise PushNotReady()
    demand_short(pieces)
    if kind == Kind.MOMENTS:
        demand_for_moments(pieces)
    else:
        demand_few(pieces)


def _demand_whole(wanted: WantedItems, now: datetime) -> None:
    if wanted.kind not in ITEM_KINDS or not wanted.title.strip():
        raise PushNotReady()
    if wanted.due_at <= now:
        raise PushNotReady(_("The due time must lie ahead."))
    if wanted.kind in CONFIRMED_IN_WECOM and not wanted.body.strip():
        raise PushNotReady(_("Write what customers are to read."))
    counts = wanted.kind == Kind.RECRUIT
    if counts and not (wanted.quota and wanted.quota_of):
        raise PushNotReady(_("Say how many and of what each guide shall win."))
    if not counts and (wanted.quota or wanted.quota_of):
        raise PushNotReady(_("Only a recruiting push has a quota."))
