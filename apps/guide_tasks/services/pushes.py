"""A push from draft to closed: made, counted beforehand, handed out, ended."""

import base64
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any, TypedDict, Unpack

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q
from django.utils.translation import gettext as _
from pyroaring import BitMap

from apps.accounts import services as accounts
from apps.accounts.actor import SYSTEM, Actor
from apps.campaigns import services as campaigns
from apps.campaigns.models import Campaign
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.wake import wake
from apps.guide_tasks import hours, selectors
from apps.guide_tasks.errors import (
    CampaignShared,
    PushAlreadyHandedOut,
    PushBeingHandedOut,
    PushNotReady,
    PushRepeats,
)
from apps.guide_tasks.hours import grace
from apps.guide_tasks.models import (
    PushForecast,
    PushSeries,
    TaskItem,
    TaskPush,
    TaskTarget,
)
from apps.guide_tasks.services import (
    catching_up,
    consents,
    issuing,
    parts,
    places,
    push_coupons,
)
from apps.guide_tasks.services.items import issuing as item_issuing
from apps.guide_tasks.shapes import PushPlaces
from apps.loyalty.models import Coupon
from apps.outreach import policy, scripts
from apps.outreach.attachments import Piece
from apps.outreach.models import ContentAsset, MessageTemplate
from apps.segments import selectors as segments
from apps.segments.models import SegmentRun
from apps.tagging.models import Tag

Status = TaskPush.Status

# a large hand-out tells its events afterwards, batch by batch, because an open writing transaction
# holds every reader of the feed
TELL_BATCH = 50_000
# what a push begins with; each may have hours of its own
_HOURS = {
    "hand_out_from": hours.HAND_OUT_FROM,
    "hand_out_until": hours.HAND_OUT_UNTIL,
    "contact_from": hours.CONTACT_FROM,
    "contact_until": hours.CONTACT_UNTIL,
}


class DraftFields(TypedDict, total=False):
    """What may be said of a push until it goes out; the rest is as the model has it."""

    segment_run: SegmentRun | None
    template: MessageTemplate | None
    body: str
    generic_body: str
    asset: ContentAsset | None
    coupon: Coupon | None
    required_grade: int
    assign_by: str
    follow_up_days: int | None
    hand_out_at: datetime | None
    due_at: datetime | None
    hand_out_from: time
    hand_out_until: time
    contact_from: time
    contact_until: time
    minutes_per_target: int


class NewPush(DraftFields, total=False):
    """And what it is from the start."""

    kind: str
    quota: int | None
    quota_of: str
    once_per_store: bool


class PushChanges(DraftFields, total=False):
    title: str


@transaction.atomic
def create_push(
    *,
    title: str,
    actor: Actor,
    now: datetime,
    campaign: Campaign | None = None,
    goal: str = Campaign.Goal.SELL,
    window_days: int = 7,
    control_share_bp: int = 1000,
    result_tags: Iterable[Tag] = (),
    attachments: Iterable[Piece] = (),
    **fields: Unpack[NewPush],
) -> TaskPush:
    """A draft; made alone it gets a campaign of its own. A template gives texts and content."""
    if campaign is None:
        campaign = campaigns.create_campaign(
            name=title,
            goal=goal,
            starts_at=now,
            window_days=window_days,
            control_share_bp=control_share_bp,
            actor=actor,
        )
    template = fields.get("template")
    if template is not None:
        fields["body"] = fields.get("body") or template.body
        fields["generic_body"] = fields.get("generic_body") or template.generic_body
        fields["asset"] = fields.get("asset") or template.asset
    push = TaskPush.objects.create(
        campaign=campaign,
        title=title,
        attachments=list(attachments),
        created_by=actor.label,
        created_at=now,
        **{**_HOURS, **fields},
    )
    push.result_tags.set(result_tags)
    return push


@transaction.atomic
def update_push(
    *,
    push: TaskPush,
    actor: Actor,
    control_share_bp: int | None = None,
    window_days: int | None = None,
    result_tags: Iterable[Tag] | None = None,
    **changes: Unpack[PushChanges],
) -> TaskPush:
    """Change a draft (the wizard's steps). What was forecast before counts no more.

    Raises PushAlreadyHandedOut, CampaignShared.
    """
    push = _draft(push)
    unknown = set(changes) - PushChanges.__optional_keys__
    if unknown:
        raise TypeError(f"A push has no {sorted(unknown)}.")
    wanted = _of_campaign(push, control_share_bp=control_share_bp, window_days=window_days)
    if "title" in changes:
        # a campaign made for this push alone is called as the push is
        Campaign.objects.filter(pk=push.campaign_id, name=push.title).update(name=changes["title"])
    for name, value in changes.items():
        setattr(push, name, value)
    if push.status != Status.PATTERN:
        push.status = Status.DRAFT
    push.save(update_fields=[*changes, "status"])
    if wanted:
        Campaign.objects.filter(pk=push.campaign_id).update(**wanted)
        push.campaign.refresh_from_db(fields=list(wanted))
    if result_tags is not None:
        push.result_tags.set(result_tags)
    if {"segment_run"} & set(changes) or wanted:
        PushForecast.objects.filter(push=push).delete()
    return push


def _of_campaign(push: TaskPush, **values: int | None) -> dict[str, int]:
    """What changes in the push's campaign, which must be its own: another push's control group is
    not drawn anew behind its back."""
    changed = {
        name: value
        for name, value in values.items()
        if value is not None and value != getattr(push.campaign, name)
    }
    others = TaskPush.objects.filter(campaign_id=push.campaign_id).exclude(pk=push.pk)
    if changed and others.exists():
        raise CampaignShared()
    return changed


def _locked(push: TaskPush) -> TaskPush:
    return (
        TaskPush.objects.select_for_update(of=("self",), no_key=True)
        .select_related("campaign", "segment_run", "asset")
        .get(pk=push.pk)
    )


def _draft(push: TaskPush) -> TaskPush:
    push = _locked(push)
    if push.status == Status.HANDING_OUT:
        raise PushBeingHandedOut()
    if push.status not in (Status.DRAFT, Status.APPROVED, Status.PATTERN):
        raise PushAlreadyHandedOut()
    return push


def _refuse_pattern(push: TaskPush) -> None:
    if push.status == Status.PATTERN:
        raise PushRepeats()


def missing(*, push: TaskPush, now: datetime, repeats: bool = False) -> list[str]:
    """What still has to be filled in before a push can be handed out, or begin to repeat, as
    sentences."""
    found = []
    if push.segment_run_id is None:
        found.append(_("Choose whom the push goes to."))
    if not push.body.strip():
        found.append(_("Choose a script."))
    # the days of a series have due times of their own
    is_once = push.status != Status.PATTERN and not repeats
    if is_once and (push.due_at is None or push.due_at <= now):
        found.append(_("The due time must lie ahead."))
    if scripts.has_customer_variables(push.body) and not push.generic_body.strip():
        found.append(_("A personal text also needs its variant for everybody."))
    if scripts.has_customer_variables(push.generic_body):
        found.append(_("The text for everybody must not use a customer's variables."))
    found.extend(push_coupons.missing(push=push, now=now))
    return found


def _demand_ready(push: TaskPush, now: datetime) -> datetime:
    """The due time of a push that is complete. Raises PushNotReady, UnknownVariable."""
    for text in (push.body, push.generic_body):
        scripts.validate_script(text)
    gaps = missing(push=push, now=now)
    if gaps or push.due_at is None:
        raise PushNotReady(" ".join(gaps))
    return push.due_at


# --- counted beforehand, handed out ---------------------------------------------------------------


def _lay_out(push: TaskPush, now: datetime) -> None:
    if push.segment_run is None:
        raise PushNotReady(_("Choose whom the push goes to."))
    places.plan(segments.member_ids(push.segment_run))
    places.lay_out(
        campaign=push.campaign,
        now=now,
        marketing=True,
        recent_days=policy.RECENT_DAYS,
        one_plan=True,
        opens=push.contact_from,
        due_at=push.due_at,
        assign_by=push.assign_by,
        by_profile=consents.by_profile(push),
    )


def pack(found: dict[str, BitMap]) -> dict[str, str]:
    """Bitmaps by place as a JSON object of base64 texts."""
    return {place: base64.b64encode(ids.serialize()).decode() for place, ids in found.items()}


def unpack(stored: dict[str, str]) -> dict[str, BitMap]:
    return {place: BitMap.deserialize(base64.b64decode(text)) for place, text in stored.items()}


@transaction.atomic
def forecast(*, push: TaskPush, now: datetime) -> PushPlaces:
    """Where each planned member would go if the push were handed out now; kept for comparison."""
    push = _draft(push)
    _lay_out(push, now)
    PushForecast.objects.update_or_create(
        push=push,
        defaults={
            "counted_at": now,
            "places": pack(places.members_in()),
            "loads": places.loads(),
            "changes": [],
        },
    )
    return replace(places.counts(), minutes_each=push.minutes_per_target)


@transaction.atomic
def approve_push(
    *, push: TaskPush, actor: Actor, now: datetime, hand_out_at: datetime | None = None
) -> TaskPush:
    """Let a push go out at its hour: `hand_out_at`, moved into the hand-out hours.

    Raises PushNotReady, PushAlreadyHandedOut, PushRepeats, UnknownVariable.
    """
    push = _draft(push)
    _refuse_pattern(push)
    due_at = _demand_ready(push, now)
    wanted = max(hand_out_at or push.hand_out_at or now, now)
    push.hand_out_at = hours.next_within(wanted, push.hand_out_from, push.hand_out_until)
    if due_at <= push.hand_out_at:
        raise PushNotReady(_("The push would be due before it is handed out."))
    push.status = Status.APPROVED
    push.save(update_fields=["hand_out_at", "status"])
    accounts.audit(
        actor=actor, action="push.approved", object_type="task_push", object_id=str(push.pk)
    )
    wake("guide_tasks.hand_out_due")
    return push


@transaction.atomic
def make_pattern(*, push: TaskPush, now: datetime) -> TaskPush:
    """A complete draft becomes what a series copies. Raises PushNotReady, UnknownVariable,
    PushAlreadyHandedOut."""
    push = _draft(push)
    push.status = Status.PATTERN
    _demand_ready(push, now)
    push.save(update_fields=["status"])
    return push


@transaction.atomic
def hand_out(*, push: TaskPush, now: datetime, actor: Actor) -> PushPlaces:
    """Hand the push to its guides: a task each, a target per member, a card in WeCom. Safe to
    repeat.

    Sets only. Who goes where is decided here, for everybody at once; a large push is written
    afterwards, in parts (`parts`). Returns the same places as a forecast made at this moment; what
    changed since the stored forecast is named in `changes`. Raises PushNotReady, UnknownVariable.
    """
    push = _locked(push)
    if push.status in (Status.HANDED_OUT, Status.CLOSED):
        return selectors.push_places(push)
    if push.status == Status.HANDING_OUT:
        return parts.decided(push)
    _refuse_pattern(push)
    due_at = _demand_ready(push, now)
    # draws of one campaign go one after the other: what is compared is what gets stored
    Campaign.objects.select_for_update(no_key=True).get(pk=push.campaign_id)
    _lay_out(push, now)
    changes, counted = _compare(push, now), places.counts()
    if counted.planned > settings.HAND_OUT_PART:
        parts.begin(push=push, planned=counted.planned, now=now)
    else:
        issuing.write(push=push, due_at=due_at, now=now)
        push.status, push.handed_out_at = Status.HANDED_OUT, now
        issuing.tell_issued(push=push, first_id=0, last_id=2**62, now=now, actor=actor.label)
        push.told_at = now
        push.save(update_fields=["status", "handed_out_at", "told_at"])
        issuing.hand_out_notices(push=push, due_at=due_at, now=now)
    accounts.audit(
        actor=actor,
        action="push.handed_out",
        object_type="task_push",
        object_id=str(push.pk),
        detail={"issued": counted.issued},
    )
    return replace(counted, changes=changes)


def _compare(push: TaskPush, now: datetime) -> list[dict[str, Any]]:
    stored = PushForecast.objects.filter(push=push).first()
    if stored is None or not stored.places:
        control = places.members_in(places.CONTROL).get(places.CONTROL, BitMap())
        PushForecast.objects.update_or_create(
            push=push, defaults={"counted_at": now, "control_members": control.serialize()}
        )
        return []
    actual = places.members_in()
    stored.changes = places.differences(unpack(stored.places), actual)
    stored.control_members = actual.get(places.CONTROL, BitMap()).serialize()
    stored.save(update_fields=["changes", "control_members"])
    return stored.changes


def tell_issued(*, push_id: int) -> int:
    """Tell a large hand-out's events, one committed batch after the other, once it has caught up
    with what its customers did meanwhile. Safe to repeat."""
    push = TaskPush.objects.get(pk=push_id, handed_out_at__isnull=False)
    catching_up.catch_up(push=push, now=clock.now())
    moment = push.handed_out_at or clock.now()
    last = TaskTarget.objects.filter(push=push).aggregate(last=Max("pk"))["last"] or 0
    first = TaskTarget.objects.filter(push=push).order_by("pk").values_list("pk", flat=True)[:1]
    told, start = 0, next(iter(first), last + 1)
    while start <= last:
        told += issuing.tell_issued(
            push=push,
            first_id=start,
            last_id=start + TELL_BATCH,
            now=moment,
            actor="system",
        )
        start += TELL_BATCH
    TaskPush.objects.filter(pk=push_id).update(told_at=clock.now())
    return told


def hand_out_due(*, now: datetime) -> int:
    """Hand out approved pushes whose hour has come, each in its own transaction; ring for what a
    large hand-out has not written yet, and tell what it has not told."""
    due = TaskPush.objects.filter(status=Status.APPROVED, hand_out_at__lte=now).order_by("pk")
    parts.ring_again()
    handed_out = sum(_hand_out_or_return(push, now) for push in due)
    untold = TaskPush.objects.filter(handed_out_at__isnull=False, told_at=None)
    for push_id in untold.values_list("pk", flat=True):
        tell_issued(push_id=push_id)
    return handed_out


def _hand_out_or_return(push: TaskPush, now: datetime) -> bool:
    """One that cannot go out any more (its due time is over) becomes a draft again, for a person to
    see, and does not hold up the others.
    """
    try:
        return _hand_out_free(push.pk, now)
    except DomainError as error:
        with transaction.atomic():
            if TaskPush.objects.filter(pk=push.pk, status=Status.APPROVED).update(
                status=Status.DRAFT
            ):
                accounts.audit(
                    actor=SYSTEM,
                    action="push.returned",
                    object_type="task_push",
                    object_id=str(push.pk),
                    detail={"reason": error.code},
                )
        return False


@transaction.atomic
def _hand_out_free(push_id: int, now: datetime) -> bool:
    """False when somebody is deciding about it at this moment, or has: nobody waits for them."""
    free = TaskPush.objects.select_for_update(of=("self",), skip_locked=True, no_key=True)
    push = free.filter(pk=push_id, status=Status.APPROVED).first()
    if push is None:
        return False
    if push.has_items:
        item_issuing.hand_out(push=push, now=now, actor=SYSTEM)
    else:
        hand_out(push=push, now=now, actor=SYSTEM)
    return True


@transaction.atomic
def close_due(*, now: datetime) -> int:
    """Close pushes past their time in which nothing is open any more."""
    still_open = TaskTarget.objects.open().filter(push_id=OuterRef("pk"))
    open_items = TaskItem.objects.open().filter(push_id=OuterRef("pk"))
    over = Q(due_at__lt=now - grace()) | Q(due_at=None, handed_out_at__lt=now - timedelta(days=1))
    return (
        TaskPush.objects.filter(over, status=Status.HANDED_OUT)
        .exclude(Exists(still_open))
        .exclude(Exists(open_items))
        .update(status=Status.CLOSED, closed_at=now)
    )


def delete_draft(*, push: TaskPush, actor: Actor) -> None:
    """Throw a draft away, with the campaign made for it alone. Raises PushAlreadyHandedOut,
    PushRepeats."""
    with transaction.atomic():
        push = _draft(push)
        _refuse_pattern(push)
        PushSeries.objects.filter(pattern=push, status=PushSeries.Status.PREPARED).delete()
        campaign = push.campaign
        accounts.audit(
            actor=actor, action="push.deleted", object_type="task_push", object_id=str(push.pk)
        )
        push.delete()
        if not TaskPush.objects.filter(campaign=campaign).exists():
            campaign.delete()
